"""The environment variables of a function: one model for each, which the stack writes and the function reads."""

import os
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self

_SWITCH = {"on": True, "off": False}
_KINDS: dict[Any, tuple[Any, str]] = {
    int: (int, "a whole number"),
    int | None: (int, "a whole number"),
    float: (float, "a number"),
    bool: (_SWITCH.__getitem__, "on or off"),
}


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Base of a function's model: its field ``table_name`` is the variable ``TABLE_NAME``; never a secret.

    A field is ``str``, ``int``, ``float``, ``bool`` (``on`` or ``off``), ``str | None`` or ``int | None``; one with a
    default may be missing.
    """

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the names of the variables."""
        return frozenset(each.name.upper() for each in fields(cls))

    @classmethod
    def from_environment(cls) -> Self:
        """Read the variables.

        Raises
        ------
        RuntimeError
            When one is missing, or not what its field takes.
        """
        wanted = [each for each in fields(cls) if each.default is MISSING or os.environ.get(each.name.upper())]
        return cls(**{each.name: _read(each.type, each.name.upper()) for each in wanted})

    def to_environment(self) -> dict[str, str]:
        """Return the variables, without those that are None."""
        values = {each.name.upper(): getattr(self, each.name) for each in fields(self)}
        return {name: _text(value) for name, value in values.items() if value is not None}


def _read(kind: Any, name: str) -> Any:
    text = os.environ.get(name)
    if not text:
        raise RuntimeError(f"environment variable {name} is not set")
    read, expected = _KINDS.get(kind, (str, "a text"))
    try:
        return read(text)
    except (KeyError, ValueError) as error:
        raise RuntimeError(f"environment variable {name}: {text!r} is not {expected}") from error


def _text(value: Any) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else str(value)
