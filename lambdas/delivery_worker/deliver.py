"""A delivery that is due: read it, claim it, attempt it.

Safe to run again from any point. What is recorded is never sent again; a receiver gets an event twice only when a
crash, or a lost answer, falls between the receiver's answer and its recording.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.delivery.domain.endpoint_disabling import GONE
from lambdas.delivery.domain.lifecycle import EVENT_EXPIRED, claimed, due_ms, undeliverable_reason
from lambdas.delivery.domain.model import Delivery, DeliveryState, Event
from lambdas.delivery.domain.retention import gone
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery_worker.admission import EARLY_MS, Admission, ClaimedDelivery, Wait
from lambdas.delivery_worker.attempting import AttemptMaker
from lambdas.delivery_worker.endpoint_health import EndpointHealth
from lambdas.delivery_worker.recording import Recorder
from lambdas.delivery_worker.reporting import Report
from lambdas.shared.errors import TellableError

MARGIN_SECONDS = 10.0
"""What must be left of an invocation besides the attempt's own time-out: waiting for a slot, and recording."""
GONE_OUTCOME = "status 410"


class ClaimHeldError(TellableError):
    """An earlier run of the same message may still be under way; it comes back after the visibility timeout."""


class TooLittleTimeError(TellableError):
    """Too little of the invocation is left for an attempt; the message comes back."""


@dataclass(frozen=True, kw_only=True)
class DeliverConsumer:
    """Does what `Deliver` messages ask for.

    Attributes
    ----------
    deliveries, endpoints, events
        What it reads and claims.
    admission : Admission
        Decides whether an attempt may be made now.
    attempts : AttemptMaker
        Makes it.
    recorder : Recorder
        Records what becomes of a delivery without an attempt.
    endpoint_health : EndpointHealth
        Disables endpoints.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    admission: Admission
    attempts: AttemptMaker
    recorder: Recorder
    endpoint_health: EndpointHealth
    clock: Callable[[], float] = time.time

    def run(self, message: Deliver, owner: str, ends: float, report: Report) -> None:
        """Do what the delivery needs now.

        Parameters
        ----------
        owner : str
            SQS message id, the same whenever the message comes again.
        ends : float
            Seconds since the epoch at which the invocation ends, and with it the claim.

        Raises
        ------
        ClaimHeldError, TooLittleTimeError
            When the message must come back.
        """
        now = self.clock()
        seen = self.deliveries.read(message.tenant_id, message.event_id, message.endpoint_id)
        if seen is None or gone(now, seen.expires_at):
            report.log("delivery is gone", tenant=message.tenant_id, event_id=message.event_id)
        elif seen.state.final or message.version != seen.version:
            self._catch_up(seen, report)
        elif now * 1_000 < seen.lease_until:
            # Another message's run has the claim, and its message comes back if it dies. Our own must not be lost.
            if seen.owner == owner:
                raise ClaimHeldError("an earlier run of this message holds the claim")
        elif due_ms(seen) > now * 1_000 + EARLY_MS:
            # By a clock that is ahead of ours. One that is held up has no message.
            if not seen.held:
                self.recorder.record(seen, seen, message.hops)
        else:
            self._deliver(seen, owner, message.hops, ends, report)

    def _catch_up(self, seen: Delivery, report: Report) -> None:
        """Do what a run that died after recording had left to do, where the index does not."""
        if seen.state is DeliveryState.DLQ:
            self.recorder.announce(seen)
        if seen.reason == GONE_OUTCOME:
            endpoint, _ = self.endpoints.read(seen.tenant_id, seen.endpoint_id)
            if endpoint is not None and endpoint.updated_at <= seen.updated_at:
                self.endpoint_health.disable(endpoint, GONE, report)

    def _deliver(self, seen: Delivery, owner: str, hops: int, ends: float, report: Report) -> None:
        now = self.clock()
        if ends - now < self.attempts.client.seconds + MARGIN_SECONDS:
            raise TooLittleTimeError("too little time is left for an attempt")
        event, payload = self.events.read(seen.tenant_id, seen.event_id)
        if self._unless_stopped(seen, event, payload, hops, report) is None:
            return
        mine = claimed(seen, owner, int(ends * 1_000))
        if not self.deliveries.change(seen, mine):
            return
        # Who suspended, paused or disabled before the claim is answered that nothing begins any more.
        claim = self._unless_stopped(mine, event, payload, hops, report)
        if claim is None:
            return
        admitted = self.admission.admit(claim)
        if isinstance(admitted, Wait):
            self.recorder.park(mine, admitted, claim.event, hops, report)
        else:
            self.attempts.make(admitted, report)

    def _unless_stopped(
        self, delivery: Delivery, event: Event | None, payload: bytes | None, hops: int, report: Report
    ) -> ClaimedDelivery | None:
        """Return all that an attempt needs, as it is now; None when the delivery was given up or put off instead."""
        now = self.clock()
        endpoint, health = self.endpoints.read(delivery.tenant_id, delivery.endpoint_id)
        reason = undeliverable_reason(event, payload, endpoint, now)
        if event is None or payload is None or endpoint is None or reason is not None:
            self.recorder.give_up(delivery, event, reason or EVENT_EXPIRED, report)
            return None
        wait = self.admission.hold(endpoint, health, int(now * 1_000))
        if wait is not None:
            self.recorder.park(delivery, wait, event, hops, report)
            return None
        return ClaimedDelivery(
            delivery=delivery, endpoint=endpoint, health=health, event=event, payload=payload, hops=hops
        )
