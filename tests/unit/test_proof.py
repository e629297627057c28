"""What years later proves that an archived payload is what its provider signed."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime

import pytest

from lambdas.inbound.archive import key_part
from lambdas.inbound.batch_object import NotABatchObjectError, Payload, write_batch
from lambdas.inbound.event import read_events
from lambdas.inbound.evidence import FETCHED, Evidence
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.paypal import PayPalScheme
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.paypal_deliveries import SANDBOX
from tools.commands.archive_proof import ArchivedPayload, Proof, prove, with_certificate
from tools.senders import SENDERS, Signing

NOW = 1_790_000_000
every_sender = pytest.mark.parametrize("sender", SENDERS.values(), ids=list(SENDERS))


def no_certificate(wanted):
    raise AssertionError(f"nobody asked for a certificate, and it was looked for: {wanted}")


def archive(sender, secret, form="alone"):
    """Return what ingestion and processing leave of a webhook."""
    sent = sender.webhook(Signing(secret=secret, now=NOW, number=1, options=sender.options))
    request = WebhookRequest(
        body=sent.body,
        headers={name.lower(): [value] for name, value in sent.headers.items()},
        received_at=NOW + 2.5,
    )
    provider = REGISTRY[sender.entry].configured(sender.options)
    verdict = provider.scheme.verify(request, [sender.kept(secret)])
    event_id = read_events(sender.entry, provider, request)[0].event_id
    evidence = Evidence(
        entry=sender.entry,
        options=provider.configuration,
        scheme=verdict.scheme,
        key_id=verdict.key_id,
        headers=verdict.headers,
        received_at=request.received_at,
    )
    put = alone if form == "alone" else in_a_batch
    return put(sender.entry, event_id, sent.body, evidence)


def alone(provider, event_id, body, evidence):
    key = f"raw/{provider}/{key_part(event_id)}/{hashlib.sha256(body).hexdigest()}"
    return ArchivedPayload.of_its_own(key, body, evidence.to_metadata())


def in_a_batch(provider, event_id, body, evidence):
    payloads = [
        Payload(
            provider=provider,
            event_id=one,
            content_type="application/json",
            body=content,
            sha256=hashlib.sha256(content).hexdigest(),
            evidence=evidence,
        )
        for one, content in (("!", b"another"), (event_id, body), ("~", b"one more"))
    ]
    content, _ = write_batch(payloads)
    key = f"raw/_batch/2026-09-21/{hashlib.sha256(content).hexdigest()}"
    (found,) = [one for one in ArchivedPayload.of_a_batch(key, content) if one.event == key_part(event_id)]
    return found


def with_evidence(payload, **changes):
    return replace(payload, evidence=replace(payload.evidence, **changes))


@pytest.mark.parametrize("form", ["alone", "in a batch"])
@every_sender
def test_a_payload_is_proven_with_the_key_that_signed_it_among_others(sender, form):
    secret, other = sender.new_secret(), sender.new_secret()
    payload = archive(sender, secret, form)

    assert prove(payload, [sender.kept(other), sender.kept(secret)], no_certificate) is Proof.PROVEN


def test_what_was_fetched_without_a_signature_is_told_from_what_is_proven():
    payload = archive(SENDERS["stripe"], SENDERS["stripe"].new_secret())
    fetched = with_evidence(payload, fetched_from="api.stripe.com", headers={}, scheme=FETCHED, verdict=FETCHED)

    assert prove(fetched, [], no_certificate) is Proof.FETCHED
    assert prove(replace(fetched, event="evt_another"), [], no_certificate) is Proof.MISPLACED
    assert prove(replace(fetched, body=b"{}"), [], no_certificate) is Proof.CHANGED


@pytest.mark.parametrize(
    "changes",
    [
        {"fetched_from": "api.example.com"},
        {"fetched_from": None},
        {"verdict": "accepted"},
        {"entry": "github", "fetched_from": "api.github.com"},
        {"entry": "generic", "options": {}},
    ],
    ids=["another host", "no host", "another verdict", "a list with signatures", "an entry without a list"],
)
def test_that_something_was_fetched_is_not_believed_of_everybody(changes):
    """Whoever may write into the archive could say it of any bytes."""
    payload = archive(SENDERS["stripe"], SENDERS["stripe"].new_secret())
    fetched = {"fetched_from": "api.stripe.com", "headers": {}, "scheme": FETCHED, "verdict": FETCHED}

    assert prove(with_evidence(payload, **{**fetched, **changes}), [], no_certificate) is Proof.NO_EVIDENCE


@every_sender
def test_what_was_fetched_with_its_signature_is_proven_by_it(sender):
    secret = sender.new_secret()
    payload = with_evidence(archive(sender, secret), fetched_from="api.example.com")

    assert prove(payload, [sender.kept(secret)], no_certificate) is Proof.PROVEN
    assert prove(payload, [sender.kept(sender.new_secret())], no_certificate) is Proof.KEY_UNKNOWN


@every_sender
def test_without_the_key_that_signed_it_nothing_is_proven(sender):
    payload = archive(sender, sender.new_secret())

    assert prove(payload, [sender.kept(sender.new_secret())], no_certificate) is Proof.KEY_UNKNOWN
    assert prove(payload, [], no_certificate) is Proof.KEY_UNKNOWN


@every_sender
def test_bytes_that_changed_are_told(sender):
    secret = sender.new_secret()
    payload = archive(sender, secret)

    assert prove(replace(payload, body=payload.body + b" "), [sender.kept(secret)], no_certificate) is Proof.CHANGED


@every_sender
def test_a_payload_put_into_the_place_of_another_is_refuted(sender):
    # Given somebody who may write into the archive, and gives other bytes the right digest and another's evidence
    secret = sender.new_secret()
    payload = archive(sender, secret)
    body = payload.body.replace(b"1", b"2")
    forged = replace(payload, body=body, sha256=hashlib.sha256(body).hexdigest())

    assert prove(forged, [sender.kept(secret)], no_certificate) is Proof.REFUTED


@pytest.mark.parametrize("form", [alone, in_a_batch])
@every_sender
def test_a_genuine_payload_under_another_event_is_misplaced(sender, form):
    # Given somebody who may write into the archive, and copies what a provider signed to where another event lay
    secret = sender.new_secret()
    payload = archive(sender, secret)
    copied = form(sender.entry, "another", payload.body, payload.evidence)

    assert prove(copied, [sender.kept(secret)], no_certificate) is Proof.MISPLACED


def test_each_event_of_a_payload_that_holds_several_is_in_its_place():
    sender = SENDERS["adyen"]
    secret = sender.new_secret()
    first, second = (
        json.loads(sender.webhook(Signing(secret=secret, now=NOW, number=number)).body) for number in (1, 2)
    )
    items = first["notificationItems"] + second["notificationItems"]
    body = json.dumps(first | {"notificationItems": items}).encode()
    evidence = archive(sender, secret).evidence
    request = WebhookRequest(body=body, headers={}, received_at=NOW)
    one, other = (event.event_id for event in read_events("adyen", REGISTRY["adyen"], request))
    assert one != other

    for event_id in (one, other):
        payload = alone("adyen", event_id, body, evidence)
        assert prove(payload, [sender.kept(secret)], no_certificate) is Proof.PROVEN
    assert prove(alone("adyen", "a third", body, evidence), [sender.kept(secret)], no_certificate) is Proof.MISPLACED


def test_what_is_signed_and_could_be_no_event_of_the_entry_is_misplaced():
    # Given a payload whose sender signs its time as well, archived as if the signed text itself had been the payload
    sender = SENDERS["generic-timestamped"]
    secret = sender.new_secret()
    payload = archive(sender, secret)
    headers = payload.evidence.headers
    text = headers["x-webhook-timestamp"].encode() + b"." + payload.body
    taken_for = with_evidence(
        replace(payload, body=text, sha256=hashlib.sha256(text).hexdigest()),
        entry="generic",
        scheme="generic-sha256",
        options={},
    )

    assert prove(taken_for, [sender.kept(secret)], no_certificate) is Proof.MISPLACED


@pytest.fixture
def from_paypal():
    """A delivery that PayPal really made, archived."""
    pytest.importorskip("cryptography")
    request = WebhookRequest(
        body=SANDBOX.body,
        headers={name.lower(): [value] for name, value in SANDBOX.headers.items()},
        received_at=datetime.fromisoformat(SANDBOX.headers["PAYPAL-TRANSMISSION-TIME"]).timestamp(),
    )
    certificate = SANDBOX.certificate.encode()
    scheme = PayPalScheme(webhook_id=SANDBOX.webhook_id, environment="sandbox")
    verdict = with_certificate(scheme, certificate).verify(request, [])
    evidence = Evidence(
        entry="paypal",
        options={"webhook_id": SANDBOX.webhook_id, "environment": "sandbox"},
        scheme=verdict.scheme,
        key_id=verdict.key_id,
        headers=verdict.headers,
        received_at=request.received_at,
    )
    event_id = json.loads(SANDBOX.body)["id"]
    return alone("paypal", event_id, SANDBOX.body, evidence), {verdict.key_id: certificate}


def test_paypals_payload_is_proven_for_the_webhook_that_it_was_sent_to(from_paypal):
    payload, certificates = from_paypal

    assert prove(payload, ["5XY", SANDBOX.webhook_id], certificates.get) is Proof.PROVEN
    assert prove(payload, [SANDBOX.webhook_id], {}.get) is Proof.KEY_UNKNOWN


def test_paypals_payload_is_not_proven_under_the_name_of_another_of_its_webhooks(from_paypal):
    # Given two webhooks of PayPal's, which signs both with one certificate, and a copy under the other's name
    payload, certificates = from_paypal

    assert prove(replace(payload, provider="paypal-eu"), ["5XY"], certificates.get) is Proof.KEY_UNKNOWN


@every_sender
def test_a_payload_without_evidence_is_told(sender):
    secret = sender.new_secret()
    payload = archive(sender, secret)

    assert prove(replace(payload, evidence=None), [sender.kept(secret)], no_certificate) is Proof.NO_EVIDENCE
    assert prove(with_evidence(payload, entry="another"), [sender.kept(secret)], no_certificate) is Proof.NO_EVIDENCE


def test_a_public_key_proves_nothing_as_the_key_of_an_hmac():
    # Given somebody who may write into the archive, and knows the public key of a provider, as everybody may
    sender = SENDERS["standard-webhooks-ed25519"]
    public_key = sender.kept(sender.new_secret())
    body = b'{"type":"payout.paid","data":{"transaction_id":"tx_1"}}'
    signature = hmac.new(public_key.encode(), body, hashlib.sha256).hexdigest()
    evidence = Evidence(
        entry="generic",
        scheme="generic-sha256",
        key_id=key_id(public_key),
        headers={"x-webhook-signature": signature},
        received_at=NOW,
    )
    key = f"raw/{sender.entry}/e/{hashlib.sha256(body).hexdigest()}"
    forged = ArchivedPayload.of_its_own(key, body, evidence.to_metadata())

    assert prove(forged, [public_key], no_certificate) is Proof.KEY_UNKNOWN


@pytest.mark.parametrize(
    "options",
    [
        {"algorithm": "crc32"},
        {"signed_content": "\u00e9{body}"},
        {"tolerance_seconds": "1000000"},
        {"timestamp_header": ""},
        {"unknown": "x"},
    ],
    ids=str,
)
def test_evidence_with_options_that_cannot_be_deployed_is_none(options):
    sender = SENDERS["generic-timestamped"]
    secret = sender.new_secret()
    payload = with_evidence(archive(sender, secret), options=options)

    assert prove(payload, [secret], no_certificate) is Proof.NO_EVIDENCE


@pytest.mark.parametrize("entry", ["stripe", "standard-webhooks", "generic-timestamped"])
def test_the_time_of_receipt_is_part_of_what_is_verified(entry):
    secret = SENDERS[entry].new_secret()
    payload = archive(SENDERS[entry], secret)

    late = with_evidence(payload, received_at=NOW + 301.0)
    assert prove(late, [secret], no_certificate) is Proof.REFUTED


def test_an_object_without_evidence_in_its_metadata_has_none():
    digest = hashlib.sha256(b"{}").hexdigest()

    payload = ArchivedPayload.of_its_own(f"raw/stripe/e/{digest}", b"{}", {"evidence": "unreadable"})

    assert (payload.provider, payload.sha256, payload.evidence) == ("stripe", digest, None)


@pytest.mark.parametrize("place", [0, -1, 20])
def test_a_batch_in_which_anything_changed_is_told(place):
    body = b"x" * 30
    digest = hashlib.sha256(body).hexdigest()
    payload = Payload(provider="p", event_id="e", content_type="text/plain", body=body, sha256=digest, evidence=None)
    content, _ = write_batch([payload])
    changed = bytearray(content)
    changed[place] ^= 1

    with pytest.raises(NotABatchObjectError):
        ArchivedPayload.of_a_batch(f"raw/_batch/2026-09-21/{hashlib.sha256(content).hexdigest()}", bytes(changed))
