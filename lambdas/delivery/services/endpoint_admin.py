"""Changes to tenants' endpoints: create, change, pause, activate, delete, rotate the secret.

Every write names the tenant in its key, so that a call of one tenant finds nothing of another's. Every write requires
that the endpoint is there, so that no call brings a deleted endpoint back. Only what a call is about is written: a
change of the URL does not undo what the system decided about the state meanwhile.
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lambdas.delivery.domain.errors import ConflictError, NotFoundError
from lambdas.delivery.domain.ids import ENDPOINT, is_id, new_id
from lambdas.delivery.domain.model import Endpoint, EndpointState, SigningSecret
from lambdas.delivery.domain.quotas import ENDPOINTS
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.items import (
    ITEM_KEY,
    TENANT_KEY,
    attribute,
    endpoint_from_item,
    endpoint_item,
    endpoint_to_item,
    health_item,
)
from lambdas.delivery.store.tables import Table, refused, transact_write
from lambdas.shared import times

MAX_SECRETS = 5
"""Of an endpoint that sign at once."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, no secret
# 24 to 64 bytes. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
SECRET_BYTES = 32
_COUNT_ITEM = "count"
_EXISTS = "attribute_exists(#item)"


class EndpointAdmin:
    """Reads and changes endpoints.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of endpoints.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)
        self._endpoints = Endpoints(dynamodb, table)

    def create(self, tenant_id: str, values: Mapping[str, Any], now: float, most: int = ENDPOINTS) -> Endpoint:
        """Create an endpoint with a secret of its own.

        Parameters
        ----------
        values : Mapping[str, Any]
            Fields of `Endpoint` that the tenant chooses.
        most : int
            How many endpoints the tenant may have.

        Raises
        ------
        ConflictError
            When it has as many.
        """
        endpoint = Endpoint(
            tenant_id=tenant_id,
            endpoint_id=new_id(ENDPOINT, now),
            secrets=(_new_secret(now),),
            created_at=times.iso(now),
            updated_at=times.iso(now),
            **values,
        )
        count = self._table.update_of(
            _count_of(tenant_id),
            "ADD #endpoints :one",
            {":one": 1, ":most": most},
            "attribute_not_exists(#endpoints) OR #endpoints < :most",
        )
        put = self._table.put_of(endpoint_to_item(endpoint), f"attribute_not_exists(#{ITEM_KEY})")
        reasons = transact_write(self._table.dynamodb, [{"Update": count}, {"Put": put}])
        if refused(reasons, 0):
            raise ConflictError("too_many_endpoints", f"you can have {most} endpoints: delete one first")
        if reasons:
            raise RuntimeError("an endpoint id was made twice")
        return endpoint

    def get(self, tenant_id: str, endpoint_id: str) -> Endpoint:
        """Return an endpoint.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        """
        found = self._table.get(_key_of(tenant_id, endpoint_id))
        if found is None:
            raise NotFoundError
        return endpoint_from_item(found)

    def all(self, tenant_id: str) -> Sequence[Endpoint]:
        """Return a tenant's endpoints, the oldest first."""
        return self._endpoints.all_of(tenant_id)

    def change(self, tenant_id: str, endpoint_id: str, values: Mapping[str, Any], now: float) -> Endpoint:
        """Change fields of an endpoint; None takes one away.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        """
        changed = self._update(tenant_id, endpoint_id, values, now)
        if changed is None:
            raise NotFoundError
        return changed

    def pause(self, tenant_id: str, endpoint_id: str, now: float) -> Endpoint:
        """Let deliveries wait.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        ConflictError
            When the system disabled the endpoint, which pausing must not hide.
        """
        paused = self._update(
            tenant_id,
            endpoint_id,
            {"state": EndpointState.PAUSED},
            now,
            condition=f"{_EXISTS} AND #state <> :disabled",
            compared={":disabled": EndpointState.DISABLED},
        )
        if paused is None:
            self.get(tenant_id, endpoint_id)
            raise ConflictError(
                "endpoint_disabled", "the endpoint is disabled and gets nothing anyway; activate it first"
            )
        return paused

    def activate(self, tenant_id: str, endpoint_id: str, now: float) -> Endpoint:
        """Let deliveries go on, after a pause or after the system disabled the endpoint.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        """
        return self.change(tenant_id, endpoint_id, {"state": EndpointState.ACTIVE, "state_reason": None}, now)

    def delete(self, tenant_id: str, endpoint_id: str) -> None:
        """Delete an endpoint; deliveries that wait for it are given up when their time comes.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        """
        health = {TENANT_KEY: tenant_id, ITEM_KEY: health_item(endpoint_id)}
        reasons = transact_write(
            self._table.dynamodb,
            [
                {"Delete": self._table.delete_of(_key_of(tenant_id, endpoint_id), _EXISTS)},
                {"Delete": self._table.delete_of(health)},
                {"Update": self._table.update_of(_count_of(tenant_id), "ADD #endpoints :less", {":less": -1}, None)},
            ],
        )
        if reasons:
            raise NotFoundError

    def rotate_secret(self, tenant_id: str, endpoint_id: str, overlap: int, now: float) -> Endpoint:
        """Make a new secret; those before it sign beside it until the overlap ends.

        Parameters
        ----------
        overlap : int
            Seconds.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        ConflictError
            When there are `MAX_SECRETS` that sign still, or somebody else rotates at the same time.
        """
        before = self.get(tenant_id, endpoint_id)
        ends = int(now) + overlap
        older = [
            replace(one, expires_at=ends if one.expires_at is None else min(one.expires_at, ends))
            for one in before.secrets
            if overlap and (one.expires_at is None or one.expires_at > now)
        ]
        if len(older) >= MAX_SECRETS:
            raise ConflictError(
                "too_many_secrets",
                f"{MAX_SECRETS} secrets are valid: wait for an overlap to end, or rotate without one",
            )
        new = _new_secret(now)
        values = endpoint_to_item(replace(before, secrets=(new, *older)))["secrets"]
        rotated = self._update(
            tenant_id,
            endpoint_id,
            {"secrets": values},
            now,
            condition=f"{_EXISTS} AND #secrets[0].#value = :seen",
            compared={":seen": before.secrets[0].value},
        )
        if rotated is None:
            raise ConflictError(
                "changed_meanwhile", "the secret was rotated, or the endpoint deleted, at the same time"
            )
        return rotated

    def _update(
        self,
        tenant_id: str,
        endpoint_id: str,
        values: Mapping[str, Any],
        now: float,
        *,
        condition: str = _EXISTS,
        compared: Mapping[str, Any] | None = None,
    ) -> Endpoint | None:
        """Write fields of an endpoint; None when the condition does not hold."""
        written = {attribute(name): value for name, value in {**values, "updated_at": times.iso(now)}.items()}
        sets = [name for name, value in written.items() if value is not None]
        removes = [name for name, value in written.items() if value is None]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
        if removes:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in removes)
        changed = self._table.update(
            _key_of(tenant_id, endpoint_id),
            expression,
            {**{f":{name}": written[name] for name in sets}, **(compared or {})},
            condition,
        )
        return None if changed is None else endpoint_from_item(changed)


def _key_of(tenant_id: str, endpoint_id: str) -> dict[str, str]:
    """Return an endpoint's key.

    Raises
    ------
    NotFoundError
        For what cannot be an endpoint's id.
    """
    if not is_id(ENDPOINT, endpoint_id):
        raise NotFoundError
    return {TENANT_KEY: tenant_id, ITEM_KEY: endpoint_item(endpoint_id)}


def _count_of(tenant_id: str) -> dict[str, str]:
    return {TENANT_KEY: tenant_id, ITEM_KEY: _COUNT_ITEM}


def _new_secret(now: float) -> SigningSecret:
    value = SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
    return SigningSecret(value=value, created_at=times.iso(now))
