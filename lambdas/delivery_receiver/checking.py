"""Whether a delivery that came in is one of ours, by the same schemes as verify the webhooks of providers."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.delivery.domain.model import Endpoint, SignatureStyle
from lambdas.delivery.sending.signing import valid_secrets
from lambdas.shared.errors import SignatureRefusedError, WebhookRefusedError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.standard_webhooks import StandardWebhooksScheme
from lambdas.shared.signatures.stripe import StripeScheme


@dataclass(frozen=True, kw_only=True)
class Check:
    """What came of it.

    Attributes
    ----------
    scheme : str | None
        What accepted it; None when nothing did.
    reason : str | None
        Why not.
    event_id, timestamp : str
        As signed; empty where the style has none.
    """

    scheme: str | None
    reason: str | None
    event_id: str = ""
    timestamp: str = ""


def check(endpoint: Endpoint, request: WebhookRequest) -> Check:
    """Verify a delivery with each secret that is valid now."""
    secrets: Sequence[str] = valid_secrets(endpoint.secrets, request.received_at)
    standard = StandardWebhooksScheme(header_prefix=endpoint.header_prefix)
    scheme = StripeScheme() if endpoint.style is SignatureStyle.STRIPE else standard
    try:
        if not secrets:
            raise SignatureRefusedError("secret_missing")
        verdict = scheme.verify(request, secrets)
    except WebhookRefusedError as refusal:
        return Check(scheme=None, reason=refusal.reason)
    return Check(
        scheme=verdict.scheme,
        reason=None,
        event_id=request.header(f"{endpoint.header_prefix}-id") or "",
        timestamp=str(verdict.signed_at),
    )
