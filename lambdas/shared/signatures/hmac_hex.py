"""Hex HMAC-SHA256 in one header: GitHub's scheme, and the one for senders who bring none of their own."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import (
    DEFAULT_TOLERANCE_SECONDS,
    Verdict,
    matching_secret,
    signature_header,
    signing_time,
    usable,
)


@dataclass(frozen=True, kw_only=True)
class HexHmacScheme:
    """HMAC-SHA256 in hex over the body, or over ``<timestamp>.<body>`` when a timestamp header is set.

    The two forms are two schemes, and a provider has exactly one of them: were the timestamp optional, whoever
    holds a signature over ``<timestamp>.<body>`` could present those bytes as a body without a timestamp.

    Without a signed time there is no replay window; a replay then ends as a duplicate of the record that exists,
    because the event's identity comes from signed bytes only.

    Source for GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

    Attributes
    ----------
    header : str
        Header that carries the signature.
    prefix : str
        What stands before the hex digits.
    prefix_required : bool
        Whether a signature without the prefix is refused.
    timestamp_header : str | None
        Header with the signed time, in seconds since the epoch.
    tolerance_seconds : int
        Replay window around the time of receipt, where a time is signed.
    """

    name: str
    header: str
    prefix: str = "sha256="
    prefix_required: bool = False
    timestamp_header: str | None = None
    tolerance_seconds: int = DEFAULT_TOLERANCE_SECONDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        value = signature_header(request, self.header)
        if self.prefix_required and not value.startswith(self.prefix):
            raise SignatureRefusedError("malformed_signature_header")
        candidate = value.removeprefix(self.prefix)
        signed, signed_at = request.body, None
        if self.timestamp_header is not None:
            timestamp = signature_header(request, self.timestamp_header)
            signed_at = signing_time(timestamp, request, self.tolerance_seconds)
            signed = timestamp.encode("ascii") + b"." + request.body
        expected = [
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in usable(secrets)
        ]
        return Verdict(scheme=self.name, signed_at=signed_at, secret_index=matching_secret(expected, [candidate]))
