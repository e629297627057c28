"""The status of a transaction, from its records."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from lambdas.inbound import requests
from lambdas.inbound.record_items import SORT_KEY, State, Step, shown

# Events on a page: at 3 KB each, a tenth of the 6 MB that a function may return.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_EVENTS = 200

# The position of an event among those of its transaction: when it occurred, and its record.
EventPosition = tuple[str, str]
# Provider, when an event occurred, when it was routed, and its record.
_Routed = tuple[str, str, str, str]
_PROCESSING = "PROCESSING"


@dataclass(frozen=True, order=True)
class Position:
    """A position in the timeline: time, record, and number of the step in it."""

    at: str
    record: str
    number: int


def overall_state(states: Set[str]) -> str:
    """Return the state of a transaction: DEAD_LETTERED if any event is, PROCESSING if any is not done, HELD if any is.

    A dead letter in conflict with an event counts only where there is nothing else.
    """
    states = states - {State.CONFLICTING}
    if not states:
        return State.CONFLICTING
    if State.DEAD_LETTERED in states:
        return State.DEAD_LETTERED
    if states - {State.ROUTED, State.HELD}:
        return _PROCESSING
    return State.HELD if State.HELD in states else State.ROUTED


def describe_transaction(
    transaction_id: str,
    records: Iterable[dict[str, Any]],
    limit: int,
    after: Position | None,
    *,
    events_after: EventPosition | None = None,
) -> dict[str, Any] | None:
    """Return the state of a transaction, one page of its events, and one page of its timeline, the newest first.

    The timeline covers all events of the transaction. A payment has a few dozen events of about 1 KB, which take one
    query. Of thousands, only what is on the pages is kept.

    Parameters
    ----------
    records : Iterable[dict]
        In any order.
    limit : int
        Entries on a page of the timeline.
    after : Position | None
        The last entry of the previous page.
    events_after : str | None
        The last event of the previous page of events.

    Returns
    -------
    dict | None
        None if the transaction has no event.
    """
    states: set[str] = set()
    # A heap, whose smallest event goes first.
    events: list[tuple[EventPosition, int, dict[str, Any]]] = []
    routed: list[_Routed] = []

    def entries() -> Iterator[tuple[Position, dict[str, Any]]]:
        for count, record in enumerate(records):
            states.add(record.get("state", _PROCESSING))
            name = _name_of(record)
            routed.extend(_routed(record, name))
            place = (record.get("occurredAt", "-"), name)
            if events_after is None or place < events_after:
                heapq.heappush(events, (place, count, shown(record)))
                if len(events) > MAX_EVENTS + 1:
                    heapq.heappop(events)
            whose = {field: record[field] for field in ("provider", "eventId")}
            for number, step in enumerate(record.get("timeline", ())):
                position = Position(step["at"], name, number)
                if after is None or position < after:
                    yield position, {**step, **whose}

    page = heapq.nlargest(limit + 1, entries(), key=itemgetter(0))
    if not states:
        return None
    events.sort(reverse=True)
    passed = _passed(routed)
    for (_, name), _, event in events:
        if name in passed:
            event["outOfOrder"] = True
    return {
        "transactionId": transaction_id,
        "state": overall_state(states),
        "events": [event for _, _, event in events[:MAX_EVENTS]],
        "nextEvents": requests.write_cursor(events[MAX_EVENTS - 1][0]) if len(events) > MAX_EVENTS else None,
        "timeline": [step for _, step in page[:limit]],
        "next": write_cursor(page[limit - 1][0]) if len(page) > limit else None,
    }


def _routed(record: Mapping[str, Any], name: str) -> Iterator[_Routed]:
    """Yield when an event occurred and when it was routed for the first time, if both are known."""
    first = next((step["at"] for step in record.get("timeline", ()) if step["step"] == Step.ROUTED), None)
    if first is not None and "occurredAt" in record:
        yield record["provider"], record["occurredAt"], first, name


def _passed(routed: Iterable[_Routed]) -> set[str]:
    """Return the events before which a later one of their provider was routed."""
    found: set[str] = set()
    # By provider, the first time at which anything was routed that occurred later.
    first: dict[str, str] = {}
    for (provider, _), same_time in groupby(sorted(routed, reverse=True), key=itemgetter(0, 1)):
        together = list(same_time)
        found.update(name for _, _, at, name in together if provider in first and first[provider] < at)
        first[provider] = min([first.get(provider, "~"), *(at for _, _, at, _ in together)])
    return found


def _name_of(record: Mapping[str, Any]) -> str:
    return f"{record['provider']}:{record['eventId']} {record[SORT_KEY]}"


def write_cursor(position: Position) -> str:
    """Return a position as an opaque text."""
    return requests.write_cursor([position.at, position.record, position.number])


def read_cursor(text: str) -> Position:
    """Read what `write_cursor` wrote.

    Raises
    ------
    BadRequestError
        When `write_cursor` did not write it.
    """
    return Position(*requests.read_cursor("next", text, str, str, int))


def read_events_cursor(text: str) -> EventPosition:
    """Read the cursor of a page of events.

    Raises
    ------
    BadRequestError
        When it is not a text that `describe_transaction` encoded.
    """
    occurred_at, name = requests.read_cursor("nextEvents", text, str, str)
    return occurred_at, name
