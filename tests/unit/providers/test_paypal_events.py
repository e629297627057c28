"""Which transaction each of PayPal's events belongs to, by its own object model.

The documents are made after the samples of https://developer.paypal.com/api/rest/webhooks/event-names/ and the objects
of https://developer.paypal.com/docs/api/payments/v2/ and https://developer.paypal.com/api/customer-disputes/v1/ .
An invoice is in the resource, or is the resource: https://developer.paypal.com/api/invoicing/webhooks has the latter.
"""

import json

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from tests.unit.providers.paypal_world import delivery

API = "https://api.paypal.com"


def read(event_type, resource_type, resource, **changes):
    document = {
        "id": "WH-1",
        "create_time": "2026-09-21T14:13:18.439Z",
        "event_type": event_type,
        "resource_type": resource_type,
        "resource": resource,
    }
    (event,) = read_events("paypal", REGISTRY["paypal"], delivery(json.dumps(document | changes).encode(), {}))
    return event


def up(path):
    return [{"href": f"{API}/v2/x/self", "rel": "self"}, {"href": f"{API}{path}", "rel": "up", "method": "GET"}]


ORDER = {"related_ids": {"order_id": "O1"}}
AMOUNT = {"currency_code": "EUR", "value": "30.00"}
EVENTS = {
    # One payment: all that happens to the money says the capture.
    "capture": (
        "PAYMENT.CAPTURE.COMPLETED",
        "capture",
        {"id": "C1", "amount": AMOUNT, "supplementary_data": ORDER},
        "C1",
    ),
    "capture denied": ("PAYMENT.CAPTURE.DENIED", "capture", {"id": "C1", "links": up("/v2/checkout/orders/O1")}, "C1"),
    "refund": ("PAYMENT.CAPTURE.REFUNDED", "refund", {"id": "R1", "links": up("/v2/payments/captures/C1")}, "C1"),
    "reversal": ("PAYMENT.CAPTURE.REVERSED", "refund", {"id": "R2", "links": up("/v2/payments/captures/C1")}, "C1"),
    "dispute": (
        "CUSTOMER.DISPUTE.CREATED",
        "dispute",
        {"dispute_id": "PP-D-1", "disputed_transactions": [{"seller_transaction_id": "C1"}], "dispute_amount": AMOUNT},
        "C1",
    ),
    # Before the money moves: the order.
    "order": ("CHECKOUT.ORDER.APPROVED", "checkout-order", {"id": "O1", "purchase_units": [{"amount": AMOUNT}]}, "O1"),
    "authorization": (
        "PAYMENT.AUTHORIZATION.CREATED",
        "authorization",
        {"id": "A1", "supplementary_data": ORDER},
        "O1",
    ),
    "authorization without an order": ("PAYMENT.AUTHORIZATION.VOIDED", "authorization", {"id": "A1"}, "A1"),
    "approval reversed": (
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
        "checkout-order",
        {"order_id": "O1", "purchase_units": [{"reference_id": "d9f80740", "custom_id": "C", "invoice_id": "I"}]},
        "O1",
    ),
    # A payout is what the merchant made at once: a batch, which each of its items names.
    "payout batch": (
        "PAYMENT.PAYOUTSBATCH.SUCCESS",
        "payouts",
        {"batch_header": {"payout_batch_id": "CQGA9SFAU8WSN", "batch_status": "SUCCESS"}},
        "CQGA9SFAU8WSN",
    ),
    "payout item": (
        "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
        "payouts_item",
        {"payout_item_id": "AYNYWNCHBD8KS", "payout_batch_id": "CQGA9SFAU8WSN", "transaction_id": "57J64166G9424913F"},
        "CQGA9SFAU8WSN",
    ),
    "payout item without a batch": ("PAYMENT.PAYOUTS-ITEM.HELD", "payouts_item", {"payout_item_id": "A1"}, "A1"),
    # What a marketplace held back of a capture is disbursed.
    "referenced payout": (
        "PAYMENT.REFERENCED-PAYOUT-ITEM.COMPLETED",
        "referenced-payouts-item",
        {"item_id": "RP1", "reference_id": "C1", "reference_type": "TRANSACTION_ID", "payout_transaction_id": "T"},
        "C1",
    ),
    "referenced payout of something else": (
        "PAYMENT.REFERENCED-PAYOUT-ITEM.FAILED",
        "referenced-payouts-item",
        {"item_id": "RP1", "reference_id": "X", "reference_type": "OTHER"},
        "RP1",
    ),
    "invoice": ("INVOICING.INVOICE.PAID", "invoices", {"invoice": {"id": "INV2-1", "status": "PAID"}}, "INV2-1"),
    "invoice by itself": ("INVOICING.INVOICE.PAID", "invoices", {"id": "INV2-1"}, "INV2-1"),
    "merchant": (
        "MERCHANT.ONBOARDING.COMPLETED",
        "merchant-onboarding",
        {"partner_client_id": "P", "merchant_id": "M1", "tracking_id": "T1"},
        "M1",
    ),
    "managed account": (
        "CUSTOMER.MANAGED-ACCOUNT.ACCOUNT-CREATED",
        "managed-accounts",
        {"account_id": "7G4EPEEPEF74L", "external_id": "external_id_353535335"},
        "7G4EPEEPEF74L",
    ),
    # The first version of the API, in which subscriptions are still paid.
    "sale": ("PAYMENT.SALE.COMPLETED", "sale", {"id": "S1", "billing_agreement_id": "I-1"}, "S1"),
    "refund of a sale": ("PAYMENT.SALE.REFUNDED", "refund", {"id": "R3", "sale_id": "S1", "links": []}, "S1"),
    "refund of a first-version capture": ("PAYMENT.CAPTURE.REFUNDED", "refund", {"id": "R4", "capture_id": "C9"}, "C9"),
    "subscription": ("BILLING.SUBSCRIPTION.ACTIVATED", "subscription", {"id": "I-1"}, "I-1"),
    # What says nothing is a transaction of its own.
    "refund of nothing": ("PAYMENT.CAPTURE.REFUNDED", "refund", {"id": "R5", "links": up("/v2/other/X")}, "R5"),
    "dispute of nothing": ("CUSTOMER.DISPUTE.CREATED", "dispute", {"dispute_id": "PP-D-2"}, "PP-D-2"),
    "nothing": ("X", "x", {}, "paypal:WH-1"),
}


