"""Every provider that can be sent for, from its signature to the proof of it in the archive.

PayPal is not among them: nobody but PayPal can sign for it, and its certificates come from its own hosts only. It has a
stack whose function takes the tests for PayPal, in ``test_paypal.py``.
"""

import hashlib
import hmac
import time

import pytest
import requests

from lambdas.shared.providers.registry import REGISTRY
from tests.e2e.observe import await_routed, await_state
from tools.archived import read_payload
from tools.proof import ArchivedPayload, Proof, prove
from tools.senders import SENDERS, Signing, kept

every_event = pytest.mark.parametrize(
    ("entry", "event"), [(entry, event) for entry, sender in SENDERS.items() for event in sender.events]
)
every_sender = pytest.mark.parametrize("entry", SENDERS)


def make(stack, entry, number, event=None, now=None):
    sender = SENDERS[entry]
    now = int(time.time()) if now is None else now
    signing = Signing(secret=stack.secrets[entry], now=now, number=number, options=sender.options)
    return sender.webhook(signing, event=event)


@every_event
def test_an_event_is_routed_archived_and_proven(stack, downstream, number, entry, event):
    sent = make(stack, entry, number, event)

    answer = stack.post(sent)

    # Then its provider hears what it wants to hear
    wanted = REGISTRY[entry].answer
    assert answer.status_code == wanted.status
    assert wanted.body is None or answer.text == wanted.body
    # and it is routed by its provider's rule, and found by its transaction
    (routed,) = [
        one
        for one in await_routed(downstream, [sent.transaction_id])
        if one["detail"]["transactionId"] == sent.transaction_id
    ]
    assert routed["source"] == f"webhooks.{entry}"
    (found,) = await_state(stack, sent.transaction_id, "ROUTED")["events"]
    assert found["eventId"] == routed["detail"]["eventId"]
    # and the exact bytes are archived, and proven by what lies beside them
    place = routed["detail"]["archive"]
    s3 = stack.aws.client("s3")
    assert read_payload(s3, place["bucket"], place) == sent.body
    stored = s3.get_object(Bucket=place["bucket"], Key=place["key"])
    payload = ArchivedPayload.of_its_own(place["key"], stored["Body"].read(), stored["Metadata"])
    assert prove(payload, [kept(entry, stack.secrets[entry])], lambda key_id: None) is Proof.PROVEN


@every_sender
def test_an_event_that_somebody_else_signed_is_refused(stack, entry, number):
    sender = SENDERS[entry]
    forged = sender.webhook(
        Signing(secret=sender.new_secret(), now=int(time.time()), number=number, options=sender.options)
    )

    assert stack.post(forged).status_code == 401
    assert stack.status(forged.transaction_id) is None


def test_braintree_hears_the_answer_to_its_challenge(stack):
    challenge = "20f9f8ed05f77439fe955c977e4c8a53"

    answer = requests.get(
        f"{stack.base_url}/webhook/braintree",
        params={"bt_challenge": challenge},
        verify=str(stack.aws.certificate_authority),
        timeout=60,
    )

    # https://developer.paypal.com/braintree/docs/guides/webhooks/create/python#verify
    public, private = stack.secrets["braintree"].split(":")
    key = hashlib.sha1(private.encode()).digest()
    signature = hmac.new(key, challenge.encode(), hashlib.sha1).hexdigest()
    assert (answer.status_code, answer.text) == (200, f"{public}|{signature}")
