"""A PayPal of the tests' own: an authority, a signing certificate below it, and whatever is served at its address."""

import base64
import datetime
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lambdas.inbound.signatures.paypal import PayPalScheme
from lambdas.inbound.signatures.paypal_certificates import Authorities, CertificateStore
from lambdas.shared import times
from lambdas.shared.request import WebhookRequest
from tests.unit.webhooks import request

NOW = 1_790_000_000
NAME = "messageverificationcerts.paypal.com"
URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-0badcafe"
WEBHOOK_ID = "4JH86294D6297924G"
TRANSMISSION_ID = "69cd13f0-d67a-11e5-baa3-778b53f4ae55"
BODY = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"C1"}}'


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    key: Any
    pem: bytes


TRUSTED = "DigiCert of the tests"


@cache
def authority(name: str) -> Issued:
    key = generate_private_key(65537, 2048)
    return certify(name, key, name, key, (-3_650, 3_650), authority=True)


@cache
def issued(
    name: str = NAME,
    by: str = TRUSTED,
    days: tuple[int, int] = (-30, 30),
    *,
    elliptic: bool = False,
    server: bool = True,
) -> Issued:
    """Return a certificate that is valid between two days counted from `NOW`."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else generate_private_key(65537, 2048)
    return certify(name, key, by, authority(by).key, days, server=server)


def days_around(now: float) -> tuple[int, int]:
    """Return days for `issued` that make a certificate valid at another time than `NOW`."""
    today = int((now - NOW) // 86_400)
    return today - 30, today + 30


@cache
def intermediate(by: str = TRUSTED) -> Issued:
    """Return an authority below another one, which has issued certificates of its own under its name."""
    return certify("Issuing CA", authority("Issuing CA").key, by, authority(by).key, (-365, 365), authority=True)


def certify(name, key, issuer, issuer_key, days, *, authority=False, server=True):
    """Return a certificate as the rules for web servers want it, which PayPal's follows too."""
    starts, ends = (datetime.datetime.fromtimestamp(NOW + day * 86_400, datetime.UTC) for day in days)
    usage = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_encipherment=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not authority:
        uses = [ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CODE_SIGNING]
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return Issued(key=key, pem=builder.sign(issuer_key, SHA256()).public_bytes(Encoding.PEM))


def authorities() -> Authorities:
    return Authorities(roots=authority(TRUSTED).pem.decode())


@dataclass
class CertificateHost:
    """What is served where, and what was asked for."""

    served: dict[str, bytes | Exception] = field(default_factory=lambda: {URL: issued().pem})
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        answer = self.served[url]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def store(self, clock: Callable[[], float] = lambda: 0.0) -> CertificateStore:
        return CertificateStore(self.fetch, authorities, clock)

    def scheme(self, **changes) -> PayPalScheme:
        return PayPalScheme(**{"webhook_id": WEBHOOK_ID, "certificates": self.store()} | changes)


def signed_text(body: bytes, *, transmission_id: str, time: str, webhook_id: str) -> bytes:
    return f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode("utf-8", "surrogatepass")


def headers_for(
    body: bytes = BODY,
    *,
    key: RSAPrivateKey | None = None,
    transmission_id: str = TRANSMISSION_ID,
    time: str | None = None,
    now: int = NOW,
    webhook_id: str = WEBHOOK_ID,
    url: str = URL,
) -> dict[str, str]:
    """Return the headers under which PayPal sends a body, by https://developer.paypal.com/api/rest/webhooks/rest/ .

    The transmission is of `now`, unless `time` says in PayPal's words when, or something that is no time.
    """
    when = times.iso(now).replace(".000Z", "Z") if time is None else time
    text = signed_text(body, transmission_id=transmission_id, time=when, webhook_id=webhook_id)
    signature = (key or issued().key).sign(text, PKCS1v15(), SHA256())
    return {
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        "PAYPAL-CERT-URL": url,
        "PAYPAL-TRANSMISSION-ID": transmission_id,
        "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
        "PAYPAL-TRANSMISSION-TIME": when,
    }


def delivery(body: bytes = BODY, headers: Mapping[str, str] | None = None, received_at: float = NOW) -> WebhookRequest:
    return request(body, headers_for(body) if headers is None else headers, received_at)


def _crc_table() -> list[int]:
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    return table


def forge(original: bytes, document: dict[str, Any]) -> bytes:
    """Return another document with the CRC32 of a body; as plain JSON, with nothing in it that could give it away.

    The textbook way: the checksum is linear, so that it can be traced back from the end over four bytes in a text.
    """
    table = _crc_table()
    index_of = {value >> 24: index for index, value in enumerate(table)}

    def back(state: int, byte: int) -> int:
        index = index_of[state >> 24]
        return ((state ^ table[index]) << 8 | index ^ byte) & 0xFFFFFFFF

    for number in range(100_000):
        text = json.dumps({**document, "note": f"{number:05}", "pad": "????"}).encode()
        before, _, after = text.partition(b"????")
        wanted = zlib.crc32(original) ^ 0xFFFFFFFF
        for byte in reversed(after):
            wanted = back(wanted, byte)
        for _ in range(4):
            wanted = back(wanted, 0)
        pad = (wanted ^ zlib.crc32(before) ^ 0xFFFFFFFF).to_bytes(4, "little")
        if pad.isalnum():
            return before + pad + after
    raise AssertionError("no padding of letters was found")
