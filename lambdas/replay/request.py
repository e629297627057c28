"""The replay request. It is read strictly, and each error names the field and the value."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.record_items import State
from lambdas.inbound.requests import is_event_key
from lambdas.shared import times
from lambdas.shared.audit import MAX_REASON_CHARS
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object

MAX_EVENTS = 100
MAX_RANGE_HOURS = 24 * 7


class BadReplayError(ValueError):
    """The request is wrong."""


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """All events of a provider from a range of time, in one state or in any.

    Attributes
    ----------
    provider : str
        Deployed name.
    start, end : str
        ISO 8601, UTC; `end` is not part of the range.
    status : State | None
        Only events in this state; None for any.
    """

    provider: str
    start: str
    end: str
    status: State | None


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """The events to replay: named ones, or a range.

    Attributes
    ----------
    event_keys : Sequence[str]
        ``<provider>:<event id>`` each.
    time_range : TimeRange | None
        Set if no events are named.
    dry_run : bool
        Whether to count only.
    cursor : str | None
        Where a range continues.
    any_mode : bool
        Whether to route events that `routing.modes` holds back.
    reason : str | None
        Why, for the audit log.
    asked : Mapping[str, Any]
        The request as it came, but for the reason.
    """

    event_keys: Sequence[str] = ()
    time_range: TimeRange | None = None
    dry_run: bool = False
    cursor: str | None = None
    any_mode: bool = False
    reason: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict, compare=False)


def read_request(body: bytes) -> ReplayRequest:
    """Read the body of ``POST /internal/replay``.

    Raises
    ------
    BadReplayError
        With the wrong field and its value.
    """
    fields = _fields(body)
    reason = _reason(fields)
    return replace(_read(fields), reason=reason, asked=fields)


def read_redrive(body: bytes) -> tuple[bool, str | None]:
    """Read the body of ``POST /internal/redrive``, which may be empty: whether it is a dry run, and the reason.

    Raises
    ------
    BadReplayError
        With the wrong field and its value.
    """
    fields = _fields(body or b"{}")
    reason = _reason(fields)
    _check_known(fields, {"dryRun"})
    return _switch(fields, "dryRun"), reason


@dataclass(frozen=True, kw_only=True)
class EraseRequest:
    """An erasure, as it was asked for.

    Attributes
    ----------
    event_key : str
        ``<provider>:<event id>``.
    record : str | None
        Which of its records; None for all.
    dry_run : bool
        Look only.
    reason : str | None
        Why, for the audit log.
    asked : Mapping[str, Any]
        The request as it came, but for the reason.
    """

    event_key: str
    record: str | None
    dry_run: bool
    reason: str | None
    asked: Mapping[str, Any]


def read_erase(body: bytes) -> EraseRequest:
    """Read the body of ``POST /internal/erase``.

    Raises
    ------
    BadReplayError
        With the wrong field and its value.
    """
    fields = _fields(body)
    reason = _reason(fields)
    _check_known(fields, {"eventId", "record", "dryRun"})
    key, record = fields.get("eventId"), fields.get("record")
    if not (isinstance(key, str) and is_event_key(key)):
        raise BadReplayError(f'eventId: {_show(key)} is not of the form "<provider>:<event id>"')
    if record is not None and not isinstance(record, str):
        raise BadReplayError(f"record: {_show(record)} is not a text")
    return EraseRequest(event_key=key, record=record, dry_run=_switch(fields, "dryRun"), reason=reason, asked=fields)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        return parse_object(body)
    except MalformedWebhookError as error:
        raise BadReplayError("body: a JSON object expected") from error


def _reason(fields: dict[str, Any]) -> str | None:
    """Take the reason out of a request's fields.

    Raises
    ------
    BadReplayError
        When it is no text of 1 to 500 characters.
    """
    reason = fields.pop("reason", None)
    if reason is not None and not (isinstance(reason, str) and 1 <= len(reason) <= MAX_REASON_CHARS):
        raise BadReplayError(f"reason: {_show(reason)} is not a text of 1 to {MAX_REASON_CHARS} characters")
    return reason


def _check_known(fields: Mapping[str, Any], known: Set[str]) -> None:
    """Check what is left of a request's fields without the reason, which each may have."""
    if unknown := sorted(set(fields) - known):
        raise BadReplayError(f"{unknown[0][:40]}: unknown field; known are {', '.join(sorted(known | {'reason'}))}")


def _read(fields: dict[str, Any]) -> ReplayRequest:
    _check_known(fields, {"eventIds", "provider", "from", "to", "status", "dryRun", "anyMode", "next"})
    dry_run, any_mode = (_switch(fields, name) for name in ("dryRun", "anyMode"))
    if "eventIds" in fields:
        if set(fields) - {"eventIds", "dryRun", "anyMode"}:
            raise BadReplayError("eventIds: give either eventIds, or provider, from, to and status")
        return ReplayRequest(event_keys=_event_keys(fields["eventIds"]), dry_run=dry_run, any_mode=any_mode)
    cursor = fields.get("next")
    if cursor is not None and not isinstance(cursor, str):
        raise BadReplayError(f"next: {_show(cursor)} is not a cursor that this API returned")
    return ReplayRequest(time_range=_time_range(fields), dry_run=dry_run, cursor=cursor, any_mode=any_mode)


def _switch(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise BadReplayError(f"{name}: {_show(value)} is not true or false")
    return value


def _event_keys(value: Any) -> Sequence[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_EVENTS:
        given = f"{len(value)} ids" if isinstance(value, list) and value else _show(value)
        raise BadReplayError(f"eventIds: {given} given; a list of 1 to {MAX_EVENTS} ids expected")
    for item in value:
        if not (isinstance(item, str) and is_event_key(item)):
            raise BadReplayError(f'eventIds: {_show(item)} is not of the form "<provider>:<event id>"')
    return tuple(dict.fromkeys(value))


def _time_range(fields: dict[str, Any]) -> TimeRange:
    provider = fields.get("provider")
    if not is_identifier(provider):
        raise BadReplayError(f"provider: {_show(provider)} is not the name of a provider")
    start, end = (_time(name, fields.get(name)) for name in ("from", "to"))
    if not start < end:
        raise BadReplayError(f"to: {end} is not after from, {start}")
    if datetime.fromisoformat(end) - datetime.fromisoformat(start) > timedelta(hours=MAX_RANGE_HOURS):
        raise BadReplayError(f"to: from {start} to {end} is longer than {MAX_RANGE_HOURS} hours")
    status = fields.get("status")
    if status is not None and status not in list(State):
        raise BadReplayError(f"status: {_show(status)} is not one of {', '.join(State)}")
    return TimeRange(provider=str(provider), start=start, end=end, status=None if status is None else State(status))


def _time(name: str, value: Any) -> str:
    seconds = times.parse_rfc3339(value) if isinstance(value, str) else None
    if seconds is None:
        raise BadReplayError(f"{name}: {_show(value)} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return times.iso(seconds)


def _show(value: Any) -> str:
    return json.dumps(value, default=str)[:60]
