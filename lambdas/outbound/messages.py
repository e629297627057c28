"""The messages on the delivery queue: events to fan out, and deliveries whose turn has come.

A message names what it is about and carries no payload; only an event from the inbound bus comes whole, since nothing
else holds it. The message group is the tenant, so that SQS gives no tenant's backlog precedence over another's.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    """A delivery whose turn has come.

    Attributes
    ----------
    turn : int
        The turn that the message is for; it does nothing in any other.
    """

    tenant_id: str
    event_id: str
    endpoint_id: str
    turn: int


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """An event from the inbound bus, which a rule put into the queue for a tenant.

    Attributes
    ----------
    event : Mapping[str, Any]
        The whole EventBridge event.
    """

    tenant_id: str
    event: Mapping[str, Any]


Message = FanOut | Deliver | Inbound


def write(message: FanOut | Deliver) -> str:
    """Return a message's body."""
    fields: dict[str, Any] = {"v": VERSION, "kind": "fanout", "tenant": message.tenant_id, "event": message.event_id}
    if isinstance(message, Deliver):
        fields |= {"kind": "deliver", "endpoint": message.endpoint_id, "turn": message.turn}
    return json.dumps(fields, separators=(",", ":"))


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
                if type(fields["turn"]) is not int:
                    raise NotAMessageError("turn must be a whole number")
                return Deliver(
                    tenant_id=_text(fields, "tenant"),
                    event_id=_text(fields, "event"),
                    endpoint_id=_text(fields, "endpoint"),
                    turn=fields["turn"],
                )
            case "inbound":
                if not isinstance(fields["event"], dict):
                    raise NotAMessageError("event must be an object")
                return Inbound(tenant_id=_text(fields, "tenant"), event=fields["event"])
        raise NotAMessageError("kind must be fanout, deliver or inbound")
    except NotAMessageError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAMessageError(f"not a message: {type(error).__name__}") from error


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise NotAMessageError(f"{name} must be a text")
    return value
