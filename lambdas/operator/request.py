"""What a list is asked for. It is read strictly, and each error names the parameter and the value.

The parameters are declared here once: for the checks, and for the OpenAPI document.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambdas.inbound.providers.fields import LIVE, MAX_IDENTIFIER_CHARS, TEST, is_identifier
from lambdas.inbound.record_items import BY_CONFLICT_INDEX, BY_DEAD_LETTER_INDEX, INDEXES, State, received_minute
from lambdas.inbound.requests import DEFAULT_LIMIT, MAX_LIMIT, BadRequestError, read_cursor, read_limit, write_cursor
from lambdas.shared import times

DEFAULT_HOURS = 24
MAX_COUNTED_HOURS = 24 * 7
# Lists that have an index of their own.
INDEX_OF = {"dead-letters": BY_DEAD_LETTER_INDEX, "conflicts": BY_CONFLICT_INDEX}
_BEGINNING = times.iso(0)
# Behind every key: no key has a character as high as this.
LAST = "\x7f"
# Where the audit log goes on: behind an entry.
_AUDITED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[A-Za-z0-9-]{1,64}", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


@dataclass(frozen=True)
class Position:
    """A place in a list: what follows it is older.

    Attributes
    ----------
    at, partition, sort : str
        An entry of an index: its time, and its key.
    taken : int
        How many of its records are before the place, if it is within the entry; 0 if it is behind the entry.
    """

    at: str
    partition: str = ""
    sort: str = ""
    taken: int = 0

    @property
    def entry(self) -> tuple[str, str, str]:
        """The entry, in the order of the list."""
        return (self.at, self.partition, self.sort)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is listed, the newest first.

    Attributes
    ----------
    start, end : str
        The range of time, ISO 8601, UTC; `end` is not part of it.
    event_id, transaction_id : str | None
        What is looked up instead of going through all events of the range.
    index : str | None
        Index of the list, if it has one of its own.
    attributes : Mapping[str, str]
        Attributes that a record must have, with their values.
    limit : int
        Events on a page.
    position : Position
        Where the page begins.
    """

    start: str
    end: str
    event_id: str | None = None
    transaction_id: str | None = None
    index: str | None = None
    attributes: Mapping[str, str]
    limit: int
    position: Position

    @property
    def provider(self) -> str | None:
        """The provider that is asked for."""
        return self.attributes.get("provider")

    @property
    def time(self) -> str:
        """The attribute by which the list is ordered, and which the range is about."""
        return "receivedAt" if self.index is None else INDEXES[self.index][1]

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record is asked for."""
        # An index may be behind its table, and name a record that has left it.
        in_range = self.start <= record.get(self.time, "") < self.end
        return in_range and all(record.get(name) == value for name, value in self.attributes.items())


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a query string.

    Attributes
    ----------
    name : str
        Its name.
    description : str
        What it is, for the document.
    schema : Mapping[str, Any]
        What it may be, as JSON Schema.
    read : Callable[[str, str], str]
        Reads a value, given the parameter's name and the text.
    attribute : str | None
        The attribute of a record that it must be equal to.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[str, str], str]
    attribute: str | None = None


def _one_of(name: str, text: str, *, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise BadRequestError(f"{name}: {text[:60]!r} is not one of {', '.join(allowed)}")
    return text


def _identifier(name: str, text: str) -> str:
    if not is_identifier(text):
        raise BadRequestError(
            f"{name}: {text[:60]!r} is not 1 to {MAX_IDENTIFIER_CHARS} printable ASCII characters without blanks"
        )
    return text


def _time(name: str, text: str) -> str:
    seconds = times.parse_rfc3339(text)
    if seconds is None:
        raise BadRequestError(f"{name}: {text[:60]!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return times.iso(seconds)


def _is_time(text: str) -> bool:
    return _ISO.fullmatch(text) is not None and times.parse(text) is not None


def _type(name: str, text: str) -> str:
    if "*" in text:
        raise BadRequestError(f"{name}: {text[:60]!r} has a *, which stands for nothing here: give one whole type")
    return _identifier(name, text)


def _text(name: str, text: str) -> str:
    del name
    return text


_IDENTIFIER = {"type": "string", "minLength": 1, "maxLength": MAX_IDENTIFIER_CHARS}


def _identifying(name: str, description: str, attribute: str | None = None) -> Parameter:
    return Parameter(name=name, description=description, schema=_IDENTIFIER, read=_identifier, attribute=attribute)


def _choosing(name: str, description: str, allowed: Sequence[str], attribute: str | None = None) -> Parameter:
    schema = {"type": "string", "enum": [*map(str, allowed)]}
    return Parameter(
        name=name, description=description, schema=schema, read=partial(_one_of, allowed=allowed), attribute=attribute
    )


def _of_time(name: str, description: str) -> Parameter:
    return Parameter(name=name, description=description, schema={"type": "string", "format": "date-time"}, read=_time)


def _saying(name: str, description: str) -> Parameter:
    return Parameter(name=name, description=description, schema={"type": "string"}, read=_text)


def _limit(what: str) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return Parameter(name="limit", description=f"{what} on a page.", schema=schema, read=_text)


_RANGE = (
    _of_time("from", f"Received at this time or later. {DEFAULT_HOURS} hours before `to` if it is left out."),
    _of_time("to", "Received before this time. Now if it is left out."),
)
_NEXT = _saying("next", "`next` of the page before.")
_PROVIDER = _identifying("provider", "Deployed name. All deployed providers if it is left out.", "provider")
EVENTS = (
    _PROVIDER,
    Parameter(
        name="type",
        description="Event type, as the provider names it, without a `*`.",
        schema=_IDENTIFIER,
        read=_type,
        attribute="eventType",
    ),
    _choosing("state", "State of the event.", list(State), "state"),
    _choosing(
        "list",
        "Only what is a dead letter now, or what was ever noted as a conflict, at any time. Order, `from` and `to` are "
        "by when that happened.",
        list(INDEX_OF),
    ),
    _choosing("mode", "Real money, or play money.", (LIVE, TEST), "mode"),
    _identifying("account", "The provider's account that the event is about.", "account"),
    _identifying("eventId", "The provider's id of the event. It is looked up, at any time."),
    _identifying("transactionId", "Id of a transaction. Its events are looked up, at any time."),
    _identifying("correlationId", "Correlation id. The range of time is gone through.", "correlationId"),
    *_RANGE,
    _limit("Events"),
    _NEXT,
)
COUNTS = (_PROVIDER, *_RANGE)
AUDIT = (
    _saying("who", "ARN of the IAM principal."),
    _saying("action", "Method and path, as the list has it."),
    _of_time("from", "At this time or later."),
    _of_time("to", "Before this time."),
    _limit("Entries"),
    _NEXT,
)
PAYLOAD = (_saying("record", "`record` of the event's answer; the first one with a payload if it is left out."),)


def read_list(query: Mapping[str, Sequence[str]], known: Sequence[Parameter], now: float) -> Wanted:
    """Read the query string of a list, which may have the known parameters.

    Parameters
    ----------
    query : Mapping[str, Sequence[str]]
        All values of each parameter.
    now : float
        Seconds since the epoch.

    Raises
    ------
    BadRequestError
        With the wrong parameter and its value.
    """
    values = read_parameters(query, known)
    looked_up = [name for name in ("eventId", "transactionId", "list") if name in values]
    if len(looked_up) > 1:
        raise BadRequestError(f"{looked_up[1]}: not together with {looked_up[0]}")
    end = values.get("to", times.iso(now))
    default = _BEGINNING if looked_up else times.iso(max(0.0, (times.parse(end) or 0.0) - DEFAULT_HOURS * 3600))
    start = values.get("from", default)
    if not start < end:
        raise BadRequestError(f"to: {end} is not after from, {start}")
    if known is COUNTS and (times.parse(end) or 0.0) - (times.parse(start) or 0.0) > MAX_COUNTED_HOURS * 3600:
        raise BadRequestError(f"from: {start} is more than {MAX_COUNTED_HOURS} hours before to, {end}")
    position = Position(at=end)
    if "next" in values:
        start, position = _read_position(values["next"], values.get("from"), end)
    attributes = {each.attribute: values[each.name] for each in known if each.attribute and each.name in values}
    index = INDEX_OF.get(values.get("list", ""))
    if index == BY_DEAD_LETTER_INDEX:
        # One that is replayed leaves the list when it is routed.
        attributes.setdefault("state", State.DEAD_LETTERED)
    return Wanted(
        start=start,
        end=end,
        event_id=values.get("eventId"),
        transaction_id=values.get("transactionId"),
        index=index,
        attributes=attributes,
        limit=read_limit(values.get("limit")),
        position=position,
    )


def read_parameters(query: Mapping[str, Sequence[str]], known: Sequence[Parameter]) -> dict[str, str]:
    """Read a query string that may have the known parameters, each once.

    Raises
    ------
    BadRequestError
        With the wrong parameter and its value.
    """
    readers = {each.name: each for each in known}
    for name, given in query.items():
        if name not in readers:
            raise BadRequestError(f"{name[:40]}: unknown parameter; known are {', '.join(readers) or 'none'}")
        if len(given) != 1:
            raise BadRequestError(f"{name}: given {len(given)} times")
    return {name: readers[name].read(name, given[0]) for name, given in query.items()}


@dataclass(frozen=True, kw_only=True)
class WantedEntries:
    """Entries of the audit log, the newest first.

    Attributes
    ----------
    who : str | None
        ARN of the IAM principal.
    action : str | None
        Method and path of the route.
    start, before : str | None
        Where the list ends and begins, see `lambdas.shared.audit.AuditLog.newest`.
    limit : int
        Entries on a page.
    """

    who: str | None
    action: str | None
    start: str | None
    before: str | None
    limit: int


def read_audit(query: Mapping[str, Sequence[str]]) -> WantedEntries:
    """Read the query string of the audit log.

    Raises
    ------
    BadRequestError
        With the wrong parameter and its value.
    """
    values = read_parameters(query, AUDIT)
    start, end = values.get("from"), values.get("to")
    if start and end and not start < end:
        raise BadRequestError(f"to: {end} is not after from, {start}")
    if "next" in values and not _AUDITED.fullmatch(values["next"]):
        raise BadRequestError("next: not a cursor that this API returned")
    return WantedEntries(
        who=values.get("who"),
        action=values.get("action"),
        start=start,
        before=values.get("next", end),
        limit=read_limit(values.get("limit")),
    )


def write_position(start: str, position: Position) -> str:
    """Return the cursor of a list that goes on at a place, back to a time."""
    return write_cursor([start, position.at, position.partition, position.sort, position.taken])


def _read_position(cursor: str, start: str | None, end: str) -> tuple[str, Position]:
    """Read what `write_position` wrote: the range without a beginning began where its first page did."""
    began, at, partition, sort, taken = read_cursor("next", cursor, str, str, str, str, int)
    if not (_is_time(began) and _is_time(at) and received_minute(began) <= at <= end and taken >= 0):
        raise BadRequestError("next: not a cursor that this API returned for this range")
    if start is not None and start != began:
        raise BadRequestError("next: not a cursor that this API returned for this range")
    return began, Position(at, partition, sort, taken)
