"""Reads what became of events: one event with its deliveries and attempts, and lists by time and state.

A list is spread over the shards of the index. Positions in it are the index's own sort keys, which no two entries
share, so that one position is a place in every shard. What has expired is left out, since DynamoDB deletes it days
later.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lambdas.delivery.domain.model import Attempt, Delivery, DeliveryState, Event
from lambdas.delivery.domain.retention import gone
from lambdas.delivery.store.items import (
    ALL_EVENTS,
    BY_STATE_INDEX,
    EVENT_ITEM,
    EVENT_KEY,
    EXPIRES_AT,
    ITEM_KEY,
    STATE_AT,
    STATE_KEY,
    STATE_SHARDS,
    attempt_from_item,
    attempts_of,
    delivery_from_item,
    delivery_item,
    event_from_item,
    event_key,
    state_key,
)
from lambdas.delivery.store.tables import Table
from lambdas.shared.dynamodb import from_item, to_item

Entry = TypeVar("Entry")

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
MAX_EXAMINED = 2_000
"""Entries that one page looks at. A page of a filtered list may hold fewer than asked for, and none, and go on."""
MIN_QUERIED = 25
"""Entries that one query of a filtered list asks for at least: few of them may fit."""
MAX_ATTEMPTS = 2_000
"""Attempts of one event that are shown."""
# Before any time that is written, and behind it.
EARLIEST, LATEST = "0", "~"


@dataclass(frozen=True, kw_only=True)
class Found:
    """An event and all that became of it.

    Attributes
    ----------
    complete : bool
        Whether these are all attempts.
    """

    event: Event
    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Range:
    """A part of a list.

    Attributes
    ----------
    start, end : str
        Times, ISO 8601; the end is not part of it.
    after : str | None
        The position that the page before ended at.
    limit : int
        Entries.
    ascending : bool
        Whether the oldest comes first.
    """

    start: str = EARLIEST
    end: str = LATEST
    after: str | None = None
    limit: int = DEFAULT_LIMIT
    ascending: bool = False


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a page may cost that goes over several tenants. Threads may share it.

    Attributes
    ----------
    queries, entries : int
        How many may be made and read. What is begun when they are is brought to its end.
    """

    queries: int
    entries: int
    _read: list[int] = field(default_factory=list)

    def spend(self, entries: int) -> None:
        """Note a query, and how many entries it read."""
        self._read.append(entries)

    @property
    def is_spent(self) -> bool:
        """Whether no query may be begun."""
        return len(self._read) >= self.queries or sum(self._read) >= self.entries


class _SpentError(Exception):
    """The budget allows no further query."""


@dataclass(frozen=True, kw_only=True)
class ListPage(Generic[Entry]):
    """Entries, and the position to go on from; None when there is no more."""

    entries: Sequence[Entry]
    position: str | None


