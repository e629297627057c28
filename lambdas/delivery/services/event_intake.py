"""Takes events in: durable before they are acknowledged, and once for each idempotency key.

Event, payload and key are written in one transaction, and the event is in the due index from then on. So the message
that has it fanned out is only sooner than the sweeper.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.delivery.domain.due import to_fan_out
from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.domain.ids import EVENT, new_id
from lambdas.delivery.domain.model import Event
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import FanOut
from lambdas.delivery.store.events import Events
from lambdas.shared import times


@dataclass(frozen=True, kw_only=True)
class Submission:
    """An event that a tenant hands in.

    Attributes
    ----------
    tenant_id : str
        The tenant.
    event_type : str
        The payload's type.
    payload : bytes
        Exactly what was sent.
    correlation_id : str
        Follows it.
    key : str | None
        Idempotency key.
    only : str | None
        The one endpoint that it is for.
    hops : int
        See `Event`.
    """

    tenant_id: str
    event_type: str
    payload: bytes
    correlation_id: str
    key: str | None = None
    only: str | None = None
    hops: int = 0


@dataclass(frozen=True, kw_only=True)
class EventIntake:
    """Accepts events.

    Attributes
    ----------
    events, queue
        Where accepted events go.
    retention : Retention
        How long they are kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    events: Events
    queue: DeliveryQueue
    retention: Retention
    clock: Callable[[], float] = time.time

    def accept(self, submission: Submission) -> Event:
        """Make an event durable and have it fanned out; return it, or the one that its key stands for already.

        Raises
        ------
        ConflictError
            When the key was used for another body within 24 hours.
        StoreBusyError
            When others with the same key keep getting in the way. Nothing was written then.
        """
        now = self.clock()
        event = Event(
            tenant_id=submission.tenant_id,
            event_id=new_id(EVENT, now),
            event_type=submission.event_type,
            created_at=times.iso(now),
            size=len(submission.payload),
            sha256=hashlib.sha256(submission.payload).hexdigest(),
            correlation_id=submission.correlation_id,
            only=submission.only,
            hops=submission.hops,
            expires_at=self.retention.created(now),
        )
        event = to_fan_out(event, now, 0)
        if submission.key is None:
            if not self.events.create(event, submission.payload):
                raise RuntimeError("an event id was made twice")
            self._send(event)
            return event
        holder = self.events.create_once(event, submission.payload, submission.key, now)
        if holder is None:
            self._send(event)
            return event
        if holder.sha256 != event.sha256:
            raise ConflictError(
                "idempotency_key_reused", "this Idempotency-Key was used with another body within 24 hours"
            )
        first = self.events.read_event(submission.tenant_id, holder.event_id)
        if first is None:
            raise RuntimeError("the event of an idempotency key is gone")
        return first

    def _send(self, event: Event) -> None:
        self.queue.send(FanOut(tenant_id=event.tenant_id, event_id=event.event_id))
