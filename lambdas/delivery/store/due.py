"""The due index: what is due, and what waits for an endpoint's hold. The index may be behind the table by a moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.holds import Hold
from lambdas.delivery.store.items import (
    BY_DUE_INDEX,
    DUE_AT,
    DUE_KEY,
    EVENT_KEY,
    ITEM_KEY,
    NEXT_ATTEMPT_AT,
    VERSION,
    due_shard,
    held_key,
    hold_from_item,
    hold_key,
)
from lambdas.delivery.store.tables import Table
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item

_MAX_ROUNDS = 10
TOUCH_SECONDS = 300
"""Who holds a delivery up says so in the hold, unless somebody did within this time."""
FORGET_SECONDS = 3_600
"""A hold goes when nothing has been held up for this time, many times as long as an invocation lasts."""
_MOVE = (
    'UPDATE "{table}" SET "dueAt" = ? SET "dueKey" = ? SET "nextAttemptAt" = ? '
    'WHERE "event" = ? AND "item" = ? AND "turn" = ? AND "dueKey" = ?'
)
_LATER = 'UPDATE "{table}" SET "dueAt" = ? WHERE "event" = ? AND "item" = ? AND "dueAt" = ?'


@dataclass(frozen=True, kw_only=True)
class DueEntry:
    """Something that has work left, as the index has it.

    Attributes
    ----------
    key : tuple[str, str]
        Its partition and sort key in the table.
    due_at : str
        Its place in the index, ISO 8601, UTC.
    next_attempt_at : str | None
        When it is due, ISO 8601, UTC; its place is a later one while a message is on its way. None of a hold or replay.
    version : int
        A delivery's; 0 of anything else.
    """

    key: tuple[str, str]
    due_at: str
    version: int = 0
    next_attempt_at: str | None = None

    @property
    def kind(self) -> str:
        """Of which kind: ``event``, ``hold``, ``replay`` or ``delivery``."""
        return self.key[1].partition("#")[0]

    @property
    def tenant_id(self) -> str:
        """Its tenant."""
        return self.key[0].partition("#")[0]

    @property
    def event_id(self) -> str:
        """The event that it is, or that the delivery is of; the endpoint that the hold is of."""
        return self.key[0].rpartition("#")[2]

    @property
    def endpoint_id(self) -> str:
        """A delivery's."""
        return self.key[1].partition("#")[2]

    @property
    def replay_id(self) -> str:
        """The replay that it is."""
        return self.key[1].partition("#")[2]


