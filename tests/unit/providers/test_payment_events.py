"""What the events of payment providers say, in payloads of the providers' own documents and clients."""

import json

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import MalformedWebhookError
from tests.unit.webhooks import request
from tools.senders import SENDERS

PROVIDERS = (
    *("checkout-com", "gocardless", "mollie", "razorpay", "paddle", "klarna"),
    *("wise", "marqeta", "lithic", "paystack", "coinbase-commerce"),
)
EVENTS = [(entry, event) for entry in PROVIDERS for event in SENDERS[entry].events]


def read_all(entry, document):
    return read_events(entry, REGISTRY[entry], request(json.dumps(document).encode(), {"webhook-id": "msg_1"}))


def read(entry, document):
    (event,) = read_all(entry, document)
    return event


@pytest.mark.parametrize(("entry", "event"), EVENTS)
def test_what_the_sender_sends_is_of_its_type_and_transaction(entry, event):
    document, transaction = SENDERS[entry].events[event](7)

    found = read(entry, document)

    assert (found.event_type, found.transaction_id) == (event, transaction)


@pytest.mark.parametrize("entry", sorted(set(PROVIDERS) - {"lithic"}))
def test_the_same_event_has_the_same_id_and_another_one_another(entry):
    first, again, other = (
        read(entry, SENDERS[entry].events[next(iter(SENDERS[entry].events))](number)[0]) for number in (7, 7, 8)
    )

    assert first == again
    assert first.key != other.key


def coinbase(attempt=1, code="4200"):
    return {"id": 1, "attempt_number": attempt, "event": {"id": "e1", "type": "charge:pending", "data": {"code": code}}}


def marqeta(*others, code="4200"):
    one = {"token": "t1", "type": "authorization", "state": "PENDING", "amount": code}
    return {"transactions": [one, *({"token": other, "type": "authorization"} for other in others)]}


@pytest.mark.parametrize(
    ("entry", "first", "again", "other"),
    [
        ("coinbase-commerce", coinbase(), coinbase(attempt=2), coinbase(code="1")),
        ("marqeta", marqeta(), marqeta("t2"), marqeta(code="1")),
    ],
)
def test_what_is_around_an_event_is_no_part_of_its_content(entry, first, again, other):
    one, two, three = (read_all(entry, document)[0] for document in (first, again, other))

    assert one.key == two.key == three.key
    assert one.content == two.content != three.content


@pytest.mark.parametrize(("event", "apart"), [("refund.pending", True), ("refund.processed", False)])
def test_equal_refunds_of_paystack_are_apart_until_they_have_a_reference(event, apart):
    reference = {"refund_reference": "TRF_1"} if event == "refund.processed" else {}
    body = json.dumps(
        {"event": event, "data": {"transaction_reference": "tx_1", "amount": "100", **reference}}
    ).encode()

    first, second = (
        read_events("paystack", REGISTRY["paystack"], request(body, {}), request_id)[0] for request_id in ("r1", "r2")
    )

    assert first.event_id == second.event_id
    assert (first.occurrence != second.occurrence) is apart


