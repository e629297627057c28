"""The routes of the delivery API: who answers each, and who may call it."""

from collections.abc import Sequence

from modules.api_layer import Route

# What a bearer token's header looks like; anything else is refused before the authorizer runs.
# https://www.rfc-editor.org/rfc/rfc6750#section-2.1
AUTHORIZATION_PATTERN = r"^[Bb]earer +[A-Za-z0-9._~+/=-]{1,512}$"

_ROUTES: dict[str, tuple[tuple[str, str], ...]] = {
    "delivery_api": (
        ("POST", "/v1/events"),
        ("GET", "/v1/events"),
        ("GET", "/v1/events/{eventId}"),
        ("POST", "/v1/events/{eventId}/deliveries/{endpointId}/resend"),
        ("DELETE", "/v1/events/{eventId}/payload"),
        ("GET", "/v1/deliveries"),
        ("POST", "/v1/endpoints"),
        ("GET", "/v1/endpoints"),
        ("GET", "/v1/endpoints/{endpointId}"),
        ("PATCH", "/v1/endpoints/{endpointId}"),
        ("DELETE", "/v1/endpoints/{endpointId}"),
        ("POST", "/v1/endpoints/{endpointId}/pause"),
        ("POST", "/v1/endpoints/{endpointId}/activate"),
        ("POST", "/v1/endpoints/{endpointId}/rotate-secret"),
        ("POST", "/v1/endpoints/{endpointId}/test"),
    ),
    "delivery_operator": (
        ("POST", "/operator/tenants"),
        ("GET", "/operator/tenants"),
        ("POST", "/operator/tenants/{tenantId}/tokens"),
        ("DELETE", "/operator/tenants/{tenantId}/tokens/{tokenId}"),
        ("POST", "/operator/requeue"),
        ("POST", "/operator/replay"),
        ("DELETE", "/operator/tenants/{tenantId}/events/{eventId}/payload"),
        ("POST", "/operator/signing-keys"),
    ),
    "delivery_docs": (
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/static/{asset}"),
        ("GET", "/.well-known/webhook-keys.json"),
    ),
    "delivery_receiver": (("POST", "/receiver/{tenantId}/{endpointId}"),),
}
_AUTHORIZATION = {"delivery_api": "CUSTOM", "delivery_operator": "AWS_IAM"}


def routes_of(function: str) -> Sequence[Route]:
    """Return the routes that a function answers."""
    return [
        Route(method=method, path=path, authorization=_AUTHORIZATION.get(function, "NONE"))
        for method, path in _ROUTES[function]
    ]
