"""Public methods that refuse arguments of the wrong type by name, before CDKTF does so with a tree of its own."""

from collections.abc import Callable
from functools import wraps
from inspect import isfunction, signature
from typing import Any, TypeVar

from modules.settings.validation import misfit, shown

_Class = TypeVar("_Class", bound=type)


def checked(kind: _Class) -> _Class:
    """Have a class refuse, with a TypeError, arguments that are not of the types that it says."""
    for name, method in list(vars(kind).items()):
        if isfunction(method) and (name == "__init__" or not name.startswith("_")):
            setattr(kind, name, _checked(method))
    return kind


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    expected = signature(method)
    many = [each.name for each in expected.parameters.values() if each.kind is each.VAR_POSITIONAL]
    kinds = {name: kind for name, kind in method.__annotations__.items() if name not in many}

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        for name, value in expected.bind(*args, **kwargs).arguments.items():
            if wanted := misfit(kinds.get(name), value):
                raise TypeError(f"{name}: {shown(value)} is not {wanted}")
        return method(*args, **kwargs)

    return call
