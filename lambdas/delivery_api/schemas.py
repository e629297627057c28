"""Requests and responses of the tenants' API."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.model import Endpoint, Event, StoppedBy
from lambdas.delivery.domain.operational_events import RESERVED_PREFIX
from lambdas.delivery.domain.quotas import MAX_ENDPOINTS
from lambdas.delivery.domain.retry_schedules import MAX_WAIT_SECONDS, MAX_WAITS
from lambdas.delivery.domain.subscriptions import (
    MAX_EVENT_TYPE_CHARS,
    MAX_FILTER_VALUES,
    MAX_FILTERS,
    MAX_PATH_CHARS,
    MAX_VALUE_CHARS,
    check_filters,
)
from lambdas.delivery.http.events import EventResponse
from lambdas.delivery.http.schemas import (
    TYPE_CHARS,
    CursorText,
    DeliveryResponse,
    EndpointId,
    Limit,
    Patterns,
    RequestModel,
    ResponseModel,
    State,
    Time,
    Whole,
)
from lambdas.delivery.sending.headers import (
    MAX_HEADERS,
    MAX_NAME_CHARS,
    MAX_PREFIX_CHARS,
    PREFIX_PATTERN,
    check_headers,
    check_prefix,
)
from lambdas.delivery.sending.headers import MAX_VALUE_CHARS as MAX_HEADER_CHARS
from lambdas.delivery.sending.urls import MAX_URL_CHARS

MAX_OVERLAP_HOURS = 168
MAX_RATE = 1_000
MAX_DESCRIPTION_CHARS = 500
NEVER_FINAL = frozenset({408, 429})
"""Statuses by which an endpoint asks to be asked again."""
EVENT_TYPE_PATTERN = f"^{TYPE_CHARS}$"
EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "type": "string",
            "pattern": EVENT_TYPE_PATTERN,
            "maxLength": MAX_EVENT_TYPE_CHARS,
            "not": {"pattern": f"^{RESERVED_PREFIX}".replace(".", r"\.")},
            "description": f"Decides which endpoints get it. Types of the service begin with `{RESERVED_PREFIX}`.",
        },
        "timestamp": {"description": "When it happened, ISO 8601."},
        "data": {"description": "What happened."},
    },
    "examples": [
        {"type": "invoice.paid", "timestamp": "2026-01-31T12:00:00Z", "data": {"id": "inv_1", "currency": "eur"}}
    ],
}

# In JSON text a character is six at most.
_FilterValue = Annotated[str, Field(max_length=(MAX_VALUE_CHARS - 2) // 6)] | int | float | bool | None
_Path = Annotated[str, Field(max_length=MAX_PATH_CHARS)]
_HeaderName = Annotated[str, Field(max_length=MAX_NAME_CHARS)]
_HeaderValue = Annotated[str, Field(max_length=MAX_HEADER_CHARS)]


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    check_headers(headers)
    return headers


def _checked_prefix(prefix: str) -> str:
    check_prefix(prefix)
    return prefix


def _checked_statuses(statuses: list[int]) -> list[int]:
    if NEVER_FINAL & set(statuses):
        raise ValueError("408 and 429 ask for another attempt, and cannot be final")
    return sorted(set(statuses))


def _checked_filters(filters: dict[str, list[Any]]) -> dict[str, list[Any]]:
    check_filters(filters_as_text(filters))
    return filters


def filters_as_text(filters: dict[str, list[Any]]) -> dict[str, list[str]]:
    """Return filters as an endpoint keeps them: each value as JSON text."""
    return {path: [json.dumps(value, ensure_ascii=False) for value in values] for path, values in filters.items()}


Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARS,
        description="Where to: https, a public host, no user name, no fragment.",
        examples=["https://example.com/webhooks"],
        json_schema_extra={"format": "endpoint-url"},
    ),
]
Filters = Annotated[
    dict[_Path, Annotated[list[_FilterValue], Field(min_length=1, max_length=MAX_FILTER_VALUES)]],
    Field(
        max_length=MAX_FILTERS,
        description="Dotted path into the payload, and values one of which must stand there. All paths must hold.",
        examples=[{"data.currency": ["eur", "usd"]}],
        json_schema_extra={
            "propertyNames": {"pattern": r"^[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*$", "maxLength": MAX_PATH_CHARS}
        },
    ),
    AfterValidator(_checked_filters),
]
Headers = Annotated[
    dict[_HeaderName, _HeaderValue],
    Field(
        max_length=MAX_HEADERS,
        description="Headers that every request carries besides ours, which they cannot replace. Not shown again.",
        json_schema_extra={
            "propertyNames": {"pattern": r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$", "maxLength": MAX_NAME_CHARS},
            "additionalProperties": {"type": "string", "pattern": "^[!-~]+$", "maxLength": MAX_HEADER_CHARS},
        },
    ),
    AfterValidator(_checked_headers),
]
Style = Literal["standard", "stripe"]
Rate = Annotated[int, Field(ge=1, le=MAX_RATE, description="Attempts per second at most."), Whole]
Schedule = Literal["standard-webhooks", "minutes"]
Waits = Annotated[
    list[Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS), Whole]],
    Field(
        max_length=MAX_WAITS,
        description="Seconds to wait after each failed attempt, instead of a named schedule; `[]` for one attempt. "
        "Up to a tenth is added to each at random.",
        examples=[[60, 3600, 86400]],
    ),
]
FinalStatuses = Annotated[
    list[Annotated[int, Field(ge=400, le=499, json_schema_extra={"not": {"enum": sorted(NEVER_FINAL)}}), Whole]],
    Field(
        max_length=100,
        description="Statuses 4xx, except 408 and 429, after which a delivery is given up at once.",
        examples=[[400, 422]],
    ),
    AfterValidator(_checked_statuses),
]
HeaderPrefix = Annotated[
    str,
    Field(
        pattern=PREFIX_PATTERN,
        max_length=MAX_PREFIX_CHARS,
        description="Of the three headers of the style `standard`: `svix` makes them `svix-id`, `svix-timestamp` and "
        "`svix-signature`. A prefix with which other headers begin is refused.",
    ),
    AfterValidator(_checked_prefix),
]
Secret = Annotated[
    str,
    Field(
        pattern="^whsec_[!-~]+$",
        min_length=30,
        max_length=256,
        description="One of your own, such as that of the system that you come from; null to have one made. `whsec_` "
        "and 24 to 64 bytes in base64; for the style `stripe` `whsec_` and 24 characters or more. It is never shown.",
        json_schema_extra={"writeOnly": True},
    ),
]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARS)]


_ONE_STYLE: JsonDict = {
    "properties": {"style": {"const": "stripe"}, "asymmetric": {"const": True}},
    "required": ["style", "asymmetric"],
}
_ONE_SCHEDULE: JsonDict = {
    "properties": {"schedule": {"type": "string"}, "retryWaits": {"type": "array"}},
    "required": ["schedule", "retryWaits"],
}
_EXCLUDED: JsonDict = {"anyOf": [_ONE_STYLE, _ONE_SCHEDULE]}


class _EndpointFields(RequestModel):
    """What excludes each other."""

    style: Style = "standard"
    asymmetric: bool = False
    schedule: Schedule | None = None
    retry_waits: Waits | None = None

    @model_validator(mode="after")
    def _fit(self) -> "_EndpointFields":
        if self.asymmetric and self.style != "standard":
            raise ValueError("asymmetric: the style stripe has no ed25519 signature")
        if self.schedule is not None and self.retry_waits is not None:
            raise ValueError("schedule and retryWaits: one of them expected")
        return self


class CreateEndpointRequest(_EndpointFields):
    """A new endpoint."""

    model_config = ConfigDict(json_schema_extra={"not": _EXCLUDED})

    url: Url
    event_types: Patterns = Field(default=["*"])
    filters: Filters = Field(default={})
    style: Style = Field(default="standard", description="How requests are signed.")
    asymmetric: bool = Field(default=False, description="Whether a `v1a` ed25519 signature comes besides `v1`.")
    header_prefix: HeaderPrefix = "webhook"
    secret: Secret | None = Field(default=None, repr=False)
    headers: Headers = Field(default={})
    rate_limit: Rate | None = None
    schedule: Schedule | None = Field(
        default=None, description="Retry schedule; null for the service's own, or `retryWaits`."
    )
    retry_waits: Waits | None = None
    final_statuses: FinalStatuses = Field(default=[])
    description: Description = ""


class UpdateEndpointRequest(_EndpointFields):
    """Changes of an endpoint; a field that is left out keeps its value; schedule and retryWaits replace each other."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "not": _EXCLUDED})

    url: Url = ""
    event_types: Patterns = Field(default=["*"])
    filters: Filters = Field(default={})
    style: Style = "standard"
    asymmetric: bool = False
    header_prefix: HeaderPrefix = "webhook"
    headers: Headers = Field(default={})
    rate_limit: Rate | None = None
    schedule: Schedule | None = None
    retry_waits: Waits | None = None
    final_statuses: FinalStatuses = Field(default=[])
    description: Description = ""