class Listing:
    """Reads events, deliveries and attempts of one tenant at a time.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of events.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def find(self, tenant_id: str, event_id: str, now: float) -> Found | None:
        """Return an event, or None when the tenant has none of this id, or it has expired."""
        event: Event | None = None
        deliveries: list[Delivery] = []
        attempts: list[Attempt] = []
        complete = True
        # Sort keys of answers come before these, and the payload's behind them: they are large, and not read.
        condition = f"#{EVENT_KEY} = :event AND #{ITEM_KEY} BETWEEN :first AND :last"
        bounds = {":event": event_key(tenant_id, event_id), ":first": "attempt#", ":last": EVENT_ITEM}
        for values in self._table.query(condition, bounds):
            if _expired(values, now):
                continue
            kind = values[ITEM_KEY].split("#")[0]
            if kind == EVENT_ITEM:
                event = event_from_item(values)
            elif kind == "delivery":
                deliveries.append(delivery_from_item(values))
            elif kind == "attempt" and len(attempts) < MAX_ATTEMPTS:
                attempts.append(attempt_from_item(values))
            elif kind == "attempt":
                complete = False
        if event is None:
            return None
        return Found(event=event, deliveries=deliveries, attempts=attempts, complete=complete)

    def events(
        self,
        tenant_id: str,
        part: Range,
        now: float,
        event_type: str | None = None,
        *,
        budget: Budget | None = None,
    ) -> ListPage[Event]:
        """Return a page of a tenant's events, of one type or of all, by the time they were accepted at."""

        def fits(values: Mapping[str, Any]) -> bool:
            return not _expired(values, now) and event_type in (None, values["eventType"])

        shards = self._shards(tenant_id, [ALL_EVENTS], part, filtered=event_type is not None, budget=budget)
        return _page(shards, part, event_from_item, fits)

    def deliveries(
        self,
        tenant_id: str,
        states: Sequence[DeliveryState],
        part: Range,
        now: float,
        endpoint_id: str | None = None,
        *,
        event_type: str | None = None,
        budget: Budget | None = None,
    ) -> ListPage[Delivery]:
        """Return a page of a tenant's deliveries in some states, by the time of their latest change."""
        wanted = delivery_item(endpoint_id) if endpoint_id else None

        def fits(values: Mapping[str, Any]) -> bool:
            fitting = wanted in (None, values[ITEM_KEY]) and event_type in (None, values["eventType"])
            return fitting and not _expired(values, now)

        filtered = endpoint_id is not None or event_type is not None
        shards = self._shards(tenant_id, states, part, filtered=filtered, budget=budget)
        return _page(shards, part, delivery_from_item, fits)

    def attempts(
        self, tenant_id: str, endpoint_id: str, classes: Sequence[str], part: Range, now: float
    ) -> ListPage[Attempt]:
        """Return a page of the attempts at an endpoint with a status of some classes, by the time they began at."""
        kinds = [attempts_of(endpoint_id, one) for one in classes]
        shards = self._shards(tenant_id, kinds, part)
        return _page(shards, part, attempt_from_item, lambda values: not _expired(values, now))

    def _shards(
        self,
        tenant_id: str,
        kinds: Sequence[str],
        part: Range,
        *,
        filtered: bool = False,
        budget: Budget | None = None,
    ) -> list[Iterator[dict[str, Any]]]:
        # Of many tenants at a time, a shard's part of the page: more is rarely shown.
        size = (part.limit // (len(kinds) * STATE_SHARDS) if budget else part.limit) + 2
        size = max(size, MIN_QUERIED) if filtered else size
        return [
            self._shard(state_key(tenant_id, kind, shard), part, size, budget)
            for kind in kinds
            for shard in range(STATE_SHARDS)
        ]

    def _shard(self, partition: str, part: Range, size: int, budget: Budget | None) -> Iterator[dict[str, Any]]:
        """Yield the entries of one shard in order, as they are asked for.

        Raises
        ------
        _SpentError
            When the budget allows no query besides the first.
        """
        low, high = part.start, part.end
        if part.after is not None:
            low, high = (part.after, high) if part.ascending else (low, part.after)
        if low > high:
            return
        arguments: dict[str, Any] = {
            "TableName": self._table.name,
            "IndexName": BY_STATE_INDEX,
            "KeyConditionExpression": "#key = :key AND #at BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#key": STATE_KEY, "#at": STATE_AT},
            "ExpressionAttributeValues": to_item({":key": partition, ":low": low, ":high": high}),
            "ScanIndexForward": part.ascending,
            "Limit": size,
        }
        while True:
            answer = self._table.dynamodb.query(**arguments)
            if budget:
                budget.spend(len(answer["Items"]))
            for item in answer["Items"]:
                values = from_item(item)
                # A time that ends the range sorts before every position of that time, so that only the page before's
                # last entry can be one of the bounds.
                if values[STATE_AT] != part.after:
                    yield values
            if "LastEvaluatedKey" not in answer:
                return
            if budget and budget.is_spent:
                raise _SpentError
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _page(
    shards: Sequence[Iterator[dict[str, Any]]],
    part: Range,
    read: Callable[[Mapping[str, Any]], Entry],
    fits: Callable[[Mapping[str, Any]], bool],
) -> ListPage[Entry]:
    merged = heapq.merge(*shards, key=lambda values: values[STATE_AT], reverse=not part.ascending)
    entries: list[Entry] = []
    position = part.after
    try:
        for examined, values in enumerate(merged):
            if len(entries) == part.limit or examined == MAX_EXAMINED:
                return ListPage(entries=entries, position=position)
            position = values[STATE_AT]
            if fits(values):
                entries.append(read(values))
    except _SpentError:
        return ListPage(entries=entries, position=position)
    return ListPage(entries=entries, position=None)


def _expired(values: Mapping[str, Any], now: float) -> bool:
    return gone(now, values[EXPIRES_AT])
