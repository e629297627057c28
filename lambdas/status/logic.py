"""The status of a transaction, from its records."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.record_items import SORT_KEY, State

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

_EVENT_FIELDS = (
    "provider",
    "eventId",
    "eventType",
    "state",
    "occurredAt",
    "amount",
    "currency",
    "amountUnit",
    "receivedAt",
    "correlationId",
    "scheme",
    "sameBytesAs",
    "archive",
    "deadLetter",
    "lastFailure",
)
_PROCESSING = "PROCESSING"
_ENCODED = "~"


class BadRequestError(ValueError):
    """A parameter of the request is wrong."""


@dataclass(frozen=True, order=True)
class Position:
    """A position in the timeline: time, record, and number of the step in it."""

    at: str
    record: str
    number: int


def overall_state(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the state of a transaction: DEAD_LETTERED if any event is, PROCESSING if any is not yet routed.

    A dead letter in conflict with an event does not count.
    """
    states = {record.get("state", _PROCESSING) for record in records} - {State.CONFLICTING}
    if State.DEAD_LETTERED in states:
        return State.DEAD_LETTERED
    return State.ROUTED if states == {State.ROUTED} else _PROCESSING


def describe_transaction(
    transaction_id: str, records: Iterable[dict[str, Any]], limit: int, after: Position | None
) -> dict[str, Any] | None:
    """Return the state of a transaction, its events, and one page of its timeline, the newest first.

    The timeline covers all events of the transaction. A payment has a few dozen events of about 1 KB, so that reading
    and sorting all of them takes one query in practice.

    Parameters
    ----------
    limit : int
        Entries on a page of the timeline.
    after : Position | None
        The last entry of the previous page.

    Returns
    -------
    dict | None
        None if the transaction has no event.
    """
    found = sorted(records, key=lambda record: (record.get("occurredAt", "-"), _name_of(record)), reverse=True)
    if not found:
        return None
    entries = [
        (Position(step["at"], _name_of(record), number), record, step)
        for record in found
        for number, step in enumerate(record.get("timeline", ()))
    ]
    entries.sort(key=lambda item: item[0], reverse=True)
    rest = [item for item in entries if after is None or item[0] < after]
    page = rest[:limit]
    return {
        "transactionId": transaction_id,
        "state": overall_state(found),
        "events": [{name: record[name] for name in _EVENT_FIELDS if name in record} for record in found],
        "timeline": [
            {**step, "provider": record["provider"], "eventId": record["eventId"]} for _, record, step in page
        ],
        "next": write_cursor(page[-1][0]) if len(rest) > limit else None,
    }


def _name_of(record: Mapping[str, Any]) -> str:
    return f"{record['provider']}:{record['eventId']} {record[SORT_KEY]}"


def write_cursor(position: Position) -> str:
    """Return a position as an opaque text."""
    text = json.dumps([position.at, position.record, position.number])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def read_transaction_id(part: str) -> str:
    """Return the transaction id from the last part of the path.

    A path cannot contain every id: a slash splits it, ``..`` is removed. Percent-encoding does not help: API Gateway
    decodes parameters, AWS does not document whether before or after it finds the route, and clients sign ``%2F`` in
    different ways. So an id can also be written as ``~`` and its base64url without padding, characters that no URL
    encodes. An id that begins with ``~`` must be written so.
    Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html and
    https://www.rfc-editor.org/rfc/rfc3986#section-2.3

    Raises
    ------
    BadRequestError
        When it cannot be the id of a transaction.
    """
    if part.startswith(_ENCODED):
        encoded = part.removeprefix(_ENCODED)
        try:
            raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            part = raw.decode("ascii")
        except ValueError as error:
            raise BadRequestError("transactionId: base64url of an id expected after ~") from error
    if not is_identifier(part):
        raise BadRequestError("transactionId: 1 to 256 printable ASCII characters without blanks expected")
    return part


def read_cursor(text: str) -> Position:
    """Read what `write_cursor` wrote.

    Raises
    ------
    BadRequestError
        When `write_cursor` did not write it.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        at, record, number = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadRequestError("next: not a cursor that this API returned") from error
    if not (isinstance(at, str) and isinstance(record, str) and type(number) is int):
        raise BadRequestError("next: not a cursor that this API returned")
    return Position(at, record, number)


def read_limit(text: str | None) -> int:
    """Read the page size.

    Raises
    ------
    BadRequestError
        When it is not a whole number from 1 to 200.
    """
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise BadRequestError(f"limit: {text[:20]!r} is not a whole number from 1 to {MAX_LIMIT}")
    return int(text)
