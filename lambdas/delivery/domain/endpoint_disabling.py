"""When the system disables an endpoint by itself; and ids of events that follow from what the events are about."""

import hashlib

from lambdas.delivery.domain.model import Health

FEWEST_FAILURES = 10
"""Two failures with a quiet week between them do not disable an endpoint."""
GONE = "answered 410"
FAILING = "nothing but failures"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def failed_for_too_long(health: Health, now_ms: int, after_hours: float) -> bool:
    """Tell whether an endpoint must be disabled.

    Parameters
    ----------
    after_hours : float
        Hours of nothing but failures, the stack's ``DISABLE_AFTER_HOURS``.
    """
    return (
        health.failing_since is not None
        and health.consecutive_failures >= FEWEST_FAILURES
        and now_ms - health.failing_since >= after_hours * 3_600_000
    )


def derived_id(identity: str, seconds: float) -> str:
    """Return an event id that follows from what the event is about: ``evt_``, ten characters of time, sixteen of it.

    Parameters
    ----------
    seconds : float
        Since the epoch; ids sort by it. It must follow from the same thing.
    """
    number = int(seconds * 1_000) << 80 | int.from_bytes(hashlib.sha256(identity.encode()).digest()[:10])
    return "evt_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
