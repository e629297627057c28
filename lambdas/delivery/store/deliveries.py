"""The store of deliveries and attempts. Every change states what it assumes, and does nothing when that has changed."""

from collections.abc import Iterable
from typing import Any

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.model import Attempt, Delivery
from lambdas.delivery.store.answers import answer_to_item
from lambdas.delivery.store.items import (
    EVENT_KEY,
    ITEM_KEY,
    attempt_to_item,
    delivery_from_item,
    delivery_item,
    delivery_place,
    delivery_to_item,
    event_key,
    key_of_event,
)
from lambdas.delivery.store.tables import Table, assignments, transact_write


class Deliveries:
    """Reads and writes deliveries.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the events table.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def create(self, delivery: Delivery) -> bool:
        """Write a delivery unless there is one of the event to the endpoint; tell whether there was none."""
        return self._table.put_new(delivery_to_item(delivery), EVENT_KEY)

    def write(self, seen: Delivery | None, new: Delivery) -> bool:
        """Create a delivery where none was seen, and change the one that was; tell whether it still is as it was."""
        return self.create(new) if seen is None else self.change(seen, new)

    def read(self, tenant_id: str, event_id: str, endpoint_id: str) -> Delivery | None:
        """Return a delivery; None when it does not exist."""
        values = self._table.get(_key(tenant_id, event_id, endpoint_id))
        return None if values is None else delivery_from_item(values)

    def read_all(self, tenant_id: str, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Delivery]:
        """Return up to a hundred deliveries by the ids of event and endpoint; those that exist."""
        found = self._table.get_all([_key(tenant_id, *place) for place in places])
        return {(one.event_id, one.endpoint_id): one for one in map(delivery_from_item, found)}

    def of_event(self, tenant_id: str, event_id: str) -> list[Delivery]:
        """Return all deliveries of an event."""
        found = self._table.query(
            f"#{EVENT_KEY} = :event AND begins_with(#{ITEM_KEY}, :prefix)",
            {":event": event_key(tenant_id, event_id), ":prefix": delivery_item("")},
        )
        return [delivery_from_item(values) for values in found]

    def change(
        self, seen: Delivery, new: Delivery, attempt: Attempt | None = None, answer: Answer | None = None
    ) -> bool:
        """Write a delivery's next step, and the attempt that led to it, if it is still as it was seen; tell whether.

        Parameters
        ----------
        seen : Delivery
            What the step was made from: version, owner and lease must still be these.
        answer : Answer | None
            What the endpoint answered to the attempt.
        """
        before, after = delivery_to_item(seen), delivery_to_item(new)
        # The place in the index moves with the state alone.
        for name in delivery_place(new) if new.state is seen.state else ():
            del before[name], after[name]
        changed = {name: after.get(name) for name in {**before, **after} if before.get(name) != after.get(name)}
        expression, values = assignments(changed)
        values |= {":seenTurn": seen.version, ":seenLease": seen.lease_until}
        condition = "#turn = :seenTurn AND #leaseUntil = :seenLease AND "
        if seen.owner is None:
            condition += "attribute_not_exists(#owner)"
        else:
            condition += "#owner = :seenOwner"
            values[":seenOwner"] = seen.owner
        key = _key(seen.tenant_id, seen.event_id, seen.endpoint_id)
        if attempt is None:
            return self._table.update(key, expression, values, condition) is not None
        writes = [
            {"Update": self._table.update_of(key, expression, values, condition)},
            {"Put": self._table.put_of(attempt_to_item(attempt))},
        ]
        if answer is not None:
            writes.append({"Put": self._table.put_of(answer_to_item(attempt, answer))})
        return not transact_write(self._table.dynamodb, writes)


def _key(tenant_id: str, event_id: str, endpoint_id: str) -> dict[str, str]:
    return key_of_event(tenant_id, event_id, delivery_item(endpoint_id))
