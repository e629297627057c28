"""Real Terraform on a synthesized stack, in a folder of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

_PREPARED = "prepared.bin"


class TerraformError(Exception):
    """A Terraform command failed; the message is what it printed."""


@dataclass(frozen=True)
class Workspace:
    """A copy of a synthesized stack on which Terraform runs.

    Attributes
    ----------
    folder : Path
        Where Terraform runs. Local state lies three folders higher, as the synthesized backend says.
    environment : Mapping[str, str]
        Environment variables of Terraform.
    """

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def create(cls, synthesized: Path, root: Path, environment: Mapping[str, str]) -> Self:
        """Copy a synthesized stack below `root` and initialize it."""
        folder = root / "cdktf.out" / "stacks" / synthesized.name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(synthesized, folder, ignore=shutil.ignore_patterns(".terraform*"))
        workspace = cls.reopen(folder, environment)
        workspace.run("init", "-input=false")
        return workspace

    @classmethod
    def reopen(cls, folder: Path, environment: Mapping[str, str]) -> Self:
        """Return a workspace that `create` made before."""
        return cls(folder, dict(environment) | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"})

    def run(self, *arguments: str, on_line: Callable[[dict[str, Any]], None] | None = None) -> str:
        """Run a command and return what it printed.

        Parameters
        ----------
        on_line : Callable
            Called with each event of Terraform's machine-readable output; asks for it with ``-json``.

        Raises
        ------
        TerraformError
            When the command fails.
        """
        # Options stand between a command and the file that it takes.
        names = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
        options = ["-no-color", *(["-json"] if on_line else [])]
        command = ["terraform", *names, *options, *arguments[len(names) :]]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=_without_missing_config(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if on_line and line.startswith("{"):
                    on_line(json.loads(line))
        output = "".join(lines)
        if process.returncode:
            raise TerraformError(f"terraform {' '.join(arguments)}:\n{_readable(output) if on_line else output}")
        return output

    def prepare(self, on_line: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Plan what `apply` is to do with ``prepared``."""
        self.run("plan", "-input=false", f"-out={_PREPARED}", on_line=on_line or _ignore)

    def apply(self, on_line: Callable[[dict[str, Any]], None] | None = None, *, prepared: bool = False) -> None:
        """Create or change everything, or what was prepared."""
        plan = [_PREPARED] if prepared else []
        self.run("apply", "-auto-approve", "-input=false", "-parallelism=20", *plan, on_line=on_line or _ignore)

    def destroy(self, on_line: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Remove everything."""
        self.run("destroy", "-auto-approve", "-input=false", "-parallelism=20", on_line=on_line or _ignore)

    def plan(self) -> dict[str, Any]:
        """Return the plan in Terraform's JSON form."""
        self.run("plan", "-input=false", "-out=plan.bin")
        plan: dict[str, Any] = json.loads(self.run("show", "-json", "plan.bin"))
        return plan

    def outputs(self) -> dict[str, Any]:
        """Return the outputs' values."""
        outputs = json.loads(self.run("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}


def changes(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what a plan would do: resource address to actions, without what stays as it is."""
    return {
        change["address"]: change["change"]["actions"]
        for change in plan.get("resource_changes", [])
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }


def _without_missing_config(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop a command line configuration that does not exist: Terraform would print a warning into its JSON."""
    result = {**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, **environment}
    if "TF_CLI_CONFIG_FILE" in result and not Path(result["TF_CLI_CONFIG_FILE"]).is_file():
        del result["TF_CLI_CONFIG_FILE"]
    return result


def _ignore(event: dict[str, Any]) -> None:
    del event


def _readable(output: str) -> str:
    messages = []
    for line in output.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            messages.append(line)
            continue
        if event.get("@level") == "error":
            diagnostic = event.get("diagnostic", {})
            messages.append(f"{event['@message']} {diagnostic.get('address', '')} {diagnostic.get('detail', '')}")
    return "\n".join(messages)
