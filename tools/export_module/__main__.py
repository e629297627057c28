"""Write a module from a preset, or from an environment of ``cdktf.json``."""

import argparse
import os
import sys
from pathlib import Path

from modules.constructs.bundling import BUNDLES
from modules.settings.environments import build_settings, load_declared
from modules.settings.model import Settings
from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError
from tools import ROOT
from tools.export_module.errors import ModuleError
from tools.export_module.kinds import KINDS
from tools.export_module.terraform_module import TerraformModule

MODULES = ROOT / ".build" / "module"


def main() -> None:
    """Write the module and print where it is."""
    parser = argparse.ArgumentParser(prog="make module", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--preset", choices=PRESETS, help="standard by default")
    which.add_argument("--environment", help="environment of cdktf.json, with its preset, providers and values")
    parser.add_argument("--stack", choices=KINDS, default="inbound", help="which stack; the inbound one by default")
    parser.add_argument("--out", type=Path, help="folder to write to; .build/module/<name> by default")
    chosen = parser.parse_args()
    preset = chosen.preset or "standard"
    kind = KINDS[chosen.stack]
    chosen_name = chosen.environment or chosen.preset
    named = f"{chosen_name}-{kind.name}" if chosen_name and kind.name else chosen_name or kind.name or preset
    out: Path = chosen.out or MODULES / named
    try:
        settings, source = _settings(preset, chosen.environment)
        settings = kind.settings_of(settings)
        TerraformModule(settings=settings, source=source, bundles=BUNDLES, kind=kind).write(out)
    except (ModuleError, SettingsError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    except (FileExistsError, NotADirectoryError):
        sys.exit(f"error: OUT: {os.path.relpath(out)} is no folder")
    print(f"module: written from {source} to {os.path.relpath(out)}")


def _settings(preset: str, environment: str | None) -> tuple[Settings, str]:
    if environment is not None:
        return load_declared(ROOT / "cdktf.json", environment), f"the environment `{environment}` of `cdktf.json`"
    return build_settings("module", {"preset": preset}), f"the preset `{preset}`"


if __name__ == "__main__":
    main()
