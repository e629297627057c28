"""HMAC in one header: the scheme of GitHub and of many payment providers, and the generic one for other senders."""

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
    signature_headers,
    signing_time,
    usable,
)


@dataclass(frozen=True, kw_only=True)
class HmacHeaderScheme:
    """HMAC over the body, or over a time and the body if a timestamp header is set.

    The two forms are two schemes, and a provider has exactly one of them. If the timestamp were optional, a signature
    over ``<timestamp>.<body>`` would also be valid for these bytes as a body without a timestamp.

    If no time is signed, there is no replay window; a replay becomes a duplicate, because the event's id comes from
    signed bytes only.

    Source for GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

    Attributes
    ----------
    family : str
        First part of the scheme's name; the algorithm is the last.
    header : str
        Header with the signature.
    algorithm : str
        ``sha256`` or ``sha512``.
    encoding : str
        ``hex`` in lower case, ``base64``, or ``base64url`` with or without padding.
    prefix : str | None
        Text before the signature; None for the algorithm and ``=``.
    prefix_required : bool
        Whether a signature without the prefix is refused.
    repeats : bool
        Whether the provider sends the header once for each of its secrets while they are rotated. One must match.
    timestamp_header : str | None
        Header with the signed time, in seconds since the epoch.
    signed_content : str
        The signed text, if a time is signed: ``{timestamp}``, a separator that is not a digit, then ``{body}``.
    tolerance_seconds : int
        Replay window before and after the time of receipt, if a time is signed.
    """

    family: str
    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str | None = None
    prefix_required: bool = False
    repeats: bool = False
    timestamp_header: str | None = None
    signed_content: str = "{timestamp}.{body}"
    tolerance_seconds: int = DEFAULT_TOLERANCE_SECONDS

    @property
    def name(self) -> str:
        """See `Scheme.name`."""
        return f"{self.family}-{self.algorithm}"

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        values = signature_headers(request, self.header) if self.repeats else [signature_header(request, self.header)]
        candidates = {self._candidate(value): value for value in values}
        signed, signed_at = request.body, None
        headers = {}
        if self.timestamp_header is not None:
            timestamp = signature_header(request, self.timestamp_header)
            signed_at = signing_time(timestamp, request, self.tolerance_seconds)
            before_body = self.signed_content.removesuffix("{body}").replace("{timestamp}", timestamp)
            signed = before_body.encode("ascii") + request.body
            headers[self.timestamp_header.lower()] = timestamp
        expected = [
            hmac_text(secret.encode(), signed, algorithm=self.algorithm, encoding=self.encoding)
            for secret in usable(secrets)
        ]
        match = matching(secrets, expected, candidates)
        headers[self.header.lower()] = candidates[match.signature]
        return Verdict(scheme=self.name, signed_at=signed_at, key_id=key_id(match.secret), headers=headers)

    def _candidate(self, value: str) -> str:
        prefix = f"{self.algorithm}=" if self.prefix is None else self.prefix
        if self.prefix_required and not value.startswith(prefix):
            raise SignatureRefusedError("malformed_signature_header")
        candidate = value.removeprefix(prefix)
        return candidate + "=" * (-len(candidate) % 4) if self.encoding == "base64url" else candidate
