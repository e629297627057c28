"""What all operators' operations do with a call."""

from typing import Any

from lambdas.delivery.domain.errors import NotFoundError
from lambdas.delivery.domain.ids import is_tenant_id
from lambdas.delivery.http.rest import Call
from lambdas.shared.observability import logger


def tenant_of(call: Call) -> str:
    """Return the tenant's id from the path.

    Raises
    ------
    NotFoundError
        For a text that cannot be a tenant's id.
    """
    tenant_id = call.path["tenantId"]
    if not is_tenant_id(tenant_id):
        raise NotFoundError
    return tenant_id


def log_call(call: Call, what: str, tenant_id: str | None, **details: Any) -> None:
    """Log who did what; an operator is an AWS identity."""
    caller = (call.event["requestContext"].get("identity") or {}).get("userArn")
    logger.info(what, caller=caller, tenant_id=tenant_id, **details)
