"""What an account and region can have only once, taken out of the stack into a module of its own."""

import re
from collections.abc import Mapping
from typing import Any

from tools.export_module.errors import ModuleError

_REFERENCE = re.compile(r"\b(data\.)?(aws_\w+)\.([\w-]+)\b")


def account_of(whole: Mapping[str, Any], instance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of what the whole stack has and an instance has not; empty if that is nothing.

    Parameters
    ----------
    whole, instance : Mapping[str, Any]
        The stack's document with the account's part and without.

    Raises
    ------
    ModuleError
        When the account's part needs a resource of the instance.
    """
    document: dict[str, Any] = {}
    for kind in ("resource", "data"):
        for type_, blocks in whole.get(kind, {}).items():
            for name, block in blocks.items():
                if name not in instance.get(kind, {}).get(type_, {}):
                    document.setdefault(kind, {}).setdefault(type_, {})[name] = block
    for data, type_, name in _REFERENCE.findall(str(document)):
        kind = "data" if data else "resource"
        if name in document.get(kind, {}).get(type_, {}):
            continue
        block = whole.get(kind, {}).get(type_, {}).get(name)
        if data and block == {}:
            document.setdefault("data", {}).setdefault(type_, {})[name] = block
        elif block is not None:
            raise ModuleError(f"{data}{type_}.{name}: belongs to an instance, and the account's part needs it")
    return document
