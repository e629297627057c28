"""The store of endpoints, as delivery needs it: their tenants write them through the API."""

from collections.abc import Sequence
from typing import Any

from lambdas.delivery.domain.model import Endpoint, EndpointState, Health
from lambdas.delivery.store.items import (
    ITEM_KEY,
    SUSPENDED_SINCE,
    SUSPENSION_ITEM,
    TENANT_KEY,
    endpoint_from_item,
    endpoint_item,
    health_from_item,
    health_item,
    suspension_key,
)
from lambdas.delivery.store.tables import Table
from lambdas.shared import times


class Endpoints:
    """Reads endpoints, and disables them.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the table of endpoints.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def read(self, tenant_id: str, endpoint_id: str) -> tuple[Endpoint | None, Health]:
        """Return an endpoint, None when it does not exist, and its health; both know whether anything stops it."""
        items = (endpoint_item(endpoint_id), health_item(endpoint_id), SUSPENSION_ITEM)
        found = {
            values[ITEM_KEY]: values
            for values in self._table.get_all([{TENANT_KEY: tenant_id, ITEM_KEY: item} for item in items])
        }
        endpoint, health, suspension = (found.get(item, {}) for item in items)
        return endpoint_from_item(endpoint) if endpoint else None, health_from_item({**suspension, **health})

    def all_of(self, tenant_id: str) -> Sequence[Endpoint]:
        """Return all endpoints of a tenant, in the order of their ids."""
        condition = f"#{TENANT_KEY} = :tenantId AND begins_with(#{ITEM_KEY}, :prefix)"
        items = self._table.query(condition, {":tenantId": tenant_id, ":prefix": endpoint_item("")})
        return [endpoint_from_item(values) for values in items]

    def suspension_write(self, tenant_id: str, since: float | None) -> dict[str, Any]:
        """Return the write of a transaction that stops a tenant's deliveries, or with None lets them go on.

        Parameters
        ----------
        since : float | None
            Seconds since the epoch; a tenant that is suspended already stays so since then.
        """
        key = suspension_key(tenant_id)
        if since is None:
            return {"Delete": self._table.delete_of(key)}
        mark = f"SET #{SUSPENDED_SINCE} = if_not_exists(#{SUSPENDED_SINCE}, :since)"
        return {"Update": self._table.update_of(key, mark, {":since": times.iso(since)}, None)}

    def disable(self, endpoint: Endpoint, reason: str, at: str) -> bool:
        """Disable an endpoint, unless it was changed since it was seen; tell whether it was disabled by this.

        Parameters
        ----------
        at : str
            Now, ISO 8601, UTC.
        """
        changed = self._table.update(
            {TENANT_KEY: endpoint.tenant_id, ITEM_KEY: endpoint_item(endpoint.endpoint_id)},
            "SET #state = :disabled, #stateReason = :reason, #stateSince = :at, #updatedAt = :at",
            {":disabled": EndpointState.DISABLED, ":reason": reason, ":at": at, ":seen": endpoint.updated_at},
            "#updatedAt = :seen AND #state <> :disabled",
        )
        return changed is not None
