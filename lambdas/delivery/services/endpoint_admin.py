"""Changes to tenants' endpoints: create, change, pause, activate, delete, rotate the secret.

Every write names the tenant in its key, so that a call of one tenant finds nothing of another's. Every write requires
that the endpoint is there, so that no call brings a deleted endpoint back. Only what a call is about is written: a
change of the URL does not undo what the system decided about the state meanwhile.

What makes a secret, to create an endpoint and to rotate, may come with an idempotency key, so that a tenant that lost
the answer gets the secret by asking again.
"""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lambdas.delivery.domain.errors import ConflictError, InvalidFieldError, NotFoundError
from lambdas.delivery.domain.ids import ENDPOINT, is_id, new_id
from lambdas.delivery.domain.model import Endpoint, EndpointState, SignatureStyle, SigningSecret
from lambdas.delivery.domain.quotas import ENDPOINTS
from lambdas.delivery.domain.retention import gone
from lambdas.delivery.sending.headers import HeaderRefusedError, request_headers
from lambdas.delivery.sending.signing import signature_headers
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import IDEMPOTENCY_SECONDS
from lambdas.delivery.store.items import (
    EXPIRES_AT,
    ITEM_KEY,
    TENANT_KEY,
    attribute,
    endpoint_from_item,
    endpoint_item,
    endpoint_to_item,
    health_item,
)
from lambdas.delivery.store.tables import Table, assignments, refused, transact_write
from lambdas.shared import times
from lambdas.shared.dynamodb import to_item
from lambdas.shared.errors import UnavailableError
from lambdas.shared.signatures.scheme import key_id
from lambdas.shared.signatures.standard_webhooks import SECRET_PREFIX, decode_secret

MAX_SECRETS = 5
"""Of an endpoint that sign at once."""
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
FEWEST_SECRET_BYTES, SECRET_BYTES, MOST_SECRET_BYTES = 24, 32, 64
SIGNING_FIELDS = frozenset({"style", "asymmetric", "header_prefix", "headers"})
"""What decides whether requests can be signed, and is changed only as it was seen."""
_COUNT_ITEM = "count"
_EXISTS = "attribute_exists(#item)"
# Endpoints of earlier releases do not have it.
_NOT_BY_OPERATOR = "(attribute_not_exists(#byOperator) OR #byOperator = :false)"


@dataclass(frozen=True, kw_only=True)
class IdempotentRequest:
    """A request that has the same answer for 24 hours.

    Attributes
    ----------
    key : str
        Idempotency key.
    sha256 : str
        Hex digest of what the request asks for.
    """

    key: str
    sha256: str


