"""An app that says what guards have found, and nothing else."""

import os
from pathlib import Path
from typing import Any

from modules.guards.guarding import guard_error
from modules.settings.checked import checked
from modules.synth import cdk


@checked
class App(cdk.App):
    """An app whose ``synth`` raises a `GuardError` where guards stop it.

    CDKTF calls guards from JavaScript, which wraps their error in a ``RuntimeError`` with the whole of its own
    traceback, and says each finding twice. An app of CDKTF's own raises that: `guard_error` finds the error behind it.
    """

    def __init__(self, *, outdir: str | None = None, **options: Any) -> None:
        # CDKTF makes no folder that this one is in.
        outdir = outdir or os.environ.get("CDKTF_OUTDIR") or "cdktf.out"
        Path(outdir).mkdir(parents=True, exist_ok=True)
        super().__init__(outdir=outdir, **options)

    def synth(self) -> None:
        """Synthesize the stacks.

        Raises
        ------
        GuardError
            When guards have found mistakes.
        """
        try:
            super().synth()
        except RuntimeError as error:
            if (mistakes := guard_error(error)) is None:
                raise
            raise mistakes.with_traceback(None) from None
