"""Reading a verified webhook as an event: what is hostile or missing ends as 400, or as the documented stand-in."""

import hashlib
import json
from dataclasses import replace

import pytest

from lambdas.inbound.event import UNKNOWN_TYPE, WebhookEvent, read_events
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.record_items import first_key
from lambdas.shared.errors import MalformedWebhookError
from tests.unit.webhooks import BODY, NOW, PROVIDERS, request, signed

NOT_JSON = "body_not_json"
NOT_OBJECT = "body_not_json_object"
NO_ID = "no_event_id"

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


def read(provider, document, headers=None, name=None):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    given = {"webhook-id": "msg_1"} if headers is None else headers
    (event,) = read_events(name or provider, REGISTRY[provider], request(body, given))
    return event


def digest(document):
    return "sha256:" + hashlib.sha256(json.dumps(document).encode()).hexdigest()


# --- bodies that are no event ---------------------------------------------------------------------------------------

# Every JSON object here holds an id, so that nothing but the flaw can refuse it.
HOSTILE_BODIES = {
    "empty": (b"", NOT_JSON),
    "blank": (b" \n", NOT_JSON),
    "form of another sender": (b"body=%7B%22id%22%3A1%7D", NOT_JSON),
    "truncated": (b'{"id":"evt_1"', NOT_JSON),
    "two objects": (b'{"id":"evt_1"}{"id":"evt_2"}', NOT_JSON),
    "text behind": (b'{"id":"evt_1"} x', NOT_JSON),
    "NUL behind": (b'{"id":"evt_1"}\0', NOT_JSON),
    "trailing comma": (b'{"id":"evt_1",}', NOT_JSON),
    "comment": (b'{"id":"evt_1"/**/}', NOT_JSON),
    "single quotes": (b"{'id':'evt_1'}", NOT_JSON),
    "raw newline in text": (b'{"id":"evt_1","x":"\n"}', NOT_JSON),
    "duplicate key": (b'{"id":"evt_1","id":"evt_2"}', NOT_JSON),
    "duplicate key with the same value": (b'{"id":"evt_1","id":"evt_1"}', NOT_JSON),
    "duplicate key in another spelling": (b'{"id":"evt_1","\\u0069d":"evt_2"}', NOT_JSON),
    "duplicate key below": (b'{"id":"evt_1","data":{"object":{"id":1,"id":2}}}', NOT_JSON),
    "duplicate key in an array": (b'{"id":"evt_1","data":[{"a":1,"a":1}]}', NOT_JSON),
    "NaN": (b'{"id":"evt_1","amount":NaN}', NOT_JSON),
    "Infinity": (b'{"id":"evt_1","amount":Infinity}', NOT_JSON),
    "-Infinity": (b'{"id":"evt_1","amount":-Infinity}', NOT_JSON),
    "nan": (b'{"id":"evt_1","amount":nan}', NOT_JSON),
    "number with a leading zero": (b'{"id":"evt_1","amount":01}', NOT_JSON),
    "number with an underscore": (b'{"id":"evt_1","amount":1_000}', NOT_JSON),
    "hexadecimal number": (b'{"id":"evt_1","amount":0x10}', NOT_JSON),
    "integer of 5,000 digits": (b'{"id":"evt_1","amount":' + b"9" * 5_000 + b"}", NOT_JSON),
    "10,000 arrays deep": (b'{"id":"evt_1","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", NOT_JSON),
    "10,000 objects deep": (b'{"id":"evt_1","x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", NOT_JSON),
    "100,000 arrays deep": (b'{"id":"evt_1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", NOT_JSON),
    "a million open arrays": (b"[" * 1_000_000, NOT_JSON),
    "a million open objects": (b'{"a":' * 1_000_000, NOT_JSON),
    "array": (b'[{"id":"evt_1"}]', NOT_OBJECT),
    "text": (b'"evt_1"', NOT_OBJECT),
    "number": (b"1", NOT_OBJECT),
    "true": (b"true", NOT_OBJECT),
    "null": (b"null", NOT_OBJECT),
    "not UTF-8": (b'{"id":"evt_1","x":"\xff"}', NOT_JSON),
    "overlong UTF-8": (b'{"id":"evt_1","x":"\xc0\xaf"}', NOT_JSON),
    "surrogate in UTF-8": (b'{"id":"evt_1","x":"\xed\xa0\x80"}', NOT_JSON),
    "Latin-1": ('{"id":"evt_1","x":"é"}'.encode("latin-1"), NOT_JSON),
    "UTF-16": ('{"id":"evt_1"}'.encode("utf-16"), NOT_JSON),
    "UTF-32": ('{"id":"evt_1"}'.encode("utf-32"), NOT_JSON),
    "two byte order marks": (b'\xef\xbb\xbf\xef\xbb\xbf{"id":"evt_1"}', NOT_JSON),
}


@every_provider
@pytest.mark.parametrize(("body", "reason"), HOSTILE_BODIES.values(), ids=HOSTILE_BODIES.keys())
def test_a_hostile_body_is_malformed_and_nothing_else(provider, body, reason):
    with pytest.raises(MalformedWebhookError) as refusal:
        read(provider, body)

    assert (refusal.value.status, refusal.value.reason) == (400, reason)


# What looks hostile and is plain JSON.
HARMLESS_BODIES = {
    "byte order mark": b'\xef\xbb\xbf{"id":"evt_1"}',
    "CRLF and trailing newline": b'{\r\n"id":"evt_1"\r\n}\r\n',
    "same key on different levels": b'{"id":"evt_1","data":{"id":"pi_1"}}',
    "escaped NUL": b'{"id":"evt_1","x":"\\u0000"}',
    "lone surrogate, escaped": b'{"id":"evt_1","x":"\\ud800"}',
    "key that is empty": b'{"id":"evt_1","":{"":1}}',
    "key that would be a prototype": b'{"id":"evt_1","__proto__":{"id":"evt_2"}}',
    "integer of 4,300 digits": b'{"id":"evt_1","amount":' + b"9" * 4_300 + b"}",
    "500 arrays deep": b'{"id":"evt_1","x":' + b"[" * 500 + b"]" * 500 + b"}",
    "1 MiB of text": b'{"id":"evt_1","x":"' + b"x" * 2**20 + b'"}',
}


@pytest.mark.parametrize("body", HARMLESS_BODIES.values(), ids=HARMLESS_BODIES.keys())
def test_a_body_that_only_looks_hostile_is_read(body):
    assert read("stripe", body).event_id == "evt_1"


# --- the event id ---------------------------------------------------------------------------------------------------

# The JSON value, and the id that it becomes; None where it can be none.
IDS = {
    "text": ('"evt_1"', "evt_1"),
    "printable ASCII": ('"!~:/#%\'$"', "!~:/#%'$"),
    "256 characters": (json.dumps("x" * 256), "x" * 256),
    "whole number": ("42", "42"),
    "zero": ("0", "0"),
    "negative": ("-1", "-1"),
    "number of 256 digits": ("9" * 256, "9" * 256),
    "257 characters": (json.dumps("x" * 257), None),
    "number of 257 digits": ("9" * 257, None),
    "number of 4,300 digits": ("9" * 4_300, None),
    "negative number of 256 digits": ("-" + "9" * 256, None),
    "true": ("true", None),
    "false": ("false", None),
    "null": ("null", None),
    "fraction": ("1.5", None),
    # 1.0 and 1 are one number to JavaScript, and 1e2 and 100; as ids they would be two.
    "fraction of nought": ("1.0", None),
    "exponent": ("1e2", None),
    "number beyond a double": ("1e999", None),
    "empty": ('""', None),
    "blank": ('" "', None),
    "blank in the middle": ('"evt 1"', None),
    "blank behind": ('"evt_1 "', None),
    "newline behind": ('"evt_1\\n"', None),
    "tab": ('"evt\\t1"', None),
    "NUL": ('"evt\\u00001"', None),
    "delete": ('"evt\\u007f1"', None),
    "not ASCII": ('"évt_1"', None),
    "no-break space": ('"evt\\u00a01"', None),
    "full-width": ('"\\uff11"', None),
    "lone surrogate": ('"\\ud800"', None),
    "array": ('["evt_1"]', None),
    "object": ('{"id":"evt_1"}', None),
}
ids = pytest.mark.parametrize(("value", "event_id"), IDS.values(), ids=IDS.keys())


@ids
def test_an_id_that_can_be_none_makes_a_stripe_event_malformed(value, event_id):
    body = f'{{"id":{value},"type":"charge.succeeded"}}'.encode()
    if event_id is None:
        with pytest.raises(MalformedWebhookError) as refusal:
            read("stripe", body)
        assert refusal.value.reason == NO_ID
    else:
        assert read("stripe", body).event_id == event_id


@pytest.mark.parametrize("provider", ["generic", "generic-timestamped"])
@ids
def test_an_id_that_can_be_none_gives_way_to_the_next_field(provider, value, event_id):
    body = f'{{"id":{value},"event_id":"second"}}'.encode()

    assert read(provider, body).event_id == (event_id or "second")


@pytest.mark.parametrize("provider", ["generic", "generic-timestamped"])
@ids
def test_without_any_id_a_generic_event_is_known_by_its_bytes(provider, value, event_id):
    body = f'{{"eventId":{value}}}'.encode()

    assert read(provider, body).event_id == (event_id or "sha256:" + hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(
    ("document", "event_id"),
    [
        ({"id": "a", "event_id": "b", "eventId": "c"}, "a"),
        ({"event_id": "b", "eventId": "c"}, "b"),
        ({"eventId": "c"}, "c"),
        ({}, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    ],
)
def test_generic_ids_are_looked_for_in_order(document, event_id):
    assert read("generic", document).event_id == event_id


@pytest.mark.parametrize("document", [{}, {"event_id": "evt_1"}, {"data": {"id": "evt_1"}}, {"ID": "evt_1"}])
def test_a_stripe_event_without_id_is_malformed(document):
    with pytest.raises(MalformedWebhookError) as refusal:
        read("stripe", document)

    assert (refusal.value.status, refusal.value.reason) == (400, NO_ID)


@pytest.mark.parametrize(
    "message_id",
    [None, "", " ", "msg 1", "msg_1\n", "msg_\x00", "msg_é", "x" * 257, "\ud800"],
    ids=lambda i: ascii(i)[:16],
)
def test_a_standard_webhook_whose_id_can_be_none_is_malformed(message_id):
    headers = {} if message_id is None else {"webhook-id": message_id}

    with pytest.raises(MalformedWebhookError) as refusal:
        read("standard-webhooks", {"id": "unsigned_by_name"}, headers)

    assert refusal.value.reason == NO_ID


def test_a_github_event_is_known_by_its_bytes():
    document = {"action": "opened", "id": "evt_1"}

    assert read("github", document).event_id == digest(document)


UNSIGNED_HEADERS = {
    "X-GitHub-Event": "sponsorship",
    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "X-Request-Id": "evt_2",
    "Idempotency-Key": "evt_2",
    "Content-Type": "text/plain",
    "Date": "Thu, 25 Feb 2021 15:02:10 GMT",
}


@every_provider
@pytest.mark.parametrize(("header", "value"), UNSIGNED_HEADERS.items())
def test_no_header_that_is_not_signed_makes_a_new_event_of_signed_bytes(provider, header, value):
    webhook = signed(provider)
    replayed = replace(webhook, headers={**webhook.headers, header.lower(): [value]}, received_at=NOW + 60)

    first, second = (read_events(provider, REGISTRY[provider], each)[0] for each in (webhook, replayed))

    assert (second.key, second.transaction_id) == (first.key, first.transaction_id)


# --- the transaction ------------------------------------------------------------------------------------------------

TRANSACTIONS = [
    ("stripe", {"data": {"object": {"id": "pi_1", "payment_intent": "pi_2"}}}, "pi_2"),
    ("stripe", {"data": {"object": {"id": "ch_1", "payment_intent": {"id": "pi_2"}}}}, "pi_2"),
    ("stripe", {"data": {"object": {"id": "ch_1", "payment_intent": None}}}, "ch_1"),
    ("stripe", {"data": {"object": {"id": "ch_1", "payment_intent": {"id": "p i"}}}}, "ch_1"),
    ("stripe", {"data": {"object": {"id": "pi_1"}}}, "pi_1"),
    ("stripe", {"data": {"object": {"id": ""}}}, "stripe:evt_1"),
    ("stripe", {"data": {"object": [{"id": "pi_1"}]}}, "stripe:evt_1"),
    ("stripe", {"data": {"object": "pi_1"}}, "stripe:evt_1"),
    ("stripe", {"data": None}, "stripe:evt_1"),
    ("stripe", {"data.object.id": "pi_1"}, "stripe:evt_1"),
    ("stripe", {}, "stripe:evt_1"),
    ("github", {"pull_request": {"node_id": "PR_1"}, "issue": {"node_id": "I_1"}}, "PR_1"),
    ("github", {"issue": {"node_id": "I_1"}}, "I_1"),
    ("github", {"sponsorship": {"node_id": "S_1"}}, "S_1"),
    ("github", {"marketplace_purchase": {"account": {"node_id": "A_1"}}}, "A_1"),
    ("standard-webhooks", {"data": {"transaction_id": "tx_1", "id": "x"}}, "tx_1"),
    ("standard-webhooks", {"data": {"transactionId": "tx_1", "id": "x"}}, "tx_1"),
    ("standard-webhooks", {"data": {"id": "x"}}, "x"),
    ("standard-webhooks", {"data": []}, "standard-webhooks:msg_1"),
    ("generic", {"transaction_id": "tx_1", "transactionId": "tx_2"}, "tx_1"),
    ("generic", {"transaction_id": 7, "transactionId": "tx_2"}, "7"),
    ("generic", {"transaction_id": True, "transactionId": "tx_2"}, "tx_2"),
    ("generic", {"transaction_id": 1.5}, "generic:evt_1"),
    ("generic", {"transaction_id": "x" * 257}, "generic:evt_1"),
    ("generic", {"transaction_id": "tx é"}, "generic:evt_1"),
    ("generic-timestamped", {"transactionId": "tx_2"}, "tx_2"),
    ("generic-timestamped", {}, "generic-timestamped:evt_1"),
]


@pytest.mark.parametrize(("provider", "document", "transaction_id"), TRANSACTIONS)
def test_the_transaction_is_found_or_is_the_event_itself(provider, document, transaction_id):
    assert read(provider, {"id": "evt_1", **document}).transaction_id == transaction_id


def test_a_transaction_of_its_own_carries_the_name_under_which_the_provider_is_deployed():
    event = read("stripe", {"id": "evt_1"}, name="stripe-eu")

    assert (event.transaction_id, event.key) == ("stripe-eu:evt_1", "stripe-eu:evt_1")


@every_provider
def test_a_transaction_of_its_own_stays_an_identifier_for_the_longest_id(provider):
    event = read(provider, {"id": "x" * 256}, headers={"webhook-id": "x" * 256})

    assert is_identifier(event.transaction_id)
    assert event.transaction_id == f"{provider}:{event.event_id}"[:256]


def test_every_part_of_the_key_fits_a_table_key():
    # 2,048 bytes for a partition key, 1,024 for a sort key.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    event = WebhookEvent(
        provider="p" * 64,
        event_id="x" * 256,
        event_type=UNKNOWN_TYPE,
        transaction_id="t" * 256,
        occurred_at="2021-02-25T15:02:10.000Z",
    )

    assert len(first_key(event).partition.encode()) <= 1024
    assert len(event.transaction_id.encode()) <= 2048


# --- the type -------------------------------------------------------------------------------------------------------

TYPES = [
    ("stripe", {"type": "charge.succeeded"}, {}, "charge.succeeded"),
    ("stripe", {"type": "x" * 128}, {}, "x" * 128),
    ("stripe", {"type": "x" * 129}, {}, UNKNOWN_TYPE),
    ("stripe", {"type": "x" * 257}, {}, UNKNOWN_TYPE),
    ("stripe", {"type": "charge succeeded"}, {}, UNKNOWN_TYPE),
    ("stripe", {"type": "chargé"}, {}, UNKNOWN_TYPE),
    ("stripe", {"type": ""}, {}, UNKNOWN_TYPE),
    ("stripe", {"type": None}, {}, UNKNOWN_TYPE),
    ("stripe", {"type": ["charge.succeeded"]}, {}, UNKNOWN_TYPE),
    ("stripe", {}, {}, UNKNOWN_TYPE),
    ("generic", {"type": "", "event_type": "b", "eventType": "c"}, {}, "b"),
    ("generic", {"eventType": "c"}, {}, "c"),
    ("generic", {"type": "x" * 129, "event_type": "b"}, {}, UNKNOWN_TYPE),
    ("standard-webhooks", {"type": "user.created"}, {"webhook-id": "msg_1"}, "user.created"),
    ("github", {"action": "opened"}, {"X-GitHub-Event": "pull_request"}, "pull_request.opened"),
    ("github", {}, {"X-GitHub-Event": "push"}, "push"),
    ("github", {"action": None}, {"X-GitHub-Event": "push"}, "push"),
    ("github", {"action": "a b"}, {"X-GitHub-Event": "push"}, "push"),
    ("github", {"action": "opened"}, {}, UNKNOWN_TYPE),
    ("github", {"action": "opened"}, {"X-GitHub-Event": "pull request"}, UNKNOWN_TYPE),
    ("github", {"action": "x" * 128}, {"X-GitHub-Event": "push"}, UNKNOWN_TYPE),
    ("github", {"action": "x" * 256}, {"X-GitHub-Event": "push"}, UNKNOWN_TYPE),
]


@pytest.mark.parametrize(("provider", "document", "headers", "event_type"), TYPES)
def test_the_type_is_the_provider_s_own_or_unknown(provider, document, headers, event_type):
    assert read(provider, {"id": "evt_1", **document}, headers).event_type == event_type


# --- the time of occurrence -----------------------------------------------------------------------------------------

TIMES = [
    ("stripe", {"created": NOW}, "2021-02-25T15:02:10.000Z"),
    ("stripe", {"created": str(NOW)}, "2021-02-25T15:02:10.000Z"),
    ("stripe", {"created": 0}, "1970-01-01T00:00:00.000Z"),
    ("stripe", {"created": -1}, None),
    ("stripe", {"created": 1614265330.5}, None),
    ("stripe", {"created": True}, None),
    ("stripe", {"created": 10**11}, None),
    ("stripe", {"created": "1_614_265_330"}, None),
    ("stripe", {"created": "nan"}, None),
    ("stripe", {}, None),
    ("standard-webhooks", {"timestamp": "2021-02-25T15:02:10.5Z"}, "2021-02-25T15:02:10.500Z"),
    ("standard-webhooks", {"timestamp": "2021-02-25T16:02:10+01:00"}, "2021-02-25T15:02:10.000Z"),
    ("standard-webhooks", {"timestamp": "2021-02-25T15:02:10"}, None),
    ("standard-webhooks", {"timestamp": "2021-02-30T15:02:10Z"}, None),
    ("standard-webhooks", {"timestamp": "yesterday"}, None),
    # What a generic sender calls a time may be that of sending, which differs in every redelivery.
    ("generic", {"created": NOW, "timestamp": NOW}, None),
    ("github", {"created": NOW, "created_at": "2021-02-25T15:02:10Z"}, None),
]


@pytest.mark.parametrize(("provider", "document", "occurred_at"), TIMES)
def test_the_time_of_occurrence_is_the_provider_s_or_nobody_s(provider, document, occurred_at):
    event = read(provider, {"id": "evt_1", **document})

    assert event.occurred_at == occurred_at


def test_a_whole_event_is_read():
    assert read_events("shop", REGISTRY["generic"], signed("generic", BODY))[0] == WebhookEvent(
        provider="shop",
        event_id="evt_1",
        event_type="payment.succeeded",
        transaction_id="tx_1",
        occurred_at=None,
    )


# --- the amount -----------------------------------------------------------------------------------------------------

AMOUNTS = [
    ("1234", "123400"),
    ("12.30", "1230"),
    ("100.00", "10000"),
    ("-12.30", "-1230"),
    ("-0.50", "-50"),
    ('"12.30"', "1230"),
    # More digits than a float has.
    ("99999999999999.99", "9999999999999999"),
    ("1234567890123456.78", "123456789012345678"),
    ("0.00000001", "1"),
    ("1e3", "100000"),
    ("1e999999999", None),
    ("1e-999999999", None),
    ("1e99999999999999999999", None),
    ("-1e99999999999999999999", None),
    ("1e-99999999999999999999", None),
    ("true", None),
]


@pytest.mark.parametrize(("written", "amount"), AMOUNTS)
def test_the_amount_has_every_digit_that_was_signed(written, amount):
    body = b'{"id":"evt_1","currency":"EUR","amount":' + written.encode() + b"}"

    (event,) = read_events("shop", REGISTRY["generic"], signed("generic", body))

    assert event.amount == amount
