"""The life cycle of a delivery: each step from one state to the next, with the time passed in.

Every step but a claim makes a new version, so that messages for earlier versions do nothing.
"""

from dataclasses import replace

from lambdas.delivery.domain.attempt_result import AttemptResult
from lambdas.delivery.domain.model import Delivery, DeliveryState, Endpoint, EndpointState, Event
from lambdas.delivery.domain.retention import Retention, gone
from lambdas.delivery.domain.retry_schedules import RetrySchedule
from lambdas.shared import times

ENDPOINT_DELETED, ENDPOINT_DISABLED = "endpoint deleted", "endpoint disabled"
PAYLOAD_ERASED, EVENT_EXPIRED = "payload erased", "event expired"
WAITED_TOO_LONG = "waited too long: "
USED_UP = "attempts used up: "
FINAL = "final "


def undeliverable_reason(
    event: Event | None, payload: bytes | None, endpoint: Endpoint | None, now: float
) -> str | None:
    """Return why a delivery can never be attempted again; None when it can."""
    if event is None or gone(now, event.expires_at):
        return EVENT_EXPIRED
    if payload is None or event.erased_at is not None:
        return PAYLOAD_ERASED
    if endpoint is None:
        return ENDPOINT_DELETED
    return ENDPOINT_DISABLED if endpoint.state is EndpointState.DISABLED else None


def created(event: Event, endpoint_id: str, now: float, retention: Retention) -> Delivery:
    """Return the delivery of an event to an endpoint, due at once."""
    at = times.iso(now)
    return Delivery(
        tenant_id=event.tenant_id,
        event_id=event.event_id,
        endpoint_id=endpoint_id,
        event_type=event.event_type,
        next_attempt_at=at,
        created_at=at,
        updated_at=at,
        expires_at=retention.created(now),
    )


def claimed(delivery: Delivery, owner: str, until_ms: int) -> Delivery:
    """Return the delivery with an owner, who alone may make an attempt."""
    return replace(delivery, owner=owner, lease_until=until_ms)


def after_attempt(
    delivery: Delivery,
    result: AttemptResult,
    now: float,
    *,
    schedule: RetrySchedule,
    jitter: float,
    retention: Retention,
    final: bool = False,
) -> Delivery:
    """Return the delivery after an attempt.

    Parameters
    ----------
    final : bool
        Whether the endpoint has declared the answer's status final, so that a failure is not repeated.
    jitter : float
        At least 0 and less than 1, see `Schedule.wait_after`.
    """
    tried = replace(_next(delivery, now), attempts=delivery.attempts + 1, series_attempts=delivery.series_attempts + 1)
    if result.delivered:
        return replace(
            tried,
            state=DeliveryState.DELIVERED,
            reason=None,
            next_attempt_at=None,
            expires_at=retention.delivered(now),
        )
    if result.gone:
        return given_up(tried, result.outcome, now, retention, same_version=True)
    if final:
        return given_up(tried, FINAL + result.outcome, now, retention, same_version=True)
    wait = schedule.wait_after(tried.series_attempts, jitter)
    if wait is None:
        return given_up(tried, USED_UP + result.outcome, now, retention, same_version=True)
    due = now + max(wait, result.retry_after or 0.0)
    return replace(
        tried,
        state=DeliveryState.FAILED,
        reason=result.outcome,
        next_attempt_at=times.iso(due),
        # An endpoint's own list may take years, and may be changed on the way; and `Retry-After` comes on top of it.
        expires_at=max(tried.expires_at, retention.next_due(due)),
    )


def parked(delivery: Delivery, until_ms: int, waiting_for: str, now: float, retention: Retention) -> Delivery:
    """Return the delivery held up until a time, which spends no attempt; given up when that goes on for too long."""
    if now >= retention.waits_until(delivery.expires_at):
        return given_up(delivery, WAITED_TOO_LONG + waiting_for, now, retention)
    return replace(_next(delivery, now), waiting_for=waiting_for, next_attempt_at=times.iso(until_ms / 1_000))


def given_up(
    delivery: Delivery, reason: str, now: float, retention: Retention, *, same_version: bool = False
) -> Delivery:
    """Return the delivery as dead, with the reason."""
    return replace(
        delivery if same_version else _next(delivery, now),
        state=DeliveryState.DLQ,
        reason=reason,
        next_attempt_at=None,
        expires_at=retention.dead(now),
    )


def requeued(delivery: Delivery, now: float, retention: Retention) -> Delivery:
    """Return the delivery at the start of a new series of attempts, due at once."""
    return replace(
        _next(delivery, now),
        state=DeliveryState.PENDING,
        reason=None,
        series_attempts=0,
        replay_id=None,
        next_attempt_at=times.iso(now),
        expires_at=retention.created(now),
    )


def sent_again(seen: Delivery | None, event: Event, endpoint_id: str, now: float, retention: Retention) -> Delivery:
    """Return the delivery of an event to an endpoint, due at once, whether there was one before or not."""
    return created(event, endpoint_id, now, retention) if seen is None else requeued(seen, now, retention)


def due_ms(delivery: Delivery) -> int:
    """Return the milliseconds since the epoch at which a delivery is due; 0 when it is at once."""
    seconds = times.parse(delivery.next_attempt_at) if delivery.next_attempt_at else None
    return round((seconds or 0.0) * 1_000)


def _next(delivery: Delivery, now: float) -> Delivery:
    return replace(
        delivery,
        version=delivery.version + 1,
        owner=None,
        lease_until=0,
        waiting_for=None,
        updated_at=times.iso(now),
    )
