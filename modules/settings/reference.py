"""Every setting by its path, for documents and for the exported module."""

from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any

from modules.settings.model import Settings
from modules.settings.validation import section_of


def all_settings(kind: Any = Settings, prefix: str = "") -> Iterator[tuple[str, "Field[Any]"]]:
    """Yield every setting: its path, such as ``api.throttle_rate``, and its declaration."""
    for declared in fields(kind):
        if section := section_of(declared):
            yield from all_settings(section, f"{prefix}{declared.name}.")
        else:
            yield prefix + declared.name, declared
