"""Whose money an event is about, whether it is real, and how much: from what each provider signs, in minor units."""

import json
from decimal import Decimal

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.currencies import DIGITS, in_minor_units
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.record_items import described, event_of
from tests.unit.providers.braintree_webhooks import xml_request
from tests.unit.webhooks import request

SHOP = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Shop-Domain": "acme.myshopify.com"}
BRAINTREE_SALE = xml_request(
    b"<notification><timestamp>2021-02-25T15:02:10Z</timestamp><kind>transaction_settled</kind><subject><transaction>"
    b"<id>t</id><merchant-account-id>acme_eur</merchant-account-id></transaction></subject></notification>"
).body
BRAINTREE_PARTNER = xml_request(
    b"<notification><source-merchant-id>12345</source-merchant-id><kind>granted_payment_method_revoked</kind>"
    b"<subject/></notification>"
).body


def body_of(document):
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def read(entry, document, headers=None, **options):
    provider = REGISTRY[entry].configured(options)
    given = {"webhook-id": "msg_1", **(headers or {})}
    return read_events(entry, provider, request(body_of(document), given))[0]


def stripe(**members):
    return {"id": "evt_1", "data": {"object": {"id": "pi_1"}}, **members}


def adyen(live="false", account="Acme", **item):
    one = {"pspReference": "A1", "eventCode": "CAPTURE", "success": "true", "merchantAccountCode": account, **item}
    return {"live": live, "notificationItems": [{"NotificationRequestItem": one}]}


def paypal(kind, resource):
    return {"id": "WH-1", "resource_type": kind, "resource": {"id": "1", **resource}}


