"""The policy that a token gets: every route of tenants, of this API and this stage, and no other.

API Gateway keeps it for the token for up to five minutes, whatever route is asked for next. So it may not depend on the
route that was asked for first.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/configure-api-gateway-lambda-authorization-with-console.html
"""

import re
from typing import Any

from lambdas.delivery.http.routes import ROUTES, TOKEN

_METHOD_ARN = re.compile(
    r"(arn:[a-z-]+:execute-api:[a-z0-9-]+:\d{12}:[A-Za-z0-9-]+/[A-Za-z0-9_$-]+)/[A-Z]+/.*", re.ASCII
)
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{1,100})", re.ASCII)
METHODS = tuple(sorted({route.method for route in ROUTES if route.authorization == TOKEN}))


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


def allow_tenant(method_arn: str, tenant_id: str, token_id: str) -> dict[str, Any]:
    """Return the answer that lets a tenant call all tenants' routes.

    Raises
    ------
    ValueError
        When the ARN is not that of a method.
    """
    match = _METHOD_ARN.fullmatch(method_arn)
    if match is None:
        raise ValueError("methodArn is not the ARN of a method")
    return {
        "principalId": tenant_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": [f"{match[1]}/{method}/v1/*" for method in METHODS],
                }
            ],
        },
        "context": {"tenantId": tenant_id, "tokenId": token_id},
    }
