"""Requests and responses of the operators' endpoints."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lambdas.delivery.domain.ids import TENANT_PATTERN
from lambdas.delivery.domain.quotas import MAX_ENDPOINTS
from lambdas.delivery.http.replays import ReplayRequest
from lambdas.delivery.http.schemas import EndpointId, EventId, Limit, RequestModel, ResponseModel, TenantId, Time, Whole
from lambdas.delivery.store.listing import MAX_LIMIT

MAX_NAME_CHARS = 200
MAX_EVENTS_PER_DAY = 1_000_000_000
MAX_TOKEN_DAYS = 3_650
MIN_LINK_MINUTES, MAX_LINK_MINUTES = 5, 1_440
MAX_OVERLAP_HOURS = 24 * 30

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
Label = Annotated[str, Field(max_length=MAX_NAME_CHARS, description="What it is for. Whoever has it can see that.")]


class CreateTenantRequest(RequestModel):
    """A new tenant."""

    tenant_id: TenantId = Field(description="Small letters, digits and hyphens, 63 at most. It cannot be changed.")
    name: Name


class UpdateTenantRequest(RequestModel):
    """Changes of a tenant; a field that is left out keeps its value."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: Name = ""
    plan: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$")] = Field(
        default="", description="Usage plan: how many requests a second. `standard`, or one of `delivery.tenant_plans`."
    )
    events_per_day: Annotated[int, Field(ge=0, le=MAX_EVENTS_PER_DAY), Whole] | None = Field(
        default=None, description="Null for `delivery.tenant_events_per_day`."
    )
    max_endpoints: Annotated[int, Field(ge=0, le=MAX_ENDPOINTS), Whole] | None = Field(
        default=None, description="Null for `delivery.tenant_endpoints`. Endpoints that there are stay."
    )


class TenantsQuery(RequestModel):
    """Which tenants are listed."""

    after: Annotated[str, Field(pattern=TENANT_PATTERN)] | None = Field(
        default=None, description="The last id of the page before."
    )
    limit: Limit


class TenantResponse(ResponseModel):
    """A tenant."""

    tenant_id: str
    name: str
    state: Literal["ACTIVE", "SUSPENDED"]
    plan: str | None = Field(description="Usage plan; null for a tenant that shares its rate with all that have none.")
    events_per_day: int | None = Field(description="Null for the service's.")
    max_endpoints: int | None = Field(description="Null for the service's.")
    created_at: str
    updated_at: str


class ListTenantsResponse(ResponseModel):
    """A page of tenants, by id."""

    tenants: list[TenantResponse] = Field(max_length=MAX_LIMIT)
    next: str | None = Field(description="For `after` of the next page; null on the last.")


class CreateTokenRequest(RequestModel):
    """A new token."""

    label: Label = ""
    access: Literal["full", "read", "publish"] = Field(
        default="full", description="`read` may only read, `publish` may only hand in events."
    )
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_TOKEN_DAYS), Whole] | None = Field(
        default=None, description="Null for a token that is good until it is revoked."
    )


class TokenResponse(ResponseModel):
    """What is known of a token."""

    token_id: str
    tenant_id: str
    label: str
    access: str = Field(description="`full`, `read`, `publish`; of a portal link `portal` or `portal-read`.")
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class CreateTokenResponse(TokenResponse):
    """A new token, which is shown this once."""

    token: str


class ListTokensResponse(ResponseModel):
    """A tenant's tokens, the newest first; of portal links, those that have not expired."""

    tokens: list[TokenResponse]


class CreatePortalLinkRequest(RequestModel):
    """A new portal link."""

    access: Literal["portal", "portal-read"] = Field(
        default="portal", description="`portal-read` shows everything and changes nothing."
    )
    expires_in_minutes: Annotated[int, Field(ge=MIN_LINK_MINUTES, le=MAX_LINK_MINUTES), Whole] = 60
    label: Label = ""


class PortalLinkResponse(ResponseModel):
    """A portal link, which is shown this once."""

    url: str = Field(description="The page, with the token behind the `#`, which browsers send to no server.")
    token_id: str
    access: Literal["portal", "portal-read"]
    expires_at: str


class RevokePortalLinksResponse(ResponseModel):
    """A tenant without portal links."""

    tenant_id: str
    revoked_at: str


class RequeueRequest(RequestModel):
    """A delivery to send again."""

    tenant_id: TenantId
    event_id: EventId
    endpoint_id: EndpointId


class RedriveResponse(ResponseModel):
    """What waits in the pipeline's dead letter queue."""

    messages: int = Field(description="About, as SQS counts them.")
    under_way: bool = Field(description="Whether they are being moved.")


class OperatorErasePayloadResponse(ResponseModel):
    """An event without its payload."""

    event_id: str
    erased_at: str | None = Field(description="Null in a dry run, if the payload was not erased before.")


class StartTenantReplayRequest(ReplayRequest):
    """What to send, to one endpoint or to all."""

    from_: Time | None = Field(
        default=None,
        alias="from",
        description="Events that were accepted then or later; without an endpoint, deliveries that came to their state "
        "then or later.",
    )
    to: Time | None = Field(default=None, description="The same, before that time; by default, and at most, now.")
    endpoint_id: EndpointId | None = Field(default=None, description="Null for all endpoints.")
    include: (
        Annotated[
            list[Literal["MISSED", "DLQ", "DELIVERED", "STRANDED"]],
            Field(min_length=1, max_length=10),
        ]
        | None
    ) = Field(
        default=None,
        description="As a tenant's; null for `MISSED`, or for `DLQ` where there is no endpoint, without which there is "
        "no `MISSED`. `STRANDED` is what waits and release 0.1.0 left in a schedule.",
    )


class CreateSigningKeyRequest(RequestModel):
    """A new signing key."""

    retire_others_after_hours: Annotated[int, Field(ge=0, le=MAX_OVERLAP_HOURS), Whole] | None = Field(
        default=24, description="Until then the others sign, too; null lets them go on."
    )


class SigningKeyResponse(ResponseModel):
    """A signing key's public half."""

    key_id: str
    public_key: str
    created_at: str
    retired_at: str | None


class ListSigningKeysResponse(ResponseModel):
    """All signing keys, the oldest first."""

    keys: list[SigningKeyResponse]
