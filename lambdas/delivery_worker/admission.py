"""Whether an attempt may be made now: suspended tenants, paused and busy endpoints, breaker, rate limit."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lambdas.delivery.domain.circuit_breaker import Gate, closed_again_at, gate
from lambdas.delivery.domain.holds import BREAKER, BUSY, PAUSED, RATE, RECHECK_STOPPED_SECONDS, SUSPENDED
from lambdas.delivery.domain.model import Delivery, Endpoint, EndpointState, Event, Health
from lambdas.delivery.domain.rate_limit import NEAR_MS
from lambdas.delivery.store.health import HealthStore

EARLY_MS = 1_000
"""SQS counts delays in whole seconds."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why an attempt must wait.

    Attributes
    ----------
    until_ms : int
        Milliseconds since the epoch at which to look again.
    waiting_for : str
        What holds it up, see `Delivery.waiting_for`.
    """

    until_ms: int
    waiting_for: str


@dataclass(frozen=True, kw_only=True)
class ClaimedDelivery:
    """A delivery that this run has claimed, and all that an attempt needs.

    Attributes
    ----------
    delivery : Delivery
        As it is in the table, with our claim.
    hops : int
        See `lambdas.delivery.domain.due.scheduled`.
    probe_until : int | None
        Set when the attempt is the breaker's probe, see `HealthStore.take_probe`.
    """

    delivery: Delivery
    endpoint: Endpoint
    health: Health
    event: Event
    payload: bytes
    hops: int
    probe_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Lets attempts through, or holds them.

    Attributes
    ----------
    health : HealthStore
        Where slots of the rate limit and the breaker's probe are taken.
    attempt_seconds : float
        How long an attempt takes at most.
    clock, sleep, jitter
        Seconds since the epoch; a way to let some pass; and a random number of at least 0 and less than 1.
    """

    health: HealthStore
    attempt_seconds: float
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def hold(self, endpoint: Endpoint, health: Health, now_ms: int) -> Wait | None:
        """Return what holds the endpoint's deliveries up; None when nothing does. Nothing is taken."""
        if health.suspended_since is not None or endpoint.state is EndpointState.PAUSED:
            stopped = PAUSED if health.suspended_since is None else SUSPENDED
            return self._wait(now_ms + RECHECK_STOPPED_SECONDS * 1_000, now_ms, stopped)
        if health.slow_until is not None and now_ms < health.slow_until:
            return self._wait(health.slow_until, now_ms, BUSY)
        if gate(health, now_ms) is Gate.OPEN:
            return self._wait(closed_again_at(health, now_ms), now_ms, BREAKER)
        return None

    def admit(self, claim: ClaimedDelivery) -> ClaimedDelivery | Wait:
        """Take a slot of the rate limit, waiting for it where it is near, and the probe of a half-open breaker."""
        tenant_id, endpoint_id, rate = claim.endpoint.tenant_id, claim.endpoint.endpoint_id, claim.endpoint.rate_limit
        if rate is not None:
            now_ms = int(self.clock() * 1_000)
            slot = self.health.take_slot(tenant_id, endpoint_id, rate, now_ms)
            if slot > now_ms + NEAR_MS:
                return self._wait(slot, now_ms, RATE)
            if slot > now_ms:
                self.sleep((slot - now_ms) / 1_000)
        now_ms = int(self.clock() * 1_000)
        if gate(claim.health, now_ms) is not Gate.HALF_OPEN:
            return claim
        until = claim.delivery.lease_until
        if self.health.take_probe(tenant_id, endpoint_id, claim.health, until, now_ms):
            return replace(claim, probe_until=until)
        return self._wait(now_ms + int(self.attempt_seconds * 1_000) + EARLY_MS, now_ms, BREAKER)

    def _wait(self, until_ms: int, now_ms: int, waiting_for: str) -> Wait:
        """Wait until some time after another, so that what waits for that does not come all at once."""
        spread = int(self.jitter() * max(EARLY_MS, (until_ms - now_ms) // 2))
        return Wait(until_ms=until_ms + spread, waiting_for=waiting_for)
