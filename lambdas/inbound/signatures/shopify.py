"""Shopify's scheme: base64 over the body, with topics that are set when it is deployed."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.digests import hmac_text
from lambdas.shared.signatures.scheme import Verdict, key_id, matching, signature_header, usable

TOPIC_HEADER = "X-Shopify-Topic"


@dataclass(frozen=True, kw_only=True)
class ShopifyScheme:
    """HMAC-SHA256 in base64 over the body alone: no time, id or topic is signed.

    Because the topic is not signed, it cannot be part of the event's id. But two topics may send the same bytes: an
    order that is paid at once is the same to ``orders/create`` and to ``orders/paid``. With one URL for both, the
    second would be lost as a duplicate of the first. So each deployed name lists the topics that it accepts, no two of
    them of one resource, and refuses others.

    Source: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries

    Attributes
    ----------
    header : str
        Header with the signature.
    topics : str
        The topics, joined with commas.
    """

    name: str = "shopify-sha256"
    header: str = "X-Shopify-Hmac-SHA256"
    topics: str = ""

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        if not self.topics:
            raise UnavailableError("topics_missing")
        value = signature_header(request, self.header)
        expected = [hmac_text(secret.encode(), request.body, encoding="base64") for secret in usable(secrets)]
        match = matching(secrets, expected, [value])
        given = list(request.headers.get(TOPIC_HEADER.lower(), ()))
        if len(given) != 1 or given[0] not in self.topics.split(","):
            raise SignatureRefusedError("other_topic")
        return Verdict(
            scheme=self.name,
            signed_at=None,
            key_id=key_id(match.secret),
            headers={self.header.lower(): value, TOPIC_HEADER.lower(): given[0]},
        )
