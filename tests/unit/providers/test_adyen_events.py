"""What Adyen's webhooks say, read by Adyen's object model."""

import hashlib
import json

import pytest

from lambdas.inbound.event import UNKNOWN_TYPE, read_events
from lambdas.inbound.providers.entry import AcceptedResponse
from lambdas.inbound.providers.registry import REGISTRY
from tests.unit.providers.adyen_webhooks import KEY, REFUND, body_request, changed, items_request, signed, without
from tests.unit.providers.outcome import events_of, outcome
from tests.unit.webhooks import request

PAYMENT = "7914073381342284"


def read(item):
    (event,) = events_of("adyen", items_request(signed(item)), [KEY])
    return event


def read_platform(document):
    (event,) = events_of("adyen-platform", body_request(json.dumps(document).encode()), [KEY])
    return event


# --- payments -------------------------------------------------------------------------------------------------------


def of(event_code, psp, original="", **fields):
    return {**REFUND, "eventCode": event_code, "pspReference": psp, "originalReference": original, **fields}


# https://docs.adyen.com/online-payments/refund and the pages beside it: modifications have a reference of their own;
# https://docs.adyen.com/risk-management/disputes-api/dispute-notifications/: so has a dispute, through all its events.
LIFE_OF_A_PAYMENT = {
    "authorised": of("AUTHORISATION", PAYMENT),
    "captured": of("CAPTURE", "8825408195409501", PAYMENT),
    "capture failed": of("CAPTURE_FAILED", "8825408195409501", PAYMENT),
    "refunded": of("REFUND", "8825408195409502", PAYMENT),
    "refund failed": of("REFUND_FAILED", "8825408195409502", PAYMENT),
    "cancelled": of("CANCELLATION", "8825408195409503", PAYMENT),
    "dispute opened": of("NOTIFICATION_OF_CHARGEBACK", "9915555555555555", PAYMENT),
    "dispute lost": of("CHARGEBACK", "9915555555555555", PAYMENT),
    "dispute won": of("CHARGEBACK_REVERSED", "9915555555555555", PAYMENT),
}


@pytest.mark.parametrize("item", LIFE_OF_A_PAYMENT.values(), ids=LIFE_OF_A_PAYMENT)
def test_every_event_of_a_payment_belongs_to_its_transaction(item):
    event = read(item)

    assert (event.transaction_id, event.event_type) == (PAYMENT, item["eventCode"])


def test_the_events_of_a_payment_are_different_events():
    assert len({read(item).event_id for item in LIFE_OF_A_PAYMENT.values()}) == len(LIFE_OF_A_PAYMENT)


def test_an_authorisation_that_failed_and_then_succeeded_is_two_events():
    failed, succeeded = (read(of("AUTHORISATION", PAYMENT, success=success)) for success in ("false", "true"))

    assert failed.event_id == "7914073381342284:AUTHORISATION:false"
    assert succeeded.event_id == "7914073381342284:AUTHORISATION:true"
    assert failed.transaction_id == succeeded.transaction_id


@pytest.mark.parametrize("absent", [{}, {"originalReference": None}, {"originalReference": ""}], ids=str)
def test_without_an_original_reference_the_event_is_the_payment_itself(absent):
    item = without(signed(of("AUTHORISATION", PAYMENT)), "originalReference")
    (event,) = events_of("adyen", items_request({**item, **absent}), [KEY])

    assert event.transaction_id == PAYMENT


@pytest.mark.parametrize(("value", "amount"), [(1130, "1130"), (0, "0"), (-5, "-5"), (10**20 - 1, "9" * 20)])
def test_the_amount_is_signed_and_in_minor_units(value, amount):
    event = read(changed(REFUND, "amount.value", value))

    assert (event.amount, event.currency, event.amount_unit) == (amount, "EUR", "minor")


def test_an_item_without_an_amount_has_none():
    # Adyen's library for Python cannot sign it.
    item = {**without(REFUND, "amount"), "additionalData": {"hmacSignature": "x"}}
    (event,) = read_events("adyen", REGISTRY["adyen"], items_request(item))

    assert (event.amount, event.currency, event.amount_unit) == (None, None, None)


def test_there_is_no_time_of_occurrence_because_none_is_signed():
    assert "eventDate" in REFUND
    assert read(REFUND).occurred_at is None


@pytest.mark.parametrize("psp", ["", "a b", "é", "x" * 245], ids=ascii)
def test_an_item_whose_reference_can_be_no_id_is_malformed(psp):
    assert outcome("adyen", items_request(signed({**REFUND, "pspReference": psp})), [KEY]) == "400 no_event_id"


@pytest.mark.parametrize(("code", "event_type"), [("", UNKNOWN_TYPE), ("A B", UNKNOWN_TYPE), ("OFFER_CLOSED",) * 2])
def test_the_type_is_adyen_s_own_or_unknown(code, event_type):
    assert read({**REFUND, "eventCode": code}).event_type == event_type


