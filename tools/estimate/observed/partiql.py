"""The two PartiQL statements that write an item, as the requests that do the same.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
"""

import re
from collections.abc import Mapping
from typing import Any

_INSERT = re.compile(r"""\s*INSERT\s+INTO\s+"?([\w.-]+)"?\s+VALUE\s+\{(.*)\}\s*$""", re.IGNORECASE | re.DOTALL)
_UPDATE = re.compile(r"""\s*UPDATE\s+"?([\w.-]+)"?\s+(.*?)\s+WHERE\s+(.*)$""", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"""["'](\w+)["']""")


class NotAWriteError(ValueError):
    """A statement is neither an INSERT nor an UPDATE as they are read here."""


def as_request(statement: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return ``PutItem`` or ``UpdateItem`` and a request that does what a statement does.

    Raises
    ------
    NotAWriteError
        When it cannot be read.
    """
    text, values = statement["Statement"], list(statement.get("Parameters", []))
    if match := _INSERT.match(text):
        names = _QUOTED.findall(match[2])
        if len(names) == len(values) == match[2].count("?"):
            return "PutItem", {
                "TableName": match[1],
                "Item": dict(zip(names, values, strict=True)),
                "ConditionExpression": "attribute_not_exists(key)",
            }
    elif (match := _UPDATE.match(text)) and text.count("?") == len(values):
        return "UpdateItem", _update(match[1], match[2], match[3], values)
    raise NotAWriteError(f"not read: {text[:60]!r}")


def _update(table: str, clauses: str, condition: str, values: list[Any]) -> dict[str, Any]:
    numbers = iter(range(len(values)))
    numbered = [re.sub(r"\?", lambda _: f":v{next(numbers)}", part) for part in (clauses, condition)]
    named = {f":v{number}": value for number, value in enumerate(values)}
    # Each SET has one assignment in PartiQL, and all of them one SET in an update expression: either is read below.
    expression = _QUOTED.sub(r"\1", numbered[0])
    equal = re.findall(r'"(\w+)"\s*=\s*(:v\d+)', numbered[1])
    return {
        "TableName": table,
        # All that is compared with: the table takes its own keys from it.
        "Key": {name: named[value] for name, value in equal},
        "UpdateExpression": expression,
        "ExpressionAttributeValues": named,
    }
