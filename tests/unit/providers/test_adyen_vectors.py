"""Adyen's published vectors, and Adyen's own library in both directions."""

import json

import pytest
from Adyen.util import is_valid_hmac_notification, is_valid_hmac_payload

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.adyen import signed_text
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.adyen_webhooks import (
    KEY,
    OTHER_KEY,
    REFUND,
    body_request,
    changed,
    items_request,
    signed,
    with_signature,
)
from tests.unit.webhooks import NOW, request
from tools.senders import SENDERS, new_secret
from tools.senders.sender import Signing

# https://github.com/Adyen/adyen-python-api-library, test/UtilTest.py and test/mocks/util: a reference with a colon and
# one with backslashes, which Adyen joins as they are, although its documents once said to escape them.
REFERENCE_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"


def slashes(reference, psp, signature):
    item = {
        "amount": {"currency": "EUR", "value": 1000},
        "eventCode": "AUTHORISATION",
        "eventDate": "2023-01-10T13:40:54+01:00",
        "merchantAccountCode": "AntoniStroinski",
        "merchantReference": reference,
        "pspReference": psp,
        "success": "true",
    }
    return REFERENCE_KEY, with_signature(item, signature)


PUBLISHED_ITEMS = {
    "test_notification_request_item_hmac": (
        KEY,
        with_signature(
            {
                "pspReference": "7914073381342284",
                "merchantReference": "TestPayment-1407325143704",
                "merchantAccountCode": "TestMerchant",
                "amount": {"currency": "EUR", "value": 1130},
                "eventCode": "AUTHORISATION",
                "success": "true",
                "eventDate": "2019-05-06T17:15:34.121+02:00",
                "operations": ["CANCEL", "CAPTURE", "REFUND"],
                "paymentMethod": "visa",
            },
            "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=",
        ),
    ),
    "colon_notification.json": slashes(
        ":slashes are fun", "M8NB66SBZSGLNK82", "2EQYm7YJpKO4EtHSPu55SQTyWf8dkW5u2nD1tJFpViA="
    ),
    "backslash_notification.json": slashes(
        "\\\\slashes are fun", "T7FD4VM4D3RZNN82", "nIgT81gaB5oJpn2jPXupDq68iRo2wUlBsuYjtYfwKqo="
    ),
}
published_items = pytest.mark.parametrize(("key", "item"), PUBLISHED_ITEMS.values(), ids=PUBLISHED_ITEMS)


@published_items
def test_a_published_item_is_accepted(key, item):
    verdict = REGISTRY["adyen"].scheme.verify(items_request(item), [key])

    assert (verdict.scheme, verdict.signed_at, verdict.key_id) == ("adyen-items", None, key_id(key))


@published_items
def test_a_published_item_of_another_amount_is_refused(key, item):
    with pytest.raises(SignatureRefusedError) as refusal:
        REGISTRY["adyen"].scheme.verify(items_request(changed(item, "amount.value", 1131)), [key])

    assert refusal.value.reason == "signature_mismatch"


# The first from the same file, `test_is_valid_hmac_payload`; the second from
# https://docs.adyen.com/classic-platforms/configure-notifications/signing-notifications-with-hmac
PUBLISHED_BODIES = {
    "test_is_valid_hmac_payload": (
        KEY,
        "fX74xUdztFmaXAn3IusMFFUBUSkLmDQUK0tm8xL6ZTU=",
        b"""
        {
            "type": "merchant.created",
            "environment": "test",
            "createdAt": "01-01-2024",
            "data": {
                "capabilities": {
                    "sendToTransferInstrument": {
                        "requested": true,
                        "requestedLevel": "notApplicable"
                    }
                },
                "companyId": "YOUR_COMPANY_ID",
                "merchantId": "YOUR_MERCHANT_ACCOUNT",
                "status": "PreActive"
            }
        }
        """,
    ),
    "the documents' worked example": (
        OTHER_KEY,
        "A2bHr0WPlKg1fJLVEDReVAdUDWt3znmsuYvp2KdihXY=",
        b'{"eventDate":"2018-07-09T12:07:27+02:00","eventType":"ACCOUNT_HOLDER_CREATED","executingUserKey":"ws",'
        b'"live":false,"pspReference":"9915311308462016","content":{"invalidFields":[],'
        b'"pspReference":"9915311308462016","accountCode":"9915311308462024",'
        b'"accountHolderCode":"6750d8cf-80ab-4a34-b2c5-f8a1f37a79da","accountHolderDetails":{"bankAccountDetails":[],'
        b'"email":"testEmail@gmail.com","individualDetails":{"name":{"firstName":"TestFirstName","gender":"MALE",'
        b'"lastName":"TestData"}},"merchantCategoryCode":"7999"},"accountHolderStatus":{"status":"Active",'
        b'"processingState":{"disabled":false,"processedFrom":{"currency":"EUR","value":0},"processedTo":{"currency":'
        b'"EUR","value":0},"tierNumber":0},"payoutState":{"allowPayout":false,"disabled":false,"tierNumber":0},'
        b'"events":[]},"legalEntity":"Individual","verification":{}}}',
    ),
}
published_bodies = pytest.mark.parametrize(
    ("key", "signature", "body"), PUBLISHED_BODIES.values(), ids=PUBLISHED_BODIES
)


