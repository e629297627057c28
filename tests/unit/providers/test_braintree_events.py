"""What Braintree's notifications say, read by Braintree's object model."""

import hashlib

import pytest
from braintree import WebhookNotification

from lambdas.inbound.event import UNKNOWN_TYPE
from tests.unit.providers.braintree_webhooks import PAYLOAD, SECRET, XML, form, form_request, gateway, xml_request
from tests.unit.providers.outcome import events_of

# The library says the time of its samples with a function that Python is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


def read(subject, kind="check", time="2021-02-25T15:02:10Z"):
    xml = f"<notification><timestamp>{time}</timestamp><kind>{kind}</kind><subject>{subject}</subject></notification>"
    (event,) = events_of("braintree", xml_request(xml.encode()), [SECRET])
    return event


def test_a_whole_notification_is_read():
    (event,) = events_of("braintree", xml_request(XML), [SECRET])

    assert event.event_id == "sha256:" + hashlib.sha256(PAYLOAD.rstrip("\n").encode()).hexdigest()
    assert (event.event_type, event.transaction_id) == ("transaction_settled", "ft5z2r")
    assert event.occurred_at == "2021-02-25T15:02:10.000Z"
    assert (event.amount, event.currency, event.amount_unit) == ("10000", "USD", "minor")


# The samples of Braintree's library, with what they are about; None where that is nothing but themselves.
SAMPLES = {
    "check": None,
    "transaction_disbursed": "my_id",
    "transaction_settled": "my_id",
    "transaction_settlement_declined": "my_id",
    "transaction_reviewed": "my_id",
    "transaction_retried": "original_txn_id",
    "refund_failed": "my_id",
    "dispute_opened": "my_id",
    "dispute_under_review": "my_id",
    "dispute_lost": "my_id",
    "dispute_won": "my_id",
    "dispute_accepted": "my_id",
    "dispute_auto_accepted": "my_id",
    "dispute_disputed": "my_id",
    "dispute_expired": "my_id",
    "subscription_charged_successfully": "my_id",
    "subscription_charged_unsuccessfully": "my_id",
    "subscription_canceled": "my_id",
    "subscription_expired": "my_id",
    "subscription_trial_ended": "my_id",
    "subscription_went_active": "my_id",
    "subscription_went_past_due": "my_id",
    "subscription_billing_skipped": "my_id",
    "disbursement": "my_id",
    "disbursement_exception": "my_id",
    "local_payment_completed": "a-payment-id",
    "local_payment_funded": "a-payment-id",
    "local_payment_expired": "a-payment-id",
    "local_payment_reversed": "a-payment-id",
    "account_updater_daily_report": None,
    "connected_merchant_paypal_status_changed": None,
    "connected_merchant_status_transitioned": None,
    "granted_payment_method_revoked": None,
    "grantor_updated_granted_payment_method": None,
    "oauth_access_revoked": None,
    "partner_merchant_connected": None,
    "partner_merchant_declined": None,
    "partner_merchant_disconnected": None,
    "payment_method_customer_data_updated": None,
    "payment_method_revoked_by_customer": None,
    "recipient_updated_granted_payment_method": None,
}


def test_the_table_has_every_kind_of_braintree_s_library():
    assert set(SAMPLES) == {kind for name, kind in vars(WebhookNotification.Kind).items() if not name.startswith("_")}


@pytest.mark.parametrize(("kind", "transaction"), SAMPLES.items())
def test_a_sample_belongs_to_what_it_is_about(kind, transaction):
    sample = gateway().webhook_testing.sample_notification(kind, "my_id")

    (event,) = events_of("braintree", form_request(form(sample["bt_signature"], sample["bt_payload"])), [SECRET])

    assert event.transaction_id == (transaction or f"braintree:{event.event_id}")


def subscription(*transactions):
    inner = "".join(
        f"<transaction><id>{name}</id><amount>1{number}.00</amount><currency-iso-code>EUR</currency-iso-code>"
        "</transaction>"
        for number, name in enumerate(transactions)
    )
    return f'<subscription><id>sub</id><transactions type="array">{inner}</transactions></subscription>'


# Each row is what a subject of its own would be in a payment's life, and the transaction that it belongs to.
SUBJECTS = {
    "a sale": ("<transaction><id>sale</id></transaction>", "sale"),
    "a refund of it": (
        "<transaction><id>refund</id><refunded-transaction-id>sale</refunded-transaction-id></transaction>",
        "sale",
    ),
    "a sale that was never refunded": (
        '<transaction><id>sale</id><refunded-transaction-id nil="true"/></transaction>',
        "sale",
    ),
    "a retry of it": (
        "<transaction><id>retry</id><retried-transaction-id>sale</retried-transaction-id></transaction>",
        "sale",
    ),
    "a dispute of it": ("<dispute><id>dispute</id><transaction><id>sale</id></transaction></dispute>", "sale"),
    "a review of it": ("<transaction-review><transaction-id>sale</transaction-id></transaction-review>", "sale"),
    "two ids, of which nobody can say which counts": ("<transaction><id>a</id><id>b</id></transaction>", None),
    "a list of transactions": ('<transaction type="array"><id>a</id></transaction>', None),
    "an id that can be none": ("<transaction><id>a b</id></transaction>", None),
    "text": ("sale", None),
}


