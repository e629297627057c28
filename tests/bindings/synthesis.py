"""The reviewed stacks, synthesized with other bindings than the project's own, and what is different about them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lazy import Loaded, loaded_by
from tools.generate import golden

_SYNTH = """
import json, os
from importlib.metadata import version
from pathlib import Path
from modules.synth.bindings import BINDINGS
from tools.generate import golden
stacks = {name: golden.synthesize(name) for name in golden.VALUES}
written = {"stacks": stacks, "version": version(BINDINGS.replace("_", "-"))}
Path(os.environ["WRITTEN"]).write_text(json.dumps(written))
"""


class Synthesis:
    """What one process wrote.

    Attributes
    ----------
    version : str
        That of the bindings.
    stacks : Mapping[str, Any]
        Name of a reviewed stack to its Terraform JSON.
    loaded : Loaded
        How many of the bindings' modules were loaded.
    """

    def __init__(self, python: Path, root: Path, folder: Path, **variables: str) -> None:
        """Synthesize with the packages of `python` and the code in `root`."""
        written = folder / "written.json"
        self.loaded: Loaded = loaded_by(_SYNTH, folder, python=python, root=root, WRITTEN=str(written), **variables)
        document = json.loads(written.read_text(encoding="utf-8"))
        self.version: str = document["version"]
        self.stacks: Mapping[str, Any] = document["stacks"]

    def differences(self) -> set[str]:
        """Return what the project's own bindings write otherwise, as differences of golden synths are told."""
        return {
            line
            for name, stack in self.stacks.items()
            for line in golden.differences(json.dumps(golden.synthesize(name)), json.dumps(stack))
        }

    def not_as_reviewed(self) -> set[str]:
        """Return the stacks that are not what the golden synths say."""
        return {
            name
            for name in golden.VALUES
            if golden.golden(self.stacks[name]) != golden.path(name).read_text(encoding="utf-8")
        }
