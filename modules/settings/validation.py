"""Settings that know their unit and range: one declaration gives the check, the error and the documentation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, cast, get_args, get_origin


class SettingsError(ValueError):
    """A setting is wrong: the message names the field, the value, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class SettingRule:
    """What a setting may be.

    Attributes
    ----------
    doc : str
        Meaning, and the source of the range.
    unit : str
        Unit of a number.
    low, high : int | None
        Range of a number, both ends included.
    choices : tuple
        All values allowed, where they can be listed.
    pattern : str
        Regular expression that a whole text must match.
    words : str
        What the pattern allows.
    """

    doc: str
    unit: str = ""
    low: int | None = None
    high: int | None = None
    choices: tuple[Any, ...] = ()
    pattern: str = ""
    words: str = ""

    def allowed(self) -> str:
        """Return in words what is allowed."""
        if self.words:
            return self.words
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        unit = f" {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}{unit}"
        if self.low is not None:
            return f"{self.low}{unit} or more"
        return unit.strip()


def setting(
    default: Any = MISSING,
    *,
    factory: Any = MISSING,
    doc: str,
    unit: str = "",
    low: int | None = None,
    high: int | None = None,
    choices: tuple[Any, ...] = (),
    pattern: str = "",
    words: str = "",
) -> Any:
    """Declare a field of a settings class."""
    rule = SettingRule(doc=doc, unit=unit, low=low, high=high, choices=choices, pattern=pattern, words=words)
    if factory is not MISSING:
        return field(default_factory=factory, metadata={"rule": rule})
    return field(default=default, metadata={"rule": rule})


def rule_of(declared: "Field[Any]") -> SettingRule:
    """Return the rule of a field that `setting` declared."""
    return cast(SettingRule, declared.metadata["rule"])


def section_of(declared: "Field[Any]") -> type | None:
    """Return the settings class that a field holds, or may hold; None for a plain value."""
    kinds = (declared.type, *get_args(declared.type))
    return next((kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)), None)


class Validated:
    """A settings class whose fields are checked when it is made.

    Raises
    ------
    SettingsError
        On construction, when a value is of the wrong type or out of range.
    """

    def __post_init__(self) -> None:
        """Check every field."""
        for declared in fields(cast(Any, self)):
            if "rule" in declared.metadata:
                _check(declared, getattr(self, declared.name))


def _check(declared: "Field[Any]", value: Any) -> None:
    rule = rule_of(declared)
    if value is None and declared.default is None:
        return
    if (section := section_of(declared)) is not None and not isinstance(value, section):
        raise SettingsError(
            f"{declared.name}: {value!r:.60} is not a {section.__name__}; plain values are read by "
            "modules.settings.environments.build_settings(environment, values)"
        )
    expected = next((kind for kind in (int, bool, str) if declared.type in (kind, kind | None)), None)
    if expected is not None and (not isinstance(value, expected) or (expected is int and isinstance(value, bool))):
        wanted = {int: "a whole number", bool: "true or false", str: "a text"}[expected]
        raise SettingsError(f"{declared.name}: {value!r} is not {wanted}")
    if (group := get_origin(declared.type)) in (Mapping, Sequence) and (
        not isinstance(value, group) or isinstance(value, str) or not all(isinstance(item, str) for item in value)
    ):
        kind = "a mapping of texts" if group is Mapping else "a list of texts"
        raise SettingsError(f"{declared.name}: {value!r} is not {kind}")
    out_of_range = (
        (rule.choices and value not in rule.choices)
        or (rule.low is not None and value < rule.low)
        or (rule.high is not None and value > rule.high)
        or (rule.pattern and not re.fullmatch(rule.pattern, value))
    )
    if out_of_range:
        raise SettingsError(f"{declared.name}: {value!r} is not allowed; allowed: {rule.allowed()}")
