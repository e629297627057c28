"""What a tenant's other endpoints and the operator's event bus are told of: endpoints in trouble, and reached quotas.

An operational event is an event of the tenant's, so that the table knows it, the sweeper finds it, and it is delivered
like any other. Its id follows from what it is about: however many workers find out, and however often one of them dies
on the way, there is one event.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.circuit_breaker import THRESHOLD
from lambdas.delivery.domain.due import MAX_HOPS, to_fan_out
from lambdas.delivery.domain.endpoint_disabling import derived_id
from lambdas.delivery.domain.model import Delivery, Endpoint, Event, Health
from lambdas.delivery.domain.retention import Retention
from lambdas.shared import times

RESERVED_PREFIX = "webhook."
"""Of the types of events that the service makes. No tenant hands one in."""
DISABLED_EVENT = "webhook.endpoint.disabled"
FAILING_EVENT = "webhook.endpoint.failing"
RECOVERED_EVENT = "webhook.endpoint.recovered"
GIVEN_UP_EVENT = "webhook.delivery.given_up"
QUOTA_REACHED_EVENT = "webhook.quota.reached"
HOUR, DAY = 3_600, 86_400


@dataclass(frozen=True, kw_only=True)
class OperationalEvent:
    """Something to tell.

    Attributes
    ----------
    kind : str
        The event's type.
    tenant_id : str
        The tenant.
    endpoint_id : str | None
        The endpoint that it is about, which is not told itself.
    about : str
        What makes it this one and no other of its kind.
    since : float
        Seconds since the epoch, of what it is about.
    data : Mapping[str, Any]
        What is told: no payload, secret or URL.
    """

    kind: str
    tenant_id: str
    endpoint_id: str | None = None
    about: str
    since: float
    data: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        """The event's id."""
        return derived_id("\0".join([self.tenant_id, self.endpoint_id or "", self.about, self.kind]), self.since)

    def event(self, now: float, retention: Retention) -> tuple[Event, bytes]:
        """Return the event and its payload; the next sweep hands it out.

        Parameters
        ----------
        now : float
            Seconds since the epoch.
        """
        at = times.iso(now)
        told = {"type": self.kind, "timestamp": at, "data": self.data}
        payload = json.dumps(told, separators=(",", ":")).encode()
        event = Event(
            tenant_id=self.tenant_id,
            event_id=self.event_id,
            event_type=self.kind,
            created_at=at,
            size=len(payload),
            sha256=hashlib.sha256(payload).hexdigest(),
            correlation_id=self.event_id,
            not_for=self.endpoint_id,
            operational=True,
            expires_at=retention.created(now),
        )
        # No message: it begins no chain, whatever it is about.
        return to_fan_out(event, now, MAX_HOPS), payload


def is_reserved(event_type: str) -> bool:
    """Tell whether the service makes events of a type.

    What becomes of their deliveries is no reason for further ones, which could have no end.
    """
    return event_type.startswith(RESERVED_PREFIX)


def is_failing(health: Health, now_ms: int) -> bool:
    """Tell whether an endpoint has done nothing but fail for an hour, and often enough for the breaker to open."""
    return (
        health.failing_since is not None
        and health.consecutive_failures >= THRESHOLD
        and now_ms - health.failing_since >= HOUR * 1_000
    )


def disabled(endpoint: Endpoint, reason: str) -> OperationalEvent:
    """Return that the system disables an endpoint: once for each time that it was changed before."""
    return OperationalEvent(
        kind=DISABLED_EVENT,
        tenant_id=endpoint.tenant_id,
        endpoint_id=endpoint.endpoint_id,
        about=endpoint.updated_at,
        since=times.parse(endpoint.updated_at) or 0.0,
        data={"endpointId": endpoint.endpoint_id, "reason": reason},
    )


def failing(endpoint: Endpoint, health: Health) -> OperationalEvent:
    """Return that an endpoint is failing: once for each first failure after a success, or after it was activated."""
    since = (health.failing_since or 0) / 1_000
    return OperationalEvent(
        kind=FAILING_EVENT,
        tenant_id=endpoint.tenant_id,
        endpoint_id=endpoint.endpoint_id,
        about=times.iso(since),
        since=since,
        data={
            "endpointId": endpoint.endpoint_id,
            "failingSince": times.iso(since),
            "failures": health.consecutive_failures,
        },
    )


def recovered(endpoint: Endpoint, told_since: int) -> OperationalEvent:
    """Return that an endpoint is back: once after it was told that it is failing, or was disabled.

    Parameters
    ----------
    told_since : int
        See `Health`.
    """
    since = told_since / 1_000
    return OperationalEvent(
        kind=RECOVERED_EVENT,
        tenant_id=endpoint.tenant_id,
        endpoint_id=endpoint.endpoint_id,
        about=times.iso(since),
        since=since,
        data={"endpointId": endpoint.endpoint_id, "troubledSince": times.iso(since)},
    )


def given_up(delivery: Delivery) -> OperationalEvent:
    """Return that a delivery was given up: once for each endpoint and hour, in UTC."""
    hour = (times.parse(delivery.updated_at) or 0.0) // HOUR * HOUR
    return OperationalEvent(
        kind=GIVEN_UP_EVENT,
        tenant_id=delivery.tenant_id,
        endpoint_id=delivery.endpoint_id,
        about=times.iso(hour),
        since=hour,
        data={
            "endpointId": delivery.endpoint_id,
            "eventId": delivery.event_id,
            "reason": delivery.reason,
            "attempts": delivery.attempts,
            "standsForAllUntil": times.iso(hour + HOUR),
        },
    )


def quota_reached(tenant_id: str, most: int, now: float) -> OperationalEvent:
    """Return that a tenant has used up its events of a day: once a day, in UTC."""
    day = now // DAY * DAY
    return OperationalEvent(
        kind=QUOTA_REACHED_EVENT,
        tenant_id=tenant_id,
        about=f"eventsPerDay {times.iso(day)}",
        since=day,
        data={"quota": "eventsPerDay", "limit": most, "until": times.iso(day + DAY)},
    )
