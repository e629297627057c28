"""The model of delivery: endpoints and events of tenants, and one delivery for each event and endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

StoppedBy = Literal["tenant", "operator", "system"]


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    """Waits for its first attempt."""
    FAILED = "FAILED"
    """Its latest attempt failed, and another one is due."""
    DELIVERED = "DELIVERED"
    """The endpoint answered 2xx. Never sent again unless somebody asks for it."""
    DLQ = "DLQ"
    """Given up, with the reason; waits for a requeue until it expires."""

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (DeliveryState.DELIVERED, DeliveryState.DLQ)


class EndpointState(StrEnum):
    """Whether an endpoint gets deliveries."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    """By its tenant or an operator: deliveries wait, and spend no attempts."""
    DISABLED = "DISABLED"
    """By the system: it answered 410, or did nothing but fail for too long. Its tenant can activate it again. Or by an
    operator."""


class SignatureStyle(StrEnum):
    """How requests to an endpoint are signed."""

    STANDARD = "standard"
    """``webhook-id``, ``webhook-timestamp``, ``webhook-signature``, as https://www.standardwebhooks.com has them; or
    these three with a prefix of the endpoint's own."""
    STRIPE = "stripe"
    """One header ``stripe-signature: t=…,v1=…``, as https://docs.stripe.com/webhooks/signature has it."""


