"""The three tables of delivery: who a token belongs to, what tenants configured, and events on their way."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.delivery.store.items import (
    BY_DUE_INDEX,
    BY_STATE_INDEX,
    BY_TENANT_INDEX,
    DUE_AT,
    DUE_KEY,
    DUE_PROJECTION,
    EVENT_KEY,
    EXPIRES_AT,
    IDENTITY_KEY,
    ITEM_KEY,
    PUBLIC_KEYS_ID,
    STATE_AT,
    STATE_KEY,
    TENANT_KEY,
    TOKEN_KEY,
)
from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.policy import Condition
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.synth.cdk import (
    Construct,
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTableGlobalSecondaryIndex,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableServerSideEncryption,
    DynamodbTableTtl,
)


@dataclass(frozen=True, kw_only=True)
class _Index:
    """A secondary index, which holds whole items, or their keys and some attributes alone."""

    name: str
    hash_key: str
    range_key: str
    attributes: Sequence[str] | None = None


@checked
class DeliveryTables(Construct):
    """Identities, endpoint configuration and events: on demand, encrypted, with point-in-time recovery.

    Items expire by the attribute that the functions' code writes, which is imported from there.

    Parameters
    ----------
    names : Names
        Naming of the stack.

    Attributes
    ----------
    tenants, endpoints, events : DynamodbTable
        ``TenantIdentity``, ``TenantWebhookConfig`` and ``Events``; keys and items are in
        ``lambdas/delivery/store/items.py``.
    """

    def __init__(self, scope: Construct, id_: str, *, names: Names) -> None:
        super().__init__(scope, id_)
        self._names = names
        by_tenant = _Index(name=BY_TENANT_INDEX, hash_key=TENANT_KEY, range_key=IDENTITY_KEY)
        by_state = _Index(name=BY_STATE_INDEX, hash_key=STATE_KEY, range_key=STATE_AT)
        self.tenants = self._table("tenants", "tenant-identity", [IDENTITY_KEY], [by_tenant])
        self.endpoints = self._table("endpoints", "tenant-webhook-config", [TENANT_KEY, ITEM_KEY], [])
        # Whatever changes an attribute of the index costs a write in it.
        by_due = _Index(name=BY_DUE_INDEX, hash_key=DUE_KEY, range_key=DUE_AT, attributes=DUE_PROJECTION)
        self.events = self._table("events", "events", [EVENT_KEY, ITEM_KEY], [by_state, by_due])

    def _table(self, id_: str, name: str, keys: Sequence[str], indexes: Sequence[_Index]) -> DynamodbTable:
        attributes = dict.fromkeys([*keys, *(key for index in indexes for key in (index.hash_key, index.range_key))])
        table = DynamodbTable(
            self,
            id_,
            name=self._names(name),
            billing_mode="PAY_PER_REQUEST",
            hash_key=keys[0],
            range_key=keys[1] if len(keys) > 1 else None,
            attribute=[DynamodbTableAttribute(name=key, type="S") for key in attributes],
            global_secondary_index=[
                DynamodbTableGlobalSecondaryIndex(
                    name=index.name,
                    hash_key=index.hash_key,
                    range_key=index.range_key,
                    projection_type="ALL" if index.attributes is None else "INCLUDE",
                    non_key_attributes=None if index.attributes is None else list(index.attributes),
                )
                for index in indexes
            ]
            or None,
            ttl=DynamodbTableTtl(attribute_name=EXPIRES_AT, enabled=True),
            point_in_time_recovery=DynamodbTablePointInTimeRecovery(enabled=True),
            server_side_encryption=DynamodbTableServerSideEncryption(enabled=True),
        )
        return pin(table, f"{self.node.id}_{id_}")

    def grant_deliver(self, function: WebhookFunction) -> None:
        """Allow what the worker does: keep endpoints' health, and the deliveries and attempts of events."""
        self._allow(function, "KeepHealth", self.endpoints, ["GetItem", "BatchGetItem", "Query", "UpdateItem"])
        keeps = ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "PartiQLUpdate"]
        self._allow(function, "KeepDeliveries", self.events, keeps)
        self._allow_index(function, "FindHeldDeliveries", self.events, BY_DUE_INDEX)

    def grant_sweep(self, function: WebhookFunction) -> None:
        """Allow what the sweeper does: find what is due, move it in the index, release what is held up, do replays."""
        self._allow(function, "ReadHealth", self.endpoints, ["BatchGetItem"])
        moves = ["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "PartiQLUpdate"]
        self._allow(function, "MoveDue", self.events, moves)
        self._allow_index(function, "FindDue", self.events, BY_DUE_INDEX)
        self._allow_index(function, "ListByState", self.events, BY_STATE_INDEX)

    def grant_authorize(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:GetItem`` on the identities."""
        self._allow(function, "FindTenantOfToken", self.tenants, ["GetItem"])

    def grant_serve_tenants(self, function: WebhookFunction) -> None:
        """Allow what the tenants' API does: keep endpoints, take events in, read and resend deliveries."""
        everything = ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"]
        self._allow(function, "KeepEndpoints", self.endpoints, everything)
        self._allow(function, "KeepEvents", self.events, everything)
        self._allow_index(function, "ListByState", self.events, BY_STATE_INDEX)

    def grant_operate(self, function: WebhookFunction) -> None:
        """Allow what operators' calls do: keep tenants and tokens, stop, send again, show attempts, erase payloads."""
        identities = ["GetItem", "PutItem", "UpdateItem", "ConditionCheckItem"]
        self._allow(function, "KeepTenants", self.tenants, identities)
        # Not what the audit log has in the same table.
        self._allow(function, "ForgetTokens", self.tenants, ["DeleteItem"], keys=[f"{TOKEN_KEY}*"])
        self._allow_index(function, "ListTenantsAndTokens", self.tenants, BY_TENANT_INDEX)
        brakes = ["GetItem", "BatchGetItem", "Query", "UpdateItem", "DeleteItem"]
        self._allow(function, "StopDeliveries", self.endpoints, brakes)
        self._allow_index(function, "CountHeldDeliveries", self.events, BY_DUE_INDEX)
        events = ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"]
        self._allow(function, "SendAgainAndErase", self.events, events)
        self._allow_index(function, "ListByState", self.events, BY_STATE_INDEX)

    def grant_read_public_keys(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:GetItem`` on the one item with the public halves of the signing keys."""
        self._allow(function, "ReadPublicKeys", self.tenants, ["GetItem"], keys=[PUBLIC_KEYS_ID])

    def grant_verify(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:BatchGetItem`` on the endpoints, whose secrets verify."""
        self._allow(function, "ReadEndpoints", self.endpoints, ["BatchGetItem"])

    @staticmethod
    def _allow(
        function: WebhookFunction, sid: str, table: DynamodbTable, actions: Sequence[str], keys: Sequence[str] = ()
    ) -> None:
        """Allow actions on a table's items, or on those with some partition keys alone, in which * is any text.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        """
        test, variable = "ForAllValues:StringLike", "dynamodb:LeadingKeys"
        conditions = [Condition(test=test, variable=variable, values=keys)] if keys else []
        function.allow(sid, [f"dynamodb:{action}" for action in actions], [table.arn], conditions)

    @staticmethod
    def _allow_index(function: WebhookFunction, sid: str, table: DynamodbTable, index: str) -> None:
        function.allow(sid, ["dynamodb:Query"], [f"{table.arn}/index/{index}"])
