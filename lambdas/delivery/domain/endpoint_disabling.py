"""When the system disables an endpoint by itself, and the event that announces it to the tenant.

The event goes to the tenant's other endpoints, as any event of the tenant does.
"""

import hashlib
import json

from lambdas.delivery.domain.model import Endpoint, Event, Health
from lambdas.delivery.domain.retention import Retention
from lambdas.shared import times

DISABLED_EVENT = "webhook.endpoint.disabled"
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


def announcement(endpoint: Endpoint, reason: str, now: float, retention: Retention) -> tuple[Event, bytes]:
    """Return the event that announces a disabled endpoint, and its payload.

    Its id is made of the endpoint and of when that was last changed, so that however many workers find out, and however
    often one of them dies on the way, there is one event.

    Parameters
    ----------
    now : float
        Seconds since the epoch.
    """
    at = times.iso(now)
    payload = json.dumps(
        {
            "type": DISABLED_EVENT,
            "timestamp": at,
            "data": {"endpointId": endpoint.endpoint_id, "reason": reason},
        },
        separators=(",", ":"),
    ).encode()
    identity = f"{endpoint.tenant_id}\0{endpoint.endpoint_id}\0{endpoint.updated_at}\0{DISABLED_EVENT}"
    changed = times.parse(endpoint.updated_at) or 0.0
    event_id = derived_id(identity, changed)
    return (
        Event(
            tenant_id=endpoint.tenant_id,
            event_id=event_id,
            event_type=DISABLED_EVENT,
            created_at=at,
            size=len(payload),
            sha256=hashlib.sha256(payload).hexdigest(),
            correlation_id=event_id,
            not_for=endpoint.endpoint_id,
            expires_at=retention.created(now),
        ),
        payload,
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
