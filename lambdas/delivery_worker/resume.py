"""Deliveries that wait for an endpoint are brought forward, page by page."""

from dataclasses import dataclass

from lambdas.delivery.domain.lifecycle import brought_forward, due_ms
from lambdas.delivery.domain.model import Delivery, EndpointState
from lambdas.delivery.queue.delivery_queue import DeliveryQueue, Waits
from lambdas.delivery.queue.messages import Waken
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery_worker.reporting import Report

OVERDUE_MS = 600_000
"""A delivery this long past its time has lost its message, as when somebody purged the queue."""


@dataclass(frozen=True, kw_only=True)
class Waking:
    """Brings deliveries forward.

    Attributes
    ----------
    deliveries, endpoints, queue, waits
        What it reads and writes.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    queue: DeliveryQueue
    waits: Waits

    def run(self, message: Waken, now: float, report: Report) -> None:
        """Bring one page forward and send the message for the next."""
        endpoint, _ = self.endpoints.read(message.tenant_id, message.endpoint_id)
        if endpoint is None or endpoint.state is not EndpointState.ACTIVE:
            return
        found, after = self.deliveries.waiting(message.tenant_id, message.endpoint_id, message.after)
        woken = sum(self._wake(delivery, now) for delivery in found)
        if after is not None:
            self.queue.send(Waken(tenant_id=message.tenant_id, endpoint_id=message.endpoint_id, after=after))
        if woken:
            report.log(
                "deliveries brought forward",
                tenant=message.tenant_id,
                endpoint_id=message.endpoint_id,
                deliveries=woken,
            )

    def _wake(self, delivery: Delivery, now: float) -> bool:
        now_ms = int(now * 1_000)
        if delivery.state.final or now_ms < delivery.lease_until:
            return False
        new = delivery
        if delivery.waiting_for is not None or due_ms(delivery) < now_ms - OVERDUE_MS:
            new = brought_forward(delivery, now)
            if not self.deliveries.change(delivery, new):
                return False
        # Also where a run before this one changed the delivery and died before it sent the message.
        elif delivery.turn == 1 or delivery.armed_turn >= delivery.turn:
            return False
        self.waits.arm(new, now)
        self.deliveries.mark_armed(new)
        return True