class DueStore:
    """Reads the due index, and moves what is in it.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the events table.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def until(self, partition: str, latest: str, page: int) -> Iterator[list[DueEntry]]:
        """Yield pages of what is due in a partition of the index, the earliest first.

        Parameters
        ----------
        latest : str
            Up to which time, ISO 8601, UTC.
        page : int
            Entries of a page at most.
        """
        arguments: dict[str, Any] = {
            "TableName": self._table.name,
            "IndexName": BY_DUE_INDEX,
            "KeyConditionExpression": "#key = :key AND #at <= :at",
            "ExpressionAttributeNames": {"#key": DUE_KEY, "#at": DUE_AT},
            "ExpressionAttributeValues": to_item({":key": partition, ":at": latest}),
            "Limit": page,
        }
        while True:
            answer = self._table.dynamodb.query(**arguments)
            if answer["Items"]:
                yield [_entry(from_item(item)) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def look_later(self, entries: Sequence[tuple[DueEntry, str]]) -> None:
        """Move entries in the index, each to a time, unless they have been moved by now."""
        self._table.change_each([(_LATER, (at, *entry.key, entry.due_at)) for entry, at in entries])

    # --- holds --------------------------------------------------------------------------------------------------------

    def read_hold(self, tenant_id: str, endpoint_id: str) -> Hold | None:
        """Return an endpoint's hold; None when it has none."""
        found = self._table.get(hold_key(tenant_id, endpoint_id))
        return None if found is None else hold_from_item(found)

    def hold(self, tenant_id: str, endpoint_id: str, until_ms: int, now_ms: int, *, unsignable: bool = False) -> None:
        """See to it that an endpoint has a hold, which is looked at by a time; call it before a delivery is held up.

        It stays for `FORGET_SECONDS` after the latest such call, so that it is there when the delivery is.
        """
        key, at = hold_key(tenant_id, endpoint_id), times.iso(until_ms / 1_000)
        for _ in range(_MAX_ROUNDS):
            seen = self.read_hold(tenant_id, endpoint_id)
            fresh = seen is not None and now_ms - seen.touched_ms < TOUCH_SECONDS * 1_000
            if seen is not None and fresh and seen.due_at <= at and (seen.unsignable or not unsignable):
                return
            written = self._table.update(
                key,
                "SET #tenantId = :tenant, #endpointId = :endpoint, #dueKey = :key, #dueAt = :at, #touchedMs = :now"
                + (", #unsignable = :true" if unsignable else ""),
                {
                    ":tenant": tenant_id,
                    ":endpoint": endpoint_id,
                    ":key": due_shard(tenant_id, endpoint_id),
                    ":at": at if seen is None else min(at, seen.due_at),
                    ":now": now_ms,
                    **({":true": True} if unsignable else {}),
                    **({} if seen is None else {":seen": seen.due_at}),
                },
                f"attribute_not_exists(#{EVENT_KEY})" if seen is None else "#dueAt = :seen",
            )
            if written is not None:
                return
        # Others were faster each time, and each of them left it there for long enough.

    def release_soon(self, tenant_id: str, endpoint_id: str, now_ms: int) -> bool:
        """Have an endpoint's hold looked at now; tell whether it has one that was to be looked at later.

        One that has just released a page keeps its pace, however often this is called.
        """
        moved = self._table.update(
            hold_key(tenant_id, endpoint_id),
            "SET #dueAt = :now",
            {":now": times.iso(now_ms / 1_000), ":nowMs": now_ms},
            f"attribute_exists(#{EVENT_KEY}) AND #dueAt > :now AND "
            "(attribute_not_exists(#pacedMs) OR #pacedMs <= :nowMs)",
        )
        return moved is not None

    def held(self, hold: Hold, latest: str, most: int) -> list[DueEntry]:
        """Return up to a number of the deliveries that are held up, those first that have waited for the longest."""
        if most <= 0:
            return []
        return next(self.until(held_key(hold.tenant_id, hold.endpoint_id), latest, most), [])

    def take_hold(self, hold: Hold, next_ms: int, *, paced: bool) -> bool:
        """Put a hold off to its next page; of several who try, one is told that it did.

        Parameters
        ----------
        paced : bool
            Whether a page is released now, so that the next one must not come earlier.
        """
        taken = self._table.update(
            hold_key(hold.tenant_id, hold.endpoint_id),
            "SET #dueAt = :next, #pacedMs = :paced REMOVE #unsignable",
            {":next": times.iso(next_ms / 1_000), ":paced": next_ms if paced else 0, ":seen": hold.due_at},
            "#dueAt = :seen",
        )
        return taken is not None

    def forget_hold(self, hold: Hold) -> None:
        """Delete a hold, unless it was touched since it was read."""
        self._table.delete(
            hold_key(hold.tenant_id, hold.endpoint_id),
            {":seen": hold.due_at, ":touched": hold.touched_ms},
            "#dueAt = :seen AND #touchedMs = :touched",
        )

    def release(self, entries: Sequence[tuple[DueEntry, str, str]]) -> None:
        """Let deliveries go on that are still held up.

        Parameters
        ----------
        entries : Sequence[tuple[DueEntry, str, str]]
            Delivery; when its next attempt is due; and when the index looks at it again. ISO 8601, UTC.
        """
        statements = [
            (
                _MOVE,
                (
                    look,
                    due_shard(entry.tenant_id, entry.event_id),
                    due,
                    *entry.key,
                    entry.version,
                    held_key(entry.tenant_id, entry.endpoint_id),
                ),
            )
            for entry, due, look in entries
        ]
        self._table.change_each(statements)


def _entry(values: dict[str, Any]) -> DueEntry:
    return DueEntry(
        key=(values[EVENT_KEY], values[ITEM_KEY]),
        due_at=values[DUE_AT],
        version=int(values.get(VERSION, 0)),
        next_attempt_at=values.get(NEXT_ATTEMPT_AT),
    )
