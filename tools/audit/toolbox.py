"""The audit's own environment below ``.tools``, in which checkov and the IAM linter run."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools import ROOT

TOOLBOX = ROOT / ".tools" / "audit"
# Whoever would look for a newer version, or send a result somewhere, finds nobody there.
_NOWHERE = "http://127.0.0.1:9"


class ToolError(Exception):
    """A tool of the audit did not do its work, so that nothing can be said."""


def run(command: str, arguments: Sequence[str], *, folder: Path, text: str = "") -> str:
    """Run a command of the environment and return what it printed, whatever its exit code.

    It sees no credentials, no configuration of the user's, and no network.

    Parameters
    ----------
    folder : Path
        Where it runs, and what it takes for the user's home.
    text : str
        What it reads from standard input.

    Raises
    ------
    ToolError
        When the environment has not been set up.
    """
    executable = TOOLBOX / "bin" / command
    if not executable.exists():
        raise ToolError(f"{command} is not installed: run 'make audit-setup' first")
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "ALL_PROXY": _NOWHERE,
    }
    result = subprocess.run(
        [str(executable), *arguments],
        cwd=folder,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if not result.stdout.strip():
        raise ToolError(f"{command} printed nothing (exit code {result.returncode}):\n{result.stderr[-2000:]}")
    return result.stdout