class EndpointAdmin:
    """Reads and changes endpoints.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of endpoints.
    has_signing_key : Callable[[float], bool]
        Tells whether a key pair makes asymmetric signatures at a time.
    """

    def __init__(self, dynamodb: Any, table: str, has_signing_key: Callable[[float], bool]) -> None:
        self._table = Table(dynamodb, table)
        self._endpoints = Endpoints(dynamodb, table)
        self._has_signing_key = has_signing_key

    def create(
        self,
        tenant_id: str,
        values: Mapping[str, Any],
        now: float,
        *,
        most: int = ENDPOINTS,
        secret: str | None = None,
        request: IdempotentRequest | None = None,
    ) -> Endpoint:
        """Create an endpoint; return it, or the one that the request created before.

        Parameters
        ----------
        values : Mapping[str, Any]
            Fields of `Endpoint` that the tenant chooses.
        most : int
            How many endpoints the tenant may have.
        secret : str | None
            One that the tenant brings; None to make one.

        Raises
        ------
        ConflictError
            When the tenant has as many, nobody could sign for the endpoint, or the key was used for something else.
        InvalidFieldError
            When the secret, or a header, is none for this endpoint.
        """
        if request and (first := self._answered(tenant_id, "", request, now)):
            return first
        style = values.get("style", SignatureStyle.STANDARD)
        endpoint = Endpoint(
            tenant_id=tenant_id,
            endpoint_id=new_id(ENDPOINT, now),
            secrets=(_new_secret(secret, style, now),),
            state_since=times.iso(now),
            created_at=times.iso(now),
            updated_at=times.iso(now),
            **values,
        )
        self._require_signable(endpoint, now)
        count = self._table.update_of(
            _count_of(tenant_id),
            "ADD #endpoints :one",
            {":one": 1, ":most": most},
            "attribute_not_exists(#endpoints) OR #endpoints < :most",
        )
        put = self._table.put_of(endpoint_to_item(endpoint), f"attribute_not_exists(#{ITEM_KEY})")
        writes = [{"Update": count}, {"Put": put}, *self._key_writes(endpoint, "", request, now)]
        reasons = transact_write(self._table.dynamodb, writes)
        if reasons and request and (first := self._answered(tenant_id, "", request, now)):
            return first
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
        ConflictError
            When nobody could sign for the endpoint, or it was changed at the same time.
        InvalidFieldError
            When a header of the tenant's would replace one of the signature.
        """
        if not SIGNING_FIELDS & values.keys():
            changed = self._update(tenant_id, endpoint_id, values, now)
            if changed is None:
                raise NotFoundError
            return changed
        seen = self.get(tenant_id, endpoint_id)
        self._require_signable(replace(seen, **values), now, new=values.keys())
        changed = self._update(
            tenant_id,
            endpoint_id,
            values,
            now,
            condition=f"{_EXISTS} AND #updatedAt = :seen",
            compared={":seen": seen.updated_at},
        )
        if changed is None:
            raise _changed_meanwhile()
        return changed

    def pause(self, tenant_id: str, endpoint_id: str, now: float) -> Endpoint:
        """Let deliveries wait.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        ConflictError
            When the system disabled the endpoint, which pausing must not hide, or an operator stopped it.
        """
        return self._set_state(
            tenant_id,
            endpoint_id,
            {"state": EndpointState.PAUSED},
            now,
            condition=f"{_EXISTS} AND #state <> :disabled AND {_NOT_BY_OPERATOR}",
            compared={":disabled": EndpointState.DISABLED, ":false": False},
        )

    def activate(self, tenant_id: str, endpoint_id: str, now: float, *, by_operator: bool = False) -> Endpoint:
        """Let deliveries go on, after a pause or after the endpoint was disabled.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        ConflictError
            When an operator stopped it, and the call is its tenant's.
        """
        return self._set_state(
            tenant_id,
            endpoint_id,
            {"state": EndpointState.ACTIVE, "by_operator": False},
            now,
            condition=_EXISTS if by_operator else f"{_EXISTS} AND {_NOT_BY_OPERATOR}",
            compared={} if by_operator else {":false": False},
        )

    def stop(self, tenant_id: str, endpoint_id: str, state: EndpointState, reason: str, now: float) -> Endpoint:
        """Pause or disable an endpoint for an operator: its tenant sees the reason, and cannot activate it.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        ConflictError
            When it is to be paused and is disabled, which pausing must not hide.
        """
        values = {"state": state, "state_reason": reason, "by_operator": True}
        if state is EndpointState.DISABLED:
            return self._set_state(tenant_id, endpoint_id, values, now)
        return self._set_state(
            tenant_id,
            endpoint_id,
            values,
            now,
            condition=f"{_EXISTS} AND #state <> :disabled",
            compared={":disabled": EndpointState.DISABLED},
        )

    def check_stop(self, tenant_id: str, endpoint_id: str, state: EndpointState) -> None:
        """Raise what `stop` would."""
        found = self.get(tenant_id, endpoint_id)
        if found.state is EndpointState.DISABLED and state is not EndpointState.DISABLED:
            raise _is_disabled()

    def _set_state(
        self, tenant_id: str, endpoint_id: str, values: Mapping[str, Any], now: float, **condition: Any
    ) -> Endpoint:
        written = {"state_reason": None, **values, "state_since": times.iso(now)}
        changed = self._update(tenant_id, endpoint_id, written, now, **condition)
        if changed is not None:
            return changed
        found = self.get(tenant_id, endpoint_id)
        if found.by_operator and not values.get("by_operator"):
            raise ConflictError("stopped_by_operator", "an operator stopped the endpoint, and alone can activate it")
        if found.state is EndpointState.DISABLED:
            raise _is_disabled()
        raise _changed_meanwhile()

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

    def rotate_secret(
        self,
        tenant_id: str,
        endpoint_id: str,
        overlap: int,
        now: float,
        *,
        secret: str | None = None,
        request: IdempotentRequest | None = None,
    ) -> Endpoint:
        """Give an endpoint a new secret; those before it sign beside it until the overlap ends.

        Return the endpoint, also when the request rotated its secret before.

        Parameters
        ----------
        overlap : int
            Seconds.
        secret : str | None
            One that the tenant brings; None to make one.

        Raises
        ------
        NotFoundError
            When the tenant has no such endpoint.
        ConflictError
            When there are `MAX_SECRETS` that sign still, somebody else rotates at the same time, or the key was used
            for something else.
        InvalidFieldError
            When the secret is none for this endpoint.
        """
        if request and (first := self._answered(tenant_id, endpoint_id, request, now)):
            return first
        before = self.get(tenant_id, endpoint_id)
        new = _new_secret(secret, before.style, now)
        ends = int(now) + overlap
        older = [
            replace(one, expires_at=ends if one.expires_at is None else min(one.expires_at, ends))
            for one in before.secrets
            if overlap and (one.expires_at is None or one.expires_at > now) and one.value != new.value
        ]
        if len(older) >= MAX_SECRETS:
            raise ConflictError(
                "too_many_secrets",
                f"{MAX_SECRETS} secrets are valid: wait for an overlap to end, or rotate without one",
            )
        rotated = replace(before, secrets=(new, *older), updated_at=times.iso(now))
        # A transaction, which the SDK may send twice: DynamoDB knows it by its token, and the key is written with it.
        update = self._table.update_of(
            _key_of(tenant_id, endpoint_id),
            "SET #secrets = :secrets, #updatedAt = :now",
            {
                ":secrets": endpoint_to_item(rotated)["secrets"],
                ":now": rotated.updated_at,
                ":seen": before.secrets[0].value,
                ":style": before.style,
            },
            f"{_EXISTS} AND #secrets[0].#value = :seen AND #style = :style",
        )
        writes = [{"Update": update}, *self._key_writes(rotated, endpoint_id, request, now)]
        if transact_write(self._table.dynamodb, writes):
            if request and (first := self._answered(tenant_id, endpoint_id, request, now)):
                return first
            raise _changed_meanwhile()
        return rotated

    def _require_signable(self, endpoint: Endpoint, now: float, new: Collection[str] = SIGNING_FIELDS) -> None:
        """Refuse an endpoint that no request could be signed for.

        Parameters
        ----------
        new : Collection[str]
            The fields that are being changed.

        Raises
        ------
        ConflictError
            When there is no key pair for it, or one of its secrets is none for its style.
        InvalidFieldError
            When a header of the tenant's would replace one of the signature.
        """
        if endpoint.asymmetric and endpoint.style is not SignatureStyle.STANDARD:
            raise ConflictError("no_such_signature", "the style stripe has no ed25519 signature: change both")
        if endpoint.asymmetric and "asymmetric" in new and not self._has_signing_key(now):
            raise ConflictError(
                "no_signing_key", "there is no key pair for asymmetric signatures: ask the operator to make one"
            )
        try:
            # As the worker will; its key pairs are not within reach here.
            signature = signature_headers(replace(endpoint, asymmetric=False), "", b"", now)
            request_headers(endpoint.headers, signature, "")
        except HeaderRefusedError as error:
            raise InvalidFieldError("headers", str(error).removeprefix("headers: ")) from error
        except UnavailableError as error:
            raise ConflictError(
                "secret_unusable",
                "a secret that signs is not base64, which this style needs: rotate it without overlap",
            ) from error

    def _key_writes(
        self, endpoint: Endpoint, scope: str, request: IdempotentRequest | None, now: float
    ) -> list[dict[str, Any]]:
        """Return the write that has a request's key stand for an endpoint and its new secret."""
        if request is None:
            return []
        item = {
            **_request_key(endpoint.tenant_id, scope, request),
            "sha256": request.sha256,
            "endpointId": endpoint.endpoint_id,
            "secretId": key_id(endpoint.secrets[0].value),
            EXPIRES_AT: int(now) + IDEMPOTENCY_SECONDS,
        }
        put = self._table.put_of(item, f"attribute_not_exists(#{ITEM_KEY}) OR #{EXPIRES_AT} <= :now")
        return [{"Put": {**put, "ExpressionAttributeValues": to_item({":now": int(now)})}}]

    def _answered(self, tenant_id: str, scope: str, request: IdempotentRequest, now: float) -> Endpoint | None:
        """Return the endpoint that a request's key stands for; None when it is free.

        Raises
        ------
        NotFoundError
            When the endpoint was deleted since.
        ConflictError
            When the key was used for something else, or the secret was rotated since.
        """
        held = self._table.get(_request_key(tenant_id, scope, request))
        if held is None or gone(now, held[EXPIRES_AT]):
            return None
        if held["sha256"] != request.sha256:
            raise ConflictError(
                "idempotency_key_reused", "this Idempotency-Key was used with another body within 24 hours"
            )
        endpoint = self.get(tenant_id, held["endpointId"])
        if key_id(endpoint.secrets[0].value) != held["secretId"]:
            raise ConflictError("changed_meanwhile", "the secret of that answer was rotated since")
        return endpoint

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
        expression, given = assignments(written)
        changed = self._table.update(
            _key_of(tenant_id, endpoint_id),
            expression,
            {**given, **(compared or {})},
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


def _request_key(tenant_id: str, scope: str, request: IdempotentRequest) -> dict[str, str]:
    """Return the key of the item of an idempotency key; the scope is the endpoint's id, or empty for creation."""
    digest = hashlib.sha256(request.key.encode()).hexdigest()
    return {TENANT_KEY: tenant_id, ITEM_KEY: f"key#{scope}#{digest}"}


def _is_disabled() -> ConflictError:
    return ConflictError("endpoint_disabled", "the endpoint is disabled and gets nothing anyway; activate it first")


def _changed_meanwhile() -> ConflictError:
    return ConflictError("changed_meanwhile", "the endpoint was changed or deleted at the same time: try again")


def _new_secret(brought: str | None, style: SignatureStyle, now: float) -> SigningSecret:
    """Return a secret: the one that a tenant brings, or a new one, which fits both styles.

    The stripe style takes any text for a key, as Stripe's own libraries do.

    Raises
    ------
    InvalidFieldError
        When the standard style cannot use the one that is brought.
    """
    value = brought or SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
    if style is SignatureStyle.STANDARD:
        try:
            fits = FEWEST_SECRET_BYTES <= len(decode_secret(value)) <= MOST_SECRET_BYTES
        except UnavailableError:
            fits = False
        if not fits:
            raise InvalidFieldError(
                "secret", f"whsec_ and {FEWEST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes in base64 expected"
            )
    return SigningSecret(value=value, created_at=times.iso(now))
