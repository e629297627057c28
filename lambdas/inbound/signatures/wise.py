"""Wise's scheme: RSA-SHA256 over the body, with one key for all customers, and subscriptions that are set."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError
from lambdas.shared.jsonbody import parse_object
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.encoding import canonical_base64
from lambdas.shared.signatures.scheme import Verdict, key_id, signature_header, usable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

ANY = "any"
MIN_KEY_BITS = 2048
_PEM_LINE = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class WiseScheme:
    """PKCS #1 v1.5 with SHA-256, in base64. Only the public key is stored here, and nobody can sign with it.

    The key proves that Wise signed, but not for whom: every customer can subscribe any URL. Because the subscription's
    id is in the signed body, each deployed name lists the subscriptions that it accepts, and refuses others.

    No time is signed, so there is no replay window; a replay becomes a duplicate.

    Sources: https://docs.wise.com/guides/developer/webhooks/event-handling.md and
    https://github.com/transferwise/digital-signatures-examples/tree/main/verify-webhook-signature

    Attributes
    ----------
    header : str
        Header with the signature.
    subscriptions : str
        The subscriptions' ids, joined with commas; or `ANY`.
    """

    name: str = "wise-rsa-sha256"
    header: str = "X-Signature-SHA256"
    subscriptions: str = ""

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        if not self.subscriptions:
            raise UnavailableError("subscriptions_missing")
        value = signature_header(request, self.header)
        keys = [(secret, public_key(secret)) for secret in usable(secrets)]
        for secret, key in keys:
            if _fits(key, value, request.body):
                self._check_subscription(request)
                return Verdict(
                    scheme=self.name, signed_at=None, key_id=key_id(secret), headers={self.header.lower(): value}
                )
        raise SignatureRefusedError("signature_mismatch")

    def _check_subscription(self, request: WebhookRequest) -> None:
        if self.subscriptions == ANY:
            return
        try:
            given = parse_object(request.body).get("subscription_id")
        except MalformedWebhookError as error:
            raise SignatureRefusedError("other_subscription") from error
        if given not in self.subscriptions.split(","):
            raise SignatureRefusedError("other_subscription")


def public_key(secret: str) -> RSAPublicKey:
    """Return the key of a PEM text, with or without its first and last line and its line ends.

    Raises
    ------
    UnavailableError
        When it is not an RSA key of enough bits.
    """
    # Native code; only the bundle of a stack with such a provider contains it.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        key = load_der_public_key(b64decode("".join(_PEM_LINE.sub("", secret).split()), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise UnavailableError("secret_unusable") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise UnavailableError("secret_unusable")
    return key


def _fits(key: RSAPublicKey, value: str, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    signature = canonical_base64(value)
    if signature is None:
        return False
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
