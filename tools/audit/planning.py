"""The plan of a stack: synthesized, and planned by real Terraform with the real provider against an empty local AWS."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from modules.settings.environments import build_settings, load_declared
from modules.settings.model import Settings
from modules.settings.validation import SettingsError
from tools import ROOT
from tools.generate import reviewed_stacks
from tools.local.aws import LocalAws
from tools.local.terraform import Workspace


@dataclass(frozen=True)
class PlannedStack:
    """A stack to audit.

    Attributes
    ----------
    name : str
        Name of its page and of its accepted plan.
    plan : Callable
        Returns its plan in Terraform's JSON form.
    """

    name: str
    plan: Callable[[], Any]


class Planner:
    """Plans stacks against one local AWS, which is started for the first and stays empty: nothing is applied.

    A local AWS is needed because a plan asks for the account's id.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._aws: LocalAws | None = None

    def __enter__(self) -> Self:
        """Return the planner."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the local AWS."""
        self._stack.close()

    def presets(self, names: Sequence[str]) -> Iterator[PlannedStack]:
        """Yield each reviewed stack, a preset's or that of delivery, as the environment of that name would be."""
        for name in names:
            yield self._planned(name, partial(build_settings, name, reviewed_stacks.values_of(name)))

    def environments(self, names: Sequence[str], path: Path = ROOT / "cdktf.json") -> Iterator[PlannedStack]:
        """Yield the stacks of each environment of a file."""
        for name in names:
            settings = partial(load_declared, path, name)
            yield self._planned(name, settings)
            with suppress(SettingsError):
                # What is wrong with the settings was told with the first plan.
                if (loaded := settings()).inbound and loaded.delivery is not None:
                    yield self._planned(f"{name}-delivery", settings, delivery=True)

    def _planned(self, name: str, settings: Callable[[], Settings], *, delivery: bool | None = None) -> PlannedStack:
        return PlannedStack(name, lambda: self._plan(settings(), delivery=delivery))

    def _plan(self, settings: Settings, *, delivery: bool | None) -> dict[str, Any]:
        # A plan that is given needs neither CDKTF nor Node.js.
        from modules.synth.cdk import App  # noqa: PLC0415

        if self._aws is None:
            self._aws = self._stack.enter_context(LocalAws.start())
        with TemporaryDirectory() as folder:
            # The remote state is in a bucket that the local AWS does not have, and that no audit should touch.
            app = App(outdir=str(Path(folder) / "synth"))
            stack = reviewed_stacks.build(app, replace(settings, backend=None), delivery=delivery)
            app.synth()
            synthesized = Path(folder) / "synth" / "stacks" / stack.node.id
            return Workspace.create(synthesized, Path(folder), self._aws.environment()).plan()


def given(path: Path, name: str | None) -> PlannedStack:
    """Return the stack of a plan that was made before, with ``terraform plan -out`` and ``terraform show -json``.

    Parameters
    ----------
    name : str | None
        Its name; the file's, without a suffix, by default.
    """
    return PlannedStack(name or path.stem, lambda: json.loads(path.read_text(encoding="utf-8")))
