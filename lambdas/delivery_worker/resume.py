"""Deliveries that wait for an endpoint become due at once, page by page."""

from dataclasses import dataclass

from lambdas.delivery.domain.lifecycle import due_ms, resumed
from lambdas.delivery.domain.model import Delivery, EndpointState
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import ResumeEndpoint
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery_worker.recording import Recorder
from lambdas.delivery_worker.reporting import Report

OVERDUE_MS = 600_000
"""A delivery this long past its time has lost its message, as when somebody purged the queue."""


@dataclass(frozen=True, kw_only=True)
class ResumeConsumer:
    """Resumes endpoints.

    Attributes
    ----------
    deliveries, endpoints, queue
        What it reads and writes.
    recorder : Recorder
        Schedules what is due.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    queue: DeliveryQueue
    recorder: Recorder

    def run(self, message: ResumeEndpoint, now: float, report: Report) -> None:
        """Make one page of deliveries due and send the message for the next."""
        endpoint, _ = self.endpoints.read(message.tenant_id, message.endpoint_id)
        if endpoint is None or endpoint.state is not EndpointState.ACTIVE:
            return
        found, after = self.deliveries.waiting(message.tenant_id, message.endpoint_id, message.after)
        number = sum(self._resume(delivery, now) for delivery in found)
        if after is not None:
            self.queue.send(ResumeEndpoint(tenant_id=message.tenant_id, endpoint_id=message.endpoint_id, after=after))
        if number:
            report.log(
                "deliveries brought forward",
                tenant=message.tenant_id,
                endpoint_id=message.endpoint_id,
                deliveries=number,
            )

    def _resume(self, delivery: Delivery, now: float) -> bool:
        now_ms = int(now * 1_000)
        if delivery.state.final or now_ms < delivery.lease_until:
            return False
        new = delivery
        if delivery.waiting_for is not None or due_ms(delivery) < now_ms - OVERDUE_MS:
            new = resumed(delivery, now)
            if not self.deliveries.change(delivery, new):
                return False
        # Also where a run before this one changed the delivery and died before it sent the message.
        elif delivery.version == 1 or delivery.scheduled_version >= delivery.version:
            return False
        self.recorder.schedule(new, now)
        return True
