"""Synthesizing a preset, or an environment of ``cdktf.json``, in memory."""

import json
from dataclasses import replace
from pathlib import Path

from modules.constructs.bundling import BUNDLES
from modules.inbound.stack import WebhookStack
from modules.settings.environments import build_settings, is_declared, load_settings
from modules.settings.model import Settings
from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError
from modules.synth.cdk import Testing
from tools import ROOT
from tools.estimate.synthesized.stack import Stack


def choose(preset: str | None, environment: str | None) -> tuple[Settings, str]:
    """Return settings and what they are called.

    Parameters
    ----------
    preset : str | None
        A preset; ``standard`` when nothing is asked for.
    environment : str | None
        An environment of ``cdktf.json`` instead.

    Raises
    ------
    SettingsError
        When there is no such preset or environment, both are asked for, or a setting is wrong.
    """
    if preset and environment:
        raise SettingsError("PRESET and ENVIRONMENT_SUFFIX cannot both be given: an environment has a preset already")
    if environment:
        if not is_declared(ROOT / "cdktf.json", environment):
            raise SettingsError(f"ENVIRONMENT_SUFFIX: {environment!r} is not an environment of cdktf.json")
        return load_settings(ROOT / "cdktf.json", environment), f"environment {environment}"
    name = preset or "standard"
    if name not in PRESETS:
        raise SettingsError(f"PRESET: {name!r} is not a preset; allowed: {', '.join(PRESETS)}")
    return build_settings(name, {"preset": name}), f"preset {name}"


def synthesize(settings: Settings, bundles: Path = BUNDLES) -> Stack:
    """Return the stack of some settings.

    A remote state changes nothing of what runs, and is left out.

    Raises
    ------
    FileNotFoundError
        When the bundles have not been built.
    """
    kept = replace(settings, backend=None)
    stack = WebhookStack(Testing.app(), f"webhooks-{kept.environment}", kept, bundles)
    return Stack(json.loads(Testing.synth(stack, True)))
