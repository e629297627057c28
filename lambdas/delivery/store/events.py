"""The store of events, their payloads and their idempotency keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.errors import StoreBusyError
from lambdas.delivery.domain.model import Event
from lambdas.delivery.store.answers import Answers
from lambdas.delivery.store.items import (
    DUE_AT,
    DUE_KEY,
    EVENT_ITEM,
    EVENT_KEY,
    EXPIRES_AT,
    ITEM_KEY,
    KEY_ITEM,
    NEXT_ATTEMPT_AT,
    PAYLOAD_ITEM,
    due_shard,
    event_from_item,
    event_key,
    event_to_item,
    idempotency_key,
    key_of_event,
    payload_from_item,
    payload_to_item,
)
from lambdas.delivery.store.tables import Table, transact_write
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item

IDEMPOTENCY_SECONDS = 24 * 3_600
_KEEP = 'UPDATE "{table}" SET "expiresAt" = ? WHERE "event" = ? AND "item" = ? AND "expiresAt" < ?'
_LOOK = (
    'UPDATE "{table}" SET "nextAttemptAt" = ? SET "dueKey" = ? SET "dueAt" = ? '
    'WHERE "event" = ? AND "item" = ? AND "fannedOut" = ?'
)


@dataclass(frozen=True, kw_only=True)
class KeyHolder:
    """The event that an idempotency key stands for already.

    Attributes
    ----------
    event_id, sha256 : str
        Which, and the hex digest of its payload.
    """

    event_id: str
    sha256: str


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
        self.answers = Answers(dynamodb, table)

    def create(self, event: Event, payload: bytes) -> bool:
        """Write an event and its payload, or neither where there is one of that id; tell whether there was none."""
        return not self._write(self._puts(event, payload))

    def create_once(self, event: Event, payload: bytes, key: str, now: float) -> KeyHolder | None:
        """Write an event with its payload and its idempotency key, all or none.

        Returns
        -------
        KeyHolder | None
            None when they are written; what the key stands for when it is taken.
        """
        item = {"eventId": event.event_id, "sha256": event.sha256, EXPIRES_AT: int(now) + IDEMPOTENCY_SECONDS}
        # A key that has expired and is still there is overwritten.
        put_key = {
            **self._table.put_of(
                {**_of_key(event.tenant_id, key), **item},
                f"attribute_not_exists(#{EVENT_KEY}) OR #{EXPIRES_AT} <= :now",
            ),
            "ExpressionAttributeValues": to_item({":now": int(now)}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        reasons = self._write([*self._puts(event, payload), {"Put": put_key}])
        if not reasons:
            return None
        held = from_item(reasons[-1]["Item"])
        return KeyHolder(event_id=held["eventId"], sha256=held["sha256"])

    def read(self, tenant_id: str, event_id: str) -> tuple[Event | None, bytes | None]:
        """Return an event and its payload; None for each that does not exist. The event expires with the first of both.

        They differ after `keep_no_longer` was interrupted. `keep_until` then has the payload kept for longer too.
        """
        keys = [key_of_event(tenant_id, event_id, item) for item in (EVENT_ITEM, PAYLOAD_ITEM)]
        found = {values[ITEM_KEY]: values for values in self._table.get_all(keys)}
        if EVENT_ITEM not in found:
            event = None
        else:
            expires_at = min(int(values[EXPIRES_AT]) for values in found.values())
            event = event_from_item({**found[EVENT_ITEM], EXPIRES_AT: expires_at})
        return event, payload_from_item(found[PAYLOAD_ITEM]) if PAYLOAD_ITEM in found else None

    def read_event(self, tenant_id: str, event_id: str) -> Event | None:
        """Return an event without its payload; None when it does not exist."""
        values = self._table.get(key_of_event(tenant_id, event_id, EVENT_ITEM))
        return None if values is None else event_from_item(values)

    def keep_until(self, event: Event, expires_at: int) -> None:
        """Keep an event and its payload for as long as one of its deliveries."""
        # A write costs by the size of the item, even one that changes eight bytes of it.
        if event.expires_at < expires_at:
            for item in (PAYLOAD_ITEM, EVENT_ITEM):
                self._set(event, item, f"#{EXPIRES_AT} = :until", {":until": expires_at}, f"#{EXPIRES_AT} < :until")

    def keep_no_longer(self, event: Event, expires_at: int) -> None:
        """Let an event and its payload expire at a time, unless they do so earlier; nothing is left to do for it."""
        # The payload first: when a process dies between the two, the event is as it was, and both are done again.
        until, later = {":until": expires_at}, f"#{EXPIRES_AT} > :until"
        self._set(event, PAYLOAD_ITEM, f"#{EXPIRES_AT} = :until", until, later)
        done = f"#fannedOut = :true REMOVE #{DUE_KEY}, #{DUE_AT}"
        if not self._set(event, EVENT_ITEM, f"#{EXPIRES_AT} = :until, {done}", {**until, ":true": True}, later):
            self._set(event, EVENT_ITEM, done, {":true": True})

    def look_again(self, event: Event, at: str) -> None:
        """Record that each endpoint has its delivery, and when to look whether all of them have come to their end.

        Parameters
        ----------
        at : str
            ISO 8601, UTC.
        """
        values = {":true": True, ":key": due_shard(event.tenant_id, event.event_id), ":at": at}
        place = f"#{NEXT_ATTEMPT_AT} = :at, #{DUE_KEY} = :key, #{DUE_AT} = :at"
        self._set(event, EVENT_ITEM, f"#fannedOut = :true, {place}", values)

    def keep_all_until(self, events: Iterable[Event], expires_at: int) -> None:
        """Do what `keep_until` does, for several events.

        Raises
        ------
        StoreBusyError
            When that was not done for each.
        """
        self._change_each(
            [
                (_KEEP, (expires_at, event_key(event.tenant_id, event.event_id), item, expires_at))
                for event in events
                if event.expires_at < expires_at
                for item in (PAYLOAD_ITEM, EVENT_ITEM)
            ]
        )

    def look_at_all_again(self, events: Iterable[Event], at: str) -> None:
        """Record when to look whether all deliveries have ended, of those events that are fanned out.

        Raises
        ------
        StoreBusyError
            When that was not done for each.
        """
        self._change_each(
            [
                (_LOOK, (at, due_shard(event.tenant_id, event.event_id), at, *key.values(), True))
                for event in events
                for key in (key_of_event(event.tenant_id, event.event_id, EVENT_ITEM),)
            ]
        )

    def read_all(self, tenant_id: str, event_ids: Iterable[str]) -> dict[str, Event]:
        """Return up to a hundred events by their ids, without their payloads."""
        found = self._table.get_all([key_of_event(tenant_id, event_id, EVENT_ITEM) for event_id in event_ids])
        return {event.event_id: event for event in map(event_from_item, found)}

    def payloads(self, tenant_id: str, event_ids: Iterable[str]) -> dict[str, bytes]:
        """Return the payloads of up to a hundred events by the events' ids."""
        found = self._table.get_all([key_of_event(tenant_id, event_id, PAYLOAD_ITEM) for event_id in event_ids])
        return {values[EVENT_KEY].partition("#")[2]: payload_from_item(values) for values in found}

    def erase_payload(self, tenant_id: str, event_id: str, now: float) -> str | None:
        """Erase a payload and what endpoints answered, which may repeat it.

        The event and what became of it stay visible. Nothing brings the payload back: it is written with its event, and
        never again. From the first write on, nobody reads an answer. Where this fails, the same call made again erases
        those that are left.

        Returns
        -------
        str | None
            When it was erased, for the first time; None when the tenant has no such event.
        """
        erased_at = self._erase_payload(tenant_id, event_id, now)
        if erased_at is not None:
            self.answers.erase(tenant_id, event_id)
        return erased_at

    def _erase_payload(self, tenant_id: str, event_id: str, now: float) -> str | None:
        erased_at = times.iso(now)
        erase = self._table.update_of(
            key_of_event(tenant_id, event_id, EVENT_ITEM),
            "SET #erasedAt = :erasedAt",
            {":erasedAt": erased_at, ":now": int(now)},
            f"#{EXPIRES_AT} > :now AND attribute_not_exists(#erasedAt)",
        )
        delete = self._table.delete_of(key_of_event(tenant_id, event_id, PAYLOAD_ITEM))
        reasons = self._write(
            [{"Update": {**erase, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}, {"Delete": delete}]
        )
        if not reasons:
            return erased_at
        held = from_item(reasons[0].get("Item", {}))
        return str(held["erasedAt"]) if held and held[EXPIRES_AT] > now else None

    def _puts(self, event: Event, payload: bytes) -> list[dict[str, Any]]:
        items = (event_to_item(event), payload_to_item(event, payload))
        return [{"Put": self._table.put_of(item, f"attribute_not_exists(#{EVENT_KEY})")} for item in items]

    def _change_each(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        if not self._table.change_each(statements):
            raise StoreBusyError("BatchExecuteStatement: some statements were not carried out")

    def _write(self, writes: list[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        return transact_write(self._table.dynamodb, writes)

    def _set(
        self,
        event: Event,
        item: str,
        assignments: str,
        values: Mapping[str, Any],
        condition: str = f"attribute_exists(#{EVENT_KEY})",
    ) -> bool:
        """Update an item of an event where it is there and the condition holds; tell whether."""
        key = key_of_event(event.tenant_id, event.event_id, item)
        return self._table.update(key, f"SET {assignments}", values, condition) is not None


def _of_key(tenant_id: str, key: str) -> dict[str, str]:
    return {EVENT_KEY: idempotency_key(tenant_id, key), ITEM_KEY: KEY_ITEM}
