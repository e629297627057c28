"""Settings read and changed by their paths, such as ``api.throttle_rate``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modules.settings.model import Settings


def value_at(settings: Settings, path: str) -> Any:
    """Return the value of a setting; None where the section that it is in is not there."""
    value: Any = settings
    for part in path.split("."):
        value = None if value is None else getattr(value, part)
    return value


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return settings with other values.

    Raises
    ------
    SettingsError
        When a value is wrong, alone or together with another.
    """
    changed: dict[str, Any] = {path: value for path, value in values.items() if "." not in path}
    sections: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        section, dot, name = path.partition(".")
        if dot:
            sections.setdefault(section, {})[name] = value
    for section, members in sections.items():
        changed[section] = replace(getattr(settings, section), **members)
    return replace(settings, **changed)
