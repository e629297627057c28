"""One delivery's turn: look, claim, attempt, record, arm the next turn.

Safe to run again from any point. What is recorded is never sent again; a receiver gets an event twice only when a
crash, or a lost answer, falls between the receiver's answer and its recording.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambdas.delivery.domain.attempt_result import Answer, judge
from lambdas.delivery.domain.circuit_breaker import Gate, closed_again_at, gate
from lambdas.delivery.domain.endpoint_disabling import GONE
from lambdas.delivery.domain.lifecycle import (
    BREAKER,
    BUSY,
    PAUSED,
    RATE,
    after_attempt,
    brought_forward,
    claimed,
    due_ms,
    given_up,
    obstacle,
    parked,
)
from lambdas.delivery.domain.model import Attempt, Delivery, DeliveryState, Endpoint, EndpointState, Event, Health
from lambdas.delivery.domain.retention import Retention, gone
from lambdas.delivery.domain.retry_schedules import SCHEDULES, Schedule
from lambdas.delivery.queue.delivery_queue import Waits
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.sending.headers import HeaderRefusedError, request_headers
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.sending.signing import signature_headers
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.signing_keys import SigningKey, SigningKeys
from lambdas.delivery_worker.endpoint_health import Standing
from lambdas.delivery_worker.event_expiry import Settling
from lambdas.delivery_worker.reporting import Count, Report
from lambdas.shared import times
from lambdas.shared.errors import TellableError, UnavailableError

EARLY_MS = 1_000
"""SQS counts delays in whole seconds."""
MARGIN_SECONDS = 10.0
"""What must be left of an invocation besides the attempt's own time-out: waiting for a slot, and recording."""
RECHECK_PAUSED_SECONDS = 3_600
GONE_OUTCOME = "status 410"
UNSIGNABLE = "cannot be signed"


class BusyError(TellableError):
    """An earlier run of the same message may still be under way; it comes back after the visibility timeout."""


class OutOfTimeError(TellableError):
    """Too little of the invocation is left for an attempt; the message comes back."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack sets.

    Attributes
    ----------
    schedule : Schedule
        For endpoints that name none.
    retention : Retention
        How long things are kept.
    user_agent : str
        Of the requests.
    """

    schedule: Schedule
    retention: Retention
    user_agent: str = "webhook-delivery/1"


