"""What holds an endpoint's deliveries up, and how many go on when that is over.

Deliveries that wait for their endpoint are not looked at one by one. The endpoint has one item, its hold, with the time
at which something may go on; then a page of them is released, spread over the minute until the next page.
"""

from dataclasses import dataclass

from lambdas.delivery.domain.circuit_breaker import Gate, closed_again_at, gate
from lambdas.delivery.domain.model import Endpoint, EndpointState, Health

SUSPENDED, PAUSED = "tenant suspended", "endpoint paused"
BREAKER, RATE, BUSY = "circuit breaker", "rate limit", "endpoint busy"
UNSIGNABLE = "cannot be signed"
STOPPED = (SUSPENDED, PAUSED)
"""What ends only when somebody says so."""

PAGE_SECONDS = 60
"""From one page to the next: a sweep."""
PAGE = 1_000
"""Deliveries of an endpoint that are released in a minute, where it has no rate limit."""
UNSIGNABLE_PAGE = 10
"""How many find out whether they can be signed by now."""
RECHECK_SECONDS = 900
RECHECK_STOPPED_SECONDS = 3_600


@dataclass(frozen=True, kw_only=True)
class Hold:
    """An endpoint for which deliveries are held up.

    Attributes
    ----------
    due_at : str
        When the next page is released, ISO 8601, UTC.
    touched_ms : int
        Milliseconds since the epoch at which a delivery was held up here lately.
    unsignable : bool
        Whether one could not be signed since the latest page.
    """

    tenant_id: str
    endpoint_id: str
    due_at: str
    touched_ms: int
    unsignable: bool = False


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What may go on.

    Attributes
    ----------
    number : int
        Deliveries at most.
    next_ms : int
        Milliseconds since the epoch at which to look again.
    only_expired : bool
        Whether only those go on that have waited for too long.
    """

    number: int
    next_ms: int
    only_expired: bool = False


def allowance(hold: Hold, endpoint: Endpoint | None, health: Health, now_ms: int) -> Allowance:
    """Return how many of the deliveries that are held up for an endpoint go on now."""
    following = now_ms + PAGE_SECONDS * 1_000
    # The worker gives up what is for an endpoint that is gone.
    if endpoint is None or endpoint.state is EndpointState.DISABLED:
        return Allowance(number=PAGE, next_ms=following)
    if health.suspended_since is not None or endpoint.state is EndpointState.PAUSED:
        return Allowance(number=PAGE, next_ms=now_ms + RECHECK_STOPPED_SECONDS * 1_000, only_expired=True)
    latest = now_ms + RECHECK_SECONDS * 1_000
    if health.slow_until is not None and now_ms < health.slow_until:
        return Allowance(number=0, next_ms=min(health.slow_until, latest))
    match gate(health, now_ms):
        case Gate.OPEN:
            return Allowance(number=0, next_ms=min(closed_again_at(health, now_ms), latest))
        case Gate.HALF_OPEN:
            return Allowance(number=1, next_ms=following)
    most = PAGE if endpoint.rate_limit is None else min(endpoint.rate_limit * PAGE_SECONDS, PAGE)
    return Allowance(number=min(most, UNSIGNABLE_PAGE) if hold.unsignable else most, next_ms=following)
