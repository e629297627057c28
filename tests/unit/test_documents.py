"""What the documents name is there: links, commands, paths, settings, outputs, dependencies, requirements."""

import json
import re
import shlex
import tomllib

import pytest

from lambdas.delivery_receiver.faults import NAMES
from modules.settings.presets import PRESETS
from modules.settings.reference import all_settings
from tools import ROOT
from tools.generate.markdown import anchor_of

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# A link, but not one in code: `](` does not stand in any of ours.
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"((?:\b[A-Z_]+=\S+ )*)\bmake((?: (?:[a-z][a-z0-9-]*|[A-Z_]+=(?:\"[^\"]*\"|[^\s`]+)))+)")
_ASSIGNMENT = re.compile(r"\b([A-Z_]{2,})=")
_PATH = re.compile(r"(?<![\w./-])(?:lambdas|modules|tools|tests|docs|audit|bench|examples|fuzz)/[\w./-]*")
_MODULE = re.compile(r"python -m ([\w.]+)")
_SETTING = re.compile(r"`((?:api|backend|functions|queue|storage|routing|network|monitoring|delivery)\.[a-z_.]+)`")
_OUTPUT = re.compile(r"[Oo]utputs? `(\w+)`")
_README_BYTES = 9_216
# The families of ids that rules, exceptions and tests may cite.
_REQUIREMENT = re.compile(
    r"\b((?:OUT-)?(?:API|DATA|DEL|DLQ|DNS|DOC|EV|FN|GAP|HEAL|ID|LIB|MON|MONEY|NAME|NET|OUT|PROV|Q|RCV|REG|RETRY|RT|RUN|SEE"
    r"|SIG|SIGN|STATE|TAG)-\d+)\b"
)


def documents():
    folders = (ROOT, *(ROOT / name for name in ("docs", "audit", "bench")), *sorted((ROOT / "examples").iterdir()))
    return [path.relative_to(ROOT).as_posix() for folder in folders for path in sorted(folder.glob("*.md"))]


def anchors(text):
    """Return what GitHub makes of the headings: https://docs.github.com/en/get-started/writing-on-github/\
getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links ."""
    found = set()
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        slug = anchor_of(heading)
        number = 0
        while (one := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(one)
    return found


def broken(name, text):
    """Return the links of a document that lead nowhere. Those to other sites are not followed."""
    wrong = []
    for link in _LINK.findall(_FENCED.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        content = text if not path else target.read_text(encoding="utf-8") if anchor and target.is_file() else ""
        if (
            not target.exists()
            or not target.resolve().is_relative_to(ROOT)
            or (anchor and anchor not in anchors(content))
        ):
            wrong.append(link)
    return wrong


def unknown(text):
    """Return what a document names in code and is not there: commands and their variables, paths, settings, outputs."""
    code = "\n".join(_CODE.findall(text))
    targets = set(" ".join(re.findall(r"^([a-z][a-z0-9 -]*):", MAKEFILE, re.MULTILINE)).split())
    # What a target reads is in its recipe or in its help, or what it runs looks into the environment.
    variables = {name for pair in re.findall(r"(?:\$\(|,)([A-Z_]+)\)|\b([A-Z_]{2,})=", MAKEFILE) for name in pair}
    variables |= {
        name
        for path in (ROOT / "modules").rglob("*.py")
        for name in re.findall(r"environ\W+(?:get\W+)?([A-Z_]{2,})\b", path.read_text(encoding="utf-8"))
    }
    settings = {path for path, _ in all_settings()}
    sections = {path.rpartition(".")[0] for path in settings}
    outputs = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    commands = [(before, shlex.split(words)) for before, words in _MAKE.findall(code)]
    called = [word for _, words in commands for word in words if "=" not in word]
    assigned = _ASSIGNMENT.findall(" ".join(f"{before} {' '.join(words)}" for before, words in commands))
    assigned += [name for span in re.findall(r"`([A-Z_]{2,}=[^`\s]+)`", text) for name in _ASSIGNMENT.findall(span)]
    modules = [name.replace(".", "/") for name in _MODULE.findall(code) if name.split(".")[0] in ("tools", "bench")]
    return [
        *(f"make {target}" for target in called if target not in targets),
        *(f"{name}=" for name in assigned if name not in variables),
        *(path for path in _PATH.findall(code) if not (ROOT / path).exists()),
        *(name for name in modules if not ((ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file())),
        *(name for name in _SETTING.findall(text) if name not in settings | sections),
        *(name for name in _OUTPUT.findall(text) if f"| `{name}` |" not in outputs),
    ]


def test_the_documents_are_found():
    assert {"README.md", "CHANGELOG.md", "audit/README.md", "bench/README.md", "docs/settings.md"} <= set(documents())


@pytest.mark.parametrize("name", documents())
def test_every_link_leads_somewhere(name):
    assert broken(name, (ROOT / name).read_text(encoding="utf-8")) == []


# What an earlier version had is named in the changelog, and nowhere else.
@pytest.mark.parametrize("name", [name for name in documents() if name != "CHANGELOG.md"])
def test_what_a_document_names_is_there(name):
    assert unknown((ROOT / name).read_text(encoding="utf-8")) == []


NAMED = {
    "`make demo`": [],
    "`make dmeo`": ["make dmeo"],
    "we make demo of it": [],
    "```console\nENVIRONMENT_SUFFIX=prod make deploy    # builds\n```": [],
    "```console\nENVIRONMENT=prod make deploy\n```": ["ENVIRONMENT="],
    '`make test TESTS=a K="b c"`': [],
    "`make test TEST=a`": ["TEST="],
    "`FINISH=1`": [],
    "`FINISHED=1`": ["FINISHED="],
    "`main.py`, `tests/unit/`, `.build/audit/`, `$URL/docs/x`": [],
    "`tests/nuit/`": ["tests/nuit/"],
    "`python -m tools.audit`": [],
    "`python -m tools.odit`": ["tools/odit"],
    "`queue.retention`, `delivery.domain`": [],
    "`queue.retentoin`": ["queue.retentoin"],
    "the output `endpoint_url`": [],
    "the output `endpoint`": ["endpoint"],
}


@pytest.mark.parametrize(("text", "wrong"), NAMED.items(), ids=list(NAMED))
def test_what_is_not_there_is_found(text, wrong):
    assert unknown(text) == wrong


def test_what_runbooks_quote_of_logs_and_reasons_is_in_the_functions():
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"(?<!output )`(?!make )([a-z][a-z0-9_ ]+)`", text[text.index("## Runbooks") :]))
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "lambdas").rglob("*.py"))

    assert {"message failed", "secret_missing"} <= quoted
    assert {one for one in quoted if one not in code} == set()