@dataclass(frozen=True, kw_only=True)
class SigningSecret:
    """A symmetric secret of an endpoint.

    Attributes
    ----------
    value : str
        ``whsec_`` and 24 to 64 random bytes in base64; one that a tenant brought for the stripe style has any text.
    created_at : str
        ISO 8601, UTC.
    expires_at : int | None
        Seconds since the epoch from which it signs no more: the end of a rotation's overlap. None for the current one.
    """

    value: str
    created_at: str
    expires_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a tenant wants events, and which.

    Attributes
    ----------
    tenant_id, endpoint_id : str
        Its tenant, and its id.
    url : str
        ``https`` URL.
    event_types : Sequence[str]
        Patterns, one of which the event's type must match: ``*`` for all, ``invoice.*`` for all below, or a type.
    filters : Mapping[str, Sequence[str]]
        Dotted path into the payload, and the values one of which must stand there, each as JSON text; all paths must
        hold.
    state : EndpointState
        Whether it gets deliveries.
    state_reason : str | None
        Why, when the system disabled it, or an operator stopped it.
    state_since : str | None
        Since when it is in its state, ISO 8601, UTC; None where an earlier release wrote it.
    by_operator : bool
        Whether an operator stopped it, so that its tenant cannot activate it.
    style : SignatureStyle
        How requests are signed.
    asymmetric : bool
        Whether the standard style has a ``v1a`` ed25519 signature besides ``v1``.
    header_prefix : str
        Of the three headers of the standard style.
    secrets : Sequence[SigningSecret]
        The current one first; during a rotation the one before it, too.
    headers : Mapping[str, str]
        Headers that each request carries besides ours; they cannot replace ours.
    rate_limit : int | None
        Attempts per second at most; None for no limit.
    schedule : str | None
        Name of a retry schedule; None for the stack's, or `retry_waits`.
    retry_waits : Sequence[int] | None
        Seconds to wait after each failed attempt, instead of a named schedule.
    final_statuses : Sequence[int]
        HTTP statuses after which there is no further attempt.
    description : str
        The tenant's own words.
    created_at, updated_at : str
        ISO 8601, UTC.
    """

    tenant_id: str
    endpoint_id: str
    url: str
    event_types: Sequence[str] = ("*",)
    filters: Mapping[str, Sequence[str]]
    state: EndpointState = EndpointState.ACTIVE
    state_reason: str | None = None
    state_since: str | None = None
    by_operator: bool = False
    style: SignatureStyle = SignatureStyle.STANDARD
    asymmetric: bool = False
    header_prefix: str = "webhook"
    secrets: Sequence[SigningSecret]
    headers: Mapping[str, str]
    rate_limit: int | None = None
    schedule: str | None = None
    retry_waits: Sequence[int] | None = None
    final_statuses: Sequence[int] = ()
    description: str = ""
    created_at: str
    updated_at: str

    @property
    def stopped_by(self) -> StoppedBy | None:
        """Who paused or disabled it; None while it is active."""
        if self.state is EndpointState.ACTIVE:
            return None
        if self.by_operator:
            return "operator"
        return "tenant" if self.state is EndpointState.PAUSED else "system"


@dataclass(frozen=True, kw_only=True)
class Health:
    """How an endpoint has been doing, apart from its configuration, which its tenant writes.

    Attributes
    ----------
    consecutive_failures : int
        Failed attempts since the last success.
    failing_since : int | None
        Milliseconds since the epoch of the first of them.
    open_until : int | None
        Milliseconds since the epoch until which the circuit breaker lets no attempt through.
    probing_until : int | None
        Milliseconds since the epoch until which one attempt may find out whether the endpoint is back.
    slow_until : int | None
        Milliseconds since the epoch before which the endpoint asked, with 429 or 503, for no more.
    openings : int
        How often in a row the circuit breaker opened.
    next_slot : int
        Milliseconds since the epoch at which the rate limit has room for the next attempt.
    told_since : int | None
        Milliseconds since the epoch since when the endpoint is in trouble, as its tenant was told; None when it was
        not told, or was told that the endpoint is back.
    suspended_since : str | None
        Since when its tenant is suspended, ISO 8601, UTC; an item of its own, which every read of health reads, too.
    """

    consecutive_failures: int = 0
    failing_since: int | None = None
    open_until: int | None = None
    probing_until: int | None = None
    slow_until: int | None = None
    openings: int = 0
    next_slot: int = 0
    told_since: int | None = None
    suspended_since: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event as a tenant's application handed it in; its payload is an item of its own.

    Attributes
    ----------
    tenant_id, event_id : str
        Its tenant, and its id.
    event_type : str
        The payload's ``type``.
    created_at : str
        When it was accepted, ISO 8601, UTC.
    size : int
        Bytes of the payload.
    sha256 : str
        Hex digest of the payload.
    correlation_id : str
        Follows the event from the request to the last attempt.
    only : str | None
        The one endpoint that it is for, when it is a test event; None for all that subscribe.
    not_for : str | None
        The one endpoint that it is not for, when it is news about that endpoint.
    operational : bool
        Whether the service made it, see `lambdas.delivery.domain.operational_events`.
    provider : str | None
        The provider of the inbound stack that it came from; None for what the tenant handed in itself.
    hops : int
        How many deliveries in a row led to it, by the header of the request that handed it in.
    erased_at : str | None
        When its payload was erased on request.
    next_attempt_at : str | None
        When it is to be fanned out, or looked at again, ISO 8601, UTC.
    due_at : str | None
        When the sweeper looks at it, ISO 8601, UTC; None once it expires with the last of its deliveries.
    fanned_out : bool
        Whether each endpoint that subscribes has its delivery.
    expires_at : int
        Seconds since the epoch after which it is gone.
    """

    tenant_id: str
    event_id: str
    event_type: str
    created_at: str
    size: int
    sha256: str
    correlation_id: str
    only: str | None = None
    not_for: str | None = None
    operational: bool = False
    provider: str | None = None
    hops: int = 0
    erased_at: str | None = None
    next_attempt_at: str | None = None
    due_at: str | None = None
    fanned_out: bool = False
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint.

    Attributes
    ----------
    tenant_id, event_id, endpoint_id : str
        Tenant, event and endpoint.
    event_type : str
        The event's.
    state : DeliveryState
        Where it stands.
    reason : str | None
        Why it failed or was given up; a code such as ``status 500``, ``timed out``, ``endpoint deleted``.
    attempts : int
        Attempts made in all.
    series_attempts : int
        Attempts made since the last requeue: the place in the retry schedule.
    version : int
        Grows with everything that happens to it. A message is for one version, so that one that comes twice, or late,
        does nothing.
    next_attempt_at : str | None
        When the next attempt is due, ISO 8601, UTC.
    owner : str | None
        SQS message id of who is making an attempt.
    lease_until : int
        Milliseconds since the epoch until which no other run makes one.
    due_at : str | None
        When the sweeper looks at it, ISO 8601, UTC, see `lambdas.delivery.domain.due`; of one that is held up, when it
        has waited for too long; None at its end.
    held : bool
        Whether it waits until its endpoint's hold releases it.
    waiting_for : str | None
        What holds it up, where that is not its retry schedule and spends no attempt: ``tenant suspended``,
        ``endpoint paused``, ``circuit breaker``, ``rate limit``, ``endpoint busy``, ``cannot be signed``.
    replay_id : str | None
        The replay that sent it last; None when that was somebody else.
    created_at, updated_at : str
        ISO 8601, UTC.
    expires_at : int
        Seconds since the epoch after which it is gone.
    """

    tenant_id: str
    event_id: str
    endpoint_id: str
    event_type: str
    state: DeliveryState = DeliveryState.PENDING
    reason: str | None = None
    attempts: int = 0
    series_attempts: int = 0
    version: int = 1
    next_attempt_at: str | None = None
    owner: str | None = None
    lease_until: int = 0
    due_at: str | None = None
    held: bool = False
    waiting_for: str | None = None
    replay_id: str | None = None
    created_at: str
    updated_at: str
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request to an endpoint, and what came of it.

    Attributes
    ----------
    number : int
        From 1.
    at : str
        When it began, ISO 8601, UTC.
    duration_ms : int
        Milliseconds until the answer was read, or the attempt given up.
    status : int | None
        HTTP status; None when no response came.
    outcome : str
        ``delivered``, or a code of what went wrong, such as ``status 500``, ``timed out``, ``address refused``.
    """

    tenant_id: str
    event_id: str
    endpoint_id: str
    number: int
    at: str
    duration_ms: int
    status: int | None
    outcome: str
    expires_at: int
