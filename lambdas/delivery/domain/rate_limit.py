"""The rate limit of an endpoint: so many attempts in any second, over all workers.

This is the generic cell rate algorithm without tolerance for bursts: ``next_slot`` is the earliest time at which an
attempt conforms, and each attempt that is let through moves it on by one interval. An attempt with a slot that is near
waits for it in the worker. An attempt with a later slot is held up; what is held up is released at the pace of the
limit, see `lambdas.delivery.domain.holds`.
Source: ITU-T I.371, "virtual scheduling algorithm"; https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm

`lambdas.delivery.store.health` moves it on by conditional updates that add, so that no two workers get one slot.
"""

import math

NEAR_MS = 1_000
"""How long an attempt waits for its slot in the worker: the queue cannot wait for less than a second."""
MAX_RATE = 1_000
"""Attempts per second; an interval of less than a millisecond has no meaning here."""


def interval_ms(rate: int) -> int:
    """Return the milliseconds between two attempts, rounded up so that a second never holds one too many.

    Raises
    ------
    ValueError
        When the rate is not from 1 to `MAX_RATE`.
    """
    if not 1 <= rate <= MAX_RATE:
        raise ValueError(f"rate limit {rate!r:.20}, expected from 1 to {MAX_RATE} attempts per second")
    return math.ceil(1_000 / rate)
