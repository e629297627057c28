"""An event becomes one delivery for each endpoint that subscribes to it, and expires with the last of these.

How long its deliveries will take is not known when an event is accepted, so that it is kept for the longest way of all.
Most events need weeks less. So the event stays in the due index until each of its deliveries has come to its end.
Attempts, which hold nothing of the payload, keep the time that they were made with.
"""

from dataclasses import dataclass

from lambdas.delivery.domain.due import CHECK_SECONDS, next_look, scheduled
from lambdas.delivery.domain.lifecycle import created
from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import DeliveryState, Endpoint, EndpointState, Event
from lambdas.delivery.domain.retention import Retention, gone
from lambdas.delivery.domain.subscriptions import wants
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver, FanOut
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery_worker.operator_bus import OperatorBus
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times


@dataclass(frozen=True, kw_only=True)
class FanOutConsumer:
    """Fans events out, and lets them expire.

    Attributes
    ----------
    deliveries, endpoints, events, queue, operator_bus
        What it reads and writes.
    retention : Retention
        How long deliveries are kept.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    queue: DeliveryQueue
    operator_bus: OperatorBus
    retention: Retention

    def run(self, message: FanOut, now: float, report: Report) -> None:
        """Do what the event needs next; run again, it does what is missing."""
        event, payload = self.events.read(message.tenant_id, message.event_id)
        if event is None or gone(now, event.expires_at):
            report.log("event to fan out is gone", tenant=message.tenant_id, event_id=message.event_id)
            return
        if event.operational and not event.fanned_out:
            # Until it is there, the event is not marked as fanned out, and stays due.
            self.operator_bus.publish(event, payload)
        if event.fanned_out or payload is None:
            self._expire(event, now)
        else:
            self._fan_out(event, payload, now, message.hops, report)

    def _fan_out(self, event: Event, payload: bytes, now: float, hops: int, report: Report) -> None:
        endpoints = [endpoint for endpoint in self.endpoints.all_of(event.tenant_id) if _gets(endpoint, event, payload)]
        for endpoint in endpoints:
            self._deliver(event, endpoint, now, hops)
        if endpoints:
            self.events.look_again(event, times.iso(now + CHECK_SECONDS))
        else:
            self.events.keep_no_longer(event, self.retention.delivered(now))
        report.count(event.tenant_id, WorkerMetric.FANNED_OUT, len(endpoints))
        report.log(
            "event fanned out",
            correlation_id=event.correlation_id,
            tenant=event.tenant_id,
            event_id=event.event_id,
            endpoints=len(endpoints),
        )

    def _deliver(self, event: Event, endpoint: Endpoint, now: float, hops: int) -> None:
        delivery, wait = scheduled(created(event, endpoint.endpoint_id, now, self.retention), now, hops)
        if not self.deliveries.create(delivery):
            # A run before this one may have died before it sent the message. One message too many does nothing.
            there = self.deliveries.read(event.tenant_id, event.event_id, endpoint.endpoint_id)
            if there is None or there.version != delivery.version or there.state is not DeliveryState.PENDING:
                return
        if wait is not None:
            self.queue.send(Deliver.of(delivery, hops + 1), wait)

    def _expire(self, event: Event, now: float) -> None:
        """Let an event expire with the last of its deliveries, once each has come to its end.

        A delivery that goes on after all, as one that somebody requeues at the same moment, has the event kept for
        longer again with its next attempt.
        """
        found = self.deliveries.of_event(event.tenant_id, event.event_id)
        if all(delivery.state.final for delivery in found):
            ends = [delivery.expires_at for delivery in found]
            self.events.keep_no_longer(event, max(ends, default=self.retention.delivered(now)))
        else:
            self.events.look_again(event, next_look(times.parse(event.created_at) or now, now))


def _gets(endpoint: Endpoint, event: Event, payload: bytes) -> bool:
    # A test event goes to a disabled endpoint as well, and its delivery says why it did not arrive.
    return wants(endpoint, event, payload) and (
        endpoint.state is not EndpointState.DISABLED or event.only == endpoint.endpoint_id
    )