@dataclass(frozen=True, kw_only=True)
class Work:
    """All that an attempt needs, claimed by this run.

    Attributes
    ----------
    delivery : Delivery
        As it is in the table, with our claim.
    probe_until : int | None
        Set when the attempt is the breaker's probe, see `HealthStore.take_probe`.
    """

    delivery: Delivery
    endpoint: Endpoint
    health: Health
    event: Event
    payload: bytes
    probe_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Delivering:
    """Makes attempts.

    Attributes
    ----------
    deliveries, endpoints, health, events, waits, client, keys
        What it reads, writes and sends with.
    standing : Standing
        What is told how endpoints do.
    settling : Settling
        What is told which events may have nothing before them.
    settings : Settings
        What the stack sets.
    clock, sleep, luck
        Seconds since the epoch; a way to let some pass; and a random number of at least 0 and less than 1.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    health: HealthStore
    events: Events
    waits: Waits
    client: HttpClient
    keys: SigningKeys
    standing: Standing
    settling: Settling
    settings: Settings
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    luck: Callable[[], float] = random.random

    def run(self, message: Deliver, owner: str, ends: float, report: Report) -> None:
        """Do what the delivery's turn asks for.

        Parameters
        ----------
        owner : str
            SQS message id, the same whenever the message comes again.
        ends : float
            Seconds since the epoch at which the invocation ends, and with it the claim.

        Raises
        ------
        BusyError, OutOfTimeError
            When the message has to come back.
        """
        now = self.clock()
        seen = self.deliveries.read(message.tenant_id, message.event_id, message.endpoint_id)
        if seen is None or gone(now, seen.expires_at):
            report.log("delivery is gone", tenant=message.tenant_id, event_id=message.event_id)
        elif seen.state.final or message.turn != seen.turn:
            self._catch_up(message, seen, now, report)
        elif now * 1_000 < seen.lease_until:
            # Another message's run has the claim, and its message comes back if it dies. Our own must not be lost.
            if seen.owner == owner:
                raise BusyError("an earlier run of this message holds the claim")
        elif due_ms(seen) > now * 1_000 + EARLY_MS:
            self._arm(seen, now)
        else:
            self._take_turn(seen, owner, ends, report)

    def _catch_up(self, message: Deliver, seen: Delivery, now: float, report: Report) -> None:
        """Do what a run that died after recording had left to do."""
        if seen.state.final:
            if seen.reason == GONE_OUTCOME:
                endpoint, _ = self.endpoints.read(seen.tenant_id, seen.endpoint_id)
                if endpoint is not None and endpoint.updated_at <= seen.updated_at:
                    self.standing.disable(endpoint, GONE, report)
            event, _ = self.events.read(seen.tenant_id, seen.event_id)
            if event is not None:
                self.settling.run(event, seen)
        elif message.turn < seen.turn and seen.armed_turn < seen.turn:
            self._arm(seen, now)

    def _take_turn(self, seen: Delivery, owner: str, ends: float, report: Report) -> None:
        now = self.clock()
        if ends - now < self.client.seconds + MARGIN_SECONDS:
            raise OutOfTimeError("too little time is left for an attempt")
        endpoint, health = self.endpoints.read(seen.tenant_id, seen.endpoint_id)
        event, payload = self.events.read(seen.tenant_id, seen.event_id)
        why = obstacle(event, payload, endpoint, now)
        if event is None or payload is None or endpoint is None or why is not None:
            self._give_up(seen, event, why or "event expired", now, report)
            return
        held = self._held(endpoint, health, int(now * 1_000))
        if held is not None:
            self._park(seen, held, event, report)
            return
        mine = claimed(seen, owner, int(ends * 1_000))
        if not self.deliveries.change(seen, mine):
            return
        work = Work(delivery=mine, endpoint=endpoint, health=health, event=event, payload=payload)
        admitted = self._admitted(work, report)
        if admitted is not None:
            self._attempt(admitted, report)

    def _held(self, endpoint: Endpoint, health: Health, now_ms: int) -> tuple[int, str] | None:
        """Return until when the endpoint's deliveries are held up, in ms, and by what; None when they are not."""
        if endpoint.state is EndpointState.PAUSED:
            return self._spread(now_ms + RECHECK_PAUSED_SECONDS * 1_000, now_ms), PAUSED
        if health.slow_until is not None and now_ms < health.slow_until:
            return self._spread(health.slow_until, now_ms), BUSY
        if gate(health, now_ms) is Gate.OPEN:
            return self._spread(closed_again_at(health, now_ms), now_ms), BREAKER
        return None

    def _spread(self, until_ms: int, now_ms: int) -> int:
        """Return a time after another one, so that what waits for that does not come all at once."""
        return until_ms + int(self.luck() * max(EARLY_MS, (until_ms - now_ms) // 2))

    def _admitted(self, work: Work, report: Report) -> Work | None:
        """Take a slot of the rate limit, and the probe of a half-open breaker; None when the delivery was parked."""
        tenant_id, endpoint_id = work.endpoint.tenant_id, work.endpoint.endpoint_id
        rate = work.endpoint.rate_limit
        if rate is not None:
            now_ms = int(self.clock() * 1_000)
            slot = self.health.take_slot(tenant_id, endpoint_id, rate, now_ms)
            if slot is None:
                wake = self.health.take_wake(tenant_id, endpoint_id, rate, now_ms)
                self._park(work.delivery, (wake, RATE), work.event, report)
                return None
            if slot > now_ms:
                self.sleep((slot - now_ms) / 1_000)
        now_ms = int(self.clock() * 1_000)
        if gate(work.health, now_ms) is not Gate.HALF_OPEN:
            return work
        until = work.delivery.lease_until
        if self.health.take_probe(tenant_id, endpoint_id, work.health, until, now_ms):
            return Work(**{**vars(work), "probe_until": until})
        after_probe = now_ms + int(self.client.seconds * 1_000) + EARLY_MS
        self._park(work.delivery, (self._spread(after_probe, now_ms), BREAKER), work.event, report)
        return None

    def _attempt(self, work: Work, report: Report) -> None:
        began = self.clock()
        answer, counts = self._answer(work, began)
        now = self.clock()
        verdict = judge(answer, now)
        delivery, endpoint = work.delivery, work.endpoint
        new = after_attempt(
            delivery,
            verdict,
            now,
            schedule=SCHEDULES.get(endpoint.schedule or "", self.settings.schedule),
            luck=self.luck(),
            retention=self.settings.retention,
        )
        attempt = Attempt(
            tenant_id=delivery.tenant_id,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            number=new.attempts,
            at=times.iso(began),
            duration_ms=round((now - began) * 1_000),
            status=answer.status,
            outcome=verdict.outcome,
            expires_at=new.expires_at,
        )
        self.events.keep_until(work.event, new.expires_at)
        if not self.deliveries.change(delivery, new, attempt):
            report.count(delivery.tenant_id, Count.LOST_CLAIMS)
            self._tell("attempt could not be recorded: another run had taken over", work.event, delivery, report)
            return
        self._report(work, new, attempt, report)
        if not new.state.final:
            self._arm(new, now)
        if counts:
            self.standing.note(endpoint, work.health, verdict, work.probe_until, report)
        if new.state.final:
            self.settling.run(work.event, new)

    def _answer(self, work: Work, now: float) -> tuple[Answer, bool]:
        """Return what the endpoint answered, and whether it counts for or against the endpoint."""
        endpoint = work.endpoint
        try:
            keys: Sequence[SigningKey] = self.keys.current() if endpoint.asymmetric else ()
            signature = signature_headers(endpoint, work.event.event_id, work.payload, now, keys)
        except (UnavailableError, ValueError):
            return Answer(status=None, problem=UNSIGNABLE), False
        try:
            headers = request_headers(endpoint.headers, signature, self.settings.user_agent)
        except HeaderRefusedError:
            return Answer(status=None, problem="header refused"), True
        return self.client.post(endpoint.url, headers, work.payload), True

    def _park(self, seen: Delivery, held: tuple[int, str], event: Event, report: Report) -> None:
        until_ms, waiting_for = held
        now = self.clock()
        new = parked(seen, until_ms, waiting_for, now, self.settings.retention)
        if not self.deliveries.change(seen, new):
            return
        if new.state.final:
            self._report_dead(new, event, report)
            self.settling.run(event, new)
            return
        self.events.keep_until(event, new.expires_at)
        if waiting_for == PAUSED and self._was_activated(new):
            # Whoever activated it may have looked for what waits before this one did.
            woken = brought_forward(new, now)
            if not self.deliveries.change(new, woken):
                return
            new = woken
        self._arm(new, now)
        report.count(new.tenant_id, Count.PARKED)

    def _was_activated(self, delivery: Delivery) -> bool:
        """Tell whether the endpoint is active by now; read only after the delivery was recorded as waiting for that."""
        endpoint, _ = self.endpoints.read(delivery.tenant_id, delivery.endpoint_id)
        return endpoint is not None and endpoint.state is EndpointState.ACTIVE

    def _give_up(self, seen: Delivery, event: Event | None, reason: str, now: float, report: Report) -> None:
        new = given_up(seen, reason, now, self.settings.retention)
        if self.deliveries.change(seen, new):
            self._report_dead(new, event, report)
            if event is not None:
                self.settling.run(event, new)

    def _arm(self, delivery: Delivery, now: float) -> None:
        self.waits.arm(delivery, now)
        self.deliveries.mark_armed(delivery)

    def _report(self, work: Work, new: Delivery, attempt: Attempt, report: Report) -> None:
        report.took(attempt.duration_ms)
        delivered = new.state is DeliveryState.DELIVERED
        report.count(new.tenant_id, Count.DELIVERED if delivered else Count.FAILED_ATTEMPTS)
        self._tell(
            "delivered" if delivered else "attempt failed",
            work.event,
            new,
            report,
            outcome=attempt.outcome,
            attempt=attempt.number,
            duration_ms=attempt.duration_ms,
            next_attempt_at=new.next_attempt_at,
        )
        if new.state is DeliveryState.DLQ:
            self._report_dead(new, work.event, report)

    def _report_dead(self, delivery: Delivery, event: Event | None, report: Report) -> None:
        report.count(delivery.tenant_id, Count.DEAD_LETTERED)
        self._tell("delivery given up", event, delivery, report, reason=delivery.reason)

    def _tell(
        self, what: str, event: Event | None, delivery: Delivery, report: Report, **fields: str | int | None
    ) -> None:
        report.log(
            what,
            correlation_id=None if event is None else event.correlation_id,
            tenant=delivery.tenant_id,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            **fields,
        )
