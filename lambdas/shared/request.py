"""The HTTP request for signature schemes: exact bytes, and headers that may repeat."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """One incoming webhook.

    Attributes
    ----------
    body : bytes
        The exact bytes of the body.
    headers : Mapping[str, Sequence[str]]
        Header name in lower case to all its values, in the order received.
    received_at : float
        When API Gateway received the request, seconds since the epoch. The age of a signature is measured against
        this, not against the time of processing.
    query : Mapping[str, str]
        Parameters of the query string.
    """

    body: bytes
    headers: Mapping[str, Sequence[str]]
    received_at: float
    query: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        values = self.headers.get(name.lower())
        return values[0] if values else None

    def signed_header(self, name: str) -> str:
        """Return the value of a header that a signature depends on.

        Raises
        ------
        SignatureRefusedError
            When the header is absent, empty, or repeated: it is unknown which of two values was signed.
        """
        values = self.headers.get(name.lower(), ())
        if len(values) > 1:
            raise SignatureRefusedError("repeated_signature_header")
        if not values or not values[0]:
            raise SignatureRefusedError("missing_signature_header")
        return values[0]


def from_api_gateway(event: Mapping[str, Any]) -> WebhookRequest:
    """Read a REST API proxy event (payload format 1.0).

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html

    Raises
    ------
    MalformedWebhookError
        When API Gateway marks the body as base64 and it is not.
    """
    multi = event.get("multiValueHeaders") or {}
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedWebhookError("body_not_base64") from error
    else:
        raw = body.encode("utf-8", "surrogatepass")
    headers: dict[str, list[str]] = {name.lower(): values for name, values in multi.items()}
    if len(headers) != len(multi):
        headers = {}
        for name, values in multi.items():
            headers.setdefault(name.lower(), []).extend(values)
    return WebhookRequest(
        body=raw,
        headers=headers,
        received_at=event["requestContext"]["requestTimeEpoch"] / 1000,
        query=event.get("queryStringParameters") or {},
    )
