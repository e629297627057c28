"""How many modules of the AWS bindings a process loads, in Python and in Node.js."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import ROOT

# Writes at its end how many a process of Node.js has loaded.
_IN_NODE = """
process.on("exit", () => {
  const loaded = Object.keys(require.cache).filter((file) => file.includes("/provider-aws/lib/")).length;
  if (loaded) require("fs").writeFileSync(process.env.LOADED, String(loaded));
});
"""
_IN_PYTHON = """
import sys
print(sum(name.partition(".")[0].endswith("_provider_aws") for name in sys.modules))
"""


@dataclass(frozen=True)
class Loaded:
    """How many modules were loaded."""

    python: int
    node: int


def loaded_by(code: str, folder: Path, *, python: str | Path = sys.executable, root: Path = ROOT, **variables: str):
    """Run code in a process of its own, which must print nothing, and return what was loaded at its end."""
    hook, loaded = folder / "count.cjs", folder / "loaded"
    hook.write_text(_IN_NODE)
    process = subprocess.run(
        [python, "-c", code + _IN_PYTHON],
        cwd=root,
        env={**os.environ, "NODE_OPTIONS": f"--require {hook}", "LOADED": str(loaded), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    return Loaded(int(process.stdout), int(loaded.read_text()))