def test_adyen_hears_what_its_endpoints_always_answered():
    # "[accepted]" is what every endpoint had to answer until any 2xx was enough:
    # https://dev.to/adyen/optimizing-webhook-integration-a-new-approach-to-accept-events-from-the-adyen-platform-4hnh
    assert REGISTRY["adyen"].response == AcceptedResponse(status=200, body="[accepted]")


# --- platforms ------------------------------------------------------------------------------------------------------

TRANSFER = {
    "type": "balancePlatform.transfer.updated",
    "environment": "test",
    "timestamp": "2021-02-25T16:02:11+01:00",
    "data": {
        "id": "TRFR1",
        "amount": {"currency": "EUR", "value": -1130},
        "categoryData": {"type": "platformPayment", "pspPaymentReference": PAYMENT},
        "createdAt": "2021-02-24T16:02:10+01:00",
        "updatedAt": "2021-02-25T16:02:10+01:00",
    },
}


def test_a_whole_transfer_is_read():
    event = read_platform(TRANSFER)

    assert event.event_id == "sha256:" + hashlib.sha256(json.dumps(TRANSFER).encode()).hexdigest()
    assert event.event_type == "balancePlatform.transfer.updated"
    assert event.occurred_at == "2021-02-25T15:02:10.000Z"
    assert (event.amount, event.currency, event.amount_unit) == ("-1130", "EUR", "minor")


AH, BA, PI = {"id": "AH1", "description": "S. Eller"}, {"id": "BA1"}, {"id": "PI1"}
# https://github.com/Adyen/adyen-openapi, the webhooks of balance platforms and of management.
TRANSACTIONS = {
    "transfer of a payment": (TRANSFER["data"], {}, PAYMENT),
    "transfer of no payment": ({"id": "TRFR1", "categoryData": {"type": "internal"}}, {}, "TRFR1"),
    "transaction of a transfer of a payment": (
        {"id": "TRAN1", "transfer": {"id": "TRFR1", "categoryData": {"pspPaymentReference": PAYMENT}}},
        {},
        PAYMENT,
    ),
    "transaction of a transfer": ({"id": "TRAN1", "transfer": {"id": "TRFR1"}}, {}, "TRFR1"),
    "token made by a payment": ({"storedPaymentMethodId": "M5N7"}, {"eventId": PAYMENT}, PAYMENT),
    # Version 3 of the transfer webhooks.
    "transfer of a payment, older": ({"id": "TRFR1", "pspPaymentReference": PAYMENT, "accountHolder": AH}, {}, PAYMENT),
    "transfer of a platform payment, oldest": (
        {"id": "IT1", "paymentId": "P1", "platformPayment": {"paymentPspReference": PAYMENT}},
        {},
        PAYMENT,
    ),
    "incoming transfer, oldest": ({"id": "IT1", "paymentId": "P1", "balanceAccount": BA}, {}, "P1"),
    "payment, oldest": ({"id": "P1", "accountHolder": AH, "balanceAccount": BA, "paymentInstrument": PI}, {}, "P1"),
    "bank details of a payment's shopper": ({"pspReference": PAYMENT, "shopperReference": "S"}, {}, PAYMENT),
    # What lies one level below `data`.
    "account holder": ({"balancePlatform": "P", "accountHolder": AH}, {}, "AH1"),
    "balance account": ({"balancePlatform": "P", "balanceAccount": BA | {"accountHolderId": "AH1"}}, {}, "BA1"),
    "payment instrument": ({"balancePlatform": "P", "paymentInstrument": PI | {"balanceAccountId": "BA1"}}, {}, "PI1"),
    "mandate": (
        {"balancePlatform": "P", "mandate": {"id": "MD1", "balanceAccountId": "BA1", "paymentInstrumentId": "PI1"}},
        {},
        "MD1",
    ),
    "sweep": ({"balancePlatform": "P", "accountId": "BA1", "sweep": {"id": "SWP1", "counterparty": {}}}, {}, "SWP1"),
    "payout schedule": (
        {"balancePlatform": "P", "balanceAccountId": "BA1", "balanceAccountPayoutScheduleId": "PS1"},
        {},
        "PS1",
    ),
    "payout schedule of the platform": ({"balancePlatform": "P", "balancePlatformPayoutScheduleId": "PS2"}, {}, "PS2"),
    "payout schedule that was not applied": (
        {"balanceAccountId": "BA1", "balancePlatformPayoutScheduleId": "PS2", "transferInstrumentId": "SE1"},
        {},
        "PS2",
    ),
    "card order": ({"cardOrderItemId": "OI1", "paymentInstrumentId": "PI1"}, {}, "OI1"),
    "card order with two ids": ({"id": "X", "cardOrderItemId": "OI1", "paymentInstrumentId": "PI1"}, {}, "OI1"),
    "network token": ({"id": "NT1", "paymentInstrumentId": "PI1"}, {}, "NT1"),
    "score of an account holder": ({"id": "V4HZ", "accountHolder": AH, "riskScore": 47}, {}, "V4HZ"),
    "balance": ({"balanceAccountId": "BA1", "currency": "USD", "settingIds": ["BWHS1"]}, {}, "BA1"),
    "released funds": ({"accountHolder": AH, "balanceAccount": BA, "batchReference": "B"}, {}, "BA1"),
    "negative balance of a balance account": ({"id": "BA1", "accountHolder": AH}, {}, "BA1"),
    "dispute": ({"id": "DS1", "transactionId": "EVJN1", "type": "fraud"}, {}, "DS1"),
    "merchant account": ({"merchantId": "MC1", "companyId": "C", "legalEntityId": "LE1"}, {}, "MC1"),
    "payment method of a merchant account": ({"id": "PM1", "merchantId": "MC1", "storeId": "ST1"}, {}, "PM1"),
    # Without `data`.
    "relayed authorisation": (None, {"id": "2ABC", "accountHolder": AH, "balanceAccount": BA}, "2ABC"),
    "offer of capital": (None, {"id": "OF1", "accountHolderId": "AH1"}, "OF1"),
    "another object": ({"id": "AH1"}, {"eventId": "QBQQ9DLNRHHKGK38"}, "AH1"),
    "nothing that names one": ({}, {}, None),
}


