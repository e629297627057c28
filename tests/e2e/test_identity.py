"""One event, one identity, end to end: what is the same event is routed once, and what is not is not lost."""

import json
import random
import time
from dataclasses import replace

import pytest

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.identity import ANY_CONTENT
from modules.constructs.naming import Names
from tests.e2e.chaos import kill_one_of
from tests.e2e.observe import SETTLE_SECONDS, await_routed, await_state, log_lines
from tests.e2e.test_operations import emitted
from tools.local.calls import wait_for
from tools.senders import SENDERS, Signing, webhook


def signed_as(stack, provider, number, document, **headers):
    """Return a webhook of a provider with another body, signed."""
    sender, secret = SENDERS[provider], stack.secrets[provider]
    signing = Signing(secret=secret, now=int(time.time()), number=number, options=sender.options)
    sent = webhook(provider, number, secret, signing.now)
    body = json.dumps(document).encode()
    return replace(sent, body=body, headers={**sent.headers, **sender.sign(body, signing), **headers})


def await_processed(stack, correlation_id):
    """Wait until processing has told what it made of a request."""
    wait_for(
        f"processing to see {correlation_id}",
        lambda: next((line for line in log_lines(stack, "processing") if correlation_id in line), None),
        SETTLE_SECONDS,
    )


def routed_of(downstream, transactions, wait_for_transactions):
    """Return what was routed of some transactions, once it is there of others, which were sent behind them."""
    events = await_routed(downstream, wait_for_transactions)
    return [event["detail"] for event in events if event["detail"]["transactionId"] in transactions]


def test_the_same_bytes_of_two_shopify_events_are_both_routed_and_the_second_is_marked(stack, downstream, number):
    # Given a body cut by include_fields, which says neither when nor what happened
    order = str(5_100_000_000_000 + number)
    body = {"id": int(order), "tags": "vip"}
    counted = emitted(stack, "processing", "SameBytes")

    # When Shopify sends it for one event, sends it again, and sends it for another event
    answers = []
    for event_id in ("event-1", "event-1", "event-2"):
        answers.append(stack.post(signed_as(stack, "shopify", number, body, **{"X-Shopify-Event-Id": event_id})))
        await_processed(stack, answers[-1].headers["X-Correlation-Id"])
    assert [answer.status_code for answer in answers] == [202] * 3

    # Then both events are routed, and the second says whose bytes it has
    status = await_state(stack, order, "ROUTED")
    assert len(status["events"]) == 2
    (later,) = [event for event in status["events"] if "sameBytesAs" in event]
    first, second = routed_of(downstream, [order], [order])
    assert {first.get("sameBytesAs"), second.get("sameBytesAs")} == {None, later["sameBytesAs"]}
    assert later["sameBytesAs"] == answers[0].json()["eventId"]
    # and that is counted
    wait_for("the metric", lambda: emitted(stack, "processing", "SameBytes") == counted + 1 or None, 60)


@pytest.mark.parametrize("kind", ["invoice.paid", "charge.succeeded"])
def test_a_stripe_event_in_two_api_versions_is_routed_once(stack, downstream, number, kind):
    # Given an event that Stripe renders in the version of each of two endpoints
    intent, own = f"pi_3Rendered{number}", f"in_1Rendered{number}"
    fields = {"id": own, "object": "invoice", "amount_paid": 4200, "currency": "eur", "status": "paid"}
    document = {"id": f"evt_1Rendered{number}", "object": "event", "type": kind, "created": 1_790_000_000}
    renderings = [
        {**document, "api_version": "2024-06-20", "data": {"object": {**fields, "payment_intent": intent}}},
        {**document, "api_version": "2025-03-31.basil", "data": {"object": fields}},
    ]
    conflicts = emitted(stack, "processing", "ConflictingDuplicates")

    # When both come
    for rendering in renderings:
        answer = stack.post(signed_as(stack, "stripe", number, rendering))
        assert answer.status_code == 202
        await_processed(stack, answer.headers["X-Correlation-Id"])

    # Then the event is routed once, in one transaction, and the second rendering is noted without an alarm
    (routed,) = routed_of(downstream, [intent, own], [intent])
    assert routed["transactionId"] == intent
    assert stack.status(own) is None
    assert await_state(stack, intent, "ROUTED")["timeline"][0]["step"] == "rendered-anew"
    assert emitted(stack, "processing", "ConflictingDuplicates") == conflicts


def test_the_same_bytes_before_and_after_an_upgrade_are_routed_once(stack, downstream, number):
    # Given an event that this version recorded
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()))
    stack.post(sent).raise_for_status()
    status = await_state(stack, sent.transaction_id, "ROUTED")
    (event,) = status["events"]

    # When the same bytes are read by a version that finds transaction and time elsewhere
    of = WebhookEvent(
        provider="stripe",
        event_id=event["eventId"],
        event_type="payment_intent.succeeded",
        transaction_id=f"elsewhere-{number}",
        occurred_at=None,
        content=ANY_CONTENT,
    )
    envelope = Envelope(
        event=of,
        received_at=event["receivedAt"],
        correlation_id=f"upgrade-{number}",
        content_type="application/json",
        scheme="stripe-v1",
        body=sent.body,
    )
    stack.aws.client("sqs").send_message(
        QueueUrl=stack.outputs["queue_url"], MessageBody=envelope.to_message(), MessageGroupId="stripe"
    )

    # Then they are a duplicate
    await_processed(stack, f"upgrade-{number}")
    assert stack.status(f"elsewhere-{number}") is None
    assert len(routed_of(downstream, [sent.transaction_id, f"elsewhere-{number}"], [sent.transaction_id])) == 1


def test_an_event_that_the_first_release_recorded_is_a_duplicate(stack, downstream, number):
    # Given an event in the form in which version 0.1.0 recorded it, under the transaction that it read
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()))
    event_id = json.loads(sent.body)["id"]
    old = f"read-by-0.1.0-{number}"
    item = {
        "transactionId": old,
        "timestamp": f"2026-09-21T14:13:20.000Z#stripe:{event_id}",
        "provider": "stripe",
        "eventId": event_id,
        "eventType": "payment_intent.succeeded",
        "eventKey": f"stripe:{event_id}",
        "receivedAt": "2026-09-21T14:13:20.000Z",
        "receivedBucket": "stripe#2026-09-21T14#4",
        "correlationId": "of-0.1.0",
        "contentType": "application/json",
        "scheme": "stripe-v1",
        "state": "ROUTED",
    }
    wire = {name: {"S": value} for name, value in item.items()}
    dynamodb = stack.aws.client("dynamodb")
    dynamodb.put_item(TableName=stack.outputs["table_name"], Item={**wire, "timeline": {"L": []}})
    # A function that looked for such records before remembers for a minute that there were none.
    function = Names(stack.environment)("processing")
    while kill_one_of(stack.aws, {function}, random.Random(number)):
        pass

    # When the provider sends it again
    answer = stack.post(sent)
    await_processed(stack, answer.headers["X-Correlation-Id"])

    # Then it is not routed, and the status shows the record of 0.1.0
    after = webhook("stripe", number + 500_000, stack.secrets["stripe"], int(time.time()))
    stack.post(after).raise_for_status()
    assert routed_of(downstream, [sent.transaction_id, old], [after.transaction_id]) == []
    assert stack.status(sent.transaction_id) is None
    assert [event["eventId"] for event in stack.status(old)["events"]] == [event_id]