@pytest.mark.parametrize(("event_type", "kind", "resource", "transaction"), EVENTS.values(), ids=EVENTS.keys())
def test_an_event_belongs_to(event_type, kind, resource, transaction):
    event = read(event_type, kind, resource)

    assert (event.event_id, event.event_type, event.transaction_id) == ("WH-1", event_type, transaction)
    assert event.occurred_at == "2026-09-21T14:13:18.439Z"


AMOUNTS = {
    "capture": ("capture", {"amount": {"value": "30.00", "currency_code": "EUR"}}, ("3000", "EUR", "minor")),
    "yen": ("capture", {"amount": {"value": "3000", "currency_code": "JPY"}}, ("3000", "JPY", "minor")),
    "sale": ("sale", {"amount": {"total": "6.01", "currency": "USD"}}, ("601", "USD", "minor")),
    "dispute": ("dispute", {"dispute_amount": {"value": "9.00", "currency_code": "USD"}}, ("900", "USD", "minor")),
    "payout batch": (
        "payouts",
        {"batch_header": {"amount": {"value": "25.0", "currency": "CAD"}, "fees": {"value": "0.5", "currency": "CAD"}}},
        ("2500", "CAD", "minor"),
    ),
    "payout item": (
        "payouts_item",
        {
            "payout_item": {"amount": {"value": "1.0", "currency": "USD"}},
            "payout_item_fee": {"value": "0.25", "currency": "USD"},
        },
        ("100", "USD", "minor"),
    ),
    "referenced payout": (
        "referenced-payouts-item",
        {"payout_amount": {"value": "400.00", "currency_code": "USD"}},
        ("40000", "USD", "minor"),
    ),
    "invoice": (
        "invoices",
        {"invoice": {"amount": {"value": "74.21", "currency_code": "USD"}, "due_amount": {"value": "1.00"}}},
        ("7421", "USD", "minor"),
    ),
    "invoice of the first version": (
        "invoices",
        {"invoice": {"total_amount": {"value": "3.00", "currency": "USD"}}},
        ("300", "USD", "minor"),
    ),
    "invoice by itself": (
        "invoices",
        {"amount": {"value": "250.00", "currency_code": "USD"}, "payments": [{"amount": {"value": "1.00"}}]},
        ("25000", "USD", "minor"),
    ),
    "no place of an amount": ("x", {"total_amount": {"value": "3.00", "currency": "USD"}}, (None, None, None)),
    "none": ("checkout-order", {}, (None, None, None)),
    "no number": ("capture", {"amount": {"value": "1e3", "currency_code": "EUR"}}, (None, None, None)),
    "no currency": ("capture", {"amount": {"value": "1.00"}}, (None, None, None)),
}


@pytest.mark.parametrize(("kind", "resource", "expected"), AMOUNTS.values(), ids=AMOUNTS.keys())
def test_an_amount_is_read_in_minor_units(kind, resource, expected):
    event = read("X", kind, {"id": "1", **resource})

    assert (event.amount, event.currency, event.amount_unit) == expected


HOSTILE_LINKS = [
    None,
    "x",
    {"href": "x"},
    [None, 5, "x", []],
    [{"rel": "up"}],
    [{"rel": "up", "href": None}],
    [{"rel": "up", "href": 5}],
    [{"rel": "up", "href": ""}],
    [{"rel": "up", "href": "/"}],
    [{"rel": "up", "href": "/captures/"}],
    [{"rel": "up", "href": "captures/C2"}],
    [{"rel": "up", "href": f"{API}/v2/payments/captures/C 2"}],
    [{"rel": "up", "href": f"{API}/v2/payments/captures/\u0421"}],
    [{"rel": "up", "href": f"{API}/v2/payments/captures/" + "C" * 257}],
    [{"rel": "self", "href": f"{API}/v2/payments/captures/C2"}],
]


@pytest.mark.parametrize("links", HOSTILE_LINKS, ids=lambda links: json.dumps(links)[:50])
def test_links_that_are_none_leave_the_refund_by_itself(links):
    assert read("PAYMENT.CAPTURE.REFUNDED", "refund", {"id": "R1", "links": links}).transaction_id == "R1"


@pytest.mark.parametrize(
    "listed", [None, "x", {}, [], [None], [5], [{}], [{"seller_transaction_id": None}]], ids=json.dumps
)
def test_a_dispute_that_lists_no_transaction_is_by_itself(listed):
    resource = {"dispute_id": "PP-D-1", "disputed_transactions": listed}

    assert read("CUSTOMER.DISPUTE.CREATED", "dispute", resource).transaction_id == "PP-D-1"
