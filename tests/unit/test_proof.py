"""What years later proves that an archived payload is what its provider signed."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from lambdas.shared.batch_object import NotABatchObjectError, Payload, write_batch
from lambdas.shared.evidence import Evidence
from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import key_id
from tools.proof import ArchivedPayload, Proof, prove
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
    evidence = Evidence(
        entry=sender.entry,
        options=provider.configuration,
        scheme=verdict.scheme,
        key_id=verdict.key_id,
        headers=verdict.headers,
        received_at=request.received_at,
    )
    return alone(sender, sent.body, evidence) if form == "alone" else in_a_batch(sender, sent.body, evidence)


def alone(sender, body, evidence):
    key = f"raw/{sender.entry}/e/{hashlib.sha256(body).hexdigest()}"
    return ArchivedPayload.of_its_own(key, body, evidence.to_metadata())


def in_a_batch(sender, body, evidence):
    payloads = [
        Payload(
            provider=sender.entry,
            event_id=event_id,
            content_type="application/json",
            body=content,
            sha256=hashlib.sha256(content).hexdigest(),
            evidence=evidence,
        )
        for event_id, content in (("a", b"another"), ("e", body), ("z", b"one more"))
    ]
    content, _ = write_batch(payloads)
    key = f"raw/_batch/2026-09-21/{hashlib.sha256(content).hexdigest()}"
    (found,) = [one for one in ArchivedPayload.of_a_batch(key, content) if one.place.endswith(":e")]
    return found


def with_evidence(payload, **changes):
    return replace(payload, evidence=replace(payload.evidence, **changes))


@pytest.mark.parametrize("form", ["alone", "in a batch"])
@every_sender
def test_a_payload_is_proven_with_the_key_that_signed_it_among_others(sender, form):
    secret, other = sender.new_secret(), sender.new_secret()
    payload = archive(sender, secret, form)

    assert prove(payload, [sender.kept(other), sender.kept(secret)], no_certificate) is Proof.PROVEN


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