# Entry, document, headers, mode, account, and what of both is not signed.
SAID = {
    "stripe: live, of the account itself": ("stripe", stripe(livemode=True), {}, ("live", None, None)),
    "stripe: test": ("stripe", stripe(livemode=False), {}, ("test", None, None)),
    "stripe: connected": ("stripe", stripe(livemode=True, account="acct_1"), {}, ("live", "acct_1", None)),
    "stripe: thin": ("stripe", {"id": "evt_1", "livemode": True, "context": "acct_2"}, {}, ("live", "acct_2", None)),
    "stripe: no boolean": ("stripe", stripe(livemode="yes"), {}, (None, None, None)),
    "adyen: test": ("adyen", adyen(), {}, ("test", "Acme", "mode")),
    "adyen: live": ("adyen", adyen("true"), {}, ("live", "Acme", "mode")),
    "adyen: a boolean": ("adyen", adyen(True), {}, ("live", "Acme", "mode")),
    "adyen: in a text": ("adyen", adyen("true", merchantReference='"live":"false"'), {}, ("live", "Acme", "mode")),
    "adyen: both": ("adyen", b'{"x":{"live":"true"},' + body_of(adyen())[1:], {}, ("test", "Acme", "mode")),
    "adyen-platform: transfer": (
        "adyen-platform",
        {"environment": "live", "data": {"accountHolder": {"id": "AH1"}, "balanceAccount": {"id": "BA1"}}},
        {},
        ("live", "AH1", None),
    ),
    "adyen-platform: token": (
        "adyen-platform",
        {"environment": "test", "data": {"merchantAccount": "Acme"}},
        {},
        ("test", "Acme", None),
    ),
    "adyen-platform: relayed authorisation": (
        "adyen-platform",
        {"environment": "live", "id": "1", "accountHolder": {"id": "AH1"}, "balanceAccount": {"id": "BA1"}},
        {},
        ("live", "AH1", None),
    ),
    "adyen-platform: offer of a grant": (
        "adyen-platform",
        {"id": "1", "accountHolderId": "AH1"},
        {},
        (None, "AH1", None),
    ),
    "adyen-platform: classic": ("adyen-platform", {"live": False, "content": {}}, {}, ("test", None, None)),
    "adyen-platform: both": ("adyen-platform", {"environment": "live", "live": "false"}, {}, ("test", None, None)),
    "paypal: capture": ("paypal", paypal("capture", {"payee": {"merchant_id": "M1"}}), {}, ("live", "M1", None)),
    "paypal: order": (
        "paypal",
        paypal("checkout-order", {"purchase_units": [{"payee": {"merchant_id": "M1"}}]}),
        {},
        ("live", "M1", None),
    ),
    "paypal: refund": ("paypal", paypal("refund", {"payer": {"merchant_id": "M1"}}), {}, ("live", "M1", None)),
    "paypal: payer of an order": (
        "paypal",
        paypal("order", {"payer": {"merchant_id": "B1"}}),
        {},
        ("live", None, None),
    ),
    "paypal: dispute": (
        "paypal",
        paypal("dispute", {"disputed_transactions": [{"seller": {"merchant_id": "M1"}}]}),
        {},
        ("live", "M1", None),
    ),
    "braintree": ("braintree", BRAINTREE_SALE, {}, (None, "acme_eur", None)),
    "braintree: of a partner": ("braintree", BRAINTREE_PARTNER, {}, (None, "12345", None)),
    "shopify: order": ("shopify", {"id": 1, "test": False}, SHOP, ("live", "acme.myshopify.com", "account")),
    "shopify: test order": ("shopify", {"id": 1, "test": True}, SHOP, ("test", "acme.myshopify.com", "account")),
    "shopify: refund": (
        "shopify",
        {"order_id": 1, "transactions": [{"test": True}]},
        SHOP,
        ("test", "acme.myshopify.com", "account"),
    ),
    "shopify: refund of several payments": (
        "shopify",
        {"order_id": 1, "transactions": [{"test": False}, {"test": True}]},
        SHOP,
        ("test", "acme.myshopify.com", "account"),
    ),
    "shopify: live refund of several payments": (
        "shopify",
        {"order_id": 1, "transactions": [{"test": False}, {"test": False}]},
        SHOP,
        ("live", "acme.myshopify.com", "account"),
    ),
    "shopify: a payment that does not say it": (
        "shopify",
        {"order_id": 1, "transactions": [{"test": False}, {}]},
        SHOP,
        (None, "acme.myshopify.com", "account"),
    ),
    "shopify: test payment of an order": (
        "shopify",
        {"id": 1, "test": False, "transactions": [{"test": True}]},
        SHOP,
        ("test", "acme.myshopify.com", "account"),
    ),
    "shopify: shop": ("shopify", {"myshopify_domain": "a.myshopify.com"}, SHOP, (None, "a.myshopify.com", None)),
    "square: production": (
        "square",
        {"event_id": "e", "merchant_id": "M1"},
        {"square-environment": "Production"},
        ("live", "M1", "mode"),
    ),
    "square: sandbox": ("square", {"event_id": "e"}, {"square-environment": "Sandbox"}, ("test", None, "mode")),
    "checkout-com": ("checkout-com", {"id": "e", "data": {"entity_id": "ent_1"}}, {}, (None, "ent_1", None)),
    "gocardless": ("gocardless", {"events": [{"id": "E", "links": {"organisation": "OR1"}}]}, {}, (None, "OR1", None)),
    "mollie": (
        "mollie",
        {"id": "event_1", "_embedded": {"entity": {"mode": "test", "profileId": "pfl_1"}}},
        {},
        ("test", "pfl_1", None),
    ),
    "mollie: simple payload": ("mollie", {"id": "event_1"}, {}, (None, None, None)),
    "razorpay": ("razorpay", {"account_id": "acc_1"}, {}, (None, "acc_1", None)),
    "paddle": ("paddle", {"event_id": "e"}, {}, (None, None, None)),
    "klarna": (
        "klarna",
        {"metadata": {"event_id": "e", "live": False, "subject_account_id": "k", "recipient_account_id": "a"}},
        {},
        ("test", "k", None),
    ),
    "wise": ("wise", {"data": {"resource": {"profile_id": 16055450}}}, {}, (None, "16055450", None)),
    "marqeta": ("marqeta", {"transactions": [{"token": "t"}]}, {}, (None, None, None)),
    "lithic": ("lithic", {}, {}, (None, None, None)),
    "paystack": ("paystack", {"data": {"domain": "live", "integration": 463433}}, {}, ("live", "463433", None)),
    "paystack: transfer": (
        "paystack",
        {"data": {"domain": "test", "integration": {"id": 463433, "is_live": True}}},
        {},
        ("test", "463433", None),
    ),
    "coinbase-commerce": ("coinbase-commerce", {"event": {"id": "e"}}, {}, (None, None, None)),
    "github": ("github", {"sponsorship": {"sponsorable": {"login": "octocat"}}}, {}, (None, "octocat", None)),
    "standard-webhooks": ("standard-webhooks", {}, {}, (None, None, None)),
    "standard-webhooks-ed25519": ("standard-webhooks-ed25519", {}, {}, (None, None, None)),
    "generic": ("generic", {"id": "e", "mode": "test", "account": "a"}, {}, ("test", "a", None)),
    "generic-timestamped": ("generic-timestamped", {"id": "e", "mode": "live"}, {}, ("live", None, None)),
}


@pytest.mark.parametrize(("entry", "document", "headers", "expected"), SAID.values(), ids=SAID)
def test_an_event_says_whose_money_it_is_and_whether_it_is_real(entry, document, headers, expected):
    event = read(entry, document, headers)

    assert (event.mode, event.account, event.unsigned) == expected


