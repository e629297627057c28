"""PayPal: deliveries that it really made, and its own Python client on the same deliveries as ours."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import OpenSSL.crypto
import paypalrestsdk
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from lambdas.inbound.event import read_events
from lambdas.inbound.evidence import MAX_METADATA_BYTES, METADATA_NAME, Evidence
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.paypal import PayPalScheme
from lambdas.inbound.signatures.paypal_certificates import CertificateStore, paypal_authorities
from lambdas.shared import times
from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from tests.unit.providers import paypal_world as world
from tests.unit.providers.paypal_deliveries import DELIVERIES, LIVE, SANDBOX
from tests.unit.webhooks import request

published = pytest.mark.parametrize("real", DELIVERIES, ids=lambda real: real.name)


def scheme_for(real):
    """Return the scheme as it is deployed, with the real authorities; only the fetch is the test's."""
    store = CertificateStore(lambda url: real.certificate.encode(), paypal_authorities)
    return PayPalScheme(webhook_id=real.webhook_id, environment=real.environment, certificates=store)


def received(real, **changes):
    sent_at = times.parse(real.headers["PAYPAL-TRANSMISSION-TIME"])
    values = {"body": real.body, "headers": real.headers, "received_at": sent_at + 2} | changes
    return request(values["body"], values["headers"], values["received_at"])


# --- what PayPal sent -----------------------------------------------------------------------------------------------


@published
def test_a_delivery_that_paypal_made_is_accepted_up_to_the_real_root(real):
    verdict = scheme_for(real).verify(received(real), ())

    assert verdict.scheme == "paypal-rsa-sha256"
    assert verdict.signed_at == times.parse(real.headers["PAYPAL-TRANSMISSION-TIME"])
    assert verdict.signature_id == real.headers["PAYPAL-TRANSMISSION-ID"]
    # The certificate, and the one above it, which PayPal does not serve.
    assert verdict.certificate.startswith(real.certificate.strip())
    assert verdict.certificate.count("BEGIN CERTIFICATE") == 2


@published
def test_a_delivery_that_paypal_made_is_refused_with_one_byte_changed(real):
    with pytest.raises(SignatureRefusedError) as refusal:
        scheme_for(real).verify(received(real, body=real.body.replace(b"USD", b"EUR", 1)), ())

    assert refusal.value.reason == "signature_mismatch"


@published
def test_a_delivery_that_paypal_made_is_refused_for_another_webhook_and_in_the_other_environment(real):
    scheme = scheme_for(real)
    other = {"live": "sandbox", "sandbox": "live"}[real.environment]

    for changed, reason in (
        ({"webhook_id": "1"}, "signature_mismatch"),
        ({"environment": other}, "other_environment"),
    ):
        values = {"webhook_id": real.webhook_id, "environment": real.environment} | changed
        with pytest.raises(SignatureRefusedError) as refusal:
            PayPalScheme(**values, certificates=scheme.certificates).verify(received(real), ())
        assert refusal.value.reason == reason


@published
def test_a_delivery_that_paypal_made_is_refused_once_its_certificate_has_expired(real):
    # Kept open by the window, which is turned off here so that nothing but the certificate can refuse it.
    scheme = PayPalScheme(
        webhook_id=real.webhook_id,
        environment=real.environment,
        tolerance_seconds=10**9,
        certificates=scheme_for(real).certificates,
    )

    with pytest.raises(SignatureRefusedError) as refusal:
        scheme.verify(received(real, received_at=1_790_000_000), ())

    assert refusal.value.reason == "certificate_untrusted"


@published
def test_the_evidence_of_a_real_delivery_fits_beside_its_payload(real):
    verdict = scheme_for(real).verify(received(real), ())
    evidence = Evidence(
        entry="paypal", scheme=verdict.scheme, key_id=verdict.key_id, headers=verdict.headers, received_at=1.5
    )

    metadata = evidence.to_metadata()

    assert len(metadata[METADATA_NAME]) <= MAX_METADATA_BYTES
    assert Evidence.from_metadata(metadata).headers == verdict.headers


def test_the_events_in_real_deliveries_are_read():
    (sale,) = read_events("paypal", REGISTRY["paypal"], received(SANDBOX))
    (capture,) = read_events("paypal", REGISTRY["paypal"], received(LIVE))

    assert (sale.event_id, sale.event_type) == ("WH-82L71649W50323023-5WC64761VS637831A", "PAYMENT.SALE.COMPLETED")
    assert (sale.transaction_id, sale.amount, sale.currency) == ("8RS6210148826604N", "601", "USD")
    assert (capture.transaction_id, capture.amount, capture.currency) == ("12A34567BC123456S", "3000", "USD")
    assert capture.occurred_at == "2019-02-14T21:50:07.940Z"


# --- PayPal's own client --------------------------------------------------------------------------------------------


