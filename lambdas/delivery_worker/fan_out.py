"""An event becomes one delivery for each endpoint that subscribes to it."""

from dataclasses import dataclass

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
from lambdas.delivery_worker.reporting import Report


@dataclass(frozen=True, kw_only=True)
class FanOutConsumer:
    """Fans events out.

    Attributes
    ----------
    deliveries, endpoints, events, queue
        What it reads and writes.
    retention : Retention
        How long deliveries are kept.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    queue: DeliveryQueue
    retention: Retention

    def run(self, message: FanOut, now: float, report: Report) -> None:
        """Create the deliveries and send the message of each; run again, it does what is missing."""
        event, payload = self.events.read(message.tenant_id, message.event_id)
        if event is None or payload is None or gone(now, event.expires_at):
            report.log("event to fan out is gone", tenant=message.tenant_id, event_id=message.event_id)
            return
        number = 0
        for endpoint in self.endpoints.all_of(message.tenant_id):
            if _gets(endpoint, event, payload):
                self._deliver(event, endpoint, now)
                number += 1
        if number == 0:
            self.events.keep_no_longer(event, self.retention.delivered(now))
        report.count(event.tenant_id, WorkerMetric.FANNED_OUT, number)
        report.log(
            "event fanned out",
            correlation_id=event.correlation_id,
            tenant=event.tenant_id,
            event_id=event.event_id,
            endpoints=number,
        )

    def _deliver(self, event: Event, endpoint: Endpoint, now: float) -> None:
        delivery = created(event, endpoint.endpoint_id, now, self.retention)
        if not self.deliveries.create(delivery):
            # A run before this one may have died before it sent the message. One message too many does nothing.
            there = self.deliveries.read(event.tenant_id, event.event_id, endpoint.endpoint_id)
            if there is None or there.version != delivery.version or there.state is not DeliveryState.PENDING:
                return
        self.queue.send(Deliver.of(delivery))


def _gets(endpoint: Endpoint, event: Event, payload: bytes) -> bool:
    # A test event goes to a disabled endpoint as well, and its delivery says why it did not arrive.
    return wants(endpoint, event, payload) and (
        endpoint.state is not EndpointState.DISABLED or event.only == endpoint.endpoint_id
    )
