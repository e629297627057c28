"""What the requests and responses of the delivery APIs have in common."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from lambdas.delivery.domain.ids import ENDPOINT, EVENT, TENANT_PATTERN, id_pattern
from lambdas.delivery.domain.subscriptions import MAX_EVENT_TYPE_CHARS, MAX_PATTERNS, check_patterns
from lambdas.delivery.store.listing import DEFAULT_LIMIT, MAX_LIMIT
from lambdas.shared import times

_BEYOND_ANY_BOUND = 1_000_000_000
State = Literal["PENDING", "FAILED", "DELIVERED", "DLQ"]
TYPE_CHARS = r"[A-Za-z0-9_\-/:]+(\.[A-Za-z0-9_\-/:]+)*"
_Pattern = Annotated[str, Field(max_length=MAX_EVENT_TYPE_CHARS + 2, pattern=rf"^(\*|{TYPE_CHARS}(\.\*)?)$")]


class RequestModel(BaseModel):
    """A request: exactly the fields that are known, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class ResponseModel(BaseModel):
    """A response."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        json_schema_serialization_defaults_required=True,
    )


def _canonical_time(text: str) -> str:
    seconds = times.parse_rfc3339(text)
    if seconds is None:
        raise ValueError("RFC 3339 time expected, such as 2026-01-31T12:00:00Z")
    return times.iso(seconds)


def _whole_number(text: Any) -> Any:
    # Python's own reading of numbers takes "1_0", " 10" and digits of other scripts for ten.
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError("whole number expected")
    return int(text)


def _integral(value: Any) -> Any:
    # To JSON Schema 5.0 is an integer. One beyond any bound is not spelt out: 1e999999 has a million digits.
    if not isinstance(value, Decimal | float) or abs(Decimal(value)) >= _BEYOND_ANY_BOUND:
        return value
    return int(value) if value == int(value) else value


def _checked_patterns(patterns: list[str]) -> list[str]:
    check_patterns(patterns)
    return patterns


Whole = BeforeValidator(_integral)
"""Behind the bounds of a whole number in a body."""
Time = Annotated[
    str,
    Field(max_length=40),
    AfterValidator(_canonical_time),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339; from 1970 on."}),
]
Limit = Annotated[
    int,
    Field(ge=1, le=MAX_LIMIT, default=DEFAULT_LIMIT, description="Entries on a page, at most."),
    BeforeValidator(_whole_number),
]
CursorText = Annotated[str, Field(min_length=1, max_length=1024, description="``next`` of the page before.")]
EventId = Annotated[str, Field(pattern=id_pattern(EVENT))]
EndpointId = Annotated[str, Field(pattern=id_pattern(ENDPOINT))]
Patterns = Annotated[
    list[_Pattern],
    Field(
        min_length=1,
        max_length=MAX_PATTERNS,
        description="Which types of events: `*` for all, `invoice.*` for all below, or a type.",
    ),
    AfterValidator(_checked_patterns),
]
TenantId = Annotated[str, Field(pattern=TENANT_PATTERN)]


class ProblemField(ResponseModel):
    """A wrong field."""

    field: str
    problem: str


class Problem(ResponseModel):
    """Why a call was refused."""

    error: str
    message: str
    correlation_id: str
    fields: list[ProblemField] = Field(description="The wrong ones.")


class Refusal(ResponseModel):
    """Why a call was refused, where API Gateway may have done it."""

    error: str
    correlation_id: str


class DeliveryResponse(ResponseModel):
    """One event on its way to one endpoint."""

    event_id: str
    endpoint_id: str
    event_type: str
    state: State
    reason: str | None
    attempts: int
    next_attempt_at: str | None
    created_at: str
    updated_at: str


class ErasePayloadResponse(ResponseModel):
    """An event without its payload, which was erased."""

    event_id: str
    erased_at: str
