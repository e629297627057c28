"""Values in DynamoDB's wire form, and what its conditional writes answer."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values in DynamoDB's wire form."""
    return {name: _serialize(value) for name, value in values.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's plain values."""
    return {name: _deserialize(value) for name, value in item.items()}


def condition_failed(error: ClientError) -> bool:
    """Tell whether a write was refused by its own condition."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Return, for each write of a transaction that was cancelled, why; nothing for any other error.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
    """
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    return list(error.response.get("CancellationReasons", ()))
