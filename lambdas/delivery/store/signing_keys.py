"""The stack's ed25519 key pairs, for endpoints that ask for asymmetric signatures.

The private halves are in Secrets Manager, as ``{"keys": [{"kid", "seed", "createdAt", "retiredAt"?}]}``, each seed 32
bytes in base64. Those that are not retired sign, all of them, so that a receiver that fetched the public keys before a
new one came still finds one that it knows.

Needs the package ``cryptography``, in the bundles of the functions that sign.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import times
from lambdas.shared.errors import UnavailableError
from lambdas.shared.signatures.encoding import canonical_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CACHE_SECONDS = 300.0
SEED_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key pair.

    Attributes
    ----------
    kid : str
        Its name, under which its public half is published.
    private : Ed25519PrivateKey
        Its private half.
    """

    kid: str
    private: Ed25519PrivateKey

    def sign(self, content: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return self.private.sign(content)


class SigningKeyStore:
    """Reads and caches the keys.

    Parameters
    ----------
    secrets_manager
        A boto3 Secrets Manager client.
    arn : str | None
        ARN of the secret; None when the stack has no such secret, and no endpoint gets an asymmetric signature.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, secrets_manager: Any, arn: str | None, clock: Callable[[], float] = time.time) -> None:
        self._client = secrets_manager
        self._arn = arn
        self._clock = clock
        self._cached: tuple[float, Sequence[SigningKey]] | None = None

    def current(self) -> Sequence[SigningKey]:
        """Return the keys that sign now, in the order in which they were made.

        Raises
        ------
        UnavailableError
            When no key signs now, or the secret cannot be read.
        """
        now = self._clock()
        if self._cached and 0 <= now - self._cached[0] < CACHE_SECONDS:
            return self._cached[1]
        if self._arn is None:
            raise UnavailableError("signing_keys_missing")
        try:
            text = self._client.get_secret_value(SecretId=self._arn).get("SecretString", "")
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("signing_keys_unavailable") from error
        keys = read_keys(text, now)
        self._cached = (now, keys)
        return keys


def read_keys(text: str, now: float) -> Sequence[SigningKey]:
    """Read the secret's value.

    Raises
    ------
    UnavailableError
        When it is malformed, or holds no key that signs now.
    """
    # Native code, which is loaded only where an endpoint asks for it.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    try:
        entries = json.loads(text)["keys"]
        found = []
        for entry in entries:
            seed = canonical_base64(entry["seed"])
            if seed is None or len(seed) != SEED_BYTES:
                raise UnavailableError("signing_keys_unusable")
            retired = entry.get("retiredAt")
            ends = None if retired is None else times.parse(retired)
            if retired is not None and ends is None:
                raise UnavailableError("signing_keys_unusable")
            if ends is None or now < ends:
                found.append(SigningKey(kid=str(entry["kid"]), private=Ed25519PrivateKey.from_private_bytes(seed)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnavailableError("signing_keys_unusable") from error
    if not found:
        raise UnavailableError("signing_keys_missing")
    return tuple(found)
