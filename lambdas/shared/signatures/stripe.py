"""Stripe's scheme: ``t=<seconds>,v1=<hex>`` over ``<t>.<body>``."""

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
    Source: https://docs.stripe.com/webhooks#verify-manually

    Attributes
    ----------
    header : str
        Header with the signature.
    tolerance_seconds : int
        Replay window, before and after the time of receipt.
    """

    name: str = "stripe-v1"
    header: str = "Stripe-Signature"
    tolerance_seconds: int = DEFAULT_TOLERANCE_SECONDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        times: list[str] = []
        candidates: list[str] = []
        for part in signature_header(request, self.header).split(","):
            key, separator, value = part.partition("=")
            if not separator:
                raise SignatureRefusedError("malformed_signature_header")
            if key == "t":
                times.append(value)
            elif key == "v1":
                candidates.append(value)
        if len(times) != 1 or not candidates:
            raise SignatureRefusedError("malformed_signature_header")
        signed_at = signing_time(times[0], request, self.tolerance_seconds)
        signed = times[0].encode("ascii") + b"." + request.body
        expected = [hmac_text(secret.encode(), signed) for secret in usable(secrets)]
        match = matching(secrets, expected, candidates)
        return Verdict(
            scheme=self.name,
            signed_at=signed_at,
            key_id=key_id(match.secret),
            headers={self.header.lower(): f"t={times[0]},v1={match.signature}"},
        )
