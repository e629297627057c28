"""The circuit breaker of an endpoint: closed, open, half-open.

Closed, every attempt goes out. After `THRESHOLD` failures in a row it opens: deliveries are parked, which spends none
of their attempts. When its time is over it is half-open: one delivery at a time probes, and its result
closes the breaker, or opens it again for longer.

The rules are pure; `lambdas.delivery.store.health` carries them out by conditional writes, so that one of many workers
probes.
Source of the three states: https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from enum import StrEnum

from lambdas.delivery.domain.model import Health

THRESHOLD = 5
"""Failures in a row after which it opens."""
FIRST_OPEN_SECONDS = 60
LONGEST_OPEN_SECONDS = 3_600


class Gate(StrEnum):
    """What the breaker says to an attempt."""

    CLOSED = "closed"
    """It may go out."""
    OPEN = "open"
    """It must wait."""
    HALF_OPEN = "half-open"
    """It may go out if it gets the probe."""


def gate(health: Health, now_ms: int) -> Gate:
    """Return what the breaker says to an attempt now."""
    if health.open_until is None:
        return Gate.CLOSED
    if now_ms < health.open_until or now_ms < (health.probing_until or 0):
        return Gate.OPEN
    return Gate.HALF_OPEN


def closed_again_at(health: Health, now_ms: int) -> int:
    """Return the milliseconds since the epoch at which an attempt that met an open breaker may try again."""
    return max(health.open_until or 0, health.probing_until or 0, now_ms)


def open_ms(openings: int) -> int:
    """Return for how many milliseconds it opens, twice as long each time in a row.

    Parameters
    ----------
    openings : int
        How often in a row it has opened before.
    """
    # The exponent is bounded before it is used: openings grow for as long as an endpoint is dead.
    return min(FIRST_OPEN_SECONDS << min(openings, 16), LONGEST_OPEN_SECONDS) * 1_000


def has_to_open(health: Health) -> bool:
    """Tell whether a closed breaker must open."""
    return health.open_until is None and health.consecutive_failures >= THRESHOLD
