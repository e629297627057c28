"""The API keys of tenants, each in one usage plan of the stack.

Safe to stop between any two calls and to run again: a key is found by its name where it exists, and to add it to its
plan twice changes nothing. No value of a key is read or kept.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from lambdas.delivery.domain.quotas import tenant_key

# Both calls answer so when what they would make is there already.
# https://docs.aws.amazon.com/apigateway/latest/api/API_CreateApiKey.html
# https://docs.aws.amazon.com/apigateway/latest/api/API_CreateUsagePlanKey.html
_EXISTS = "ConflictException"


class TenantKeys:
    """Gives tenants their keys.

    Parameters
    ----------
    apigateway
        A boto3 client of API Gateway.
    name : str
        Name of the stack's plans and keys, with ``{}`` for what tells them apart.
    """

    def __init__(self, apigateway: Any, name: str) -> None:
        self._apigateway = apigateway
        self._name = name

    def ensure(self, api_id: str, tenant_id: str, plan: str) -> None:
        """Have a tenant's key in a plan.

        Raises
        ------
        RuntimeError
            When the plan, or a key that exists, is not found.
        """
        plan_id = self._find("get_usage_plans", self._name.format(plan))
        name = self._name.format(f"{tenant_id}#{plan}")
        try:
            key_id = self._apigateway.create_api_key(
                name=name, value=tenant_key(api_id, tenant_id, plan), enabled=True
            )["id"]
        except ClientError as error:
            if error.response["Error"]["Code"] != _EXISTS:
                raise
            key_id = self._find("get_api_keys", name, nameQuery=name, includeValues=False)
        try:
            self._apigateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
        except ClientError as error:
            if error.response["Error"]["Code"] != _EXISTS:
                raise

    def _find(self, operation: str, name: str, **arguments: Any) -> str:
        """Return the id of what has exactly this name."""
        for item in self._items(operation, arguments):
            if item["name"] == name:
                return str(item["id"])
        raise RuntimeError(f"{operation}: nothing has the name {name}")

    def _items(self, operation: str, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for page in self._apigateway.get_paginator(operation).paginate(**arguments):
            yield from page["items"]
