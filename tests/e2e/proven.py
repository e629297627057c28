"""One webhook of any provider, followed to the proof of it in the archive."""

import hashlib
import hmac
import time
from typing import Any

import pytest
import requests

from lambdas.inbound.archive import read_payload
from tests.e2e.observe import await_routed, await_state
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.local.downstream import Downstream
from tools.local.stack import LocalStack
from tools.senders import SENDERS, SentWebhook, Signing, kept

every_event = pytest.mark.parametrize(
    ("entry", "event"), [(entry, event) for entry, sender in SENDERS.items() for event in sender.events]
)
every_sender = pytest.mark.parametrize("entry", SENDERS)


def make(
    stack: LocalStack,
    entry: str,
    number: int,
    *,
    event: str | None = None,
    secret: str | None = None,
    now: int | None = None,
) -> SentWebhook:
    """Return a webhook, signed with the deployed secret and now where nothing else is said."""
    sender = SENDERS[entry]
    signing = Signing(
        secret=secret or stack.secrets[entry],
        now=int(time.time()) if now is None else now,
        number=number,
        options=sender.options,
    )
    return sender.webhook(signing, event=event)


def follow_to_the_proof(stack: LocalStack, subscriber: Downstream, sent: SentWebhook) -> dict[str, Any]:
    """See a webhook that was taken routed, archived and proven, and return the event that its subscriber got."""
    # It is routed by its provider's rule, and found by its transaction
    (routed,) = [
        one
        for one in await_routed(subscriber, [sent.transaction_id])
        if one["detail"]["transactionId"] == sent.transaction_id
    ]
    assert routed["source"] == f"webhooks.{sent.provider}"
    (found,) = await_state(stack, sent.transaction_id, "ROUTED")["events"]
    assert found["eventId"] == routed["detail"]["eventId"]
    # and the exact bytes are archived, and proven by what lies beside them
    place = routed["detail"]["archive"]
    s3 = stack.aws.client("s3")
    assert read_payload(s3, place["bucket"], place) == sent.body
    stored = s3.get_object(Bucket=place["bucket"], Key=place["key"])
    payload = ArchivedPayload.of_its_own(place["key"], stored["Body"].read(), stored["Metadata"])
    secret = kept(sent.provider, stack.secrets[sent.provider])
    assert prove(payload, [secret], lambda key_id: None) is Proof.PROVEN
    return routed


def hear_braintrees_challenge(stack: LocalStack) -> None:
    """Ask what Braintree asks before it sends anything, and see it answered with its key."""
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
