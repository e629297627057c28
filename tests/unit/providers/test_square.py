"""Square: published vectors, its own package, its URL, and what its events say."""

import base64
import hashlib
import hmac
import json

import pytest
from square.types.dispute import Dispute
from square.types.payment import Payment
from square.types.payment_refund import PaymentRefund
from square.utils.webhooks_helper import verify_signature

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.signatures.scheme import key_id
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tests.unit.providers.bodies import BODIES
from tests.unit.providers.deployed import ACCEPTED, SQUARE, Deployed
from tests.unit.webhooks import NOW, OTHER_SECRET, request
from tools.senders import SENDERS

HEADER = "X-Square-HmacSha256-Signature"
URL = SQUARE.options["url"]
MISMATCH = "401 signature_mismatch"

# The tests of Square's own packages:
# https://github.com/square/square-python-sdk/blob/master/tests/integration/test_webhooks_helper.py and
# https://github.com/square/square-nodejs-sdk/blob/master/tests/integration/webhooks.test.ts
NOTIFICATION = (
    '{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",'
    '"event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z",'
    '"data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}'
)
VECTORS = {
    "test notification": (
        "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9",
        "Ibxx_5AKakO-3qeNVR61Dw",
        NOTIFICATION,
        "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=",
    ),
    "characters that some escape": (
        "https://webhook.site/webhooks",
        "signature-key",
        '{"data":{"type":"webhooks","id":">id<"}}',
        "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=",
    ),
    "characters that nobody escapes": (
        "https://webhook.site/webhooks",
        "signature-key",
        '{"data":{"type":"webhooks","id":"fake_id"}}',
        "W3FlCNk5IA3ZQ2LHTWoajvzfaDu/OwY2tNHIHC3IUOA=",
    ),
}
vectors = pytest.mark.parametrize(("url", "key", "body", "signature"), VECTORS.values(), ids=VECTORS.keys())


def read(document):
    (event,) = read_events("square", REGISTRY["square"], request(json.dumps(document).encode(), {}))
    return event


# --- vectors and Square's own package -------------------------------------------------------------------------------


@vectors
def test_a_published_vector_is_accepted(url, key, body, signature):
    scheme = REGISTRY["square"].configured({"url": url}).scheme

    verdict = scheme.verify(request(body.encode(), {HEADER: signature}), [key])

    assert (verdict.scheme, verdict.signed_at, verdict.key_id) == ("square-sha256", None, key_id(key))
    assert verdict.headers == {HEADER.lower(): signature}


@vectors
def test_the_sender_agrees_with_a_published_vector(url, key, body, signature):
    sent = Deployed(entry="square", options={"url": url}, secret=key).sign(body.encode(), now=NOW)

    assert sent[HEADER] == signature


# Each of them makes another message of a published vector; the first three are refusals that Square's tests have too.
@vectors
@pytest.mark.parametrize(
    "change",
    [
        lambda url, key, body: (url.replace("webhook.site/", "webhook.site/7"), key, body),
        lambda url, key, body: (url, "MCmhFRxGX82xMwg5FsaoQA", body),
        lambda url, key, body: (url, key, json.dumps(json.loads(body))),
        lambda url, key, body: (url + "/", key, body),
        lambda url, key, body: (url.removeprefix("https://"), key, body),
        lambda url, key, body: (url.upper(), key, body),
        lambda url, key, body: (url + body[0], key, body[1:] + "}"),
    ],
    ids=["other url", "other key", "other blanks", "slash behind", "no scheme", "upper case", "brace in the url"],
)
def test_a_published_vector_for_anything_else_is_refused(url, key, body, signature, change):
    other_url, other_key, other_body = change(url, key, body)
    scheme = REGISTRY["square"].configured({"url": other_url}).scheme

    with pytest.raises(SignatureRefusedError) as refusal:
        scheme.verify(request(other_body.encode(), {HEADER: signature}), [other_key])

    assert refusal.value.reason == "signature_mismatch"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_square_s_package_and_we_accept_the_same(body):
    headers = SQUARE.sign(body.encode(), now=NOW)
    given = {"request_body": body, "signature_header": headers[HEADER], "notification_url": URL}

    assert verify_signature(**given, signature_key=SQUARE.secret) is True
    assert verify_signature(**given, signature_key=OTHER_SECRET) is False
    assert verify_signature(**{**given, "request_body": body + " "}, signature_key=SQUARE.secret) is False
    assert verify_signature(**{**given, "notification_url": URL + "/"}, signature_key=SQUARE.secret) is False
    assert SQUARE.verify(request(body.encode(), headers)).key_id == key_id(SQUARE.secret)


# --- the URL --------------------------------------------------------------------------------------------------------


def test_without_the_url_nothing_is_accepted():
    # What Square's package refuses as well: a signature over the body alone.
    body = SQUARE.body()
    alone = base64.b64encode(hmac.new(SQUARE.secret.encode(), body, hashlib.sha256).digest()).decode()

    assert Deployed(entry="square").answer(request(body, {HEADER: alone})) == "503 url_missing"


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Original-Url", "Forwarded", "Referer"])
def test_no_header_of_the_request_is_taken_for_the_url(header):
    body = SQUARE.body()
    other = Deployed(entry="square", options={"url": "https://attacker.example/webhook/square"})
    headers = other.sign(body, now=NOW) | {header: "attacker.example"}

    assert SQUARE.answer(request(body, headers)) == MISMATCH
    assert SQUARE.answer(request(body, SQUARE.sign(body, now=NOW) | {header: "attacker.example"})) == ACCEPTED