@published_bodies
def test_a_published_body_is_accepted(key, signature, body):
    verdict = REGISTRY["adyen-platform"].scheme.verify(request(body, {"HmacSignature": signature}), [key])

    assert (verdict.scheme, verdict.signed_at, verdict.key_id) == ("adyen-body", None, key_id(key))
    assert verdict.headers == {"hmacsignature": signature}


@published_bodies
def test_a_published_body_with_a_blank_behind_is_refused(key, signature, body):
    with pytest.raises(SignatureRefusedError) as refusal:
        REGISTRY["adyen-platform"].scheme.verify(request(body + b" ", {"HmacSignature": signature}), [key])

    assert refusal.value.reason == "signature_mismatch"


# --- their library signs, we accept ---------------------------------------------------------------------------------

THEIR_ITEMS = {
    "a refund": REFUND,
    "a payment, which has no original reference": {k: v for k, v in REFUND.items() if k != "originalReference"},
    "an empty original reference": {**REFUND, "originalReference": ""},
    "no merchant reference": {**REFUND, "merchantReference": ""},
    "colons at both ends of the merchant reference": {**REFUND, "merchantReference": ":a:"},
    "not ascii": {**REFUND, "merchantReference": "Zoë, 支払い, \U0001f4b6"},
    "no amount": changed(REFUND, "amount.value", 0),
    "an amount of 20 digits": changed(REFUND, "amount.value", 10**20 - 1),
    "a failed one": {**REFUND, "success": "false"},
    "a report": {
        **REFUND,
        "eventCode": "REPORT_AVAILABLE",
        "pspReference": "settlement_detail_report_batch_1.csv",
        "reason": "https://ca-test.adyen.com/reports/download/x.csv",
    },
}


@pytest.mark.parametrize("item", THEIR_ITEMS.values(), ids=THEIR_ITEMS)
def test_an_item_that_adyen_s_library_signs_is_accepted(item):
    verdict = REGISTRY["adyen"].scheme.verify(items_request(signed(item)), [KEY])

    assert verdict.key_id == key_id(KEY)


BODIES = {
    "object": b'{"type":"balancePlatform.transfer.created"}',
    "not ascii": '{"name":"Zoë, 支払い"}'.encode(),
    "not utf-8": b'{"name":"\xff"}',
    "byte order mark and line ends": b"\xef\xbb\xbf{\r\n}\r\n",
    "empty": b"",
    "large": b'{"filler":"' + b"x" * 300_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_adyen_s_library_signs_is_accepted(body):
    verdict = REGISTRY["adyen-platform"].scheme.verify(body_request(body), [KEY])

    assert verdict.key_id == key_id(KEY)


# --- we sign, their library accepts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("event", SENDERS["adyen"].events)
def test_adyen_s_library_accepts_the_items_that_our_sender_signs(event):
    key = new_secret("adyen")
    sent = SENDERS["adyen"].webhook(Signing(secret=key, now=NOW, number=7), event=event)
    document = json.loads(sent.body)

    assert is_valid_hmac_notification(document, key) is True
    assert is_valid_hmac_notification(document, OTHER_KEY) is False
    assert REGISTRY["adyen"].scheme.verify(request(sent.body, sent.headers), [key]).key_id == key_id(key)


@pytest.mark.parametrize("event", SENDERS["adyen-platform"].events)
def test_adyen_s_library_accepts_the_bodies_that_our_sender_signs(event):
    key = new_secret("adyen-platform")
    sent = SENDERS["adyen-platform"].webhook(Signing(secret=key, now=NOW, number=7), event=event)

    assert is_valid_hmac_payload(sent.headers["HmacSignature"], key, sent.body) is True
    assert is_valid_hmac_payload(sent.headers["HmacSignature"], OTHER_KEY, sent.body) is False
    assert REGISTRY["adyen-platform"].scheme.verify(request(sent.body, sent.headers), [key]).key_id == key_id(key)


def test_null_is_empty_as_in_adyen_s_libraries_for_java_and_javascript():
    # The one for Python would sign the word "None".
    absent = {name: value for name, value in REFUND.items() if name != "originalReference"}

    assert signed_text({**REFUND, "originalReference": None}) == signed_text(absent)
