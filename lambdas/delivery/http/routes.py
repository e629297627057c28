"""Every route of delivery's HTTP API: the stack builds the REST API from this list, the functions serve it.

A test proves that the list and what the functions serve are the same. Nothing is imported here that imports a package,
so that synth can read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.delivery.domain.access import Access

TOKEN = "CUSTOM"  # noqa: S105 - API Gateway's name of a Lambda authorizer, no secret
"""A tenant's token, which the authorizer function checks. API Gateway's name of that is ``CUSTOM``."""
AWS_IAM = "AWS_IAM"
"""An operator's AWS credentials, which API Gateway checks."""
NONE = "NONE"
"""Public."""

AUTHORIZER = "delivery_authorizer"
TENANT_API = "delivery_api"
OPERATOR_API = "delivery_operator"
DOCS = "delivery_docs"
PUBLIC_KEYS = "/.well-known/webhook-keys.json"
"""Path of the keys that verify signatures, which is there without the documents, too."""


@dataclass(frozen=True, kw_only=True)
class ApiRoute:
    """A method of the API.

    Attributes
    ----------
    method : str
        HTTP method.
    path : str
        Path below the stage, with parameters in braces.
    function : str
        Folder of the function that answers.
    authorization : str
        `TOKEN`, `AWS_IAM` or `NONE`.
    required_headers : Sequence[str]
        Headers without which API Gateway refuses the request before any function runs.
    access : Sequence[Access]
        Of a tenants' route, the kinds of tokens that may call it.
    settings : Sequence[str]
        Settings of the section ``delivery``, of which one must be on for the route to be there; none if it always is.
    """

    method: str
    path: str
    function: str
    authorization: str
    required_headers: Sequence[str] = ()
    access: Sequence[Access] = ()
    settings: Sequence[str] = ()


def _tenant(method: str, path: str, access: Sequence[Access]) -> ApiRoute:
    return ApiRoute(method=method, path=path, function=TENANT_API, authorization=TOKEN, access=access)


def _operator(method: str, path: str) -> ApiRoute:
    return ApiRoute(method=method, path=path, function=OPERATOR_API, authorization=AWS_IAM)


def _public(path: str, *settings: str) -> ApiRoute:
    return ApiRoute(method="GET", path=path, function=DOCS, authorization=NONE, settings=settings)


# Who may call a tenants' route.
_OWN = (Access.FULL,)
_SEND = (Access.FULL, Access.PUBLISH)
_SEE = (Access.FULL, Access.READ, Access.PORTAL, Access.PORTAL_READ)
_MANAGE = (Access.FULL, Access.PORTAL)
_REPLAYS = (
    ("POST", "/replays"),
    ("GET", "/replays"),
    ("GET", "/replays/{replayId}"),
    ("POST", "/replays/{replayId}/cancel"),
)
ROUTES: Sequence[ApiRoute] = (
    _tenant("POST", "/v1/events", _SEND),
    _tenant("GET", "/v1/events", _SEE),
    _tenant("GET", "/v1/events/{eventId}", _SEE),
    _tenant("GET", "/v1/events/{eventId}/payload", _SEE),
    _tenant("DELETE", "/v1/events/{eventId}/payload", _OWN),
    _tenant("POST", "/v1/events/{eventId}/deliveries/{endpointId}/resend", _MANAGE),
    _tenant("GET", "/v1/deliveries", _SEE),
    _tenant("GET", "/v1/attempts", _SEE),
    _tenant("GET", "/v1/events/{eventId}/attempts/{endpointId}/{number}", _SEE),
    _tenant("POST", "/v1/endpoints", _MANAGE),
    _tenant("GET", "/v1/endpoints", _SEE),
    _tenant("GET", "/v1/endpoints/{endpointId}", _SEE),
    _tenant("PATCH", "/v1/endpoints/{endpointId}", _MANAGE),
    _tenant("DELETE", "/v1/endpoints/{endpointId}", _MANAGE),
    _tenant("POST", "/v1/endpoints/{endpointId}/pause", _MANAGE),
    _tenant("POST", "/v1/endpoints/{endpointId}/activate", _MANAGE),
    _tenant("POST", "/v1/endpoints/{endpointId}/rotate-secret", _MANAGE),
    _tenant("POST", "/v1/endpoints/{endpointId}/test", _MANAGE),
    *(
        _tenant(method, f"/v1/endpoints/{{endpointId}}{path}", _SEE if method == "GET" else _MANAGE)
        for method, path in _REPLAYS
    ),
    _tenant("GET", "/v1/token", tuple(Access)),
    _operator("POST", "/operator/tenants"),
    _operator("GET", "/operator/tenants"),
    _operator("GET", "/operator/tenants/{tenantId}"),
    _operator("PATCH", "/operator/tenants/{tenantId}"),
    _operator("POST", "/operator/tenants/{tenantId}/suspend"),
    _operator("POST", "/operator/tenants/{tenantId}/activate"),
    _operator("POST", "/operator/tenants/{tenantId}/tokens"),
    _operator("GET", "/operator/tenants/{tenantId}/tokens"),
    _operator("DELETE", "/operator/tenants/{tenantId}/tokens/{tokenId}"),
    _operator("POST", "/operator/tenants/{tenantId}/portal-links"),
    _operator("DELETE", "/operator/tenants/{tenantId}/portal-links"),
    _operator("GET", "/operator/tenants/{tenantId}/endpoints"),
    _operator("GET", "/operator/tenants/{tenantId}/endpoints/{endpointId}"),
    _operator("POST", "/operator/tenants/{tenantId}/endpoints/{endpointId}/pause"),
    _operator("POST", "/operator/tenants/{tenantId}/endpoints/{endpointId}/disable"),
    _operator("POST", "/operator/tenants/{tenantId}/endpoints/{endpointId}/activate"),
    _operator("GET", "/operator/audit"),
    _operator("GET", "/operator/endpoints"),
    _operator("GET", "/operator/events"),
    _operator("GET", "/operator/deliveries"),
    _operator("GET", "/operator/tenants/{tenantId}/events/{eventId}"),
    _operator("DELETE", "/operator/tenants/{tenantId}/events/{eventId}/payload"),
    _operator("GET", "/operator/tenants/{tenantId}/attempts"),
    _operator("GET", "/operator/tenants/{tenantId}/events/{eventId}/attempts/{endpointId}/{number}"),
    _operator("POST", "/operator/requeue"),
    _operator("POST", "/operator/redrive"),
    *(_operator(method, f"/operator/tenants/{{tenantId}}{path}") for method, path in _REPLAYS),
    _operator("POST", "/operator/signing-keys"),
    _operator("GET", "/operator/signing-keys"),
    _operator("DELETE", "/operator/signing-keys/{keyId}"),
    _public("/openapi.json", "docs"),
    _public("/docs", "docs"),
    _public("/redoc", "docs"),
    _public("/portal", "portal"),
    _public("/assets/{name}", "docs", "portal"),
    _public(PUBLIC_KEYS),
)
