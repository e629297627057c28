"""An event of the inbound bus becomes an event of a tenant."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.due import to_fan_out
from lambdas.delivery.domain.inbound_events import inbound_event_id
from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import Event
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.subscriptions import EVENT_TYPE, MAX_EVENT_TYPE_CHARS
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import BusEvent, FanOut
from lambdas.delivery.store.events import Events
from lambdas.delivery_worker.inbound_payloads import InboundPayloads, body
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times

UNKNOWN_TYPE = "unknown"


@dataclass(frozen=True, kw_only=True)
class BusEventConsumer:
    """Makes events of the inbound bus events of tenants.

    Attributes
    ----------
    events, queue
        What it writes.
    retention : Retention
        How long events are kept.
    payloads : InboundPayloads | None
        Puts the provider's payload into the event; None leaves there what the bus says.
    """

    events: Events
    queue: DeliveryQueue
    retention: Retention
    payloads: InboundPayloads | None = None

    def run(self, message: BusEvent, now: float, report: Report) -> None:
        """Write the event, unless the bus had it before, and have it fanned out."""
        event, payload, left_out = tenant_event(message, now, self.retention, self.payloads)
        event = to_fan_out(event, now, message.hops)
        if self.events.create(event, payload):
            if left_out:
                report.count(event.tenant_id, WorkerMetric.REFERENCES_SENT)
            report.log(
                "event taken in",
                correlation_id=event.correlation_id,
                tenant=event.tenant_id,
                event_id=event.event_id,
                payload_left_out=left_out,
            )
        self.queue.send(FanOut(tenant_id=event.tenant_id, event_id=event.event_id, hops=message.hops + 1))


def tenant_event(
    message: BusEvent, now: float, retention: Retention, payloads: InboundPayloads | None
) -> tuple[Event, bytes, str | None]:
    """Return the tenant's event that a bus event is, its body, and why it has no payload of the provider's."""
    bus_event = message.event
    detail = bus_event.get("detail")
    fields: Mapping[str, Any] = detail if isinstance(detail, dict) else {}
    event_type = _text(bus_event, "detail-type")
    if len(event_type) > MAX_EVENT_TYPE_CHARS or not EVENT_TYPE.fullmatch(event_type):
        event_type = UNKNOWN_TYPE
    occurred = _text(fields, "occurredAt")
    event_id = inbound_event_id(message.tenant_id, _identity(bus_event, fields), occurred)
    head = {"type": event_type, "timestamp": occurred or _text(bus_event, "time") or times.iso(now)}
    payload, left_out = (
        payloads.complete(head, fields, message.detail) if payloads else (body(head, message.detail), None)
    )
    return (
        Event(
            tenant_id=message.tenant_id,
            event_id=event_id,
            event_type=event_type,
            created_at=times.iso(now),
            size=len(payload),
            sha256=hashlib.sha256(payload).hexdigest(),
            correlation_id=_text(fields, "correlationId") or event_id,
            provider=_text(fields, "provider") or None,
            expires_at=retention.created(now),
        ),
        payload,
        left_out,
    )


def _identity(bus_event: Mapping[str, Any], fields: Mapping[str, Any]) -> list[str]:
    source = _text(bus_event, "source")
    if not _text(fields, "eventId"):
        return [source, _text(bus_event, "id")]
    replay = fields.get("replay")
    replay_id = _text(replay, "replayId") if isinstance(replay, dict) else ""
    return [source, _text(fields, "provider"), _text(fields, "eventId"), replay_id]


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
