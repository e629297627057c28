"""Settings that know their unit and range: one declaration gives the check, the error and the documentation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin

_NOTHING = "nothing"
_WORDS: Mapping[type, str] = {int: "a whole number", bool: "true or false", str: "a text", NoneType: _NOTHING}
_GROUPS: Mapping[Any, str] = {Mapping: "mapping", Sequence: "list"}


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
    kinds = get_args(declared.type) if isinstance(declared.type, UnionType) else (declared.type,)
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


def misfit(kind: Any, value: Any) -> str:
    """Return in words what a value should be, or nothing where it is of the kind that an annotation says.

    Of generic kinds it knows lists and mappings, with the class of what they hold, or of their keys.
    """
    if isinstance(kind, UnionType):
        misfits = [misfit(each, value) for each in get_args(kind)]
        return " or ".join(each for each in misfits if each != _NOTHING) if all(misfits) else ""
    group = get_origin(kind)
    if group in (Mapping, Sequence):
        item = get_args(kind)[0]
        fits = isinstance(value, group) and not isinstance(value, str) and not any(misfit(item, each) for each in value)
        return "" if fits else f"a {_GROUPS[group]} of {'texts' if item is str else item.__name__}"
    if not isinstance(kind, type) or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return ""
    return _WORDS.get(kind) or f"a{'n' if kind.__name__[0] in 'AEIOU' else ''} {kind.__name__}"


def shown(value: Any) -> str:
    """Return a value as an error shows it: a plain one itself, any other by its class."""
    return repr(value) if type(value).__module__ == "builtins" else type(value).__name__


def _check(declared: "Field[Any]", value: Any) -> None:
    rule = rule_of(declared)
    if value is None and declared.default is None:
        return
    if wanted := misfit(declared.type, value):
        section = section_of(declared)
        reader = f"; plain values are read by {__package__}.environments.build_settings(environment, values)"
        hint = reader if section and section.__module__.startswith(f"{__package__}.") else ""
        raise SettingsError(f"{declared.name}: {shown(value)} is not {wanted}{hint}")
    out_of_range = (
        (rule.choices and value not in rule.choices)
        or (rule.low is not None and value < rule.low)
        or (rule.high is not None and value > rule.high)
        or (rule.pattern and not re.fullmatch(rule.pattern, value))
    )
    if out_of_range:
        raise SettingsError(f"{declared.name}: {value!r} is not allowed; allowed: {rule.allowed()}")
