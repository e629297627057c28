"""Stripe's scheme: ``t=<seconds>,v1=<hex>`` over ``<t>.<body>``; Paddle has the same in other letters."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.shared.errors import SignatureRefusedError
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


@dataclass(frozen=True, kw_only=True)
class StripeScheme:
    """HMAC-SHA256 with a signed time, and several signatures while a secret is rotated.

    All schemes except ``v1`` are ignored, to prevent a downgrade; any one of several ``v1`` may match.
    Sources: https://docs.stripe.com/webhooks#verify-manually
    and https://developer.paddle.com/webhooks/signature-verification

    Attributes
    ----------
    header : str
        Header with the signature.
    time_key, signature_key, separator : str
        What stands in the header: before the time, before a signature, and between them.
    joint : str
        What stands between the time and the body where they are signed; not a digit, which could move into the time.
    tolerance_seconds : int
        Replay window, before and after the time of receipt.
    """

    name: str = "stripe-v1"
    header: str = "Stripe-Signature"
    time_key: str = "t"
    signature_key: str = "v1"
    separator: str = ","
    joint: str = "."
    tolerance_seconds: int = DEFAULT_TOLERANCE_SECONDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        times: list[str] = []
        candidates: list[str] = []
        for part in signature_header(request, self.header).split(self.separator):
            key, separator, value = part.partition("=")
            if not separator:
                raise SignatureRefusedError("malformed_signature_header")
            if key == self.time_key:
                times.append(value)
            elif key == self.signature_key:
                candidates.append(value)
        if len(times) != 1 or not candidates:
            raise SignatureRefusedError("malformed_signature_header")
        signed_at = signing_time(times[0], request, self.tolerance_seconds)
        signed = f"{times[0]}{self.joint}".encode("ascii") + request.body
        expected = [hmac_text(secret.encode(), signed) for secret in usable(secrets)]
        match = matching(secrets, expected, candidates)
        return Verdict(
            scheme=self.name,
            signed_at=signed_at,
            key_id=key_id(match.secret),
            headers={self.header.lower(): self._header(times[0], match.signature)},
        )

    def _header(self, time: str, signature: str) -> str:
        return f"{self.time_key}={time}{self.separator}{self.signature_key}={signature}"
