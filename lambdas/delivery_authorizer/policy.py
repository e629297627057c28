"""The policy that a token gets: the tenants' routes that its access may call, of this API and this stage, and no other.

API Gateway keeps it for the token for up to five minutes, whatever route is asked for next. So it may not depend on the
route that was asked for first.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/configure-api-gateway-lambda-authorization-with-console.html
"""

import re
from collections.abc import Sequence
from typing import Any

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.quotas import shared_key, tenant_key
from lambdas.delivery.http.routes import ROUTES, TOKEN
from lambdas.delivery.store.identities import Tenant, Token
from lambdas.shared import times

_METHOD_ARN = re.compile(
    r"(arn:[a-z-]+:execute-api:[a-z0-9-]+:\d{12}:([A-Za-z0-9-]+)/[A-Za-z0-9_$-]+)/[A-Z]+/.*", re.ASCII
)
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{1,100})", re.ASCII)
_TENANTS_ROUTES = [route for route in ROUTES if route.authorization == TOKEN]
_RESOURCES = {
    access: [re.sub(r"{\w+}", "*", route.method + route.path) for route in _TENANTS_ROUTES if access in route.access]
    for access in Access
    # Whoever has everything has the routes that a user adds to the stack, too.
} | {Access.FULL: sorted({f"{route.method}/v1/*" for route in _TENANTS_ROUTES})}


def bearer_token(event: dict[str, Any]) -> str | None:
    """Return the token of an authorizer's event, of type TOKEN or REQUEST; None when there is not exactly one.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    """
    if event.get("type") == "REQUEST":
        headers = event.get("multiValueHeaders") or {}
        values = [value for name, given in headers.items() if name.lower() == "authorization" for value in given]
    else:
        values = [event.get("authorizationToken")]
    if len(values) != 1 or not isinstance(values[0], str):
        return None
    match = _BEARER.fullmatch(values[0])
    return match[1] if match else None


def allow_tenant(method_arn: str, token: Token, tenant: Tenant, plans: Sequence[str]) -> dict[str, Any]:
    """Return the answer that lets a tenant call what its token's access may, with its API key and its quotas.

    Where API Gateway asks for no key it ignores ours. The key of a plan that is no more would let nobody in: then it
    is the shared one.
    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html

    Parameters
    ----------
    plans : Sequence[str]
        The usage plans that there are.

    Raises
    ------
    ValueError
        When the ARN is not that of a method, or no route knows the token's access.
    """
    match = _METHOD_ARN.fullmatch(method_arn)
    if match is None:
        raise ValueError("methodArn is not the ARN of a method")
    api_id, plan = match[2], tenant.plan
    key = tenant_key(api_id, tenant.tenant_id, plan) if plan is not None and plan in plans else shared_key(api_id)
    known = {
        "label": token.label or None,
        "eventsPerDay": tenant.events_per_day,
        "maxEndpoints": tenant.max_endpoints,
        "expiresAt": None if token.expires_at is None else times.iso(token.expires_at),
    }
    return {
        "principalId": tenant.tenant_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": [f"{match[1]}/{resource}" for resource in _RESOURCES[Access(token.access)]],
                }
            ],
        },
        "usageIdentifierKey": key,
        "context": {
            "tenantId": tenant.tenant_id,
            "tokenId": token.token_id,
            "tenantName": tenant.name,
            "access": token.access,
            **{name: value for name, value in known.items() if value is not None},
        },
    }
