"""PayPal's webhooks through ingestion: no secret is asked for, and what proves them travels along."""

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.ingestion.logic import Ingestion
from lambdas.shared.errors import WebhookRefusedError
from tests.unit.providers import paypal_world as world
from tests.unit.providers.paypal_world import BODY, CertificateHost, delivery, headers_for

PLACE = ArchivedBody(key="raw/paypal/WH-1/x", size=1, sha256="0" * 64)


class Surroundings:
    """The queue and the archive; they record what they receive. There is no secret to read."""

    def __init__(self, host):
        self.host = host
        self.messages = []
        self.archived = []

    def send(self, envelope, message):
        self.messages.append(message)

    def store(self, event, body, content_type, evidence):
        self.archived.append(evidence)
        return PLACE

    def accept(self, webhook):
        # As the handler makes it of what the stack says.
        deployed = REGISTRY["paypal"].configured({"webhook_id": world.WEBHOOK_ID})
        object.__setattr__(deployed.scheme, "certificates", self.host.store())
        ingestion = Ingestion(
            providers={"paypal": deployed}, secrets=None, queue=self, archive=self, max_body_bytes=1_000_000
        )
        return ingestion.accept("paypal", webhook, "request-1")


def test_an_accepted_webhook_carries_its_certificate_and_its_transmission():
    around = Surroundings(CertificateHost())

    (event,) = around.accept(delivery()).events

    envelope = Envelope.from_message(around.messages[0])
    fingerprint = x509.load_pem_x509_certificate(world.issued().pem).fingerprint(SHA256()).hex()[:16]
    assert (event.event_id, event.transaction_id) == ("WH-1", "C1")
    assert (envelope.body, envelope.signature_id) == (BODY, world.TRANSMISSION_ID)
    assert envelope.evidence.certificate == world.issued().pem.decode()
    assert envelope.evidence.key_id == fingerprint
    assert envelope.evidence.headers["paypal-webhook-id"] == world.WEBHOOK_ID


def test_a_large_webhook_leaves_its_certificate_to_processing():
    body = json.dumps({"id": "WH-1", "padding": "x" * 300_000}).encode()
    around = Surroundings(CertificateHost())

    around.accept(delivery(body))

    envelope = Envelope.from_message(around.messages[0])
    assert (envelope.body, envelope.archived) == (None, PLACE)
    assert envelope.evidence.certificate == world.issued().pem.decode()
    assert envelope.signature_id == world.TRANSMISSION_ID
    assert [one.certificate for one in around.archived] == [world.issued().pem.decode()]


def test_a_wrong_signature_is_checked_once_and_leaves_nothing():
    around = Surroundings(CertificateHost())

    with pytest.raises(WebhookRefusedError) as refusal:
        around.accept(delivery(b'{"id":"WH-2"}', headers_for(BODY)))

    assert refusal.value.reason == "signature_mismatch"
    assert (around.messages, around.archived, around.host.asked) == ([], [], [world.URL])


def test_a_message_with_a_signature_id_that_could_be_no_key_is_no_envelope():
    around = Surroundings(CertificateHost())
    around.accept(delivery())
    message = json.loads(around.messages[0])

    for wrong in (5, None, "", "a b", "é", ["x"], "x" * 257):
        with pytest.raises(ValueError, match="signatureId"):
            Envelope.from_message(json.dumps(message | {"signatureId": wrong}))
