"""The responses to Adyen and Braintree, and that every event of a request is durable before them."""

import json
from collections import Counter

import pytest

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.record_items import Step
from tests.lambdas.support import api_gateway_event, ingestion_variables, lambda_context, new_secret
from tests.unit.providers import adyen_webhooks as adyen
from tests.unit.providers import braintree_webhooks as braintree
from tools.senders import SENDERS
from tools.senders.sender import Signing

KEYS = {
    "adyen": adyen.KEY,
    "adyen-platform": adyen.KEY,
    "braintree": braintree.SECRET,
}


@pytest.fixture
def ask(cold_start, world, clients):
    """Return a function that asks the ingestion function, and returns status, content type and body of its answer."""
    arns = {name: new_secret(clients, json.dumps({"secrets": [key]})) for name, key in KEYS.items()}
    module = cold_start("ingestion", **ingestion_variables(world, dict(zip(KEYS, KEYS, strict=True)), arns, 300_000))

    def send(name, body=None, headers=None, *, method="POST", query=None):
        event = api_gateway_event(
            method=method,
            path=f"/webhook/{name}",
            path_parameters={"provider": name},
            body=body,
            headers=dict(headers or {}),
            query=query,
        )
        answer = json.loads(json.dumps(module.handler(event, lambda_context())))
        return answer["statusCode"], answer["headers"]["Content-Type"], answer["body"]

    return send


def sent_by(name, event, number=1):
    sender = SENDERS[name]
    return sender.webhook(Signing(secret=KEYS[name], now=0, number=number), event=event)


def durable(world):
    return [Envelope.from_message(message.body) for message in world.queued()]


def test_adyen_hears_accepted_once_every_item_is_durable(ask, world):
    # Given two signed items in one request
    capture = adyen.signed({**adyen.REFUND, "eventCode": "CAPTURE", "pspReference": "8825408195409507"})
    body = adyen.body_of(adyen.signed(adyen.REFUND), capture).encode()

    # When it comes in
    answer = ask("adyen", body)

    # Then Adyen receives its text, and each item is a message of its own with the bytes of the whole request
    assert answer == (200, "text/plain; charset=utf-8", "[accepted]")
    queued = durable(world)
    assert sorted(one.event.event_id for one in queued) == [
        "8825408195409505:REFUND:true",
        "8825408195409507:CAPTURE:true",
    ]
    assert [one.body for one in queued] == [body, body]


def test_one_item_that_adyen_did_not_sign_leaves_no_trace_of_the_others(ask, world):
    body = adyen.body_of(adyen.signed(adyen.REFUND), {**adyen.REFUND, "eventCode": "CAPTURE"}).encode()

    status, _, text = ask("adyen", body)

    assert (status, json.loads(text)["error"]) == (401, "missing_signature")
    assert durable(world) == []


def test_an_item_that_comes_again_with_another_date_is_the_record_that_exists_and_both_bodies_are_kept(ask, world):
    # Given an item that was processed
    item = adyen.signed(adyen.REFUND)
    ask("adyen", adyen.body_of(item).encode())
    assert world.process(world.queued()).failures == {}

    # When it comes again, with another date, which nobody signed
    again = adyen.body_of({**item, "eventDate": "2031-01-01T00:00:00Z"}).encode()
    assert ask("adyen", again)[0] == 200
    outcome = world.process(world.queued())

    # Then there is one record, which was published once and tells of the other body, and the archive has both
    assert (len(outcome.duplicates), len(outcome.rendered_anew)) == (1, 1)
    assert (outcome.conflicts, outcome.routed) == ([], [])
    [record] = world.all_records()
    steps = Counter(entry["step"] for entry in record["timeline"])
    assert steps[str(Step.RENDERED_ANEW)] == 1
    assert sorted(world.payloads()) == sorted([adyen.body_of(item).encode(), again])


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("adyen-platform", "balancePlatform.transfer.updated"),
        ("braintree", "transaction_settled"),
        ("braintree", "dispute_opened"),
    ],
)
def test_a_sender_hears_202_once_its_event_is_durable(ask, world, name, event):
    sent = sent_by(name, event)

    status, content_type, text = ask(name, sent.body, sent.headers)

    assert (status, content_type) == (202, "application/json")
    [queued] = durable(world)
    assert json.loads(text)["eventId"] == queued.event.event_id
    assert (queued.event.event_type, queued.event.transaction_id) == (event, sent.transaction_id)
    assert queued.body == sent.body


def test_a_dispute_lies_beside_the_transaction_that_is_disputed(ask, world):
    for event in ("transaction_settled", "dispute_opened"):
        sent = sent_by("braintree", event)
        assert ask("braintree", sent.body, sent.headers)[0] == 202
    assert world.process(world.queued()).failures == {}

    records = world.all_records()
    assert sorted(record["eventType"] for record in records) == ["dispute_opened", "transaction_settled"]
    assert {record["transaction"] for record in records} == {"demo000001"}


def test_braintree_s_challenge_is_answered_in_plain_text(ask):
    challenge = "20f9f8ed05f77439fe955c977e4c8a53"

    answer = ask("braintree", method="GET", query={"bt_challenge": challenge})

    expected = braintree.gateway().webhook_notification.verify(challenge)
    assert answer == (200, "text/plain; charset=utf-8", expected)


@pytest.mark.parametrize(
    ("name", "query", "status", "reason"),
    [
        ("braintree", {"bt_challenge": "x"}, 400, "malformed_challenge"),
        ("braintree", None, 400, "malformed_challenge"),
        ("adyen", {"bt_challenge": "0" * 20}, 404, "no_challenge"),
        ("nobody", {"bt_challenge": "0" * 20}, 404, "unknown_provider"),
    ],
)
def test_nothing_else_is_answered_to_a_get_request(ask, name, query, status, reason):
    answered, _, text = ask(name, method="GET", query=query)

    assert (answered, json.loads(text)["error"]) == (status, reason)