def test_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= _README_BYTES


def linked_from(name):
    """Return the pages that a page links, by their paths from the checkout's root."""
    found = _LINK.findall((ROOT / name).read_text(encoding="utf-8"))
    targets = [((ROOT / name).parent / link.partition("#")[0]).resolve() for link in found if ":" not in link]
    return {path.relative_to(ROOT).as_posix() for path in targets}


def test_every_page_is_one_click_from_readme_and_every_example_from_the_page_about_them():
    pages = set(documents()) - {"README.md"}
    examples = {name for name in pages if name.startswith("examples/")}

    assert pages - examples <= linked_from("README.md")
    assert examples <= linked_from("docs/own-repository.md")


def rows(page, header):
    """Return the first cells of a table."""
    text = (ROOT / page).read_text(encoding="utf-8")
    table = text[text.index(f"| {header} |") :].split("\n\n")[0]
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


def test_readme_has_every_preset():
    assert rows("README.md", "preset") == [f"`{name}`" for name in PRESETS]


def test_every_suite_is_in_the_table():
    suites = {path.name for path in (ROOT / "tests").iterdir() if list(path.glob("**/test_*.py"))}

    assert {f"`make test-{name}`" for name in suites} <= set(rows("docs/contributing.md", "command"))


def test_every_fault_of_the_receiver_is_in_the_table():
    said = " ".join(rows("docs/delivery.md", "query"))

    assert {name for name in NAMES if not re.search(rf"[`&]{name}[=`]", said)} == set()


def test_every_dependency_is_in_the_table_with_its_reason():
    said = set(re.findall(r"`([^`]+)`", " ".join(rows("docs/contributing.md", "dependency"))))
    bindings = "tools/build/bindings"
    pipfiles = [
        tomllib.loads((ROOT / folder / "Pipfile").read_text(encoding="utf-8"))
        for folder in ("", "tools/audit", f"{bindings}/provider-6", f"{bindings}/cdktn")
    ]
    packages = [
        json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
        for folder in ("", "tools/build/docs_assets", f"{bindings}/cdktn")
    ]
    installed = {
        name
        for pipfile in pipfiles
        for category, members in pipfile.items()
        if category not in ("source", "requires", "pipenv")
        for name in members
    }
    installed |= {
        name for package in packages for kind in ("dependencies", "devDependencies") for name in package.get(kind, {})
    }

    assert said == installed


def cited():
    """Return the requirements that code cites, each with a file that does."""
    folders = ("audit", "bench", "fuzz", "lambdas", "modules", "tests", "tools")
    files = [ROOT / "main.py", *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    return {
        id_: path.relative_to(ROOT).as_posix()
        for path in files
        if path.suffix in (".py", ".toml") and "node_modules" not in path.parts
        for id_ in _REQUIREMENT.findall(path.read_text(encoding="utf-8"))
    }


def test_a_requirement_that_code_cites_is_defined_and_no_other_is():
    assert {f"`{id_}`" for id_ in cited()} == set(rows("docs/requirements.md", "id"))


LINKS = {
    "[a](docs/settings.md)": True,
    "[a](docs/settings.md#settings)": True,
    "[a](#operating)": True,
    "[a](https://example.com/gone)": True,
    "```\n[a](gone.md)\n```": True,
    "[a](gone.md)": False,
    "[a](docs/settings.md#gone)": False,
    "[a](#gone)": False,
    "[a](../elsewhere.md)": False,
}


@pytest.mark.parametrize(("text", "leads"), LINKS.items(), ids=list(LINKS))
def test_a_link_is_followed_to_its_heading(text, leads):
    assert (broken("README.md", f"# One\n\n## Operating\n\n{text}\n") == []) is leads


def test_headings_become_anchors_as_github_makes_them():
    text = "# What it costs\n## Limits, in plain words\n### `make` it: now!\n## Tenants' webhooks\n## One\n## One\n"

    assert anchors(text) == {
        "what-it-costs",
        "limits-in-plain-words",
        "make-it-now",
        "tenants-webhooks",
        "one",
        "one-1",
    }