# https://www.checkout.com/docs/developer-resources/event-notifications/event-types/payment_captured
CAPTURED = {
    "id": "evt_fkfqht6yonme7bk7jawrgzbbxq",
    "type": "payment_captured",
    "timestamp": "2023-05-24T09:12:32.357+00:00",
    "data": {
        "id": "pay_vti5layihapu5bhbn5tjtk6eem",
        "action_id": "act_uqlj3642dyyuroivzdwfg2fysq",
        "amount": 20,
        "currency": "EUR",
    },
}
# https://developer.gocardless.com/partners/webhooks-for-partners
FAILED = {
    "id": "EV123",
    "created_at": "2014-04-08T17:01:06.000Z",
    "resource_type": "payments",
    "action": "failed",
    "links": {"payment": "PM123"},
}
# https://docs.mollie.com/reference/captures-api-webhooks, in the event of
# https://github.com/mollie/mollie-api-php/blob/master/src/Fake/Responses/webhook-event.json
MOLLIE_CAPTURE = {
    "resource": "event",
    "id": "whe_gQMMaGqAVA",
    "type": "capture.failed",
    "entityId": "cpt_vytxeTZskVKR7C7WgdSP3d",
    "createdAt": "2023-12-25T10:30:54+00:00",
    "_embedded": {
        "entity": {
            "resource": "capture",
            "id": "cpt_vytxeTZskVKR7C7WgdSP3d",
            "amount": {"currency": "EUR", "value": "35.95"},
            "paymentId": "tr_5B8cwPMGnU6qLbRvo7qEZo",
        }
    },
}
# https://raw.githubusercontent.com/razorpay/markdown-docs/master/webhooks/refunds.md
RAZORPAY_REFUND = {
    "entity": "event",
    "event": "refund.created",
    "contains": ["refund", "payment"],
    "payload": {
        "refund": {
            "entity": {
                "id": "rfnd_FS8TWyPrCsa0OB",
                "amount": 50000,
                "currency": "INR",
                "payment_id": "pay_FPoJKWQQ8lK13n",
            }
        },
        "payment": {"entity": {"id": "pay_FPoJKWQQ8lK13n", "amount": 500000, "currency": "INR"}},
    },
    "created_at": 1597734071,
}
# https://raw.githubusercontent.com/razorpay/markdown-docs/master/webhooks/disputes.md
RAZORPAY_DISPUTE = {
    "event": "payment.dispute.created",
    "payload": {
        "payment": {"entity": {"id": "pay_EFtmUsbwpXwBHI", "amount": 5297600, "currency": "INR"}},
        "dispute": {
            "entity": {
                "id": "disp_EsIAlDcoUr8CaQ",
                "payment_id": "pay_EFtmUsbwpXwBHI",
                "amount": 39000,
                "currency": "INR",
            }
        },
    },
    "created_at": 1590059211,
}
# https://developer.paddle.com/webhooks/about/how-webhooks-work
PADDLE_CUSTOMER = {
    "event_id": "evt_01hs0tqfme2xwb2hvwv87p8y3w",
    "event_type": "customer.created",
    "occurred_at": "2024-03-15T10:32:38.286848Z",
    "notification_id": "ntf_01hs0tqfrhgkyp39x4wyvy7h6n",
    "data": {"id": "ctm_01hs0tqf76sxmp7ba5e4mw1sc8"},
}
# https://github.com/PaystackOSS/doc-code-snippets/blob/main/dist/doc/payments/webhooks/events.js
PAYSTACK_DISPUTE = {
    "event": "charge.dispute.create",
    "data": {
        "id": 358950,
        "refund_amount": 5800,
        "currency": "NGN",
        "transaction": {"id": 896467688, "reference": "v3mjfgbnc19v97x", "amount": 5800},
        "transaction_reference": None,
    },
}
# https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-fields
COINBASE = {
    "attempt_number": 1,
    "event": {
        "id": "e1",
        "type": "charge:pending",
        "created_at": "2023-08-30T19:29:20Z",
        "data": {
            "id": "2aee9dd1-67b8-43ef-8dfe-977959850f27",
            "code": "XA6G6ZFR",
            "pricing": {"local": {"amount": "1.00", "currency": "USD"}},
        },
    },
}
# The document, its transaction, time, and amount.
DOCUMENTED = {
    "checkout.com: capture": (
        "checkout-com",
        CAPTURED,
        "pay_vti5layihapu5bhbn5tjtk6eem",
        "2023-05-24T09:12:32.357Z",
        ("20", "EUR", "minor"),
    ),
    "gocardless: failed payment": ("gocardless", {"events": [FAILED]}, "PM123", "2014-04-08T17:01:06.000Z", None),
    "mollie: capture": (
        "mollie",
        MOLLIE_CAPTURE,
        "tr_5B8cwPMGnU6qLbRvo7qEZo",
        "2023-12-25T10:30:54.000Z",
        ("3595", "EUR", "minor"),
    ),
    "mollie: without a snapshot": (
        "mollie",
        {name: value for name, value in MOLLIE_CAPTURE.items() if name != "_embedded"},
        "cpt_vytxeTZskVKR7C7WgdSP3d",
        "2023-12-25T10:30:54.000Z",
        None,
    ),
    "razorpay: refund": (
        "razorpay",
        RAZORPAY_REFUND,
        "pay_FPoJKWQQ8lK13n",
        "2020-08-18T07:01:11.000Z",
        ("50000", "INR", "minor"),
    ),
    "razorpay: dispute": (
        "razorpay",
        RAZORPAY_DISPUTE,
        "pay_EFtmUsbwpXwBHI",
        "2020-05-21T11:06:51.000Z",
        ("39000", "INR", "minor"),
    ),
    "paddle: customer": (
        "paddle",
        PADDLE_CUSTOMER,
        "ctm_01hs0tqf76sxmp7ba5e4mw1sc8",
        "2024-03-15T10:32:38.286Z",
        None,
    ),
    "klarna: dispute": (
        "klarna",
        SENDERS["klarna"].events["payment.dispute.state-change.initiated"](7)[0],
        "krn:payment:eu1:transaction:6debe89e-98c0-486e-b7a5-000000000007",
        "2026-11-01T12:00:00.000Z",
        ("39900", "EUR", "minor"),
    ),
    "paystack: dispute": ("paystack", PAYSTACK_DISPUTE, "v3mjfgbnc19v97x", None, ("5800", "NGN", "minor")),
    "coinbase: pending": (
        "coinbase-commerce",
        COINBASE,
        "2aee9dd1-67b8-43ef-8dfe-977959850f27",
        "2023-08-30T19:29:20.000Z",
        ("100", "USD", "minor"),
    ),
    # https://docs.wise.com/features/webhooks-notifications/event-types
    "wise: credit of a balance": (
        "wise",
        {
            "event_type": "balances#credit",
            "data": {
                "resource": {"id": 111, "type": "balance-account"},
                "amount": 1.23,
                "currency": "EUR",
                "occurred_at": "2020-01-01T12:34:56Z",
            },
        },
        None,
        "2020-01-01T12:34:56.000Z",
        ("123", "EUR", "minor"),
    ),
}


