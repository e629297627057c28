"""Sending on request: one event to one endpoint, or all that is held up for an endpoint that was activated."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.delivery.domain.due import CHECK_SECONDS, scheduled
from lambdas.delivery.domain.errors import ConflictError, NotFoundError
from lambdas.delivery.domain.lifecycle import EVENT_EXPIRED, sent_again, undeliverable_reason
from lambdas.delivery.domain.model import Delivery
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.services.release import resume_deliveries
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.shared import times


@dataclass(frozen=True, kw_only=True)
class Requeue:
    """Sends deliveries again.

    Attributes
    ----------
    deliveries, endpoints, events, queue
        What it reads and writes.
    retention : Retention
        How long what is sent again is kept.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    queue: DeliveryQueue
    retention: Retention

    def resend(self, tenant_id: str, event_id: str, endpoint_id: str, now: float, *, dry_run: bool = False) -> Delivery:
        """Send an event to an endpoint, whether it had it before or not: a new series of attempts begins at once.

        When this returns, the delivery is at the start of a new series, and the due index has it.

        Parameters
        ----------
        now : float
            Seconds since the epoch.
        dry_run : bool
            Whether to check only, and return the delivery as it would be.

        Raises
        ------
        NotFoundError
            When there is no such event or endpoint, or the event has expired.
        ConflictError
            When it cannot be sent again: ``endpoint_deleted``, ``endpoint_disabled``, ``payload_erased``, or
            ``attempt_under_way``, which passes by itself.
        """
        seen = self.deliveries.read(tenant_id, event_id, endpoint_id)
        event, payload = self.events.read(tenant_id, event_id)
        endpoint, _ = self.endpoints.read(tenant_id, endpoint_id)
        reason = undeliverable_reason(event, payload, endpoint, now)
        if event is None or reason == EVENT_EXPIRED or (seen is None and endpoint is None):
            raise NotFoundError
        if reason is not None:
            raise _conflict(reason)
        if seen is not None and now * 1_000 < seen.lease_until:
            raise _conflict("attempt under way")
        new, wait = scheduled(sent_again(seen, event, endpoint_id, now, self.retention), now, 0)
        if dry_run:
            return new
        # First, so that it expires with the last of its deliveries even if this dies on the way. One that is not fanned
        # out yet is in the index for that, and must stay there for it.
        if event.fanned_out:
            self.events.look_again(event, times.iso(now + CHECK_SECONDS))
        # Before the delivery can need it for longer than it is kept now.
        self.events.keep_until(event, new.expires_at)
        if not self.deliveries.write(seen, new):
            raise _conflict("attempt under way")
        self.queue.send(Deliver.of(new, 1), wait or 0.0)
        return new


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Has what is held up for an endpoint go on; call it after the endpoint was set to ``ACTIVE``.

    Its breaker is closed and its failures are forgotten first. The first page goes on at once, each following one a
    minute later, however often this is called.

    Attributes
    ----------
    health, due, queue
        What it writes.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    health: HealthStore
    due: DueStore
    queue: DeliveryQueue
    clock: Callable[[], float] = time.time

    def __call__(self, tenant_id: str, endpoint_id: str) -> None:
        """Resume an endpoint."""
        self.health.reset(tenant_id, endpoint_id)
        resume_deliveries(self.due, self.queue, tenant_id, endpoint_id, now_ms=int(self.clock() * 1_000))


def _conflict(reason: str) -> ConflictError:
    return ConflictError(reason.replace(" ", "_"), f"it cannot be sent again: {reason}")
