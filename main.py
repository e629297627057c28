"""The app: the stacks of one environment, which ``ENVIRONMENT_SUFFIX`` chooses, written to ``cdktf.out``.

``cdktf synth`` and ``python main.py`` run it. Importing this module synthesizes nothing.
"""

import os
import sys
from pathlib import Path

from modules.constructs.bundling import BUNDLES
from modules.delivery.stack import DeliveryStack
from modules.guards import GuardError
from modules.guards.app import App
from modules.inbound.stack import WebhookStack
from modules.settings.checked import checked
from modules.settings.environments import load_declared, load_settings
from modules.settings.validation import SettingsError

__all__ = ["DeliveryStack", "WebhookStack", "build_app"]


def _project_folder() -> Path:
    """Return the working directory, whose ``cdktf.json`` cdktf itself reads; this module's where it has none."""
    folders = (Path.cwd(), Path(__file__).resolve().parent)
    return next((folder for folder in folders if (folder / "cdktf.json").is_file()), folders[0])


@checked
def build_app(
    environment: str, outdir: Path | str | None = None, bundles: Path = BUNDLES, declared: Path | None = None
) -> App:
    """Return the app with the stacks of one environment, ready to synthesize.

    Parameters
    ----------
    outdir : Path | str | None
        Folder to write to, which is made where it is not there. Where it is None: ``CDKTF_OUTDIR``, or else
        ``cdktf.out`` beside the ``cdktf.json``.
    bundles : Path
        Folder with the functions' bundles.
    declared : Path | None
        The file that declares the environment. Where it is None: ``cdktf.json`` in the working directory, or else
        beside this module.

    Raises
    ------
    SettingsError
        When a setting is wrong.
    FileNotFoundError
        When the bundles have not been built.
    OSError
        When the folder cannot be made.
    """
    settings = load_settings(declared or _project_folder() / "cdktf.json", environment)
    app = App(outdir=str(outdir or os.environ.get("CDKTF_OUTDIR") or _project_folder() / "cdktf.out"))
    inbound = WebhookStack(app, f"webhooks-{settings.environment}", settings, bundles) if settings.inbound else None
    if settings.delivery is not None:
        delivery = DeliveryStack(app, f"delivery-{settings.environment}", settings, bundles)
        # AWS refuses a rule on a bus that is not there, and a stage that logs before the account has a role for it.
        if inbound is not None and (settings.delivery.subscriptions or settings.api.manage_account_log_role):
            delivery.add_dependency(inbound)
    return app


if __name__ == "__main__":
    try:
        asked = os.environ.get("ENVIRONMENT_SUFFIX", "dev")
        # A name that is mistyped must not become a new stack, with a state of its own.
        load_declared(_project_folder() / "cdktf.json", asked)
        build_app(asked).synth()
    except (SettingsError, OSError, GuardError) as error:
        sys.exit(f"error: {error}")
