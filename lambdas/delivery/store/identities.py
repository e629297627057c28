"""Tenants and their tokens. Only the SHA-256 of a token is kept: 256 random bits cannot be guessed from it.

A token's id is its digest, so that whoever revokes a token names its item, and no index is needed. Tokens of portal
links are in a partition of the index of their own: there may be one for each view of a page.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lambdas.delivery.domain.access import LINKED, Access
from lambdas.delivery.domain.errors import ConflictError, NotFoundError
from lambdas.delivery.store.items import BY_TENANT_INDEX, EXPIRES_AT, IDENTITY_KEY, TENANT_KEY, TOKEN_KEY, attribute
from lambdas.delivery.store.tables import Table, assignments, transact_write
from lambdas.shared import times

TOKEN_PREFIX = "whk_"  # noqa: S105 - a prefix, no secret
PORTAL_PREFIX = "whp_"
"""Of tokens in portal links, so that what finds leaked tokens tells them apart."""
TOKEN_ID_PREFIX = "tok_"  # noqa: S105 - a prefix, no secret
MAX_TOKENS = 50
MAX_PORTAL_LINKS = 500
"""Of a tenant that are good at one time; making one reads all of them, 20 read units."""
_TOKEN = re.compile(r"wh[kp]_[A-Za-z0-9_-]{43}", re.ASCII)
_TOKEN_ID = re.compile(r"tok_[0-9a-f]{64}", re.ASCII)
# Where the index lists the tenants themselves: no tenant's id has this character.
_TENANTS = "#tenants"
# Behind a tenant's id: where the index lists the tokens of its portal links.
_PORTAL = "#portal"
# More than one, so that they become fewer.
_FORGOTTEN_AT_ONCE = 3


class TenantState(StrEnum):
    """Whether a tenant's tokens are valid."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A customer with events to deliver.

    Attributes
    ----------
    tenant_id : str
        The operator's name of it.
    name : str
        For people.
    state : TenantState
        Whether its tokens are good.
    plan : str | None
        The usage plan in which it has an API key; None for a tenant that shares the key of all that have none.
    events_per_day, max_endpoints : int | None
        Its quotas; None for the stack's.
    portal_links_revoked_at : str | None
        Tokens of portal links that were made by then are revoked.
    created_at, updated_at : str
        ISO 8601, UTC.
    """

    tenant_id: str
    name: str
    state: TenantState
    plan: str | None = None
    events_per_day: int | None = None
    max_endpoints: int | None = None
    portal_links_revoked_at: str | None = None
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True)
class Token:
    """What is known of a token.

    Attributes
    ----------
    token_id : str
        ``tok_`` and the SHA-256 of the token in hex.
    tenant_id : str
        The tenant.
    label : str
        The operator's words.
    access : str
        What it is good for, one of `Access`; a later release may know more.
    created_at : str
        ISO 8601, UTC.
    expires_at : int | None
        Seconds since the epoch from which it is not good.
    revoked_at : str | None
        When it was revoked.
    """

    token_id: str
    tenant_id: str
    label: str
    access: str = Access.FULL
    created_at: str
    expires_at: int | None = None
    revoked_at: str | None = None


def token_id_of(token: str) -> str | None:
    """Return the id of a token; None for a text that cannot be a token."""
    if not _TOKEN.fullmatch(token):
        return None
    return TOKEN_ID_PREFIX + hashlib.sha256(token.encode("ascii")).hexdigest()


class Identities:
    """Reads and writes tenants and tokens.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of identities.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self.dynamodb = dynamodb
        self._table = Table(dynamodb, table)

    # For the authorizer: reads of single items, and nothing else.

    def authorize(self, token: str, now: float) -> tuple[Token, Tenant] | None:
        """Return what a token stands for, and its tenant; None when it is not good.

        A good one is well-formed, known, neither expired nor revoked, and of an active tenant. Reads are consistent:
        what was revoked a moment ago is not good.
        """
        token_id = token_id_of(token)
        if token_id is None or not (item := self._get(_token_key(token_id))):
            return None
        found = _token_from_item(item)
        if not _is_good(found, now) or not (item := self._get(_tenant_key(found.tenant_id))):
            return None
        tenant = _tenant_from_item(item)
        good = tenant.state == TenantState.ACTIVE and _is_good(_as_revoked(found, tenant), now)
        return (found, tenant) if good else None

    # For operators.

    def create_tenant(self, tenant_id: str, name: str, now: float, plan: str | None = None) -> Tenant:
        """Create a tenant.

        Raises
        ------
        ConflictError
            When there is a tenant of this id.
        """
        tenant = Tenant(
            tenant_id=tenant_id,
            name=name,
            state=TenantState.ACTIVE,
            plan=plan,
            created_at=times.iso(now),
            updated_at=times.iso(now),
        )
        item = {
            IDENTITY_KEY: _tenant_key(tenant_id),
            TENANT_KEY: _TENANTS,
            "name": name,
            "state": tenant.state,
            "createdAt": tenant.created_at,
            "updatedAt": tenant.updated_at,
            **({"plan": plan} if plan is not None else {}),
        }
        if not self._table.put_new(item, IDENTITY_KEY):
            raise ConflictError("tenant_exists", "there is a tenant of this id")
        return tenant

    def tenant(self, tenant_id: str) -> Tenant:
        """Return a tenant.

        Raises
        ------
        NotFoundError
            When no tenant has this id.
        """
        item = self._get(_tenant_key(tenant_id))
        if not item:
            raise NotFoundError
        return _tenant_from_item(item)

    def tenants(self, after: str | None, limit: int) -> tuple[Sequence[Tenant], bool]:
        """Return tenants in the order of their ids, and whether there are more."""
        # The key of no tenant comes before this prefix.
        values = {":tenantId": _TENANTS, ":after": _tenant_key(after or "")}
        condition = f"#{TENANT_KEY} = :tenantId AND #{IDENTITY_KEY} > :after"
        found: list[Tenant] = []
        for item in self._table.query(condition, values, BY_TENANT_INDEX):
            if len(found) == limit:
                return found, True
            found.append(_tenant_from_item(item))
        return found, False

    def change_tenant(self, tenant_id: str, values: Mapping[str, Any], now: float) -> Tenant:
        """Change fields of a tenant, such as its state; None takes one away.

        Raises
        ------
        NotFoundError
            When no tenant has this id.
        """
        written = {attribute(name): value for name, value in {**values, "updated_at": times.iso(now)}.items()}
        return _tenant_from_item(self._change(_tenant_key(tenant_id), written))

    def state_write(self, tenant_id: str, state: TenantState, now: float) -> dict[str, Any]:
        """Return the write of a transaction that sets the state of a tenant that is there."""
        update = self._table.update_of(
            {IDENTITY_KEY: _tenant_key(tenant_id)},
            "SET #state = :state, #updatedAt = :now",
            {":state": state, ":now": times.iso(now)},
            f"attribute_exists(#{IDENTITY_KEY})",
        )
        return {"Update": update}

    def create_token(
        self, tenant_id: str, label: str, expires_at: int | None, now: float, access: Access = Access.FULL
    ) -> tuple[str, Token]:
        """Create a token; it is returned this once, and known nowhere afterwards.

        Raises
        ------
        NotFoundError
            When there is no such tenant.
        ConflictError
            When it has `MAX_TOKENS` that are good.
        """
        if sum(_is_good(one, now) for one in self._listed(tenant_id)) >= MAX_TOKENS:
            raise ConflictError("too_many_tokens", f"the tenant has {MAX_TOKENS} tokens that are good: revoke one")
        return self._create(tenant_id, label, expires_at, now, access)

    def create_portal_token(
        self, tenant_id: str, label: str, expires_at: int, now: float, access: Access
    ) -> tuple[str, Token]:
        """Create the token of a portal link, and forget some that have expired.

        DynamoDB deletes them too, days later, and until then each would be read again with every link that is made.

        Raises
        ------
        NotFoundError
            When there is no such tenant.
        ConflictError
            When it is suspended, or has `MAX_PORTAL_LINKS` that are good, about.
        """
        tenant = self.tenant(tenant_id)
        if tenant.state != TenantState.ACTIVE:
            raise ConflictError("tenant_suspended", "the tenant is suspended, and so are its tokens: activate it first")
        found = [_as_revoked(one, tenant) for one in self._listed(tenant_id + _PORTAL)]
        if sum(_is_good(one, now) for one in found) >= MAX_PORTAL_LINKS:
            raise ConflictError(
                "too_many_portal_links",
                f"the tenant has {MAX_PORTAL_LINKS} portal links that are good: let them expire sooner, or revoke them",
            )
        for one in [one for one in found if _past(one.expires_at, now)][:_FORGOTTEN_AT_ONCE]:
            self.dynamodb.delete_item(**self._table.delete_of({IDENTITY_KEY: _token_key(one.token_id)}))
        return self._create(tenant_id, label, expires_at, now, access)

    def revoke_portal_links(self, tenant_id: str, now: float) -> None:
        """Revoke the tokens of all portal links that a tenant has, by one write.

        Raises
        ------
        NotFoundError
            When no tenant has this id.
        """
        self.change_tenant(tenant_id, {"portal_links_revoked_at": times.iso(now)}, now)

    def tokens(self, tenant: Tenant, now: float) -> Sequence[Token]:
        """Return what is known of a tenant's tokens, the newest first; of portal links, those that have not expired."""
        linked = [_as_revoked(one, tenant) for one in self._listed(tenant.tenant_id + _PORTAL)]
        found = [*self._listed(tenant.tenant_id), *(one for one in linked if not _past(one.expires_at, now))]
        return sorted(found, key=lambda token: (token.created_at, token.token_id), reverse=True)

    def revoke(self, tenant_id: str, token_id: str, now: float) -> Token:
        """Revoke a token; one that was revoked before stays revoked since then.

        Raises
        ------
        NotFoundError
            When the tenant has no such token.
        """
        if not _TOKEN_ID.fullmatch(token_id):
            raise NotFoundError
        item = self._get(_token_key(token_id))
        if item.get(TENANT_KEY) not in (tenant_id, tenant_id + _PORTAL):
            raise NotFoundError
        return _token_from_item(
            self._change(_token_key(token_id), {"revokedAt": item.get("revokedAt", times.iso(now))})
        )

    def _create(
        self, tenant_id: str, label: str, expires_at: int | None, now: float, access: Access
    ) -> tuple[str, Token]:
        prefix, partition = (PORTAL_PREFIX, tenant_id + _PORTAL) if access in LINKED else (TOKEN_PREFIX, tenant_id)
        secret = prefix + urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")
        token = Token(
            token_id=str(token_id_of(secret)),
            tenant_id=tenant_id,
            label=label,
            access=access,
            created_at=times.iso(now),
            expires_at=expires_at,
        )
        item = {
            IDENTITY_KEY: _token_key(token.token_id),
            TENANT_KEY: partition,
            "label": label,
            "access": access,
            "createdAt": token.created_at,
            **({EXPIRES_AT: expires_at} if expires_at is not None else {}),
        }
        tenant = self._table.delete_of({IDENTITY_KEY: _tenant_key(tenant_id)}, f"attribute_exists(#{IDENTITY_KEY})")
        writes = [{"ConditionCheck": tenant}, {"Put": self._table.put_of(item)}]
        if transact_write(self._table.dynamodb, writes):
            raise NotFoundError
        return secret, token

    def _listed(self, partition: str) -> Sequence[Token]:
        """Return the tokens of a partition of the index."""
        found = self._table.query(f"#{TENANT_KEY} = :tenantId", {":tenantId": partition}, BY_TENANT_INDEX)
        return [_token_from_item(item) for item in found]

    def _get(self, key: str) -> dict[str, Any]:
        return self._table.get({IDENTITY_KEY: key}) or {}

    def _change(self, key: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Change an item that is there and return it; None takes an attribute away."""
        expression, given = assignments(values)
        changed = self._table.update({IDENTITY_KEY: key}, expression, given, f"attribute_exists(#{IDENTITY_KEY})")
        if changed is None:
            raise NotFoundError
        return changed


def _token_key(token_id: str) -> str:
    return TOKEN_KEY + token_id.removeprefix(TOKEN_ID_PREFIX)


def _tenant_key(tenant_id: str) -> str:
    return f"tenant#{tenant_id}"


def _tenant_from_item(item: Mapping[str, Any]) -> Tenant:
    return Tenant(
        tenant_id=item[IDENTITY_KEY].removeprefix("tenant#"),
        name=item["name"],
        state=TenantState(item["state"]),
        plan=item.get("plan"),
        events_per_day=_whole(item.get("eventsPerDay")),
        max_endpoints=_whole(item.get("maxEndpoints")),
        portal_links_revoked_at=item.get("portalLinksRevokedAt"),
        created_at=item["createdAt"],
        updated_at=item["updatedAt"],
    )


def _whole(number: Any) -> int | None:
    return None if number is None else int(number)


def _token_from_item(item: Mapping[str, Any]) -> Token:
    return Token(
        token_id=TOKEN_ID_PREFIX + item[IDENTITY_KEY].removeprefix(TOKEN_KEY),
        tenant_id=item[TENANT_KEY].removesuffix(_PORTAL),
        label=item["label"],
        access=str(item.get("access", Access.FULL)),
        created_at=item["createdAt"],
        expires_at=_whole(item.get(EXPIRES_AT)),
        revoked_at=item.get("revokedAt"),
    )


def _as_revoked(token: Token, tenant: Tenant) -> Token:
    """Return a token with the time at which all portal links of its tenant were revoked, if it is of such a link."""
    at = tenant.portal_links_revoked_at
    if token.access not in LINKED or token.revoked_at is not None or at is None or token.created_at > at:
        return token
    return replace(token, revoked_at=at)


def _is_good(token: Token, now: float) -> bool:
    return token.revoked_at is None and not _past(token.expires_at, now)


def _past(expires_at: int | None, now: float) -> bool:
    return expires_at is not None and expires_at <= now
