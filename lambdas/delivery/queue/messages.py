"""The messages on the delivery queue: events to fan out, deliveries that are due, endpoints to resume.

A message names what it is about and carries no payload; only an event from the inbound bus comes whole, since nothing
else holds it. The message group is the tenant, so that SQS gives no tenant's backlog precedence over another's.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.model import Delivery

VERSION = 1


class NotAMessageError(ValueError):
    """The message was not written by this system, or by a version that this one cannot read."""


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """An accepted event, to become one delivery for each endpoint that subscribes to it."""

    tenant_id: str
    event_id: str


@dataclass(frozen=True, kw_only=True)
class Deliver:
    """A delivery that is due.

    Attributes
    ----------
    version : int
        The delivery's version that the message is for; it does nothing for any other.
    """

    tenant_id: str
    event_id: str
    endpoint_id: str
    version: int

    @classmethod
    def of(cls, delivery: Delivery) -> "Deliver":
        """Return the message for a delivery as it is now."""
        return cls(
            tenant_id=delivery.tenant_id,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            version=delivery.version,
        )


@dataclass(frozen=True, kw_only=True)
class Due:
    """A delivery that is due after a long wait, as EventBridge Scheduler puts it into the queue.

    Scheduler gives messages on a standard queue no group, and SQS takes each message without one for a tenant of its
    own. The worker does nothing for it but send the `Deliver`, with the tenant's group.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
    """

    deliver: Deliver


@dataclass(frozen=True, kw_only=True)
class ResumeEndpoint:
    """Deliveries that wait for an endpoint become due at once, because somebody activated it.

    Attributes
    ----------
    after : str | None
        Where to go on: the place that the message before this one came to. None for the beginning.
    """

    tenant_id: str
    endpoint_id: str
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class BusEvent:
    """An event of the inbound bus, which a rule put into the queue for a tenant.

    Attributes
    ----------
    event : Mapping[str, Any]
        The whole EventBridge event.
    detail : str
        Its ``detail`` as the text that stands in the message, in which no number has been rewritten.
    """

    tenant_id: str
    event: Mapping[str, Any]
    detail: str


Message = FanOut | Deliver | Due | ResumeEndpoint | BusEvent


def write(message: FanOut | Deliver | Due | ResumeEndpoint) -> str:
    """Return a message's body."""
    if isinstance(message, ResumeEndpoint):
        fields: dict[str, Any] = {"kind": "waken", "tenant": message.tenant_id, "endpoint": message.endpoint_id}
        if message.after is not None:
            fields["after"] = message.after
    elif isinstance(message, FanOut):
        fields = {"kind": "fanout", "tenant": message.tenant_id, "event": message.event_id}
    else:
        deliver = message.deliver if isinstance(message, Due) else message
        fields = {
            "kind": "due" if isinstance(message, Due) else "deliver",
            "tenant": deliver.tenant_id,
            "event": deliver.event_id,
            "endpoint": deliver.endpoint_id,
            "turn": deliver.version,
        }
    return json.dumps({"v": VERSION, **fields}, separators=(",", ":"))


def read(body: str) -> Message:
    """Read a message's body.

    Raises
    ------
    NotAMessageError
        When it is anything else.
    """
    try:
        fields = json.loads(body)
        if fields["v"] != VERSION:
            raise NotAMessageError(f"message version {fields['v']!r:.20}, expected {VERSION}")
        match fields["kind"]:
            case "fanout":
                return FanOut(tenant_id=_text(fields, "tenant"), event_id=_text(fields, "event"))
            case "deliver":
                return _deliver(fields)
            case "due":
                return Due(deliver=_deliver(fields))
            case "waken":
                return ResumeEndpoint(
                    tenant_id=_text(fields, "tenant"),
                    endpoint_id=_text(fields, "endpoint"),
                    after=_text(fields, "after") if "after" in fields else None,
                )
            case "inbound":
                if not isinstance(fields["event"], dict):
                    raise NotAMessageError("event must be an object")
                detail = member(member(body, "event"), "detail")
                return BusEvent(tenant_id=_text(fields, "tenant"), event=fields["event"], detail=detail)
        raise NotAMessageError("kind must be fanout, deliver, due, waken or inbound")
    except NotAMessageError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise NotAMessageError(f"not a message: {type(error).__name__}") from error


def member(text: str, name: str) -> str:
    """Return the value of an object's member as the text that stands there; of several, the last, as `json.loads` does.

    Raises
    ------
    ValueError
        When the text is no JSON object, or has no such member.
    """
    decoder = json.JSONDecoder()
    found = None
    at = _skip_blanks(text, text.index("{") + 1)
    while text[at] == '"':
        key, at = decoder.raw_decode(text, at)
        at = _skip_blanks(text, at)
        if text[at] != ":":
            break
        at = _skip_blanks(text, at + 1)
        _, end = decoder.raw_decode(text, at)
        if key == name:
            found = text[at:end]
        at = _skip_blanks(text, end)
        if text[at] != ",":
            break
        at = _skip_blanks(text, at + 1)
    if found is None:
        raise ValueError(f"no member {name}")
    return found


def _skip_blanks(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _deliver(fields: Mapping[str, Any]) -> Deliver:
    if type(fields["turn"]) is not int:
        raise NotAMessageError("turn must be a whole number")
    return Deliver(
        tenant_id=_text(fields, "tenant"),
        event_id=_text(fields, "event"),
        endpoint_id=_text(fields, "endpoint"),
        version=fields["turn"],
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise NotAMessageError(f"{name} must be a text")
    return value
