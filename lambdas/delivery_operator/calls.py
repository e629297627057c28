"""What all operators' operations do with a call."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.errors import NotFoundError
from lambdas.delivery.domain.ids import is_tenant_id
from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.rest import Call
from lambdas.shared.observability import logger

# A time and the ids of an event, a delivery or an attempt; or the id of an endpoint.
_POSITION = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#evt_[0-9A-Z]{26}(#ep_[0-9A-Z]{26}(#[0-9]{6})?)?|ep_[0-9A-Z]{26}", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in a list that goes from tenant to tenant.

    Attributes
    ----------
    tenant_id : str | None
        The tenant; None for the beginning.
    position : str | None
        Where in the tenant's part; None for its end.
    """

    tenant_id: str | None = None
    position: str | None = None


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


def write_cursor(place: Place) -> str:
    """Return the cursor of what comes behind a place."""
    return base64.urlsafe_b64encode(json.dumps([place.tenant_id, place.position]).encode()).decode("ascii").rstrip("=")


def read_cursor(text: str) -> Place:
    """Read a cursor. One that was made up leads to nothing that its caller could not ask for.

    Raises
    ------
    lambdas.delivery.http.problems.ProblemError
        When it is none that `write_cursor` wrote.
    """
    not_ours = bad_request("cursor", "is none that this list returned")
    try:
        tenant_id, position = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise not_ours from error
    if not (isinstance(tenant_id, str) and is_tenant_id(tenant_id)):
        raise not_ours
    if not (position is None or (isinstance(position, str) and _POSITION.fullmatch(position))):
        raise not_ours
    return Place(tenant_id=tenant_id, position=position)
