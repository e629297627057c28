"""Standard Webhooks: ``v1,<base64>`` over ``<id>.<timestamp>.<body>``."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.digests import hmac_text
from lambdas.shared.signatures.scheme import (
    DEFAULT_TOLERANCE_SECONDS,
    Verdict,
    key_id,
    matching,
    signature_header,
    signing_time,
    usable,
)

SECRET_PREFIX = "whsec_"  # noqa: S105 (not a secret, but how each one begins)


@dataclass(frozen=True, kw_only=True)
class StandardWebhooksScheme:
    """HMAC-SHA256 over id, time and body; the secret is base64, with or without its ``whsec_`` prefix.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Attributes
    ----------
    header_prefix : str
        Prefix of the three headers ``-id``, ``-timestamp`` and ``-signature``.
    tolerance_seconds : int
        Replay window, before and after the time of receipt.
    """

    name: str = "standard-webhooks-v1"
    header_prefix: str = "webhook"
    tolerance_seconds: int = DEFAULT_TOLERANCE_SECONDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        message = read_message(request, self.header_prefix, "v1", self.tolerance_seconds)
        expected = [hmac_text(decode_secret(secret), message.content, encoding="base64") for secret in usable(secrets)]
        match = matching(secrets, expected, message.signatures)
        return Verdict(
            scheme=self.name,
            signed_at=message.signed_at,
            key_id=key_id(match.secret),
            headers={**message.headers, f"{self.header_prefix}-signature": f"v1,{match.signature}"},
        )


@dataclass(frozen=True, kw_only=True)
class SignedMessage:
    """A request, read from the three headers and the body.

    Attributes
    ----------
    content : bytes
        The signed bytes.
    signed_at : int
        Seconds since the epoch.
    signatures : Sequence[str]
        The signatures of one version, without its name; at least one.
    headers : Mapping[str, str]
        The headers that are part of `content`, in lower case.
    """

    content: bytes
    signed_at: int
    signatures: Sequence[str]
    headers: Mapping[str, str]


def read_message(request: WebhookRequest, header_prefix: str, version: str, tolerance_seconds: int) -> SignedMessage:
    """Read a request and its signatures of one version; others are ignored.

    Raises
    ------
    SignatureRefusedError
        When a header is missing or malformed, the time is outside the window, or no signature has that version.
    """
    message_id = signature_header(request, f"{header_prefix}-id")
    timestamp = signature_header(request, f"{header_prefix}-timestamp")
    signatures = signature_header(request, f"{header_prefix}-signature")
    signed_at = signing_time(timestamp, request, tolerance_seconds)
    candidates = []
    for part in signatures.split(" "):
        name, separator, value = part.partition(",")
        if not separator:
            raise SignatureRefusedError("malformed_signature_header")
        if name == version:
            candidates.append(value)
    if not candidates:
        raise SignatureRefusedError("malformed_signature_header")
    try:
        content = f"{message_id}.{timestamp}.".encode() + request.body
    except UnicodeEncodeError as error:
        raise SignatureRefusedError("malformed_signature_header") from error
    return SignedMessage(
        content=content,
        signed_at=signed_at,
        signatures=candidates,
        headers={f"{header_prefix}-id": message_id, f"{header_prefix}-timestamp": timestamp},
    )


def decode_secret(secret: str) -> bytes:
    """Return the key of a ``whsec_…`` secret; base64 padding is optional, as in the reference libraries.

    A ``whpk_…`` or ``whsk_…`` key is refused: with a public key as HMAC key, anybody could sign.

    Raises
    ------
    UnavailableError
        When it is not base64, or decodes to nothing.
    """
    try:
        text = secret.removeprefix(SECRET_PREFIX).rstrip("=")
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnavailableError("secret_unusable") from error
    if not key:
        raise UnavailableError("secret_unusable")
    return key
