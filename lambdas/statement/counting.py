"""Counting the records of a day, all of them: the shards of an hour side by side, from where a run before ended."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from lambdas.inbound.record_items import BY_RECEIVED_INDEX, LISTING, PARTITION_KEY, SORT_KEY, State
from lambdas.inbound.record_queries import RecordQueries, buckets_of_hour

HOURS = 24
# Of a shard at a time. Each may be a listing of 25 records, so that these are read in about a second.
ENTRIES = 100
# Named in a statement; what is beyond is counted.
MAX_OPEN = 100
# What a statement counts of each account and mode.
NUMBERS = ("received", "routed", "held", "deadLettered", "conflicting", "waiting", "recovered")
HAS = "providerHas"
"""What its provider's list has of the day, by the provider's time."""
_NUMBER_OF = {
    State.ROUTED: "routed",
    State.HELD: "held",
    State.DEAD_LETTERED: "deadLettered",
    State.CONFLICTING: "conflicting",
}
WAITING = "waiting"
"""What is neither routed, nor held, nor given up: it is in a queue still, or lost."""
ATTRIBUTES = (
    PARTITION_KEY,
    SORT_KEY,
    LISTING,
    "provider",
    "eventId",
    "receivedAt",
    "state",
    "account",
    "mode",
    "recovered",
    "erasedAt",
)


@dataclass(kw_only=True)
class Tally:
    """What was counted of a provider's day so far; its fields can be written as JSON.

    Attributes
    ----------
    hour : int
        The hour that is being counted; 24 when all are.
    after : dict[str, Any] | None
        Where the shards of the hour go on that have not come to their end; None at its beginning.
    entries : int
        Entries of the index, of which a listing is one for several records.
    accounts : dict[str, dict[str, int]]
        `NUMBERS` by account and mode, see `account_key`.
    open : list[dict[str, Any]]
        Events that are not at an end, up to `MAX_OPEN` of them.
    opened : int
        How many there are.
    """

    attributes: ClassVar[tuple[str, ...]] = ATTRIBUTES
    """What is read of a record."""

    hour: int = 0
    after: dict[str, Any] | None = None
    entries: int = 0
    accounts: dict[str, dict[str, int]] = field(default_factory=dict)
    open: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0

    @property
    def complete(self) -> bool:
        """Whether the whole day is counted."""
        return self.hour == HOURS

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a record."""
        key = account_key(record.get("account"), record.get("mode"))
        numbers = self.accounts.setdefault(key, dict.fromkeys(NUMBERS, 0))
        numbers["received"] += 1
        numbers[number_of(record)] += 1
        numbers["recovered"] += bool(record.get("recovered"))
        if is_open(record):
            self.opened += 1
            self.open.append(named(record))


def account_key(account: str | None, mode: str | None) -> str:
    """Return an account and a mode as one text, of which `json.loads` makes two again."""
    return json.dumps([account, mode])


def number_of(record: Mapping[str, Any]) -> str:
    """Return as which of `NUMBERS` a record's state counts."""
    return _NUMBER_OF.get(record.get("state", ""), WAITING)


def is_open(record: Mapping[str, Any]) -> bool:
    """Return whether something must still happen to an event: it waits, or can be replayed."""
    number = number_of(record)
    return number == WAITING or (number == "deadLettered" and "erasedAt" not in record)


def named(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a statement says of an event that is open, with the key of its record."""
    return {
        "event": f"{record['provider']}:{record['eventId']}",
        "record": [record[PARTITION_KEY], record[SORT_KEY]],
        "state": number_of(record),
        "day": record["receivedAt"][:10],
    }


def count_on(tally: Tally, queries: RecordQueries, executor: Executor, provider: str, day: str) -> None:
    """Count the next records of a provider's day, some thousands at most."""
    if tally.after is None:
        tally.after = dict.fromkeys(buckets_of_hour(provider, f"{day}T{tally.hour:02}"))
    pages = list(executor.map(partial(_page, queries, tally.attributes), tally.after, tally.after.values()))
    going_on = {}
    for bucket, (entries, records, after) in zip(tally.after, pages, strict=True):
        tally.entries += entries
        for record in records:
            tally.add(record)
        if after is not None:
            going_on[bucket] = after
    # Whatever the order of the pages was.
    tally.open = sorted(tally.open, key=lambda one: one["record"])[:MAX_OPEN]
    tally.hour, tally.after = (tally.hour, going_on) if going_on else (tally.hour + 1, None)


def count_entries(queries: RecordQueries, executor: Executor, provider: str, day: str) -> int:
    """Return how many entries of the index there are of a provider's day, which costs a hundredth of the records."""
    buckets = [bucket for hour in range(HOURS) for bucket in buckets_of_hour(provider, f"{day}T{hour:02}")]
    return sum(executor.map(queries.count_received, buckets))


def _page(
    queries: RecordQueries, attributes: Sequence[str], bucket: str, after: dict[str, Any] | None
) -> tuple[int, list[dict[str, Any]], dict[str, Any] | None]:
    # A bucket is of an hour, and so its entries are.
    hour = bucket.split("#")[1]
    entries, after = queries.newest(BY_RECEIVED_INDEX, bucket, start=hour, end=f"{hour}~", limit=ENTRIES, after=after)
    found = queries.records_of(entries, attributes)
    return len(entries), [record for records in found for record in records if record], after
