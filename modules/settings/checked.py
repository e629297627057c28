"""Public methods and functions that refuse wrong arguments by name, before CDKTF, Terraform or AWS does."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from inspect import isfunction, signature
from typing import Annotated, Any, TypeVar, get_args, get_origin

from modules.settings.formats import TEXT
from modules.settings.validation import misfit, shown

_Checked = TypeVar("_Checked", bound=Callable[..., Any])
# How CDKTF refuses a second construct of an id.
_TAKEN = re.compile("There is already a Construct with name '(?P<id>.*)' in ")


def checked(what: _Checked) -> _Checked:
    """Have a function, or the public methods of a class, refuse arguments that do not go with their annotations.

    What is not of the type is a TypeError. What breaks the rule that ``Annotated`` adds is a SettingsError, and so is
    an empty text where no rule is added. What makes a construct that is there already, such as a call of a method a
    second time, is a ValueError.
    """
    if not isinstance(what, type):
        return _checked(what)
    for name, method in list(vars(what).items()):
        if isfunction(method) and (name == "__init__" or not name.startswith("_")):
            setattr(what, name, _checked(method))
    return what


def _checked(function: _Checked) -> _Checked:
    expected = signature(function)
    many = [each.name for each in expected.parameters.values() if each.kind is each.VAR_POSITIONAL]
    kinds = function.__annotations__

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = expected.bind(*args, **kwargs).arguments
        for name, value in given.items():
            for each in value if name in many else (value,):
                kind = kinds.get(name)
                _check_kind(name, kind, each)
                (rule,) = getattr(kind, "__metadata__", None) or (TEXT if isinstance(each, str) else None,)
                if rule and each is not None:
                    rule.check(name, each, tokens=True)
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:
            if taken := _TAKEN.match(str(error)):
                raise ValueError(_refusal(function.__qualname__, expected.parameters, given, taken["id"])) from None
            raise

    return call  # type: ignore[return-value]


def _refusal(name: str, names: Collection[str], given: Mapping[str, Any], taken: str) -> str:
    if given.get("id_") == taken:
        return f"id_: {taken!r} is there already; allowed: another one"
    said = ", ".join(f"{each}={shown(value)}" for each, value in given.items() if each not in {"self", "scope"})
    others = [f"another {each}" for each in ("id_", "qualifier") if each in names]
    allowed = ", or ".join(["one such call", *others])
    return f"{name}: {said or 'what it makes'} is there already, as {taken!r}; allowed: {allowed}"


def _check_kind(name: str, kind: Any, value: Any) -> None:
    if wanted := misfit(kind, value):
        raise TypeError(f"{name}: {shown(value)} is not {wanted}")
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Mapping:
        for key, each in value.items():
            _check_kind(f"{name}.{key}", get_args(kind)[1], each)
