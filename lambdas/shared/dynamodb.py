"""Values in DynamoDB's wire form, and the errors of its conditional writes.

A value is a text, bytes, a number, a boolean, a list, a map or a set of texts. boto3 converts all types, but would take
more than half of the time that processing itself takes.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError


def to_wire(value: Any) -> dict[str, Any]:
    """Return a value in wire form.

    Raises
    ------
    TypeError
        For any other value.
    """
    if isinstance(value, str):
        # A plain text, not a subclass of str such as a state, which encoders may write differently.
        return {"S": str(value)}
    if isinstance(value, bool | bytes):
        return {"BOOL" if isinstance(value, bool) else "B": value}
    if isinstance(value, int | Decimal):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": {name: to_wire(one) for name, one in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [to_wire(one) for one in value]}
    if isinstance(value, set) and value and all(isinstance(one, str) for one in value):
        return {"SS": sorted(value)}
    raise TypeError(f"{type(value).__name__} cannot be stored in an item")


def from_wire(value: Mapping[str, Any]) -> Any:
    """Return a value from its wire form; numbers as decimals.

    Raises
    ------
    TypeError
        For any other type.
    """
    ((kind, content),) = value.items()
    if kind in {"S", "BOOL", "B"}:
        return content
    if kind == "N":
        return Decimal(content)
    if kind == "M":
        return from_item(content)
    if kind == "L":
        return [from_wire(one) for one in content]
    if kind == "SS":
        return set(content)
    raise TypeError(f"{kind} is not a type of an item")


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values in wire form."""
    return {name: to_wire(value) for name, value in values.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's plain values."""
    return {name: from_wire(value) for name, value in item.items()}


def names_in(*expressions: str) -> dict[str, str]:
    """Return the attribute names of expressions that write every attribute as ``#name``.

    Without ``#``, DynamoDB refuses many names because they are reserved words.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
    """
    return {f"#{name}": name for expression in expressions for name in re.findall(r"#(\w+)", expression)}


def write_if(
    write: Callable[..., dict[str, Any]], arguments: Mapping[str, Any], ours: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Any] | None:
    """Make a conditional write and return the item's plain values, as far as DynamoDB says; None when it was refused.

    An SDK sends a call again when the answer is lost. DynamoDB may have carried the first one out; the second one then
    fails its condition. So a failed condition compares the item with what was to be written.
    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html,
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html,
    "ReturnValuesOnConditionCheckFailure"

    Parameters
    ----------
    write : Callable[..., dict[str, Any]]
        ``put_item`` or ``update_item`` of a client.
    arguments : Mapping[str, Any]
        Its arguments, with a condition.
    ours : Callable[[Mapping[str, Any]], bool]
        Tells from the item's plain values whether this very write has been made.
    """
    try:
        answer = write(**arguments, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        found = from_item(error.response.get("Item", {}))
        return found if ours(found) else None
    return from_item(answer.get("Attributes", {}))


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Return the reason for each write of a cancelled transaction; an empty list for any other error.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
    """
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    return list(error.response.get("CancellationReasons", ()))