@pytest.mark.parametrize(("subject", "transaction"), SUBJECTS.values(), ids=SUBJECTS)
def test_the_events_of_a_payment_belong_to_its_first_transaction(subject, transaction):
    event = read(subject)

    assert event.transaction_id == (transaction or f"braintree:{event.event_id}")


CHARGED = ["subscription_charged_successfully", "subscription_charged_unsuccessfully"]


@pytest.mark.parametrize("kind", CHARGED)
def test_a_charge_of_a_subscription_belongs_to_the_transaction_that_it_made(kind):
    event = read(subscription("newest", "older", "oldest"), kind)

    assert (event.transaction_id, event.amount, event.currency) == ("newest", "1000", "EUR")


WITHOUT_A_LIST = {
    "an empty list": '<transactions type="array"/>',
    "no list": "",
    "text": "<transactions>t</transactions>",
    "nil": '<transactions nil="true"/>',
    "a mapping": "<transactions><transaction><id>t</id></transaction></transactions>",
    "a list of text": '<transactions type="array"><transaction>t</transaction></transactions>',
    "a list of lists": '<transactions type="array"><t type="array"><id>t</id></t></transactions>',
}


@pytest.mark.parametrize("kind", CHARGED)
@pytest.mark.parametrize("transactions", WITHOUT_A_LIST.values(), ids=WITHOUT_A_LIST)
def test_a_charge_that_lists_no_transaction_belongs_to_the_subscription(kind, transactions):
    assert read(f"<subscription><id>sub</id>{transactions}</subscription>", kind).transaction_id == "sub"


@pytest.mark.parametrize("kind", ["subscription_went_active", "subscription_canceled", "subscription_charged", "check"])
def test_every_other_event_of_a_subscription_belongs_to_the_subscription(kind):
    event = read(subscription("newest", "older"), kind)

    assert (event.transaction_id, event.amount) == ("sub", None)


def local_payment(kind, *more):
    return f"<{kind}><payment-id>lp</payment-id>{''.join(more)}</{kind}>"


PAID = "<transaction><id>t</id><amount>10.00</amount><currency-iso-code>EUR</currency-iso-code></transaction>"


@pytest.mark.parametrize(
    ("subject", "amount"),
    [
        (local_payment("local-payment", PAID), "1000"),
        (local_payment("local-payment-funded", PAID), "1000"),
        (local_payment("local-payment-expired"), None),
        (local_payment("local-payment-reversed"), None),
    ],
)
def test_the_events_of_a_local_payment_share_its_payment_id(subject, amount):
    event = read(subject)

    assert (event.transaction_id, event.amount) == ("lp", amount)


AMOUNTS = [
    ("<transaction><amount>100.00</amount><currency-iso-code>usd</currency-iso-code></transaction>", ("10000", "USD")),
    ("<transaction><amount>100</amount><currency-iso-code>JPY</currency-iso-code></transaction>", ("100", "JPY")),
    ("<dispute><amount>7.50</amount><currency-iso-code>USD</currency-iso-code></dispute>", ("750", "USD")),
    ("<transaction><amount>100.00</amount></transaction>", (None, None)),
    ("<transaction><currency-iso-code>USD</currency-iso-code></transaction>", (None, None)),
    ("<transaction><amount>1e2</amount><currency-iso-code>USD</currency-iso-code></transaction>", (None, None)),
    ("<transaction><amount>NaN</amount><currency-iso-code>USD</currency-iso-code></transaction>", (None, None)),
    ("<transaction><amount>\uff11</amount><currency-iso-code>USD</currency-iso-code></transaction>", (None, None)),
    ("<transaction><amount>1.00</amount><currency-iso-code>dollars</currency-iso-code></transaction>", (None, None)),
]


@pytest.mark.parametrize(("subject", "expected"), AMOUNTS)
def test_an_amount_is_a_number_with_its_currency_or_none(subject, expected):
    event = read(subject)

    assert (event.amount, event.currency) == expected
    assert event.amount_unit == (None if expected == (None, None) else "minor")


TIMES = [
    ("2021-02-25T15:02:10Z", "2021-02-25T15:02:10.000Z"),
    ("2021-02-25T16:02:10+01:00", "2021-02-25T15:02:10.000Z"),
    ("2021-02-25", None),
    ("2021-02-30T15:02:10Z", None),
    ("yesterday", None),
    ("", None),
]


@pytest.mark.parametrize(("time", "expected"), TIMES)
def test_the_time_of_occurrence_is_when_the_notification_was_triggered(time, expected):
    event = read("", time=time)

    assert event.occurred_at == expected


@pytest.mark.parametrize(
    ("kind", "event_type"), [("dispute_won", "dispute_won"), ("", UNKNOWN_TYPE), ("a b", UNKNOWN_TYPE)]
)
def test_the_type_is_braintree_s_kind_or_unknown(kind, event_type):
    assert read("", kind).event_type == event_type


def test_two_notifications_are_two_events():
    first, second = (read("", time=f"2021-02-25T15:02:1{second}Z") for second in (0, 1))

    assert first.event_id != second.event_id
