"""Square's scheme: base64 over the notification URL and the body."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.shared.errors import UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.digests import hmac_text
from lambdas.shared.signatures.scheme import Verdict, key_id, matching, signature_header, usable


@dataclass(frozen=True, kw_only=True)
class SquareScheme:
    """HMAC-SHA256 in base64 over the registered URL, directly followed by the body.

    The URL is a setting. It is not read from the request, because the sender chooses ``Host`` and path. Because the URL
    is signed, a webhook for another subscription is refused here, even with the same key.

    No time is signed; a replay becomes a duplicate, by the event id in the body. Square's older header
    ``x-square-signature``, with SHA-1, is ignored.

    Source: https://developer.squareup.com/docs/webhooks/step3validate

    Attributes
    ----------
    header : str
        Header with the signature.
    url : str
        The subscription's notification URL, as it was registered.
    """

    name: str = "square-sha256"
    header: str = "X-Square-HmacSha256-Signature"
    url: str = ""

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        if not self.url:
            raise UnavailableError("url_missing")
        value = signature_header(request, self.header)
        signed = self.url.encode() + request.body
        expected = [hmac_text(secret.encode(), signed, encoding="base64") for secret in usable(secrets)]
        match = matching(secrets, expected, [value])
        return Verdict(
            scheme=self.name, signed_at=None, key_id=key_id(match.secret), headers={self.header.lower(): value}
        )
