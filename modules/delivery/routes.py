"""The routes of the delivery API as the API layer takes them."""

from collections.abc import Sequence, Set

from lambdas.delivery.http.routes import OPERATOR_API, ROUTES, ApiRoute
from modules.constructs.route import Route

RECEIVER = "delivery_receiver"
# What a bearer token's header looks like; anything else is refused before the authorizer runs.
# https://www.rfc-editor.org/rfc/rfc6750#section-2.1
AUTHORIZATION_PATTERN = r"^[Bb]earer +[A-Za-z0-9._~+/=-]{1,512}$"
_RECEIVE = ApiRoute(method="POST", path="/receiver/{tenantId}/{endpointId}", function=RECEIVER, authorization="NONE")


def routes_of(function: str, off: Set[str] = frozenset()) -> Sequence[Route]:
    """Return the routes that a function answers, without those for which every setting is off."""
    return [
        Route(
            method=each.method,
            path=each.path,
            authorization=each.authorization,
            required_headers=each.required_headers,
        )
        for each in (*ROUTES, _RECEIVE)
        if each.function == function and not (each.settings and off >= set(each.settings))
    ]


# Each has a policy of its own: to erase, and to make what can read payloads or erase in a tenant's name.
(LINK,) = (
    route for route in routes_of(OPERATOR_API) if route.method == "POST" and route.path.endswith("/portal-links")
)
(TOKEN,) = (route for route in routes_of(OPERATOR_API) if route.method == "POST" and route.path.endswith("/tokens"))
(ERASE,) = (route for route in routes_of(OPERATOR_API) if route.path.endswith("/payload"))
