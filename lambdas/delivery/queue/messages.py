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
"""Of the messages' form."""


class NotAMessageError(ValueError):
    """The message was not written by this system, or by a version that this one cannot read."""


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """An accepted event, to become one delivery for each endpoint that subscribes to it.

    Attributes
    ----------
    hops : int
        Which invocation of a chain the message starts, from 1, see `lambdas.delivery.domain.due`.
    lineage : int
        The same, if a batch is as far in a chain as its message that is the farthest.
    """

    tenant_id: str
    event_id: str
    hops: int = 1
    lineage: int = 1


@dataclass(frozen=True, kw_only=True)
class Deliver:
    """A delivery that is due.

    Attributes
    ----------
    version : int
        The delivery's version that the message is for; it does nothing for any other.
    hops, lineage : int
        As of `FanOut`.
    """

    tenant_id: str
    event_id: str
    endpoint_id: str
    version: int
    hops: int = 1
    lineage: int = 1

    @classmethod
    def of(cls, delivery: Delivery, hops: int) -> "Deliver":
        """Return the message for a delivery as it is now."""
        return cls(
            tenant_id=delivery.tenant_id,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            version=delivery.version,
            hops=hops,
        )


@dataclass(frozen=True, kw_only=True)
class ResumeEndpoint:
    """What an endpoint's hold has may go on now, because somebody activated the endpoint, or it is back.

    Attributes
    ----------
    hops, lineage : int
        As of `FanOut`.
    """

    tenant_id: str
    endpoint_id: str
    hops: int = 1
    lineage: int = 1


@dataclass(frozen=True, kw_only=True)
class BusEvent:
    """An event of the inbound bus, which a rule put into the queue for a tenant.

    Attributes
    ----------
    event : Mapping[str, Any]
        The whole EventBridge event.
    detail : str
        Its ``detail`` as the text that stands in the message, in which no number has been rewritten.
    hops, lineage : int
        As of `FanOut`.
    """

    tenant_id: str
    event: Mapping[str, Any]
    detail: str
    hops: int = 1
    lineage: int = 1


SentMessage = FanOut | Deliver | ResumeEndpoint
Message = SentMessage | BusEvent


def write(message: SentMessage) -> str:
    """Return a message's body."""
    fields: dict[str, Any]
    match message:
        case ResumeEndpoint():
            fields = {"kind": "waken", "tenant": message.tenant_id, "endpoint": message.endpoint_id}
        case FanOut():
            fields = {"kind": "fanout", "tenant": message.tenant_id, "event": message.event_id}
        case Deliver():
            fields = {
                "kind": "deliver",
                "tenant": message.tenant_id,
                "event": message.event_id,
                "endpoint": message.endpoint_id,
                "turn": message.version,
            }
    chain = {"hops": message.hops, "lineage": message.lineage}
    return json.dumps({"v": VERSION, **fields, **chain}, separators=(",", ":"))


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
                return FanOut(tenant_id=_text(fields, "tenant"), event_id=_text(fields, "event"), **_chain(fields))
            # Earlier releases had EventBridge Scheduler send "due".
            case "deliver" | "due":
                return Deliver(
                    tenant_id=_text(fields, "tenant"),
                    event_id=_text(fields, "event"),
                    endpoint_id=_text(fields, "endpoint"),
                    version=_number(fields, "turn"),
                    **_chain(fields),
                )
            case "waken":
                return ResumeEndpoint(
                    tenant_id=_text(fields, "tenant"), endpoint_id=_text(fields, "endpoint"), **_chain(fields)
                )
            case "inbound":
                if not isinstance(fields["event"], dict):
                    raise NotAMessageError("event must be an object")
                detail = member(member(body, "event"), "detail")
                return BusEvent(tenant_id=_text(fields, "tenant"), event=fields["event"], detail=detail)
        raise NotAMessageError("kind must be fanout, deliver, waken or inbound")
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


def _chain(fields: Mapping[str, Any]) -> dict[str, int]:
    # Messages of earlier releases have neither.
    return {name: _number(fields, name) for name in ("hops", "lineage") if name in fields}


def _number(fields: Mapping[str, Any], name: str) -> int:
    value = fields[name]
    if type(value) is not int:
        raise NotAMessageError(f"{name} must be a whole number")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise NotAMessageError(f"{name} must be a text")
    return value