def test_the_table_has_every_entry():
    assert {entry for entry, *_ in SAID.values()} == set(REGISTRY)


# Entry, document and headers, options, and the same.
DEPLOYED = {
    "a mode that nobody else says": ("razorpay", {}, {}, {"mode": "live"}, ("live", None, None)),
    "an account that nobody else says": ("stripe", stripe(), {}, {"account": "acct_0"}, (None, "acct_0", None)),
    "a signed account comes first": ("stripe", stripe(account="acct_1"), {}, {"account": "x"}, (None, "acct_1", None)),
    "an unsigned account does not": ("shopify", {"id": 1}, SHOP, {"account": "b.x.com"}, (None, "b.x.com", None)),
    "key and body say live": ("adyen", adyen("true"), {}, {"mode": "live"}, ("live", "Acme", None)),
    "a test item under a live key": ("adyen", adyen("false"), {}, {"mode": "live"}, ("test", "Acme", "mode")),
    "a live item under a test key": ("adyen", adyen("true"), {}, {"mode": "test"}, ("test", "Acme", None)),
    "signed test under a live key": ("stripe", stripe(livemode=False), {}, {"mode": "live"}, ("test", None, None)),
    "a test refund of several payments under a live key": (
        "shopify",
        {"order_id": 1, "transactions": [{"test": True}, {"test": True}]},
        SHOP,
        {"mode": "live"},
        ("test", "acme.myshopify.com", "account"),
    ),
    "a body that says both under a live key": (
        "adyen",
        adyen("false", additionalData={"live": "true"}),
        {},
        {"mode": "live"},
        ("test", "Acme", "mode"),
    ),
    "paypal's live environment, told to be a test": (
        "paypal",
        paypal("sale", {}),
        {},
        {"mode": "test"},
        ("test", None, None),
    ),
    "paypal's sandbox, told to be live": (
        "paypal",
        paypal("sale", {}),
        {},
        {"environment": "sandbox", "mode": "live"},
        ("test", None, None),
    ),
    "paypal's sandbox": ("paypal", paypal("sale", {}), {}, {"environment": "sandbox"}, ("test", None, None)),
}


@pytest.mark.parametrize(("entry", "document", "headers", "options", "expected"), DEPLOYED.values(), ids=DEPLOYED)
def test_a_deployment_says_what_the_sender_does_not_sign(entry, document, headers, options, expected):
    event = read(entry, document, headers, **options)

    assert (event.mode, event.account, event.unsigned) == expected


STRIPE, ADYEN, CHECKOUT, PADDLE, PAYSTACK = (
    REGISTRY[name].amount.digits for name in ("stripe", "adyen", "checkout-com", "paddle", "paystack")
)
# What the provider writes, and what it is: the amount and the digits of its unit.
AMOUNTS = [
    ("1099", "EUR", "minor", {}, (1099, 2)),
    ("10.99", "EUR", "major", {}, (1099, 2)),
    ("-0.5", "EUR", "major", {}, (-50, 2)),
    ("0", "EUR", "major", {}, (0, 2)),
    ("500", "JPY", "minor", {}, (500, 0)),
    ("500.00", "JPY", "major", {}, (500, 0)),
    ("5120", "KWD", "minor", {}, (5120, 3)),
    ("5.12", "KWD", "major", {}, (5120, 3)),
    ("1.5", "CLF", "major", {}, (15000, 4)),
    # More digits than the currency has: nothing is rounded.
    ("10.005", "EUR", "major", {}, (10005, 3)),
    ("0.5", "JPY", "major", {}, (5, 1)),
    ("12345678901234567890.12345678", "EUR", "major", {}, (1234567890123456789012345678, 8)),
    # Stripe counts these with two digits, and the ariary with none.
    ("500", "ISK", "minor", STRIPE, (5, 0)),
    ("500", "UGX", "minor", STRIPE, (5, 0)),
    ("555", "UGX", "minor", STRIPE, (555, 2)),
    ("500", "MGA", "minor", STRIPE, (50000, 2)),
    ("500", "XOF", "minor", STRIPE, (500, 0)),
    ("1000", "TWD", "minor", STRIPE, (1000, 2)),
    ("1000", "HUF", "minor", STRIPE, (1000, 2)),
    ("5120", "KWD", "minor", STRIPE, (5120, 3)),
    # Adyen
    ("1000", "CLP", "minor", ADYEN, (10, 0)),
    ("1000", "ISK", "minor", ADYEN, (10, 0)),
    ("1000", "IDR", "minor", ADYEN, (100000, 2)),
    ("1000", "CVE", "minor", ADYEN, (100000, 2)),
    # Checkout.com
    ("1000", "CLP", "minor", CHECKOUT, (10, 0)),
    ("1000", "ISK", "minor", CHECKOUT, (1000, 0)),
    ("5120", "KWD", "minor", CHECKOUT, (5120, 3)),
    # Paddle
    ("1000", "JPY", "minor", PADDLE, (1000, 0)),
    ("1000", "KRW", "minor", PADDLE, (1000, 0)),
    # Paystack counts each currency in hundredths.
    ("1000", "XOF", "minor", PAYSTACK, (10, 0)),
    ("1000", "RWF", "minor", PAYSTACK, (10, 0)),
    # What the provider counts in is not documented; what the currency has is not known.
    *(("1000", currency, "minor", STRIPE, None) for currency in ("CLF", "IQD", "LYD", "UYI", "UYW")),
    *(("1000", currency, "minor", ADYEN, None) for currency in ("BIF", "CLF", "UYI", "UYW")),
    *(("1000", currency, "minor", CHECKOUT, None) for currency in ("CLF", "UYI", "UYW")),
    *(("1000", currency, "minor", PADDLE, None) for currency in ("CLP", "VND")),
    ("0.00000001", "BTC", "major", {}, None),
]


