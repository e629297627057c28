"""Records what becomes of a delivery, schedules what follows, and reports it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.delivery.domain.lifecycle import PAUSED, given_up, parked, resumed
from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import Delivery, EndpointState, Event
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryScheduler
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery_worker.admission import Hold
from lambdas.delivery_worker.event_expiry import EventExpiry
from lambdas.delivery_worker.reporting import Report


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Records and schedules.

    Attributes
    ----------
    deliveries, endpoints, events, scheduler
        What it reads and writes.
    event_expiry : EventExpiry
        What is called for each delivery that has come to its end.
    retention : Retention
        How long deliveries are kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    scheduler: DeliveryScheduler
    event_expiry: EventExpiry
    retention: Retention
    clock: Callable[[], float] = time.time

    def schedule(self, delivery: Delivery, now: float) -> None:
        """Schedule the delivery's message for the time when it is due, and record that."""
        self.scheduler.schedule(delivery, now)
        self.deliveries.mark_scheduled(delivery)

    def finish(self, delivery: Delivery, event: Event | None) -> None:
        """Let the event of a delivery that has come to its end expire with the last of its deliveries."""
        if event is not None:
            self.event_expiry.run(event, delivery)

    def park(self, seen: Delivery, hold: Hold, event: Event, report: Report) -> None:
        """Put a delivery off, which spends no attempt; give it up when that goes on for too long."""
        now = self.clock()
        new = parked(seen, hold.until_ms, hold.waiting_for, now, self.retention)
        if not self.deliveries.change(seen, new):
            return
        if new.state.final:
            report.given_up(new, event)
            self.finish(new, event)
            return
        self.events.keep_until(event, new.expires_at)
        if hold.waiting_for == PAUSED and self._is_active(new):
            # Whoever activated it may have looked for what waits before this one did.
            parked_before, new = new, resumed(new, now)
            if not self.deliveries.change(parked_before, new):
                return
        self.schedule(new, now)
        report.count(new.tenant_id, WorkerMetric.PARKED)

    def give_up(self, seen: Delivery, event: Event | None, reason: str, report: Report) -> None:
        """Record a delivery as dead."""
        new = given_up(seen, reason, self.clock(), self.retention)
        if self.deliveries.change(seen, new):
            report.given_up(new, event)
            self.finish(new, event)

    def _is_active(self, delivery: Delivery) -> bool:
        """Tell whether the endpoint is active by now; read only after the delivery was recorded as waiting for that."""
        endpoint, _ = self.endpoints.read(delivery.tenant_id, delivery.endpoint_id)
        return endpoint is not None and endpoint.state is EndpointState.ACTIVE
