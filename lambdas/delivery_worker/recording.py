"""Records what becomes of a delivery together with what follows, and sends the message of that."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.due import scheduled
from lambdas.delivery.domain.holds import PAGE_SECONDS, STOPPED, UNSIGNABLE
from lambdas.delivery.domain.lifecycle import given_up, parked
from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import Attempt, Delivery, EndpointState, Event
from lambdas.delivery.domain.operational_events import given_up as given_up_event
from lambdas.delivery.domain.operational_events import is_reserved
from lambdas.delivery.domain.retention import Retention, gone
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery_worker.admission import Wait
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Records and schedules.

    Attributes
    ----------
    deliveries, endpoints, events, due, queue, announcer
        What it reads and writes.
    retention : Retention
        How long deliveries are kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    due: DueStore
    queue: DeliveryQueue
    announcer: Announcer
    retention: Retention
    clock: Callable[[], float] = time.time

    def record(
        self,
        seen: Delivery,
        new: Delivery,
        hops: int,
        attempt: Attempt | None = None,
        answer: Answer | None = None,
    ) -> bool:
        """Record a delivery's next step, unless it has changed since it was seen, and have it go on; tell whether.

        Parameters
        ----------
        hops : int
            See `lambdas.delivery.domain.due.scheduled`.
        """
        placed, wait = scheduled(new, self.clock(), hops)
        if not self.deliveries.change(seen, placed, attempt, answer):
            return False
        if wait is not None:
            self.queue.send(Deliver.of(placed, hops + 1), wait)
        return True

    def park(self, seen: Delivery, wait: Wait, event: Event, hops: int, report: Report) -> None:
        """Put a delivery off, which spends no attempt; give it up when that goes on for too long."""
        now = self.clock()
        new = parked(seen, wait.until_ms, wait.waiting_for, now, self.retention)
        if new.state.final:
            self._end(seen, new, event, report)
            return
        _, soon = scheduled(new, now, hops)
        if soon is not None and soon <= PAGE_SECONDS and wait.waiting_for not in STOPPED:
            done = self.record(seen, new, hops)
        else:
            self.due.hold(
                new.tenant_id,
                new.endpoint_id,
                wait.until_ms,
                int(now * 1_000),
                unsignable=wait.waiting_for == UNSIGNABLE,
            )
            until = times.iso(self.retention.waits_until(new.expires_at))
            done = self.deliveries.change(seen, replace(new, due_at=until, held=True))
            # Whoever activated it may have released what waits before this one did.
            if done and wait.waiting_for in STOPPED and self._is_active(new):
                self.due.release_soon(new.tenant_id, new.endpoint_id, int(now * 1_000))
        if done:
            self.events.keep_until(event, new.expires_at)
            report.count(new.tenant_id, WorkerMetric.PARKED)

    def give_up(self, seen: Delivery, event: Event | None, reason: str, report: Report) -> None:
        """Record a delivery as dead."""
        self._end(seen, given_up(seen, reason, self.clock(), self.retention), event, report)

    def _end(self, seen: Delivery, dead: Delivery, event: Event | None, report: Report) -> None:
        # A worker that let the event expire may not have seen that somebody requeued the delivery.
        if event is not None and not gone(self.clock(), event.expires_at):
            self.events.keep_until(event, dead.expires_at)
        if self.record(seen, dead, 0):
            report.given_up(dead, event)
            self.announce(dead)

    def announce(self, dead: Delivery) -> None:
        """Announce that a delivery was given up; call it after that was recorded."""
        if not is_reserved(dead.event_type):
            self.announcer.announce(given_up_event(dead), self.clock())

    def _is_active(self, delivery: Delivery) -> bool:
        """Tell whether nothing stops it by now; read only after the delivery was recorded as waiting for that."""
        endpoint, health = self.endpoints.read(delivery.tenant_id, delivery.endpoint_id)
        return endpoint is not None and endpoint.state is EndpointState.ACTIVE and health.suspended_since is None
