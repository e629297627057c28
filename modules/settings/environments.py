"""From ``cdktf.json`` to settings: an environment's values over its preset's, over the defaults."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modules.settings.checked import checked
from modules.settings.model import Settings
from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError, misfit, section_of, shown

_SECTIONS = {declared.name: kind for declared in fields(Settings) if (kind := section_of(declared))}


@checked
def load_settings(path: Path, environment: str) -> Settings:
    """Return the settings of an environment.

    The file is read here and not through the cdktf command line, which alone passes its context on: so
    ``cdktf synth``, ``python main.py`` and pytest see the same values.

    Parameters
    ----------
    path : Path
        The ``cdktf.json`` whose ``context.environments`` maps environment names to values.
    environment : str
        The environment suffix. One that the file does not name has the values of the ``standard`` preset.

    Raises
    ------
    SettingsError
        Names the environment, the field, the value, and what is allowed.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_said_once)
    except SettingsError as error:
        raise SettingsError(f"{path.name}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path.name} is not JSON: {error}") from error
    values: Any = document
    for member in ("context", "environments", environment):
        if not isinstance(values, Mapping):
            raise SettingsError(f"{path.name}: an object with {member!r} expected, not {values!r:.60}")
        values = values.get(member, {})
    if not isinstance(values, Mapping):
        raise SettingsError(f"environment {environment!r} in {path.name}: {values!r:.60} is not a group of settings")
    try:
        settings = build_settings(environment, values)
        _check_state_is_its_own(settings, document["context"]["environments"] if values else {})
        return settings
    except SettingsError as error:
        raise SettingsError(f"environment {environment!r} in {path.name}: {error}") from error


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise SettingsError(f"{name!r} is said twice in one object, of which only the last would count")
        found[name] = value
    return found


def _check_state_is_its_own(settings: Settings, environments: Mapping[str, Any]) -> None:
    """Check that no other environment keeps its state in the same place: each would plan to replace the other."""
    if settings.backend is None:
        return
    place = (settings.backend.bucket, settings.backend.key)
    for name, values in environments.items():
        backend = values.get("backend") if isinstance(values, Mapping) and name != settings.environment else None
        if isinstance(backend, Mapping) and (backend.get("bucket"), backend.get("key")) == place:
            raise SettingsError(
                f"backend.key: {place[1]!r} in the bucket {place[0]!r} is where the environment {name!r} has its "
                "state; allowed: a key of its own, or one of the two would replace the other"
            )


def is_declared(path: Path, environment: str) -> bool:
    """Tell whether the file names an environment; what is wrong with the file is told by `load_settings`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return environment in document.get("context", {}).get("environments", {})
    except (ValueError, AttributeError, TypeError, RecursionError):
        return True


@checked
def load_declared(path: Path, environment: str) -> Settings:
    """Return the settings of an environment that the file names.

    Raises
    ------
    SettingsError
        When it does not name it, and for whatever `load_settings` refuses.
    """
    settings = load_settings(path, environment)
    if not is_declared(path, environment):
        names = json.loads(path.read_text(encoding="utf-8")).get("context", {}).get("environments", {})
        raise SettingsError(f"environment {environment!r}: {path.name} does not name it; named: {', '.join(names)}")
    return settings


def build_settings(environment: str, values: Mapping[str, Any]) -> Settings:
    """Return settings from plain values, over those of the preset that they name.

    Raises
    ------
    SettingsError
        When a field is unknown, or its value wrong.
    """
    if wanted := misfit(Mapping[str, Any], values):
        raise SettingsError(f"values: {shown(values)} is not {wanted}")
    preset = values.get("preset", "standard")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise SettingsError(f"preset: {preset!r} is not allowed; allowed: one of {', '.join(PRESETS)}")
    if "environment" in values:
        raise SettingsError("environment: is the name of the environment itself and cannot be set")
    _refuse_unknown("", values, Settings)
    arguments: dict[str, Any] = {
        name: value for name, value in {**PRESETS[preset], **values}.items() if name not in _SECTIONS
    }
    if isinstance(providers := arguments.get("providers"), list | tuple):
        for name in providers:
            if not isinstance(name, str):
                raise SettingsError(f"providers: {name!r} is not a text")
        arguments["providers"] = {name: name for name in providers}
    elif providers is not None and not isinstance(providers, Mapping):
        raise SettingsError(f"providers: {providers!r} is neither a list of entries nor a mapping of names to entries")
    for section, kind in _SECTIONS.items():
        given = values.get(section, {})
        if not isinstance(given, Mapping):
            raise SettingsError(f"{section}: {given!r} is not a group of settings")
        merged = {**PRESETS[preset].get(section, {}), **given}
        if merged or section in values:
            arguments[section] = _build_section(section, kind, merged)
    return Settings(environment=environment, **arguments)


def _build_section(section: str, kind: Any, values: Mapping[str, Any]) -> Any:
    _refuse_unknown(f"{section}.", values, kind)
    values = {**values, **_inner_sections(section, kind, values)}
    try:
        return kind(**values)
    except SettingsError as error:
        raise SettingsError(f"{section}.{error}") from error
    except TypeError as error:
        raise SettingsError(f"{section}: a setting is missing: {error}") from error


def _inner_sections(section: str, kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what groups of settings within a group become."""
    inner = {declared.name: found for declared in fields(kind) if (found := section_of(declared))}
    given = {name: values[name] for name in inner if values.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, Mapping):
            raise SettingsError(f"{section}.{name}: {value!r} is not a group of settings")
    return {name: _build_section(f"{section}.{name}", inner[name], value) for name, value in given.items()}


def _refuse_unknown(prefix: str, values: Mapping[str, Any], kind: Any) -> None:
    known = [declared.name for declared in fields(kind)]
    for name in values:
        if name not in known:
            raise SettingsError(f"{prefix}{name}: unknown setting; known: {', '.join(known)}")