@pytest.mark.parametrize(("data", "more", "transaction"), TRANSACTIONS.values(), ids=TRANSACTIONS)
def test_a_transfer_belongs_to_its_payment_where_it_has_one(data, more, transaction):
    event = read_platform({"type": "x", "data": data, **more})

    assert event.transaction_id == (transaction or f"adyen-platform:{event.event_id}")


AMOUNTS = {
    "transfer": ({"data": {"amount": {"currency": "EUR", "value": -1130}}}, ("-1130", "EUR", "minor")),
    "dispute": ({"data": {"disputedAmount": {"currency": "EUR", "value": 2000}}}, ("2000", "EUR", "minor")),
    "dispute of all": ({"data": {"id": "DS1"}}, (None, None, None)),
    "relayed authorisation": ({"id": "2ABC", "amount": {"currency": "EUR", "value": -2700}}, ("-2700", "EUR", "minor")),
    "sweep": ({"data": {"sweep": {"targetAmount": {"currency": "EUR", "value": 0}}}}, (None, None, None)),
}


@pytest.mark.parametrize(("document", "amount"), AMOUNTS.values(), ids=AMOUNTS)
def test_the_amount_of_a_platform_event_is_the_one_that_it_is_about(document, amount):
    event = read_platform(document)

    assert (event.amount, event.currency, event.amount_unit) == amount


def test_a_transfer_and_the_payment_it_belongs_to_share_the_transaction_id():
    assert read_platform(TRANSFER).transaction_id == read(of("AUTHORISATION", PAYMENT)).transaction_id


TIMES = {
    "updated": ({"data": {"updatedAt": "2021-02-25T15:02:10Z", "creationDate": "2021-02-24T15:02:10Z"}}, "10.000Z"),
    "triggered": ({"data": {"creationDate": "2021-02-25T15:02:11Z"}, "timestamp": "2021-02-26T15:02:10Z"}, "11.000Z"),
    "queued": ({"timestamp": "2021-02-25T15:02:12Z", "createdAt": "2021-02-26T15:02:10Z"}, "12.000Z"),
    "token": ({"createdAt": "2021-02-25T15:02:13Z"}, "13.000Z"),
    "classic": ({"eventDate": "2021-02-25T16:02:14+01:00"}, "14.000Z"),
    "none": ({}, None),
    "unreadable": ({"createdAt": "01-01-2024"}, None),
}


@pytest.mark.parametrize(("document", "seconds"), TIMES.values(), ids=TIMES)
def test_the_time_of_occurrence_is_signed_with_the_body(document, seconds):
    assert read_platform(document).occurred_at == (seconds and f"2021-02-25T15:02:{seconds}")


@pytest.mark.parametrize(
    ("document", "event_type"),
    [({"type": "a.b"}, "a.b"), ({"eventType": "ACCOUNT_HOLDER_CREATED"}, "ACCOUNT_HOLDER_CREATED"), ({}, UNKNOWN_TYPE)],
)
def test_the_type_of_a_platform_event_is_adyen_s_own_or_unknown(document, event_type):
    assert read_platform(document).event_type == event_type


def test_no_header_makes_another_event_of_a_signed_body():
    body = json.dumps(TRANSFER).encode()
    first = read_platform(TRANSFER)
    (second,) = events_of("adyen-platform", body_request(body, **{"X-Request-Id": "2", "Date": "now"}), [KEY])

    assert second == first
    assert read_events("adyen-platform", REGISTRY["adyen-platform"], request(body, {}))[0] == first
