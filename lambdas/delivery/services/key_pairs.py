"""The stack's ed25519 key pairs, made and retired by operators: private halves in a secret, public ones in a table.

Secrets Manager has no conditional write, so that of two who change the secret at once one would undo the other. A lease
in the item of the public halves lets one in at a time. A public half is published before its private one can sign.

Needs the package ``cryptography``.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.delivery.domain.errors import ConflictError, NotFoundError, StoreBusyError
from lambdas.delivery.store.items import IDENTITY_KEY, PUBLIC_KEYS_ID
from lambdas.delivery.store.signing_keys import SEED_BYTES
from lambdas.delivery.store.tables import Table
from lambdas.shared import times
from lambdas.shared.signatures.encoding import canonical_base64
from lambdas.shared.signatures.standard_webhooks_ed25519 import PUBLIC_KEY_PREFIX

MAX_KEYS = 20
KEPT_SECONDS = 30 * 86_400
"""How long a retired key's public half stays published, for those who verify late."""
_LEASE_SECONDS = 60
_PUBLIC_KEYS = {IDENTITY_KEY: PUBLIC_KEYS_ID}


@dataclass(frozen=True, kw_only=True)
class SigningKeyPair:
    """A key pair without its private half.

    Attributes
    ----------
    key_id : str
        Its name.
    public_key : str
        ``whpk_`` and the 32 bytes in base64.
    created_at : str
        ISO 8601, UTC.
    retired_at : str | None
        From when it signs no more.
    """

    key_id: str
    public_key: str
    created_at: str
    retired_at: str | None = None


class SigningKeyPairs:
    """Makes and retires key pairs.

    Parameters
    ----------
    dynamodb, secrets_manager
        boto3 clients.
    table : str
        The table of identities.
    secret_arn : str
        The secret of the private halves.
    """

    def __init__(self, dynamodb: Any, secrets_manager: Any, table: str, secret_arn: str) -> None:
        self._secrets_manager = secrets_manager
        self._table = Table(dynamodb, table)
        self._secret_arn = secret_arn

    def all(self) -> Sequence[SigningKeyPair]:
        """Return the key pairs, the oldest first."""
        return [_pair_of(entry) for entry in self._read()]

    def create(self, overlap: int | None, now: float) -> SigningKeyPair:
        """Make a key pair.

        Parameters
        ----------
        overlap : int | None
            Seconds after which the others are retired; None when they go on.

        Raises
        ------
        ConflictError
            When there are `MAX_KEYS`, or somebody else changes them at the same time.
        """
        lease = self._take_lease(now)
        entries = [entry for entry in self._read() if not _forgotten(entry, now)]
        if len(entries) >= MAX_KEYS:
            self._release(lease)
            raise ConflictError("too_many_keys", f"there are {MAX_KEYS} key pairs: retire one")
        if overlap is not None:
            ends = times.iso(now + overlap)
            entries = [{**entry, "retiredAt": min(entry.get("retiredAt", ends), ends)} for entry in entries]
        new = {
            "kid": "key_" + secrets.token_hex(8),
            "seed": b64encode(secrets.token_bytes(SEED_BYTES)).decode("ascii"),
            "createdAt": times.iso(now),
        }
        self._write([*entries, new], lease, now)
        return _pair_of(new)

    def retire(self, key_id: str, now: float) -> SigningKeyPair:
        """Have a key pair sign no more, from now on.

        Raises
        ------
        NotFoundError
            When no key pair has this id.
        ConflictError
            When somebody else changes them at the same time.
        """
        lease = self._take_lease(now)
        entries = list(self._read())
        found = next((entry for entry in entries if entry["kid"] == key_id), None)
        if found is None:
            self._release(lease)
            raise NotFoundError
        found["retiredAt"] = min(found.get("retiredAt", times.iso(now)), times.iso(now))
        self._write(entries, lease, now)
        return _pair_of(found)

    def _write(self, entries: Sequence[Mapping[str, Any]], lease: str, now: float) -> None:
        """Publish the public halves, then store the private ones, then end the lease."""
        published = [_published(_pair_of(entry)) for entry in entries if not _forgotten(entry, now)]
        self._update_with(lease, "SET #keys = :keys", {":keys": published})
        self._secrets_manager.put_secret_value(
            SecretId=self._secret_arn, SecretString=json.dumps({"keys": list(entries)})
        )
        self._release(lease)

    def _read(self) -> list[dict[str, Any]]:
        try:
            answer = self._secrets_manager.get_secret_value(SecretId=self._secret_arn)
        except ClientError as error:
            # The secret was created, and has no value yet.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        text = answer.get("SecretString") or ""
        return list(json.loads(text)["keys"]) if text.strip() else []

    def _take_lease(self, now: float) -> str:
        lease = secrets.token_hex(8)
        taken = self._table.update(
            _PUBLIC_KEYS,
            "SET #lease = :lease, #leaseUntil = :until",
            {":lease": lease, ":until": int(now) + _LEASE_SECONDS, ":now": int(now)},
            "attribute_not_exists(#leaseUntil) OR #leaseUntil <= :now",
        )
        if taken is None:
            raise ConflictError(
                "changed_meanwhile",
                "somebody else changes the keys: try again in a minute",
                retry_after=_LEASE_SECONDS,
            )
        return lease

    def _release(self, lease: str) -> None:
        self._update_with(lease, "REMOVE #lease, #leaseUntil", {})

    def _update_with(self, lease: str, expression: str, values: Mapping[str, Any]) -> None:
        if self._table.update(_PUBLIC_KEYS, expression, {**values, ":lease": lease}, "#lease = :lease") is None:
            raise StoreBusyError("the lease of the signing keys ended, and somebody else took it")


def _pair_of(entry: Mapping[str, Any]) -> SigningKeyPair:
    # Native code, which only this function's bundle holds.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    seed = canonical_base64(entry["seed"])
    if seed is None or len(seed) != SEED_BYTES:
        raise ValueError("a seed in the secret is not 32 bytes in base64")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return SigningKeyPair(
        key_id=entry["kid"],
        public_key=PUBLIC_KEY_PREFIX + b64encode(public).decode("ascii"),
        created_at=entry["createdAt"],
        retired_at=entry.get("retiredAt"),
    )


def _published(pair: SigningKeyPair) -> dict[str, str]:
    retired = {"retiredAt": pair.retired_at} if pair.retired_at is not None else {}
    return {"keyId": pair.key_id, "publicKey": pair.public_key, "createdAt": pair.created_at, **retired}


def _forgotten(entry: Mapping[str, Any], now: float) -> bool:
    retired = times.parse(entry["retiredAt"]) if "retiredAt" in entry else None
    return retired is not None and retired + KEPT_SECONDS <= now
