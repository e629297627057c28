"""Braintree's own library in both directions. There are no published vectors: the library makes them."""

from urllib.parse import parse_qs

import pytest
from braintree import WebhookNotification
from braintree.exceptions.invalid_signature_error import InvalidSignatureError

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.braintree_webhooks import OTHER_SECRET, SECRET, form, form_request, gateway
from tests.unit.providers.outcome import events_of
from tests.unit.webhooks import NOW, request
from tools.senders import SENDERS, new_secret
from tools.senders.sender import Signing

# The library says the time of its samples with a function that Python is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

KINDS = sorted(value for name, value in vars(WebhookNotification.Kind).items() if not name.startswith("_"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_that_braintree_s_library_signs_is_accepted_and_read(kind):
    sample = gateway().webhook_testing.sample_notification(kind, "my_id")
    body = form(sample["bt_signature"], sample["bt_payload"])

    verdict = REGISTRY["braintree"].scheme.verify(form_request(body), [SECRET])
    (event,) = events_of("braintree", form_request(body), [SECRET])

    assert (verdict.scheme, verdict.signed_at, verdict.key_id) == ("braintree-sha1", None, key_id(SECRET))
    assert event.event_type == kind
    theirs = gateway().webhook_notification.parse(sample["bt_signature"], sample["bt_payload"])
    assert event.occurred_at == theirs.timestamp.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_a_sample_of_another_merchant_is_refused():
    sample = gateway(OTHER_SECRET).webhook_testing.sample_notification("check", "my_id")
    body = form(sample["bt_signature"], sample["bt_payload"])

    with pytest.raises(SignatureRefusedError) as refusal:
        REGISTRY["braintree"].scheme.verify(form_request(body), [SECRET])

    assert refusal.value.reason == "signature_mismatch"


@pytest.mark.parametrize("event", SENDERS["braintree"].events)
def test_braintree_s_library_accepts_and_reads_what_our_sender_signs(event):
    secret = new_secret("braintree")
    sent = SENDERS["braintree"].webhook(Signing(secret=secret, now=NOW, number=7), event=event)
    fields = parse_qs(sent.body.decode(), strict_parsing=True)
    (given_signature,), (payload,) = fields["bt_signature"], fields["bt_payload"]

    theirs = gateway(secret).webhook_notification.parse(given_signature, payload)
    with pytest.raises(InvalidSignatureError):
        gateway(OTHER_SECRET).webhook_notification.parse(given_signature, payload)
    (ours,) = events_of("braintree", request(sent.body, sent.headers), [secret])

    transaction = theirs.dispute.transaction_details if theirs.kind == "dispute_opened" else theirs.transaction
    assert (ours.event_type, ours.transaction_id) == (theirs.kind, transaction.id)
    assert (ours.amount, ours.currency) == ("4200", "EUR")
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("challenge", ["20f9f8ed05f77439fe955c977e4c8a53", "0" * 20, "f" * 32])
@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_our_answer_to_a_challenge_is_that_of_braintree_s_library(challenge, secret):
    webhook = form_request(b"", bt_challenge=challenge)

    ours = REGISTRY["braintree"].scheme.answer_challenge(webhook, [secret])

    assert ours == gateway(secret).webhook_notification.verify(challenge)


def test_a_payload_whose_last_line_end_was_lost_is_accepted_as_in_braintree_s_library():
    sample = gateway().webhook_testing.sample_notification("check", "my_id")
    payload = sample["bt_payload"].decode()
    assert payload.endswith("\n")

    webhooks = [form_request(form(sample["bt_signature"], text)) for text in (payload, payload[:-1])]

    assert gateway().webhook_notification.parse(sample["bt_signature"], payload[:-1]).kind == "check"
    first, second = (events_of("braintree", webhook, [SECRET])[0] for webhook in webhooks)
    assert second == first
