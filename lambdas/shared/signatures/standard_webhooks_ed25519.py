"""Standard Webhooks with a key pair: ``v1a,<base64>`` over ``<id>.<timestamp>.<body>``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.encoding import canonical_base64
from lambdas.shared.signatures.scheme import DEFAULT_TOLERANCE_SECONDS, Verdict, key_id, usable
from lambdas.shared.signatures.standard_webhooks import read_message

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PUBLIC_KEY_PREFIX = "whpk_"
_KEY_BYTES = 32
_PRIME = 2**255 - 19
# The points of small order: with such a "key", one message in eight or fewer has a valid signature that nobody made.
# A key of zeros is one of them. https://eprint.iacr.org/2020/1244, table 6
_ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset({0, 1, _PRIME - 1, _PRIME, _PRIME + 1, _ORDER_EIGHT, _PRIME - _ORDER_EIGHT})


@dataclass(frozen=True, kw_only=True)
class StandardWebhooksEd25519Scheme:
    """Ed25519 over id, time and body; only the public key is stored here, and nobody can sign with it.

    Only ``v1a`` signatures count. A ``whsec_…`` secret, or the sender's ``whsk_…`` key, is refused as unusable: the
    operator chooses the scheme, not a header.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Attributes
    ----------
    header_prefix : str
        Prefix of the three headers ``-id``, ``-timestamp`` and ``-signature``.
    tolerance_seconds : int
        Replay window, before and after the time of receipt.
    """

    name: str = "standard-webhooks-v1a"
    header_prefix: str = "webhook"
    tolerance_seconds: int = DEFAULT_TOLERANCE_SECONDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        message = read_message(request, self.header_prefix, "v1a", self.tolerance_seconds)
        keys = [(secret, public_key(secret)) for secret in usable(secrets)]
        for secret, key in keys:
            for candidate in message.signatures:
                if _fits(key, candidate, message.content):
                    return Verdict(
                        scheme=self.name,
                        signed_at=message.signed_at,
                        key_id=key_id(secret),
                        headers={**message.headers, f"{self.header_prefix}-signature": f"v1a,{candidate}"},
                    )
        raise SignatureRefusedError("signature_mismatch")


def public_key(secret: str) -> Ed25519PublicKey:
    """Return the key of a ``whpk_…`` text.

    Raises
    ------
    UnavailableError
        When it is not such a text, or a key with which others could sign.
    """
    # Native code; only the bundle of a stack with such a provider contains it.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    raw = canonical_base64(secret.removeprefix(PUBLIC_KEY_PREFIX)) if secret.startswith(PUBLIC_KEY_PREFIX) else None
    if raw is None or len(raw) != _KEY_BYTES:
        raise UnavailableError("secret_unusable")
    if int.from_bytes(raw, "little") & (2**255 - 1) in _SMALL_ORDER:
        raise UnavailableError("secret_unusable")
    return Ed25519PublicKey.from_public_bytes(raw)


def _fits(key: Ed25519PublicKey, candidate: str, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    signature = canonical_base64(candidate)
    if signature is None:
        return False
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
