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
# The whole address, so that there is no user, port, query or other host to overlook: `fullmatch` leaves nothing over.
_CERTIFICATE_URL = re.compile(
    r"https://api(?:-m)?(?P<sandbox>\.sandbox)?\.paypal\.com/v1/notifications/certs/CERT-[0-9A-Za-z-]{1,80}", re.ASCII
)
# The name that PayPal's own Java client asks for; any other certificate of a host below paypal.com serves other ends.
# https://github.com/paypal/PayPal-Java-SDK, com.paypal.base.SSLUtil, `validateCertificateChain`
_ISSUED_TO = {
    "live": "messageverificationcerts.paypal.com",
    "sandbox": "messageverificationcerts.sandbox.paypal.com",
}
# Without "|", which separates what is signed.
_TRANSMISSION_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)

# One for the process, as are the addresses in it.
_STORE = CertificateStore(fetch, paypal_authorities)


@dataclass(frozen=True, kw_only=True)
class PayPalScheme:
    """RSA over id and time of the transmission, the webhook's id, and a checksum of the body.

    **CRC32 is no digest.** For any signed delivery, other bodies with its checksum can be written down without effort.
    Whoever holds one delivery can therefore present a body of their own with its headers, and no check of the
    signature can tell; PayPal's own clients cannot either. The verdict's `signature_id` has processing record one body
    for each transmission, the first, so that this works only for a delivery that PayPal made and that was not recorded
    here before. To be certain of a single event, ask PayPal's API for it.

    Source: https://developer.paypal.com/api/rest/webhooks/rest/

    Attributes
    ----------
    webhook_id : str
        The webhook's id at PayPal: what makes a signature one for this endpoint.
    environment : str
        ``live`` or ``sandbox``; each has its own hosts and certificate, and one is not taken for the other.
    tolerance_seconds : int
        Age of a transmission. PayPal sends one again for three days under its first time, so that a replay window in
        minutes would refuse what it retries.
    future_seconds : int
        How far its clock may be ahead of API Gateway's.
    certificates : CertificateStore
        Where certificates come from.
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
        if address is None or (address["sandbox"] is not None) != (self.environment == "sandbox"):
            raise SignatureRefusedError("certificate_url_refused")
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
                # No header, but signed with them, and PayPal gives an endpoint that is set up anew another.
                "paypal-webhook-id": self.webhook_id,
            },
            certificate=certificate.pem,
            signature_id=transmission,
        )

    def _signing_time(self, text: str, request: WebhookRequest) -> float:
        seconds = times.parse(text) if "T" in text else None
        if seconds is None:
            raise SignatureRefusedError("malformed_timestamp")
        if not -self.future_seconds <= request.received_at - seconds <= self.tolerance_seconds:
            raise SignatureRefusedError("timestamp_outside_window")
        return seconds
