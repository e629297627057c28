"""The store of events and their payloads, as delivery needs it."""

from typing import Any

from lambdas.delivery.domain.model import Event
from lambdas.delivery.store.items import (
    EVENT_ITEM,
    EVENT_KEY,
    EXPIRES_AT,
    ITEM_KEY,
    PAYLOAD_ITEM,
    event_key,
    from_event,
    from_payload,
    to_event,
    to_payload,
)
from lambdas.delivery.store.tables import Table
from lambdas.shared.dynamodb import to_item


class Events:
    """Reads and writes events.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the events table.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def create(self, event: Event, payload: bytes) -> bool:
        """Write an event and its payload, both or neither, unless there is one of that id; tell whether there was none.

        Events of the tenants' applications come through the API, which writes their idempotency keys as well.
        """
        names = {"#key": EVENT_KEY}
        put = {
            "TableName": self._table.name,
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": names,
        }
        return self._table.transact(
            [
                {"Put": {**put, "Item": to_item(from_event(event))}},
                {"Put": {**put, "Item": to_item(from_payload(event, payload))}},
            ]
        )

    def read(self, tenant_id: str, event_id: str) -> tuple[Event | None, bytes | None]:
        """Return an event and its payload; None for what there is not, or no more."""
        partition = event_key(tenant_id, event_id)
        keys = [{EVENT_KEY: partition, ITEM_KEY: item} for item in (EVENT_ITEM, PAYLOAD_ITEM)]
        found = {values[ITEM_KEY]: values for values in self._table.get_all(keys)}
        event = to_event(found[EVENT_ITEM]) if EVENT_ITEM in found else None
        return event, to_payload(found[PAYLOAD_ITEM]) if PAYLOAD_ITEM in found else None

    def keep_until(self, event: Event, expires_at: int) -> None:
        """See to it that an event and its payload are there for as long as one of its deliveries is."""
        # A write costs by the size of the item, even one that changes eight bytes of it.
        if event.expires_at >= expires_at:
            return
        for item in (PAYLOAD_ITEM, EVENT_ITEM):
            self._table.update(
                {EVENT_KEY: event_key(event.tenant_id, event.event_id), ITEM_KEY: item},
                f"SET #{EXPIRES_AT} = :until",
                {":until": expires_at},
                f"#{EXPIRES_AT} < :until",
            )

    def keep_no_longer(self, event: Event, expires_at: int) -> None:
        """Let an event and its payload expire at a time, unless they do so earlier already."""
        # The payload first: who dies between the two finds the event as it was, and does both again.
        for item in (PAYLOAD_ITEM, EVENT_ITEM):
            self._table.update(
                {EVENT_KEY: event_key(event.tenant_id, event.event_id), ITEM_KEY: item},
                f"SET #{EXPIRES_AT} = :until",
                {":until": expires_at},
                f"#{EXPIRES_AT} > :until",
            )
