"""The AWS bindings are loaded lazily, or all at once with ``STOCK_BINDINGS=1``; a synth writes the same bytes."""

import os
import subprocess
import sys

import pytest

from modules.synth import bindings
from tools import ROOT

# Prints how many of the bindings' modules the synth has loaded in Python.
SYNTH = """
import sys, main
main.build_app("dev").synth()
print(sum(name.startswith("cdktf_cdktf_provider_aws.") for name in sys.modules))
"""
# Writes at its end how many a process of Node.js has loaded.
COUNT = """
process.on("exit", () => {
  const loaded = Object.keys(require.cache).filter((file) => file.includes("/@cdktf/provider-aws/lib/")).length;
  if (loaded) require("fs").writeFileSync(process.env.LOADED, String(loaded));
});
"""


def synthesize(folder, **variables):
    """Synthesize in a process of its own; return the modules loaded in Python and in Node.js, and the files."""
    folder.mkdir()
    count, loaded, out = folder / "count.cjs", folder / "loaded", folder / "out"
    count.write_text(COUNT)
    variables |= {"NODE_OPTIONS": f"--require {count}", "LOADED": str(loaded), "CDKTF_OUTDIR": str(out)}
    process = subprocess.run(
        [sys.executable, "-c", SYNTH],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    files = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return int(process.stdout), int(loaded.read_text()), files


def test_few_modules_are_loaded_unless_the_stock_way_is_asked_for_and_the_bytes_are_the_same(bundles, tmp_path):
    python, node, files = synthesize(tmp_path / "lazy")
    stock_python, stock_node, stock_files = synthesize(tmp_path / "stock", STOCK_BINDINGS="1")

    assert min(stock_python, stock_node) > 2_000
    assert max(python, node) < 200
    assert files == stock_files
    assert any(path.name == "cdk.tf.json" for path in files)


def test_it_is_said_when_cdktf_was_imported_too_early_to_be_loaded_lazily():
    with pytest.warns(RuntimeWarning, match="import modules.synth before cdktf"):
        bindings.load()
