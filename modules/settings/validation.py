"""Settings that know their unit and range: one declaration gives the check, the error and the documentation."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, cast, get_args, get_origin

_NOTHING = "nothing"
_WORDS: Mapping[type, str] = {int: "a whole number", bool: "true or false", str: "a text", NoneType: _NOTHING}
_GROUPS: Mapping[Any, str] = {Mapping: "mapping", Sequence: "list", Collection: "list"}
# CDKTF writes what only Terraform will know like this, as a text or as the one item of a list.
_TOKEN = re.compile(r"[$#]\{")


class SettingsError(ValueError):
    """A setting is wrong: the message names the field, the value, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class SettingRule:
    """What a setting or an argument may be, or each item of a list, or each name of a mapping.

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

    doc: str = ""
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

    def check(self, name: str, value: Any, *, tokens: bool = False) -> None:
        """Check a value of the right type.

        Parameters
        ----------
        tokens : bool
            Whether a text may be one that only Terraform will know.

        Raises
        ------
        SettingsError
            With the name, the value, and what is allowed.
        """
        for each in value if isinstance(value, Collection) and not isinstance(value, str) else (value,):
            if not (tokens and isinstance(each, str) and _TOKEN.search(each)) and self._refuses(each):
                raise SettingsError(f"{name}: {each!r} is not allowed; allowed: {self.allowed()}")

    def _refuses(self, value: Any) -> bool:
        return bool(
            (self.choices and value not in self.choices)
            or (self.low is not None and value < self.low)
            or (self.high is not None and value > self.high)
            or (self.pattern and not re.fullmatch(self.pattern, value))
        )


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
    rule: SettingRule | None = None,
) -> Any:
    """Declare a field of a settings class; its rule may be one that others have too."""
    if rule is None:
        rule = SettingRule(unit=unit, low=low, high=high, choices=choices, pattern=pattern, words=words)
    rule = replace(rule, doc=doc)
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

    takes_tokens: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check every field."""
        for declared in fields(cast(Any, self)):
            if "rule" in declared.metadata:
                _check(declared, getattr(self, declared.name), tokens=self.takes_tokens)


def misfit(kind: Any, value: Any) -> str:
    """Return in words what a value should be, or nothing where it is of the kind that an annotation says.

    Of generic kinds it knows lists and mappings, with the class of what they hold, or of their keys.
    """
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if isinstance(kind, UnionType):
        misfits = [misfit(each, value) for each in get_args(kind)]
        return " or ".join(each for each in misfits if each != _NOTHING) if all(misfits) else ""
    group = get_origin(kind)
    if group in _GROUPS:
        item = get_args(kind)[0]
        fits = isinstance(value, group) and not isinstance(value, str) and not any(misfit(item, each) for each in value)
        return "" if fits else f"a {_GROUPS[group]} of {'texts' if item is str else getattr(item, '__name__', item)}"
    if not isinstance(kind, type) or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return ""
    return _WORDS.get(kind) or f"a{'n' if kind.__name__[0] in 'AEIOU' else ''} {kind.__name__}"


def shown(value: Any) -> str:
    """Return a value as an error shows it: a plain one itself, any other by its class."""
    return repr(value) if type(value).__module__ == "builtins" else type(value).__name__


def _check(declared: "Field[Any]", value: Any, *, tokens: bool) -> None:
    if value is None and declared.default is None:
        return
    if wanted := misfit(declared.type, value):
        section = section_of(declared)
        reader = f"; plain values are read by {__package__}.environments.build_settings(environment, values)"
        hint = reader if section and section.__module__.startswith(f"{__package__}.") else ""
        raise SettingsError(f"{declared.name}: {shown(value)} is not {wanted}{hint}")
    rule_of(declared).check(declared.name, value, tokens=tokens)
