"""The store of endpoints, as delivery needs it: their tenants write them through the API."""

from collections.abc import Sequence
from typing import Any

from lambdas.delivery.domain.model import Endpoint, EndpointState, Health
from lambdas.delivery.store.items import (
    ITEM_KEY,
    TENANT_KEY,
    endpoint_from_item,
    endpoint_item,
    health_from_item,
    health_item,
)
from lambdas.delivery.store.tables import Table


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
        """Return an endpoint, None when it does not exist, and its health."""
        items = (endpoint_item(endpoint_id), health_item(endpoint_id))
        found = {
            values[ITEM_KEY]: values
            for values in self._table.get_all([{TENANT_KEY: tenant_id, ITEM_KEY: item} for item in items])
        }
        endpoint, health = (found.get(item) for item in items)
        return None if endpoint is None else endpoint_from_item(endpoint), health_from_item(health or {})

    def all_of(self, tenant_id: str) -> Sequence[Endpoint]:
        """Return all endpoints of a tenant, in the order of their ids."""
        condition = f"#{TENANT_KEY} = :tenantId AND begins_with(#{ITEM_KEY}, :prefix)"
        items = self._table.query(condition, {":tenantId": tenant_id, ":prefix": endpoint_item("")})
        return [endpoint_from_item(values) for values in items]

    def disable(self, endpoint: Endpoint, reason: str, at: str) -> bool:
        """Disable an endpoint, unless it was changed since it was seen; tell whether it was disabled by this.

        Parameters
        ----------
        at : str
            Now, ISO 8601, UTC.
        """
        changed = self._table.update(
            {TENANT_KEY: endpoint.tenant_id, ITEM_KEY: endpoint_item(endpoint.endpoint_id)},
            "SET #state = :disabled, #stateReason = :reason, #updatedAt = :at",
            {":disabled": EndpointState.DISABLED, ":reason": reason, ":at": at, ":seen": endpoint.updated_at},
            "#updatedAt = :seen AND #state <> :disabled",
        )
        return changed is not None
