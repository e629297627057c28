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
from lambdas.shared.dynamodb import from_item, to_item


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
        prefix = endpoint_item("")
        pages = self._table.dynamodb.get_paginator("query").paginate(
            TableName=self._table.name,
            KeyConditionExpression="#tenant = :tenant AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#tenant": TENANT_KEY, "#item": ITEM_KEY},
            ExpressionAttributeValues=to_item({":tenant": tenant_id, ":prefix": prefix}),
            ConsistentRead=True,
        )
        return [endpoint_from_item(from_item(item)) for page in pages for item in page["Items"]]

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
