"""The store of deliveries and attempts. Every change states what it assumes, and does nothing when that has changed."""

from collections.abc import Sequence
from typing import Any

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.model import Attempt, Delivery, DeliveryState
from lambdas.delivery.store.answers import answer_to_item
from lambdas.delivery.store.items import (
    BY_STATE_INDEX,
    EVENT_KEY,
    ITEM_KEY,
    STATE_AT,
    STATE_KEY,
    STATE_SHARDS,
    attempt_to_item,
    delivery_from_item,
    delivery_item,
    delivery_place,
    delivery_to_item,
    event_key,
    state_key,
)
from lambdas.delivery.store.tables import Table, transact_write
from lambdas.shared.dynamodb import from_item, to_item

WAITING_STATES = (DeliveryState.PENDING, DeliveryState.FAILED)
# BatchGetItem takes a hundred keys.
PAGE = 100


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

    def read(self, tenant_id: str, event_id: str, endpoint_id: str) -> Delivery | None:
        """Return a delivery; None when it does not exist."""
        values = self._table.get(_key(tenant_id, event_id, endpoint_id))
        return None if values is None else delivery_from_item(values)

    def to_each(self, tenant_id: str, event_id: str, endpoint_ids: Sequence[str]) -> list[Delivery]:
        """Return the deliveries of an event to those of some endpoints that it is for; up to a hundred."""
        if not endpoint_ids:
            return []
        keys = [_key(tenant_id, event_id, endpoint_id) for endpoint_id in endpoint_ids]
        return [delivery_from_item(values) for values in self._table.get_all(keys)]

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
        assigned = {name: value for name, value in after.items() if before.get(name) != value}
        removed = [name for name in before if name not in after]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in assigned)
        if removed:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        values = {f":{name}": value for name, value in assigned.items()}
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

    def mark_scheduled(self, delivery: Delivery) -> None:
        """Record that a message for the delivery's version is on its way, unless the delivery has changed since."""
        self._table.update(
            _key(delivery.tenant_id, delivery.event_id, delivery.endpoint_id),
            "SET #armedTurn = :turn",
            {":turn": delivery.version},
            "#turn = :turn AND #armedTurn < :turn",
        )

    def waiting(self, tenant_id: str, endpoint_id: str, after: str | None) -> tuple[Sequence[Delivery], str | None]:
        """Return some of the deliveries to an endpoint that are neither delivered nor dead, and where to go on.

        Parameters
        ----------
        after : str | None
            Where to go on, as an earlier call said; None for the beginning.

        Returns
        -------
        tuple[Sequence[Delivery], str | None]
            Deliveries, perhaps none, and the place after them; None when there are no more.
        """
        number, _, start = (after or "0|").partition("|")
        state, shard = WAITING_STATES[int(number) // STATE_SHARDS], int(number) % STATE_SHARDS
        partition = state_key(tenant_id, state, shard)
        arguments: dict[str, Any] = {
            "TableName": self._table.name,
            "IndexName": BY_STATE_INDEX,
            "KeyConditionExpression": "#key = :key AND #at > :at",
            "ExpressionAttributeNames": {"#key": STATE_KEY, "#at": STATE_AT},
            # An empty text is no value of a key, and every place is after a blank.
            "ExpressionAttributeValues": to_item({":key": partition, ":at": start or " "}),
            "Limit": PAGE,
        }
        answer = self._table.dynamodb.query(**arguments)
        found = [from_item(item) for item in answer["Items"]]
        keys = [
            {EVENT_KEY: one[EVENT_KEY], ITEM_KEY: one[ITEM_KEY]}
            for one in found
            if one[ITEM_KEY] == delivery_item(endpoint_id)
        ]
        deliveries = [delivery_from_item(values) for values in self._table.get_all(keys)] if keys else []
        if "LastEvaluatedKey" in answer:
            return deliveries, f"{number}|{found[-1][STATE_AT]}"
        following = int(number) + 1
        return deliveries, f"{following}|" if following < len(WAITING_STATES) * STATE_SHARDS else None


def _key(tenant_id: str, event_id: str, endpoint_id: str) -> dict[str, str]:
    return {EVENT_KEY: event_key(tenant_id, event_id), ITEM_KEY: delivery_item(endpoint_id)}
