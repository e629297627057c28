"""Standard Webhooks: ``v1,<base64>`` over ``<id>.<timestamp>.<body>``."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import (
    DEFAULT_TOLERANCE_SECONDS,
    Verdict,
    matching_secret,
    signature_header,
    signing_time,
    usable,
)

SECRET_PREFIX = "whsec_"  # noqa: S105 (no secret, but what each begins with)


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
        message_id = signature_header(request, f"{self.header_prefix}-id")
        timestamp = signature_header(request, f"{self.header_prefix}-timestamp")
        signatures = signature_header(request, f"{self.header_prefix}-signature")
        signed_at = signing_time(timestamp, request, self.tolerance_seconds)
        candidates = []
        for part in signatures.split(" "):
            version, separator, value = part.partition(",")
            if not separator:
                raise SignatureRefusedError("malformed_signature_header")
            if version == "v1":
                candidates.append(value)
        if not candidates:
            raise SignatureRefusedError("malformed_signature_header")
        try:
            signed = f"{message_id}.{timestamp}.".encode() + request.body
        except UnicodeEncodeError as error:
            raise SignatureRefusedError("malformed_signature_header") from error
        expected = [
            base64.b64encode(hmac.new(decode_secret(secret), signed, hashlib.sha256).digest())
            for secret in usable(secrets)
        ]
        return Verdict(scheme=self.name, signed_at=signed_at, secret_index=matching_secret(expected, candidates))


def decode_secret(secret: str) -> bytes:
    """Return the key of a ``whsec_…`` secret; its base64 padding may be left out, as the reference libraries allow.

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