@pytest.mark.parametrize(
    ("entry", "document", "transaction", "occurred_at", "amount"), DOCUMENTED.values(), ids=DOCUMENTED.keys()
)
def test_a_documented_payload_is_read(entry, document, transaction, occurred_at, amount):
    event = read(entry, document)

    assert event.transaction_id == (transaction or f"{entry}:{event.event_id}")
    assert event.occurred_at == occurred_at
    assert (event.amount, event.currency, event.amount_unit) == (amount or (None, None, None))


# --- several events in one body -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 250])
def test_gocardless_sends_up_to_250_events(number):
    events = read_all("gocardless", {"events": [{**FAILED, "id": f"EV{each}"} for each in range(number)]})

    assert [event.event_id for event in events] == [f"EV{each}" for each in range(number)]


@pytest.mark.parametrize(
    ("entry", "document"),
    [
        ("gocardless", {}),
        ("gocardless", {"events": []}),
        ("gocardless", {"events": {}}),
        ("gocardless", {"events": [FAILED, "EV1"]}),
        ("gocardless", {"events": [FAILED, {**FAILED, "id": None}]}),
        ("gocardless", {"events": [FAILED] * 251}),
        ("marqeta", {}),
        ("marqeta", {"transactions": []}),
        ("marqeta", {"transactions": {"token": "t1"}}),
        ("marqeta", {"transactions": [{"token": "t1"}, "t2"]}),
        ("marqeta", {"transactions": [{"type": "authorization"}]}),
        ("marqeta", {"transactions": [{"token": "t1"}] * 101}),
    ],
)
def test_a_body_without_events_or_with_something_else_is_refused_as_a_whole(entry, document):
    with pytest.raises(MalformedWebhookError):
        read_all(entry, document)


def test_marqeta_s_events_of_all_kinds_are_read():
    document = {
        "transactions": [
            {"token": "a1", "type": "authorization", "state": "PENDING"},
            {"token": "c1", "type": "authorization.clearing", "state": "COMPLETION"}
            | {"preceding_related_transaction_token": "a1"},
        ],
        "cardtransitions": [{"token": "x1", "state": "ACTIVE", "card_token": "card1"}],
        "chargebacktransitions": [{"token": "y1", "state": "INITIATED", "transaction_token": "a1"}],
    }

    assert [(event.event_id, event.event_type, event.transaction_id) for event in read_all("marqeta", document)] == [
        ("a1:transactions:authorization:PENDING", "transactions.authorization", "a1"),
        ("c1:transactions:authorization.clearing:COMPLETION", "transactions.authorization.clearing", "a1"),
        ("x1:cardtransitions:ACTIVE", "cardtransitions", "x1"),
        ("y1:chargebacktransitions:INITIATED", "chargebacktransitions", "a1"),
    ]


def test_marqeta_s_ping_is_an_event_that_is_always_the_same():
    # https://www.marqeta.com/docs/core-api/webhooks/ping
    ping = {"pings": [{"token": "marqeta", "payload": "healthcheck"}]}

    assert (read("marqeta", ping).event_id, read("marqeta", ping).event_type) == ("marqeta:pings", "pings")
