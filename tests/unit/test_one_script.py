"""The portal's modules in one file: what they may say, and what is refused."""

import pytest

from tools.build import one_script as made


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "FOLDERS", (tmp_path / "own", tmp_path / "shared"))

    def write(**modules: str) -> str:
        for name, text in modules.items():
            path = tmp_path / ("own" if name == "portal" else "shared") / f"{name}.js"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return made.one_script()

    return write


def test_each_module_comes_once_and_after_what_it_imports(write):
    script = write(
        portal='import { a } from "/assets/a.js";\nimport { b } from "/assets/b.js";\na(b);\n',
        a='import { b } from "/assets/b.js";\nexport const a = (given) => [given, b];\n',
        b="export async function b() {}\n",
    )

    assert script == (
        "const $b = (() => {\nasync function b() {}\nreturn { b };\n})();\n"
        "const $a = (() => {\nconst { b } = $b;\nconst a = (given) => [given, b];\nreturn { a };\n})();\n"
        "const $portal = (() => {\nconst { a } = $a;\nconst { b } = $b;\na(b);\nreturn {  };\n})();\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('import { b as c } from "/assets/b.js";\n', "b as c"),
        ('import * as b from "/assets/b.js";\n', r"\* as b"),
        ('export { b } from "/assets/b.js";\n', "export { b }"),
        ("export let b = 1;\n", "export let"),
        ('import { portal } from "/assets/portal.js";\n', "portal.js imports itself"),
    ],
)
def test_a_form_that_it_does_not_know_is_refused(write, text, said):
    with pytest.raises(ValueError, match=said):
        write(portal=text, b="export const b = 1;\n")


def test_a_module_that_is_not_there_is_named(write):
    with pytest.raises(FileNotFoundError, match=r"none\.js"):
        write(portal='import { a } from "/assets/none.js";\n')
