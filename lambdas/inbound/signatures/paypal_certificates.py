"""PayPal's signing certificates: fetched from PayPal, verified up to a root, and cached for an hour."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas.shared.errors import SignatureRefusedError, UnavailableError, WebhookRefusedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

KEEP_SECONDS = 3_600.0
# How long a failure of an address is cached, and the time over which new addresses are counted.
KEEP_FAILURE_SECONDS = 60.0
# PayPal names one address for months. Forged addresses make this process fetch at most so many a minute.
MAX_NEW_ADDRESSES = 5
MAX_KEPT = 16
# PayPal's certificate has 2.7 KB; with all up to the root, it would have 7 KB.
MAX_BYTES = 64 * 1024
MAX_CERTIFICATES = 6
FETCH_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class SigningCertificate:
    """A verified certificate.

    Attributes
    ----------
    key : RSAPublicKey
        Its public key.
    fingerprint : str
        SHA-256 of the certificate in hex.
    pem : str
        The certificate, and those between it and its root.
    valid_from, valid_until : float
        When all of these are valid, seconds since the epoch.
    """

    key: RSAPublicKey
    fingerprint: str
    pem: str
    valid_from: float
    valid_until: float


@dataclass(frozen=True, kw_only=True)
class Authorities:
    """The certificate authorities that may issue a signing certificate.

    Attributes
    ----------
    roots, intermediates : str
        PEM; only the roots are trusted, the intermediates complete the chain.
    """

    roots: str
    intermediates: str = ""


class CertificateStore:
    """Returns the certificate of an address, and fetches as seldom as possible.

    Parameters
    ----------
    fetch : Callable[[str], bytes]
        Returns the content of an address, or raises `WebhookRefusedError`.
    authorities : Callable[[], Authorities]
        Returns the authorities to trust.
    clock : Callable[[], float]
        Seconds, monotonic.
    """

    def __init__(
        self,
        fetch: Callable[[str], bytes],
        authorities: Callable[[], Authorities],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._authorities = authorities
        self._clock = clock
        self._kept: dict[str, tuple[float, SigningCertificate]] = {}
        self._failed: dict[str, tuple[float, WebhookRefusedError]] = {}
        self._fetched_new: deque[float] = deque()

    def get(self, url: str, name: str, at: float) -> SigningCertificate:
        """Return the certificate at an address.

        Parameters
        ----------
        url : str
            Address with a host that has been checked.
        name : str
            Name that it must be issued to.
        at : float
            When it must be valid, seconds since the epoch.

        Raises
        ------
        SignatureRefusedError
            When there is no certificate, or it is for something else, or not valid at that time.
        UnavailableError
            When it cannot be fetched now, or see `prove`.
        """
        now = self._clock()
        kept = self._kept.get(url)
        if kept is None or now - kept[0] >= KEEP_SECONDS:
            kept = (now, self._fetch_anew(url, name, at, now))
            self._kept.pop(url, None)
            self._kept[url] = kept
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        certificate = kept[1]
        if not certificate.valid_from <= at <= certificate.valid_until:
            raise SignatureRefusedError("certificate_untrusted")
        return certificate

    def _fetch_anew(self, url: str, name: str, at: float, now: float) -> SigningCertificate:
        self._failed = {known: entry for known, entry in self._failed.items() if now - entry[0] < KEEP_FAILURE_SECONDS}
        if url in self._failed:
            failure = self._failed[url][1]
            raise type(failure)(failure.reason)
        # The limit is not for addresses with a valid certificate: many forged addresses must not prevent the renewal of
        # PayPal's.
        if url not in self._kept:
            self._count_new(now)
        try:
            return prove(self._fetch(url), name, at, self._authorities())
        except WebhookRefusedError as failure:
            self._failed[url] = (now, failure)
            raise

    def _count_new(self, now: float) -> None:
        while self._fetched_new and now - self._fetched_new[0] >= KEEP_FAILURE_SECONDS:
            self._fetched_new.popleft()
        if len(self._fetched_new) >= MAX_NEW_ADDRESSES:
            raise UnavailableError("certificate_fetches_exhausted")
        self._fetched_new.append(now)


def fetch(url: str) -> bytes:
    """Return the content of an ``https`` address, from its host alone.

    Redirects are not followed, and size and time of the response are limited.

    Raises
    ------
    SignatureRefusedError
        When the host responds 404 or 410.
    UnavailableError
        When the host does not respond, or with any other error.
    """
    # Imported here, because no other provider needs it.
    import http.client  # noqa: PLC0415
    import ssl  # noqa: PLC0415

    host, _, path = url.removeprefix("https://").partition("/")
    deadline = time.monotonic() + FETCH_SECONDS
    connection = http.client.HTTPSConnection(host, timeout=FETCH_SECONDS / 2, context=ssl.create_default_context())
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        if response.status in (http.client.NOT_FOUND, http.client.GONE):
            raise SignatureRefusedError("certificate_unknown")
        if response.status != http.client.OK:
            raise UnavailableError("certificate_unavailable")
        content = b""
        while chunk := response.read1(MAX_BYTES):
            content += chunk
            if len(content) > MAX_BYTES or time.monotonic() > deadline:
                raise UnavailableError("certificate_unavailable")
        if response.length:
            raise UnavailableError("certificate_unavailable")
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError("certificate_unavailable") from error
    finally:
        connection.close()
    return content


def prove(content: bytes, name: str, at: float, authorities: Authorities) -> SigningCertificate:
    """Verify the first certificate of a PEM file and its name, up to a root, and return it.

    Revocation is not checked: that would be one more call, and a missing response would have to count as revoked.

    The content comes from PayPal's host. So what is not a certificate, or of an authority that is unknown here, may be
    an error page or a new authority, and the webhook may be genuine.

    Raises
    ------
    SignatureRefusedError
        When it is a certificate for something else, or not valid at that time.
    UnavailableError
        When it is not a certificate, or no trusted authority issued it.
    """
    # Native code; only the bundle of a stack with such a provider contains it.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415
    from cryptography.x509 import verification  # noqa: PLC0415

    # Any error, because the library raises many kinds for foreign bytes.
    try:
        leaf, *others = x509.load_pem_x509_certificates(content)[:MAX_CERTIFICATES]
        key = leaf.public_key()
    except Exception as error:
        raise UnavailableError("certificate_unreadable") from error
    try:
        # The verifier below also accepts wildcards, and so the key of any web server below the domain.
        issued_to = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = issued_to.get_values_for_type(x509.DNSName)
    except Exception as error:
        raise SignatureRefusedError("certificate_untrusted") from error
    moment = datetime.fromtimestamp(at, UTC)
    in_time = leaf.not_valid_before_utc <= moment <= leaf.not_valid_after_utc
    if name not in names or not isinstance(key, RSAPublicKey) or not in_time:
        raise SignatureRefusedError("certificate_untrusted")
    try:
        others += _read(authorities.intermediates)
        policy = verification.PolicyBuilder().store(verification.Store(_read(authorities.roots)))
        chain = policy.time(moment).build_server_verifier(x509.DNSName(name)).verify(leaf, others)
    except Exception as error:
        raise UnavailableError("certificate_authority_unknown") from error
    return SigningCertificate(
        key=key,
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        pem="".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in chain[:-1]),
        valid_from=max(one.not_valid_before_utc.timestamp() for one in chain),
        valid_until=min(one.not_valid_after_utc.timestamp() for one in chain),
    )


def _read(pem: str) -> list[Certificate]:
    from cryptography import x509  # noqa: PLC0415

    return x509.load_pem_x509_certificates(pem.encode("ascii")) if pem else []


def paypal_authorities() -> Authorities:
    """Return the authorities of PayPal's certificates."""
    from lambdas.inbound.signatures.paypal_authorities import INTERMEDIATES, ROOTS  # noqa: PLC0415

    return Authorities(roots=ROOTS, intermediates=INTERMEDIATES)
