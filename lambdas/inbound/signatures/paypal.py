"""PayPal's scheme: RSA-SHA256 over ``<transmission id>|<time>|<webhook id>|<CRC32 of the body>``."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from lambdas.inbound.signatures.paypal_certificates import CertificateStore, fetch, paypal_authorities
from lambdas.shared import times
from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.encoding import canonical_base64
from lambdas.shared.signatures.scheme import DEFAULT_TOLERANCE_SECONDS, Verdict, signature_header

ALGORITHM = "SHA256withRSA"
# `fullmatch` covers the whole address, so it cannot contain a user, port, query or other host.
_CERTIFICATE_URL = re.compile(
    r"https://api(?:-m)?(?P<sandbox>\.sandbox)?\.paypal\.com/v1/notifications/certs/CERT-[0-9A-Za-z-]{1,80}", re.ASCII
)
# The name that PayPal's Java client requires; other certificates below paypal.com have other purposes.
# https://github.com/paypal/PayPal-Java-SDK, com.paypal.base.SSLUtil, `validateCertificateChain`
_ISSUED_TO = {
    "live": "messageverificationcerts.paypal.com",
    "sandbox": "messageverificationcerts.sandbox.paypal.com",
}
# Without "|", which separates the signed values.
_TRANSMISSION_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)

# One for the process.
_STORE = CertificateStore(fetch, paypal_authorities)


@dataclass(frozen=True, kw_only=True)
class PayPalScheme:
    """RSA over id and time of the transmission, the webhook's id, and a checksum of the body.

    **CRC32 is not a cryptographic digest.** It is easy to make other bodies with the same checksum. Anybody who has a
    signed delivery can send another body with its headers, and no check of the signature detects that; PayPal's clients
    do not either. Therefore processing records only the first body for each transmission, by the verdict's
    `signature_id`: the attack works only with a delivery that was not recorded here before. To be certain of a single
    event, ask PayPal's API for it.

    Source: https://developer.paypal.com/api/rest/webhooks/rest/

    Attributes
    ----------
    webhook_id : str
        The webhook's id at PayPal: it binds a signature to this endpoint.
    environment : str
        ``live`` or ``sandbox``; each has its own hosts and certificate, which are not valid for the other.
    tolerance_seconds : int
        Largest age of a transmission. PayPal retries for three days with the first time, so that a replay window of
        minutes would refuse its retries.
    future_seconds : int
        How far PayPal's clock may be ahead of API Gateway's.
    certificates : CertificateStore
        Source of the certificates.
    """

    name: str = "paypal-rsa-sha256"
    webhook_id: str = ""
    environment: str = "live"
    tolerance_seconds: int = 3 * 86_400 + 3_600
    future_seconds: int = DEFAULT_TOLERANCE_SECONDS
    certificates: CertificateStore = field(default=_STORE, compare=False, repr=False)

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`; there is no secret."""
        del secrets
        transmission = signature_header(request, "paypal-transmission-id")
        time = signature_header(request, "paypal-transmission-time")
        signature = canonical_base64(signature_header(request, "paypal-transmission-sig"))
        url = signature_header(request, "paypal-cert-url")
        if signature_header(request, "paypal-auth-algo") != ALGORITHM:
            raise SignatureRefusedError("unknown_signature_algorithm")
        if signature is None or not _TRANSMISSION_ID.fullmatch(transmission):
            raise SignatureRefusedError("malformed_signature_header")
        signed_at = self._signing_time(time, request)
        if not self.webhook_id or self.environment not in _ISSUED_TO:
            raise UnavailableError("provider_not_configured")
        address = _CERTIFICATE_URL.fullmatch(url)
        if address is None:
            raise SignatureRefusedError("certificate_url_refused")
        if (address["sandbox"] is not None) != (self.environment == "sandbox"):
            raise SignatureRefusedError("other_environment")
        certificate = self.certificates.get(url, _ISSUED_TO[self.environment], request.received_at)

        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        signed = f"{transmission}|{time}|{self.webhook_id}|{zlib.crc32(request.body)}".encode()
        try:
            certificate.key.verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise SignatureRefusedError("signature_mismatch") from error
        return Verdict(
            scheme=self.name,
            signed_at=int(signed_at),
            key_id=certificate.fingerprint[:16],
            headers={
                "paypal-auth-algo": ALGORITHM,
                "paypal-cert-url": url,
                "paypal-transmission-id": transmission,
                "paypal-transmission-sig": request.signed_header("paypal-transmission-sig"),
                "paypal-transmission-time": time,
                # Not a header, but signed too; an endpoint that is registered again gets another id.
                "paypal-webhook-id": self.webhook_id,
            },
            certificate=certificate.pem,
            signature_id=transmission,
        )

    def _signing_time(self, text: str, request: WebhookRequest) -> float:
        seconds = times.parse_rfc3339(text) if "T" in text else None
        if seconds is None:
            raise SignatureRefusedError("malformed_timestamp")
        if not -self.future_seconds <= request.received_at - seconds <= self.tolerance_seconds:
            raise SignatureRefusedError("timestamp_outside_window")
        return seconds
