"""The AWS bindings are loaded lazily, or all at once with ``STOCK_BINDINGS=1``; a synth writes the same bytes."""

import subprocess

import pytest

from modules.synth import bindings
from tests.lazy import loaded_by
from tools import ROOT

SYNTH = """
import main
main.build_app("dev").synth()
"""


def synthesize(folder, **variables):
    """Synthesize in a process of its own; return what was loaded, and the files."""
    out = folder / "out"
    folder.mkdir()
    loaded = loaded_by(SYNTH, folder, CDKTF_OUTDIR=str(out), **variables)
    return loaded, {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_few_modules_are_loaded_unless_the_stock_way_is_asked_for_and_the_bytes_are_the_same(bundles, tmp_path):
    lazy, files = synthesize(tmp_path / "lazy")
    stock, stock_files = synthesize(tmp_path / "stock", STOCK_BINDINGS="1")

    assert min(stock.python, stock.node) > 2_000
    assert max(lazy.python, lazy.node) < 200
    assert files == stock_files
    assert any(path.name == "cdk.tf.json" for path in files)


def test_it_is_said_when_cdktf_was_imported_too_early_to_be_loaded_lazily():
    with pytest.warns(RuntimeWarning, match="import modules.synth before cdktf"):
        bindings.load()


def test_it_is_said_when_the_bindings_that_are_to_be_loaded_lazily_are_not_there(monkeypatch):
    monkeypatch.setattr(bindings, "BINDINGS", "cdktn_provider_gcp")

    with pytest.warns(RuntimeWarning, match="cdktn_provider_gcp is not installed"):
        bindings.load()


@pytest.mark.parametrize("scope", ["@cdktf", "@cdktn"])
@pytest.mark.parametrize("lazy", [True, False])
def test_node_loads_the_lazy_index_of_either_scope_and_says_when_there_is_none(tmp_path, scope, lazy):
    library = tmp_path / "node_modules" / scope / "provider-aws" / "lib"
    library.mkdir(parents=True)
    (library / "index.js").write_text("console.log('all')")
    if lazy:
        (library / "lazy-index.js").write_text("console.log('lazy')")

    process = subprocess.run(
        ["node", "--require", ROOT / "modules" / "synth" / "lazy_bindings.cjs", "-e", f"require('{library}/index.js')"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert process.stdout == ("lazy\n" if lazy else "all\n")
    assert ("no lazy-index.js" in process.stderr) is not lazy