def test_the_sha_1_header_of_old_proves_nothing():
    body = SQUARE.body()
    digest = hmac.new(SQUARE.secret.encode(), URL.encode() + body, hashlib.sha1).digest()
    headers = {"x-square-signature": base64.b64encode(digest).decode()}

    assert SQUARE.answer(request(body, headers)) == "401 missing_signature_header"


@pytest.mark.parametrize(
    "url",
    [
        "http://webhooks.example.com/webhook/square",
        "webhooks.example.com/webhook/square",
        "https://",
        "https://webhooks.example.com/a b",
        "https://webhooks.example.com/\n",
        " https://webhooks.example.com/",
        "https://w\u00e9bhooks.example.com/",
        "",
    ],
    ids=ascii,
)
def test_a_url_that_square_cannot_have_is_refused(url):
    with pytest.raises(SettingsError, match=r"^provider_options\.square\.url: .*notification URL"):
        build_settings("dev", {"providers": ["square"], "provider_options": {"square": {"url": url}}})


def test_a_square_without_a_url_is_not_deployed():
    with pytest.raises(SettingsError, match=r"^provider_options\.square\.url: is missing"):
        build_settings("dev", {"providers": ["square"]})


# --- what its events say --------------------------------------------------------------------------------------------

# Where Square's own package finds the payment in its object.
PAYMENT_OF = {
    "payment.updated": ("payment", lambda document: Payment.model_validate(document).id),
    "refund.updated": ("refund", lambda document: PaymentRefund.model_validate(document).payment_id),
    "dispute.created": ("dispute", lambda document: Dispute.model_validate(document).disputed_payment.payment_id),
}


@pytest.mark.parametrize("event", SENDERS["square"].events)
def test_what_the_sender_sends_belongs_to_the_payment_that_square_s_package_finds(event):
    document, payment = SENDERS["square"].events[event](7)
    kind, payment_of = PAYMENT_OF[event]

    read_event = read(document)

    assert read_event.transaction_id == payment == payment_of(document["data"]["object"][kind])
    assert (read_event.event_id, read_event.event_type) == (document["event_id"], event)
    assert (read_event.currency, read_event.amount_unit) == ("USD", "minor")


@pytest.mark.parametrize(
    ("data", "transaction_id"),
    [
        ({"id": "p1", "object": {"payment": {"id": "p1", "order_id": "o1"}}}, "p1"),
        # The order of a refund is not that of its payment.
        ({"id": "p1_r1", "object": {"refund": {"id": "p1_r1", "payment_id": "p1", "order_id": "o2"}}}, "p1"),
        ({"id": "d1", "object": {"dispute": {"id": "d1", "disputed_payment": {"payment_id": "p1"}}}}, "p1"),
        ({"id": "inv:0-1", "object": {"invoice": {"id": "inv:0-1", "order_id": "o1"}}}, "o1"),
        ({"id": "o1", "object": {"order_updated": {"order_id": "o1", "version": 3}}}, "o1"),
        ({"id": "po_1", "object": {"payout": {"id": "po_1"}}}, "po_1"),
        # A refund of no payment that Square knows.
        ({"id": "r1", "object": {"refund": {"id": "r1", "payment_id": None}}}, "r1"),
        ({"id": "d1", "object": {"dispute": {"disputed_payment": []}}}, "d1"),
        ({"id": "x1"}, "x1"),
        ({"id": "x 1"}, "square:e1"),
        ({}, "square:e1"),
        ([], "square:e1"),
        (None, "square:e1"),
    ],
)
def test_the_transaction_is_the_payment(data, transaction_id):
    assert read({"event_id": "e1", "data": data}).transaction_id == transaction_id


@pytest.mark.parametrize(
    ("name", "money", "amount"),
    [
        ("payment", {"amount": 115, "currency": "USD"}, "115"),
        ("refund", {"amount": 115, "currency": "USD"}, "115"),
        ("dispute", {"amount": 8801, "currency": "USD"}, "8801"),
        # A withdrawal from the seller's balance.
        ("payout", {"amount": -500, "currency": "USD"}, "-500"),
        ("payment", {"amount": 115}, None),
        ("payment", {"amount": None, "currency": "USD"}, None),
        ("payment", {"amount": True, "currency": "USD"}, None),
        ("payment", {"amount": "1e3", "currency": "USD"}, None),
        ("payment", [], None),
        ("customer", {"amount": 115, "currency": "USD"}, None),
    ],
)
def test_the_amount_is_in_minor_units(name, money, amount):
    event = read({"event_id": "e1", "data": {"id": "x1", "object": {name: {"id": "x1", "amount_money": money}}}})

    assert event.amount == amount
    assert (event.currency, event.amount_unit) == ((None, None) if amount is None else ("USD", "minor"))


@pytest.mark.parametrize(
    ("created_at", "occurred_at"),
    [
        ("2022-07-13T20:30:59.037339943Z", "2022-07-13T20:30:59.037Z"),
        ("2020-01-25T18:25:34-08:00", "2020-01-26T02:25:34.000Z"),
        ("2022-07-13", None),
        (None, None),
    ],
)
def test_the_time_is_that_of_the_event(created_at, occurred_at):
    assert read({"event_id": "e1", "created_at": created_at}).occurred_at == occurred_at
