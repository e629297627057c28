"""Stripe's object model: which events belong to one payment, and how much it is about."""

import json
import time

import pytest
import stripe

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from tests.unit.webhooks import OTHER_SECRET, SECRETS, request
from tools.senders import SENDERS, Signing

SECRET = SECRETS["stripe"]


def read(document):
    body = json.dumps({"id": "evt_1", "type": "x", **document}).encode()
    (event,) = read_events("stripe", REGISTRY["stripe"], request(body, {}))
    return event


def about(**members):
    return read({"data": {"object": members}})


@pytest.mark.parametrize("event", SENDERS["stripe"].events)
def test_stripe_s_package_makes_an_event_of_what_we_send(event):
    # The package reads the clock itself, so that nothing but the present can be signed for it.
    sent = SENDERS["stripe"].webhook(Signing(secret=SECRET, now=int(time.time()), number=7), event=event)
    header = sent.headers["Stripe-Signature"]

    # Stripe calls a thin event a notification.
    thin = stripe.StripeClient("sk_test_1").parse_event_notification
    parse = thin if event.startswith("v1.") else stripe.Webhook.construct_event
    made = parse(sent.body, header, SECRET)
    read_event = read(json.loads(sent.body))

    assert (made.id, made.type) == (read_event.event_id, read_event.event_type)
    assert read_event.transaction_id == sent.transaction_id == "pi_3Demo000007"
    with pytest.raises(stripe.SignatureVerificationError):
        parse(sent.body, header, OTHER_SECRET)


