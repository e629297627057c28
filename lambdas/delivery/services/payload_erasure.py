"""Erases the payload of an event on request. The event and what became of it stay visible."""

from typing import Any

from lambdas.delivery.store.items import EVENT_ITEM, EVENT_KEY, EXPIRES_AT, ITEM_KEY, PAYLOAD_ITEM, event_key
from lambdas.delivery.store.transactions import write_together
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item


def erase_payload(dynamodb: Any, table: str, tenant_id: str, event_id: str, now: float) -> str | None:
    """Erase a payload; return when it was erased, for the first time; None when the tenant has no such event.

    Nothing that happens afterwards brings it back: it is written with its event, and never again.
    """
    key = event_key(tenant_id, event_id)
    erased_at = times.iso(now)
    reasons = write_together(
        dynamodb,
        [
            {
                "Update": {
                    "TableName": table,
                    "Key": to_item({EVENT_KEY: key, ITEM_KEY: EVENT_ITEM}),
                    "UpdateExpression": "SET #erasedAt = :erasedAt",
                    "ConditionExpression": "#expiresAt > :now AND attribute_not_exists(#erasedAt)",
                    "ExpressionAttributeNames": {"#erasedAt": "erasedAt", "#expiresAt": EXPIRES_AT},
                    "ExpressionAttributeValues": to_item({":erasedAt": erased_at, ":now": int(now)}),
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            {"Delete": {"TableName": table, "Key": to_item({EVENT_KEY: key, ITEM_KEY: PAYLOAD_ITEM})}},
        ],
    )
    if not reasons:
        return erased_at
    held = from_item(reasons[0].get("Item", {}))
    return str(held["erasedAt"]) if held and held[EXPIRES_AT] > now else None