@pytest.fixture
def client(monkeypatch):
    """PayPal's Python client, at the tests' time and with the tests' authority, as our own scheme has it here.

    Two of its parts are replaced. It fetches the certificate from the address in the header, which would be PayPal's:
    that one call is served by the test. And it calls `OpenSSL.crypto.verify`, which pyOpenSSL has removed since: the
    same function over `cryptography` stands in for it. What is signed, the chain and the name it checks by itself.
    """

    def verify(certificate, signature, data, digest):
        assert digest == "sha256WithRSAEncryption"
        try:
            certificate.to_cryptography().public_key().verify(signature, data, PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise OpenSSL.crypto.Error from error

    monkeypatch.setattr(OpenSSL.crypto, "verify", verify, raising=False)
    monkeypatch.setattr(OpenSSL.crypto.X509, "has_expired", lambda self: False)

    class Client:
        served = world.issued().pem
        roots = (world.authority(world.TRUSTED).pem,)

        def accepts(self, body, headers, webhook_id=world.WEBHOOK_ID):
            event = paypalrestsdk.WebhookEvent
            monkeypatch.setattr(event, "_get_cert", staticmethod(lambda url: load(self.served)))
            monkeypatch.setattr(event, "_get_certificate_store", classmethod(lambda cls: store_of(self.roots)))
            return event.verify(
                headers["PAYPAL-TRANSMISSION-ID"],
                headers["PAYPAL-TRANSMISSION-TIME"],
                webhook_id,
                body.decode(),
                headers["PAYPAL-CERT-URL"],
                headers["PAYPAL-TRANSMISSION-SIG"],
                headers["PAYPAL-AUTH-ALGO"],
            )

    return Client()


def load(pem):
    return OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, pem)


def store_of(pems):
    store = OpenSSL.crypto.X509Store()
    # The test's certificates are valid around the test's time, and this client looks at the clock.
    store.set_time(datetime.fromtimestamp(world.NOW, UTC))
    for pem in pems:
        store.add_cert(load(pem))
    return store


CHANGES = {
    "nothing": (lambda body, headers: (body, headers), True),
    "the body": (lambda body, headers: (body + b" ", headers), False),
    "the transmission id": (lambda body, headers: (body, headers | {"PAYPAL-TRANSMISSION-ID": "x"}), False),
    "the time": (lambda body, headers: (body, headers | {"PAYPAL-TRANSMISSION-TIME": "2026-09-21T14:13:21Z"}), False),
    "the signature": (
        lambda body, headers: (
            body,
            headers | {"PAYPAL-TRANSMISSION-SIG": world.headers_for(b"{}")["PAYPAL-TRANSMISSION-SIG"]},
        ),
        False,
    ),
    # CRC32: the client accepts what PayPal never sent, and by the signature alone so do we.
    "the body, for one with the same checksum": (
        lambda body, headers: (world.forge(body, {"id": "WH-2", "event_type": "PAYMENT.CAPTURE.COMPLETED"}), headers),
        True,
    ),
}
BODIES = {
    "capture": world.BODY,
    "not ASCII": '{"id":"WH-1","resource":{"note":"Zoë, 支払い"}}'.encode(),
    "blanks and line ends": b'{ "id" : "WH-1" }\r\n',
    "large": b'{"id":"WH-1","x":"' + b"x" * 300_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize(("change", "accepted"), CHANGES.values(), ids=CHANGES.keys())
def test_paypal_s_client_and_we_decide_alike(client, body, change, accepted):
    body, headers = change(body, world.headers_for(body))

    ours = "accepted"
    try:
        world.CertificateHost().scheme().verify(world.delivery(body, headers), ())
    except SignatureRefusedError as refusal:
        ours = refusal.reason

    assert client.accepts(body, headers) is accepted
    assert ours == ("accepted" if accepted else "signature_mismatch")


def test_paypal_s_client_and_we_refuse_a_certificate_of_another_authority(client):
    stranger = world.issued(by="somebody else")
    client.served = stranger.pem
    headers = world.headers_for(key=stranger.key)

    with pytest.raises(UnavailableError) as refusal:
        world.CertificateHost({world.URL: stranger.pem}).scheme().verify(world.delivery(headers=headers), ())

    assert client.accepts(world.BODY, headers) is False
    assert refusal.value.reason == "certificate_authority_unknown"


def test_our_authorities_hold_those_that_paypal_s_client_ships():
    ours = json.dumps([paypal_authorities().roots, paypal_authorities().intermediates])
    for name in ("DigiCertHighAssuranceEVRootCA", "DigiCertSHA2ExtendedValidationServerCA"):
        theirs = load(files(paypalrestsdk).joinpath("data", f"{name}.crt.pem").read_bytes()).to_cryptography()
        pem = theirs.public_bytes(Encoding.PEM).decode()
        assert json.dumps(pem)[1:-1] in ours
