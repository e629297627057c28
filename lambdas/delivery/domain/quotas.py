"""What a tenant may use, and the API key by which API Gateway counts its requests.

A key tells API Gateway which tenant's requests to count, and lets nobody in: the authorizer names it, and what a caller
sends as a key is not read. So it is made of names, nobody stores it, and whoever makes it twice makes the same one.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-key-source.html
"""

import hashlib

EVENTS_PER_DAY = 1_000_000
ENDPOINTS = 50
"""Of a tenant, unless an operator says otherwise; each is one delivery per event."""
MAX_ENDPOINTS = 100
"""That an operator can allow: DynamoDB reads so many items in one call."""
STANDARD_PLAN = "standard"
"""The usage plan of a new tenant."""


def shared_key(api_id: str) -> str:
    """Return the API key of all tenants that have no usage plan."""
    return f"{api_id}SharedByTenantsWithoutPlan"


def tenant_key(api_id: str, tenant_id: str, plan: str) -> str:
    """Return the API key of a tenant in a usage plan.

    Each plan has a key of its own for a tenant, since a key can be in one plan of a stage only: a tenant that gets
    another plan has no moment without one.
    """
    return hashlib.sha256(f"{api_id}#{tenant_id}#{plan}".encode()).hexdigest()