# https://docs.stripe.com/api, the page of each object.
TRANSACTIONS = {
    "payment intent": ({"object": "payment_intent", "id": "pi_1", "latest_charge": "ch_1"}, "pi_1"),
    "charge": ({"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "invoice": "in_1"}, "pi_1"),
    "charge without payment intent": (
        {"object": "charge", "id": "ch_1", "payment_intent": None, "invoice": "in_1"},
        "ch_1",
    ),
    "refund": ({"object": "refund", "id": "re_1", "payment_intent": "pi_1", "charge": "ch_1"}, "pi_1"),
    "refund without payment intent": (
        {"object": "refund", "id": "re_1", "payment_intent": None, "charge": "ch_1"},
        "ch_1",
    ),
    "refund of neither": ({"object": "refund", "id": "re_1", "payment_intent": None, "charge": None}, "re_1"),
    "dispute": ({"object": "dispute", "id": "du_1", "payment_intent": "pi_1", "charge": "ch_1"}, "pi_1"),
    "dispute without payment intent": (
        {"object": "dispute", "id": "du_1", "payment_intent": None, "charge": "ch_1"},
        "ch_1",
    ),
    "review": ({"object": "review", "id": "prv_1", "payment_intent": "pi_1", "charge": "ch_1"}, "pi_1"),
    "early fraud warning": (
        {"object": "radar.early_fraud_warning", "id": "issfr_1", "charge": "ch_1", "payment_intent": "pi_1"},
        "pi_1",
    ),
    "application fee": ({"object": "application_fee", "id": "fee_1", "charge": "ch_1"}, "ch_1"),
    "checkout in payment mode": (
        {"object": "checkout.session", "id": "cs_1", "payment_intent": "pi_1", "invoice": "in_1"},
        "pi_1",
    ),
    "checkout in subscription mode": (
        {"object": "checkout.session", "id": "cs_1", "payment_intent": None, "invoice": "in_1"},
        "in_1",
    ),
    "checkout in setup mode": (
        {"object": "checkout.session", "id": "cs_1", "payment_intent": None, "invoice": None},
        "cs_1",
    ),
    "invoice up to 2025-02-24": ({"object": "invoice", "id": "in_1", "payment_intent": "pi_1"}, "pi_1"),
    "invoice since 2025-03-31": ({"object": "invoice", "id": "in_1", "payments": {"data": []}}, "in_1"),
    "invoice payment": (
        {
            "object": "invoice_payment",
            "id": "inpay_1",
            "invoice": "in_1",
            "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        },
        "pi_1",
    ),
    "invoice payment by a charge": (
        {
            "object": "invoice_payment",
            "id": "inpay_1",
            "invoice": "in_1",
            "payment": {"type": "charge", "charge": "ch_1"},
        },
        "ch_1",
    ),
    "credit note": ({"object": "credit_note", "id": "cn_1", "invoice": "in_1"}, "cn_1"),
    "payout": ({"object": "payout", "id": "po_1", "original_payout": None, "reversed_by": "po_2"}, "po_1"),
    "payout that reverses another": ({"object": "payout", "id": "po_2", "original_payout": "po_1"}, "po_1"),
    "customer": ({"object": "customer", "id": "cus_1"}, "cus_1"),
    "expanded payment intent": ({"object": "charge", "id": "ch_1", "payment_intent": {"id": "pi_1"}}, "pi_1"),
}


@pytest.mark.parametrize(("members", "transaction_id"), TRANSACTIONS.values(), ids=TRANSACTIONS.keys())
def test_the_transaction_is_the_payment_intent_or_the_nearest_that_is_named(members, transaction_id):
    assert about(**members).transaction_id == transaction_id


# https://docs.stripe.com/api/v2/core/events/event-types
THIN = {
    "payment intent": ("v1.payment_intent.succeeded", {"id": "pi_1", "type": "payment_intent"}, "pi_1"),
    # It does not name the PaymentIntent.
    "charge": ("v1.charge.refunded", {"id": "ch_1", "type": "charge"}, "ch_1"),
    "meter": ("v1.billing.meter.error_report_triggered", {"id": "mtr_1", "type": "billing.meter"}, "mtr_1"),
    "account": ("v2.core.account.updated", {"id": "acct_1", "type": "v2.core.account"}, "acct_1"),
    "the only one of its kind": ("v1.tax.settings.updated", {"type": "tax.settings", "url": "/v1/tax/settings"}, None),
    "none": ("v1.billing.meter.no_meter_found", None, None),
}


@pytest.mark.parametrize(("event_type", "related", "transaction_id"), THIN.values(), ids=THIN.keys())
def test_a_thin_event_is_recorded_with_what_it_names(event_type, related, transaction_id):
    event = read(
        {
            "id": "evt_test_65R",
            "object": "v2.core.event",
            "type": event_type,
            "created": "2024-09-17T06:20:52.246Z",
            "livemode": False,
            "context": None,
            "related_object": related,
            "changes": {"before": {"id": "pi_2", "amount": 1}, "after": {"amount": 2}},
        }
    )

    assert (event.event_id, event.event_type) == ("evt_test_65R", event_type)
    assert event.transaction_id == (transaction_id or "stripe:evt_test_65R")
    assert event.occurred_at == "2024-09-17T06:20:52.246Z"
    assert event.amount is None


def test_a_thin_event_and_the_snapshot_of_it_are_two_events_of_one_transaction():
    thin, snapshot = (
        read(SENDERS["stripe"].events[event](7)[0])
        for event in ("v1.payment_intent.succeeded", "payment_intent.succeeded")
    )

    assert thin.key != snapshot.key
    assert thin.transaction_id == snapshot.transaction_id


AMOUNTS = {
    "payment intent": ({"object": "payment_intent", "amount": 1099, "amount_received": 0}, "1099"),
    # Of the charge, whatever was refunded of it.
    "charge": ({"object": "charge", "amount": 1099, "amount_refunded": 100, "amount_captured": 1099}, "1099"),
    "refund": ({"object": "refund", "amount": 100}, "100"),
    "dispute": ({"object": "dispute", "amount": 1000}, "1000"),
    "payout": ({"object": "payout", "amount": -500, "status": "paid"}, "-500"),
    "checkout": ({"object": "checkout.session", "amount_subtotal": 2000, "amount_total": 2198}, "2198"),
    "invoice that is open": (
        {"object": "invoice", "status": "open", "amount_due": 1000, "amount_paid": 0, "amount_remaining": 1000},
        "1000",
    ),
    "invoice that is paid": ({"object": "invoice", "status": "paid", "amount_due": 1000, "amount_paid": 1000}, "1000"),
    "invoice that is paid by more": (
        {"object": "invoice", "status": "paid", "amount_due": 1000, "amount_paid": 1200},
        "1200",
    ),
    "invoice payment that is open": (
        {"object": "invoice_payment", "status": "open", "amount_paid": None, "amount_requested": 700},
        "700",
    ),
    "invoice payment that is paid": (
        {"object": "invoice_payment", "status": "paid", "amount_paid": 600, "amount_requested": 700},
        "600",
    ),
    "nought": ({"object": "payment_intent", "amount": 0}, "0"),
    "customer": ({"object": "customer", "balance": 5}, None),
    "text": ({"object": "charge", "amount": "ten"}, None),
}


@pytest.mark.parametrize(("members", "amount"), AMOUNTS.values(), ids=AMOUNTS.keys())
def test_the_amount_is_that_of_the_object_in_minor_units(members, amount):
    event = about(id="x_1", currency="eur", **members)

    assert (event.amount, event.currency, event.amount_unit) == (
        (None, None, None) if amount is None else (amount, "EUR", "minor")
    )


def test_an_amount_without_its_currency_is_none():
    assert about(id="pi_1", amount=1099).amount is None
