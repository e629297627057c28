"""What the stack passes to a function, by environment variables."""

import os
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self


def setting(name: str) -> str:
    """Return a value that the stack passes to the function.

    Raises
    ------
    RuntimeError
        When the stack did not set it.
    """
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"environment variable {name} is not set")
    return value


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The variables of one function: a field ``queue_url`` is the variable ``QUEUE_URL``.

    A variable of a field with a default may be left out. A field is a text, a number, or a truth, ``on`` or ``off``.
    """

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the names of the variables."""
        return frozenset(field.name.upper() for field in fields(cls))

    @classmethod
    def from_environment(cls) -> Self:
        """Read the variables.

        Raises
        ------
        RuntimeError
            When one is not set that has no default.
        ValueError
            When one that is a number has another value.
        """
        return cls(
            **{
                field.name: _read(field.name.upper(), field.type)
                for field in fields(cls)
                if field.default is MISSING or os.environ.get(field.name.upper())
            }
        )

    def to_environment(self) -> dict[str, str]:
        """Return the variables, without those that are None."""
        values = {field.name.upper(): getattr(self, field.name) for field in fields(self)}
        return {name: _written(value) for name, value in values.items() if value is not None}


def _read(name: str, kind: Any) -> Any:
    text = setting(name)
    if kind is bool:
        return text != "off"
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError as error:
        raise ValueError(f"environment variable {name} is {text!r:.40}, expected a number") from error


def _written(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