@pytest.mark.parametrize(("value", "currency", "unit", "own", "expected"), AMOUNTS)
def test_an_amount_is_in_the_minor_unit_of_its_currency(value, currency, unit, own, expected):
    found = in_minor_units(value, currency, unit, own)

    assert found == (None if expected is None else (str(expected[0]), expected[1]))


def test_the_digits_of_iso_4217():
    of = {digits: {code for code, has in DIGITS.items() if has == digits} for digits in set(DIGITS.values())}
    assert set(of) == {0, 2, 3, 4}
    assert {"JPY", "KRW", "CLP", "ISK", "UGX", "XOF", "XAF", "XPF", "PYG", "VND"} <= of[0]
    assert of[3] == {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
    assert sum(map(len, of.values())) == len(DIGITS) > 160


@pytest.mark.parametrize(
    ("entry", "document"),
    [
        ("stripe", stripe(data={"object": {"id": "pi_1", "amount": 500, "currency": "isk"}})),
        ("adyen", adyen(amount={"value": 500, "currency": "ISK"})),
        ("adyen-platform", {"data": {"amount": {"value": 500, "currency": "ISK"}}}),
    ],
)
def test_a_provider_s_own_digits_are_used_for_its_events(entry, document):
    event = read(entry, document)

    assert (event.amount, event.currency, event.amount_unit, event.exponent) == ("5", "ISK", "minor", 0)


@pytest.mark.parametrize(
    ("written", "amount", "exponent"),
    [
        ("1e5", "10000000", 2),
        ("1.5E+3", "150000", 2),
        ("0.0000001", "1", 7),
        ("1E-7", "1", 7),
        ("0.00000000", "0", 2),
        # More digits than any currency needs.
        ("1e-9", None, None),
        ("1e20", None, None),
        ("1e999999999", None, None),
        ("1e-999999999", None, None),
        ("true", None, None),
    ],
)
def test_a_number_is_read_however_json_writes_it(written, amount, exponent):
    event = read("generic", b'{"id":"e","currency":"EUR","amount":%s}' % written.encode())

    assert (event.amount, event.exponent) == (amount, exponent)


def test_an_amount_of_a_currency_that_is_not_known_stays_as_it_is_written():
    event = read("generic", {"id": "e", "amount": "0.5", "currency": "BTC"})

    assert (event.amount, event.currency, event.amount_unit, event.exponent) == ("0.5", "BTC", "major", None)
    assert described(event)["amount"] == "0.5"


# --- as a record and as a message -----------------------------------------------------------------------------------

RECORD = {"provider": "p", "eventId": "e", "eventType": "t", "transactionId": "x", "timestamp": "-"}


def test_a_record_keeps_it_all():
    event = read("shopify", {"id": 1, "test": True, "total_price": "10.00", "currency": "EUR"}, SHOP)

    named = described(event)
    # DynamoDB returns numbers as decimals.
    found = event_of({**RECORD, **named, "amount": Decimal(named["amount"]), "exponent": Decimal(named["exponent"])})

    assert named == {
        "occurredAt": None,
        "amount": 1000,
        "currency": "EUR",
        "amountUnit": "minor",
        "exponent": 2,
        "mode": "test",
        "account": "acme.myshopify.com",
        "unsigned": "account",
    }
    assert described(found) == named


def test_yesterday_s_record_is_read_as_it_is():
    event = event_of({**RECORD, "amount": "10.00", "currency": "EUR", "amountUnit": "major"})

    assert (event.amount, event.amount_unit, event.exponent, event.mode) == ("10.00", "major", None, None)
    assert described(event) == {"occurredAt": None, "amount": "10.00", "currency": "EUR", "amountUnit": "major"}
