"""What a bundle leaves out of a package: only what no import of its function can lead to."""

import pytest

from tools.build.prune_imports import unreachable


@pytest.fixture
def left_out(tmp_path):
    """Return a function that writes a project and tells what of ``lib`` its handler cannot reach."""

    def judge(never=(), **files):
        sources = {}
        for name, text in {"handler": "", "lib/__init__": "", **files}.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            sources[f"{name}.py"] = path
        return unreachable(sources, "lib", ["handler.py"], never)

    return judge


IMPORTS = {
    "a module": "import lib.used",
    "from the package": "from lib import used",
    "a name of the module": "from lib.used import anything",
    "by another name": "import lib.used as other",
    "in a function": "def later():\n    from lib import used",
    "where it may be missing": "try:\n    import lib.used\nexcept ImportError:\n    pass",
    "where types are not checked": "if TYPE_CHECKING:\n    pass\nelse:\n    import lib.used",
}


@pytest.mark.parametrize("statement", IMPORTS.values(), ids=IMPORTS)
def test_what_is_imported_in_any_way_stays(left_out, statement):
    assert left_out(handler=statement, **{"lib/used": "", "lib/unused": ""}) == {"lib/unused.py"}


@pytest.mark.parametrize(
    "statement", ["from . import used", "from .used import x", "from ..lib.used import x", "from lib.deep import used"]
)
def test_imports_are_followed_from_module_to_module(left_out, statement):
    files = {"lib/between": statement, "lib/used": "", "lib/unused": "", "lib/deep/__init__": "from lib import used"}
    gone = left_out(handler="import lib.between", **files)

    assert "lib/unused.py" in gone
    assert {"lib/used.py", "lib/between.py", "lib/__init__.py"} & gone == set()


def test_what_is_imported_for_type_checkers_alone_goes(left_out):
    statement = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import lib.unused"

    assert left_out(handler="import lib", **{"lib/unused": "", "lib/__init__": statement}) == {"lib/unused.py"}


def test_a_package_that_computes_names_keeps_all_that_is_below_it(left_out):
    files = {
        "lib/lazy/__init__": "import importlib\ndef __getattr__(name):\n    return importlib.import_module(name)",
        "lib/lazy/one": "",
        "lib/unused": "",
    }

    assert left_out(handler="import lib.lazy", **files) == {"lib/unused.py"}


def test_an_import_that_is_known_never_to_run_leads_nowhere(left_out):
    files = {"lib/used": "def f():\n    from lib.heavy.model import x", "lib/heavy/__init__": "", "lib/heavy/model": ""}

    assert left_out(handler="import lib.used", **files) == set()
    assert left_out(["lib.heavy"], handler="import lib.used", **files) == {
        "lib/heavy/__init__.py",
        "lib/heavy/model.py",
    }


def test_data_goes_with_its_package_and_other_packages_stay(tmp_path):
    sources = {}
    for name in ("handler.py", "lib/__init__.py", "lib/data.txt", "lib/gone/__init__.py", "lib/gone/x.js", "o/a.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import lib" if name == "handler.py" else "")
        sources[name] = path

    assert unreachable(sources, "lib", ["handler.py"]) == {"lib/gone/__init__.py", "lib/gone/x.js"}