class RotateSecretRequest(RequestModel):
    """How a secret is rotated."""

    overlap_hours: Annotated[int, Field(ge=0, le=MAX_OVERLAP_HOURS), Whole] = Field(
        default=24, description="Hours in which the old secret signs, too; 0 where it leaked."
    )
    secret: Secret | None = Field(default=None, repr=False)


class EventsQuery(RequestModel):
    """Which events are listed."""

    from_: Time | None = Field(default=None, alias="from", description="Accepted at this time or later.")
    to: Time | None = Field(default=None, description="Accepted before this time.")
    limit: Limit
    cursor: CursorText | None = None


class DeliveriesQuery(EventsQuery):
    """Which deliveries are listed."""

    from_: Time | None = Field(default=None, alias="from", description="Came to its state at this time or later.")
    to: Time | None = Field(default=None, description="Came to its state before this time.")
    state: State | None = None
    endpoint_id: EndpointId | None = None


class AcceptEventResponse(ResponseModel):
    """An event that is durable."""

    event_id: str
    type: str
    created_at: str

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the response for an event that was accepted."""
        return cls(event_id=event.event_id, type=event.event_type, created_at=event.created_at)


class PayloadResponse(ResponseModel):
    """A payload."""

    event_id: str
    payload: str = Field(description="The text that endpoints get.")


class ListEventsResponse(ResponseModel):
    """A page of events, the newest first."""

    events: list[EventResponse]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class ListDeliveriesResponse(ResponseModel):
    """A page of deliveries, the latest change of state first."""

    deliveries: list[DeliveryResponse]
    next: str | None = Field(description="Cursor of the next page; null on the last. A page may be short of its limit.")


class EndpointResponse(ResponseModel):
    """An endpoint, without its secrets and the values of its headers."""

    endpoint_id: str
    url: str
    event_types: list[str]
    filters: dict[str, list[Any]]
    state: Literal["ACTIVE", "PAUSED", "DISABLED"]
    state_reason: str | None = Field(description="Why the service disabled it, or an operator stopped it.")
    state_since: str | None = Field(description="Null where it was not recorded yet.")
    stopped_by: StoppedBy | None = Field(description="Null while it is active.")
    style: Style
    asymmetric: bool
    header_prefix: str
    header_names: list[str]
    rate_limit: int | None
    schedule: str | None
    retry_waits: list[int] | None
    final_statuses: list[int]
    description: str
    secrets_valid: int = Field(description="How many secrets sign: more than one while they rotate.")
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, endpoint: Endpoint, now: float, **more: Any) -> Self:
        """Return the response for an endpoint."""
        return cls(
            endpoint_id=endpoint.endpoint_id,
            url=endpoint.url,
            event_types=list(endpoint.event_types),
            filters={path: [json.loads(value) for value in values] for path, values in endpoint.filters.items()},
            state=endpoint.state.value,
            state_reason=endpoint.state_reason,
            state_since=endpoint.state_since,
            stopped_by=endpoint.stopped_by,
            style=endpoint.style.value,
            asymmetric=endpoint.asymmetric,
            header_prefix=endpoint.header_prefix,
            header_names=sorted(endpoint.headers),
            rate_limit=endpoint.rate_limit,
            schedule=endpoint.schedule,
            retry_waits=None if endpoint.retry_waits is None else list(endpoint.retry_waits),
            final_statuses=list(endpoint.final_statuses),
            description=endpoint.description,
            secrets_valid=sum(1 for one in endpoint.secrets if one.expires_at is None or one.expires_at > now),
            created_at=endpoint.created_at,
            updated_at=endpoint.updated_at,
            **more,
        )


class EndpointWithSecretResponse(EndpointResponse):
    """An endpoint with its new secret, which is shown this once."""

    secret: str | None = Field(description="Null when the request brought it.")


class TokenResponse(ResponseModel):
    """The caller's token, without itself."""

    tenant_id: str
    tenant_name: str
    access: Access = Field(description="What it is good for: each operation says which kinds may call it.")
    label: str
    expires_at: str | None


class ListEndpointsResponse(ResponseModel):
    """All endpoints, the oldest first."""

    endpoints: list[EndpointResponse] = Field(max_length=MAX_ENDPOINTS)
