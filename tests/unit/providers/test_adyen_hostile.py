"""Adyen's items as an attacker, a sloppy sender or a careless operator would bring them, each with its answer."""

import base64
import gzip
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from Adyen.util import generate_payload_sig

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures import adyen
from lambdas.inbound.signatures.adyen import signed_text
from lambdas.shared.request import from_api_gateway
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.adyen_webhooks import (
    KEY,
    OTHER_KEY,
    REFUND,
    SIGNED_FIELDS,
    body_of,
    changed,
    items_request,
    readings,
    signature_of,
    signed,
    with_signature,
    without,
)
from tests.unit.providers.outcome import ACCEPTED, events_of, outcome
from tests.unit.webhooks import NOW, request

MAX_BODY_BYTES = 4 * 1024 * 1024
MISMATCH = "401 signature_mismatch"
NO_SIGNATURE = "401 missing_signature"
BAD_SIGNATURE = "401 malformed_signature"
TOO_LONG = "401 signature_too_long"
BAD_FIELD = "401 malformed_signed_field"
NOT_JSON = "401 body_not_json"
NOT_OBJECT = "401 body_not_json_object"
NO_ITEMS = "401 no_items"
NO_SECRET = "503 secret_missing"
UNUSABLE = "503 secret_unusable"

ITEM = signed(REFUND)
BODY = body_of(ITEM).encode()


def answer(*items, secrets=(KEY,)):
    return outcome("adyen", items_request(*items), list(secrets))


def answer_to(body, headers=None, secrets=(KEY,)):
    return outcome("adyen", request(body, headers or {}), list(secrets))


def test_an_untouched_item_is_accepted():
    assert answer(ITEM) == ACCEPTED


# --- the signed fields ----------------------------------------------------------------------------------------------

OTHER_VALUES = {
    "pspReference": "8825408195409506",
    "originalReference": "7914073381342285",
    "merchantAccountCode": "testMerchant",
    "merchantReference": "order 1:3",
    "amount.value": 1131,
    "amount.currency": "USD",
    "eventCode": "CAPTURE",
    "success": "false",
}
TEXTS = tuple(path for path in SIGNED_FIELDS if path != "amount.value")


@pytest.mark.parametrize(("path", "value"), OTHER_VALUES.items())
def test_another_value_in_a_signed_field_is_refused(path, value):
    assert answer(changed(ITEM, path, value)) == MISMATCH


@pytest.mark.parametrize("path", SIGNED_FIELDS)
def test_a_signed_field_that_is_missing_or_null_is_refused(path):
    assert answer(without(ITEM, path)) == MISMATCH
    assert answer(changed(ITEM, path, None)) == MISMATCH


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("change", ["{} ", " {}", "{}\n", "{}\0", "{}é", "\ufeff{}", "{}\u200b"], ids=ascii)
def test_every_character_of_a_signed_text_counts(path, change):
    value = change.format(changed_value(path))

    assert answer(changed(ITEM, path, value)) == MISMATCH


def changed_value(path):
    head, _, tail = path.partition(".")
    return REFUND[head][tail] if tail else REFUND[head]


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("value", [7, 1.5, True, False, [], {}, ["a"], {"a": 1}], ids=str)
def test_a_signed_text_of_another_type_is_refused(path, value):
    assert answer(changed(ITEM, path, value)) == BAD_FIELD


@pytest.mark.parametrize("path", TEXTS)
def test_a_signed_text_that_has_no_bytes_is_refused(path):
    assert answer(changed(ITEM, path, "\ud800")) == BAD_FIELD


# JSON, so that Python's own notation does not stand between the table and the body.
AMOUNTS = {
    '"1130"': BAD_FIELD,
    '"\uff11\uff11\uff13\uff10"': BAD_FIELD,
    '"\u0661\u0661\u0663\u0660"': BAD_FIELD,
    '" 1130"': BAD_FIELD,
    "1130.0": BAD_FIELD,
    "1.13e3": BAD_FIELD,
    "true": BAD_FIELD,
    "[1130]": BAD_FIELD,
    '{"value":1130}': BAD_FIELD,
    "1" + "0" * 20: BAD_FIELD,
    "9" * 4_300: BAD_FIELD,
    "9" * 5_000: NOT_JSON,
    "NaN": NOT_JSON,
    "-Infinity": NOT_JSON,
    "01130": NOT_JSON,
    "1_130": NOT_JSON,
    "-1130": MISMATCH,
    "11300": MISMATCH,
}


@pytest.mark.parametrize(("number", "expected"), AMOUNTS.items(), ids=lambda text: ascii(text)[:16])
def test_an_amount_is_one_whole_number_or_refused(number, expected):
    assert answer_to(BODY.replace(b"1130", number.encode(), 1)) == expected


@pytest.mark.parametrize("amount", [1130, "EUR 11.30", [], True])
def test_an_amount_that_is_no_object_is_refused(amount):
    assert answer({**ITEM, "amount": amount}) == BAD_FIELD


@pytest.mark.parametrize("reference", ["", ":", "a:b", ":a:", "1130:EUR:REFUND", "a:b:1130:EUR:CAPTURE:true", "x::::"])
def test_a_signed_text_has_one_reading_however_its_colons_are_moved(reference):
    item = {**REFUND, "merchantReference": reference}
    signature = signature_of(item)

    accepted = [
        each for each in readings(signed_text(item).decode()) if answer(with_signature(each, signature)) == ACCEPTED
    ]

    assert accepted == [item]


@pytest.mark.parametrize("path", [path for path in TEXTS if path != "merchantReference"])
def test_only_the_merchant_s_reference_may_hold_a_colon_even_when_adyen_signed_it(path):
    assert answer(signed(changed(REFUND, path, f"{changed_value(path)}:x"))) == BAD_FIELD


# --- the signature --------------------------------------------------------------------------------------------------

RIGHT = signature_of(REFUND)
RAW = base64.b64decode(RIGHT)
TEXT = b"8825408195409505:7914073381342284:TestMerchant:order 1:2:1130:EUR:REFUND:true"


def base64_hmac(key, text, algorithm=hashlib.sha256):
    return base64.b64encode(hmac.new(key, text, algorithm).digest()).decode()


SIGNATURES = {
    "right": (RIGHT, ACCEPTED),
    "made by hand": (base64_hmac(bytes.fromhex(KEY), TEXT), ACCEPTED),
    "absent": (None, NO_SIGNATURE),
    "empty": ("", NO_SIGNATURE),
    "number": (1, BAD_SIGNATURE),
    "true": (True, BAD_SIGNATURE),
    "list": ([RIGHT], BAD_SIGNATURE),
    "object": ({"hmacSignature": RIGHT}, BAD_SIGNATURE),
    "too long": ("A" * 4097, TOO_LONG),
    "first character changed": (("A" if RIGHT[0] != "A" else "B") + RIGHT[1:], MISMATCH),
    "another last digit of the same bytes": (
        base64.b64encode(RAW)[:-2].decode() + chr(base64.b64encode(RAW)[-2] + 1) + "=",
        MISMATCH,
    ),
    "without padding": (RIGHT.rstrip("="), MISMATCH),
    "with more padding": (RIGHT + "=", MISMATCH),
    "truncated": (RIGHT[:20], MISMATCH),
    "twice": (RIGHT * 2, MISMATCH),
    "twice with a comma": (f"{RIGHT},{RIGHT}", MISMATCH),
    "backwards": (RIGHT[::-1], MISMATCH),
    "other case": (RIGHT.swapcase(), MISMATCH),
    "hex": (RAW.hex(), MISMATCH),
    "blank behind": (RIGHT + " ", MISMATCH),
    "blank in front": (" " + RIGHT, MISMATCH),
    "newline behind": (RIGHT + "\n", MISMATCH),
    "NUL behind": (RIGHT + "\0", MISMATCH),
    "not ascii behind": (RIGHT + "é", MISMATCH),
    "lone surrogate": (RIGHT + "\ud800", MISMATCH),
    "full-width": ("".join(chr(ord(char) + 0xFEE0) for char in RIGHT), MISMATCH),
    "of another key": (signature_of(REFUND, OTHER_KEY), MISMATCH),
    "of the key's hex digits as they are": (base64_hmac(KEY.encode(), TEXT), MISMATCH),
    "of an empty key": (base64_hmac(b"", TEXT), MISMATCH),
    "of another item": (signature_of({**REFUND, "pspReference": "8825408195409506"}), MISMATCH),
    "with colons escaped, as documents once said": (
        base64_hmac(bytes.fromhex(KEY), TEXT.replace(b"1:2", b"1\\:2")),
        MISMATCH,
    ),
    "of the body, as on platforms": (generate_payload_sig(BODY, KEY).decode(), MISMATCH),
    "by SHA-1": (base64_hmac(bytes.fromhex(KEY), TEXT, hashlib.sha1), MISMATCH),
    "by SHA-512": (base64_hmac(bytes.fromhex(KEY), TEXT, hashlib.sha512), MISMATCH),
    "a plain digest": (base64.b64encode(hashlib.sha256(TEXT).digest()).decode(), MISMATCH),
}


@pytest.mark.parametrize(("signature", "expected"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_is_adyen_s_to_the_byte_or_refused(signature, expected):
    assert answer(with_signature(REFUND, signature)) == expected


def test_a_signature_in_the_url_alphabet_is_refused():
    items = ({**REFUND, "merchantReference": f"order {number}"} for number in range(1_000))
    item = next(each for each in items if {"+", "/"} <= set(signature_of(each)))
    signature = signature_of(item)

    assert answer(with_signature(item, signature)) == ACCEPTED
    assert answer(with_signature(item, signature.translate(str.maketrans("+/", "-_")))) == MISMATCH


@pytest.mark.parametrize("additional", [None, [], "x", 1, {}, {"hmacsignature": RIGHT}, {"HMACSIGNATURE": RIGHT}])
def test_an_item_without_a_signature_is_refused(additional):
    assert answer({**REFUND, "additionalData": additional}) == NO_SIGNATURE
    assert answer(REFUND) == NO_SIGNATURE


def test_a_signature_beside_the_item_or_in_a_header_signs_nothing():
    assert answer({**REFUND, "hmacSignature": RIGHT}) == NO_SIGNATURE
    headers = {"HmacSignature": generate_payload_sig(body_of(REFUND).encode(), KEY).decode()}
    assert answer_to(body_of(REFUND).encode(), headers) == NO_SIGNATURE


# --- several items --------------------------------------------------------------------------------------------------

CAPTURE = {**REFUND, "eventCode": "CAPTURE", "pspReference": "8825408195409507"}


def test_each_signed_item_is_an_event():
    events = events_of("adyen", items_request(ITEM, signed(CAPTURE)), [KEY])

    assert [(event.event_type, event.transaction_id) for event in events] == [
        ("REFUND", "7914073381342284"),
        ("CAPTURE", "7914073381342284"),
    ]


BESIDE_A_GOOD_ITEM = {
    "not signed": (CAPTURE, NO_SIGNATURE),
    "signed by another key": (signed(CAPTURE, OTHER_KEY), MISMATCH),
    "signed as the good one": (with_signature(CAPTURE, RIGHT), MISMATCH),
    "no signed field": (with_signature({}, RIGHT), MISMATCH),
    "empty": ({}, NO_SIGNATURE),
    "null": (None, NO_ITEMS),
    "a list": ([ITEM], NO_ITEMS),
}


@pytest.mark.parametrize(("item", "expected"), BESIDE_A_GOOD_ITEM.values(), ids=BESIDE_A_GOOD_ITEM)
def test_one_bad_item_refuses_the_request_wherever_it_stands(item, expected):
    assert answer(ITEM, item) == expected
    assert answer(item, ITEM) == expected
    assert answer(ITEM, item, ITEM) == expected


def test_the_same_item_twice_is_the_same_event_twice():
    first, second = events_of("adyen", items_request(ITEM, ITEM), [KEY])

    assert first == second


WITHOUT_ITEMS = {
    "no list": (b'{"live":"false"}', NO_ITEMS),
    "empty list": (b'{"notificationItems":[]}', NO_ITEMS),
    "null": (b'{"notificationItems":null}', NO_ITEMS),
    "object": (b'{"notificationItems":{"NotificationRequestItem":{}}}', NO_ITEMS),
    "item not wrapped": (json.dumps({"notificationItems": [ITEM]}).encode(), NO_ITEMS),
    "item not in a list": (json.dumps(ITEM).encode(), NO_ITEMS),
    "other case": (BODY.replace(b"notificationItems", b"NotificationItems"), NO_ITEMS),
    "101 items": (body_of(*[ITEM] * 101).encode(), NO_ITEMS),
    "100 items": (body_of(*[ITEM] * 100).encode(), ACCEPTED),
}


@pytest.mark.parametrize(("body", "expected"), WITHOUT_ITEMS.values(), ids=WITHOUT_ITEMS)
def test_a_body_has_between_one_and_a_hundred_items(body, expected):
    assert answer_to(body) == expected


# --- the body -------------------------------------------------------------------------------------------------------

BODIES = {
    "empty": (b"", NOT_JSON),
    "one byte": (b"{", NOT_JSON),
    "one byte that is no text": (b"\xff", NOT_JSON),
    "first byte changed": (b"[" + BODY[1:], NOT_JSON),
    "last byte missing": (BODY[:-1], NOT_JSON),
    "twice": (BODY + BODY, NOT_JSON),
    "NUL behind": (BODY + b"\0", NOT_JSON),
    "not UTF-8, where nothing is signed": (BODY.replace(b"visa", b"vi\xffsa"), NOT_JSON),
    "UTF-16": (BODY.decode().encode("utf-16"), NOT_JSON),
    "compressed": (gzip.compress(BODY), NOT_JSON),
    "as a form": (b"eventCode=AUTHORISATION&success=true", NOT_JSON),
    "a list": (b"[" + BODY + b"]", NOT_OBJECT),
    "a text": (json.dumps(BODY.decode()).encode(), NOT_OBJECT),
    "a signed field twice": (BODY.replace(b'"success"', b'"success":"false","success"'), NOT_JSON),
    "an unsigned field twice": (BODY.replace(b'"reason"', b'"reason":"a","reason"'), NOT_JSON),
    "a field twice, once escaped": (BODY.replace(b'"success"', b'"\\u0073uccess":"false","success"'), NOT_JSON),
    "two lists of items": (BODY.replace(b'"live"', b'"notificationItems":[],"live"'), NOT_JSON),
    "NaN": (BODY.replace(b'"false"', b"NaN"), NOT_JSON),
    "Infinity": (BODY.replace(b'"false"', b"Infinity"), NOT_JSON),
    "10,000 lists deep": (BODY.replace(b'"false"', b"[" * 10_000 + b"]" * 10_000), NOT_JSON),
    "10,000 objects deep": (BODY.replace(b'"false"', b'{"a":' * 10_000 + b"1" + b"}" * 10_000), NOT_JSON),
    "a million open lists": (b"[" * 1_000_000, "413 too_many_values"),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_body_in_which_nothing_signed_can_be_found_is_refused(body, expected):
    assert answer_to(body) == expected


# What Adyen does not sign may be anything, and still it is the one event that Adyen signed.
UNSIGNED = {
    "byte order mark": b"\xef\xbb\xbf" + BODY,
    "CRLF and trailing newline": BODY.replace(b", ", b",\r\n") + b"\r\n",
    "other order": json.dumps(json.loads(BODY), sort_keys=True, indent=1).encode(),
    "escaped": BODY.replace(b"REFUND", b"\\u0052EFUND"),
    "live": BODY.replace(b'"false"', b'"true"'),
    "date": BODY.replace(b"2021-02-25", b"2031-02-25"),
    "no date": body_of(without(ITEM, "eventDate")).encode(),
    "reason": body_of({**ITEM, "reason": "refused"}).encode(),
    "payment method": body_of({**ITEM, "paymentMethod": "ideal"}).encode(),
    "more data": body_of({**ITEM, "additionalData": {**ITEM["additionalData"], "authCode": "1"}}).encode(),
    "more fields": body_of({**ITEM, "PspReference": "x", "id": "evt_2", "type": "x"}).encode(),
    "a MiB more": body_of({**ITEM, "reason": "x" * 2**20}).encode(),
}


@pytest.mark.parametrize("body", UNSIGNED.values(), ids=UNSIGNED)
def test_what_is_not_signed_makes_no_other_event(body):
    (event,) = events_of("adyen", request(body, {}), [KEY])
    (signed,) = events_of("adyen", items_request(ITEM), [KEY])

    # The mode is marked as what nobody signed.
    assert event == replace(signed, mode=event.mode)
    assert event.unsigned == "mode"


def test_a_redelivery_of_a_later_date_meets_the_same_record():
    # Adyen says that duplicates may differ in eventDate, and it is not signed.
    first, second = (
        events_of("adyen", items_request({**ITEM, "eventDate": date}), [KEY])[0]
        for date in ("2021-02-25T16:02:10+01:00", "2021-02-26T16:02:10+01:00")
    )

    assert second == first
    assert first.key == "adyen:8825408195409505:REFUND:true"


@pytest.mark.parametrize("received_at", [0, NOW - 10**9, NOW + 10**9])
def test_without_a_signed_time_the_age_does_not_matter(received_at):
    assert outcome("adyen", request(BODY, {}, received_at), [KEY]) == ACCEPTED


def test_a_body_that_api_gateway_encoded_is_verified_as_it_was_sent():
    event = {
        "body": base64.b64encode(BODY).decode(),
        "isBase64Encoded": True,
        "multiValueHeaders": None,
        "requestContext": {"requestTimeEpoch": NOW * 1000},
    }

    assert outcome("adyen", from_api_gateway(event), [KEY]) == ACCEPTED
    assert outcome("adyen", from_api_gateway({**event, "isBase64Encoded": False}), [KEY]) == NOT_JSON


# --- secrets --------------------------------------------------------------------------------------------------------

SECRETS = {
    "none": ([], NO_SECRET),
    "empty": ([""], NO_SECRET),
    "right and empty": ([KEY, ""], NO_SECRET),
    "right": ([KEY], ACCEPTED),
    "right, in lower case": ([KEY.lower()], ACCEPTED),
    "another": ([OTHER_KEY], MISMATCH),
    "new and old": ([OTHER_KEY, KEY], ACCEPTED),
    "one digit changed": ([KEY[:-1] + "7"], MISMATCH),
    "one digit missing": ([KEY[:-1]], UNUSABLE),
    "no hex": (["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], UNUSABLE),
    "blanks": ([" ".join([KEY[:32], KEY[32:]])], UNUSABLE),
    "newline behind": ([KEY + "\n"], UNUSABLE),
    "full-width digits": (["\uff11" * 64], UNUSABLE),
    "lone surrogate": (["\ud800"], UNUSABLE),
    "right and unusable": ([KEY, "no hex"], UNUSABLE),
}


@pytest.mark.parametrize(("secrets", "expected"), SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("entry", ["adyen", "adyen-platform"])
def test_a_key_is_hex_or_unusable(entry, secrets, expected):
    webhook = items_request(ITEM)
    if entry == "adyen-platform":
        webhook = request(BODY, {"HmacSignature": generate_payload_sig(BODY, KEY).decode()})

    assert outcome(entry, webhook, secrets) == expected


def test_the_verdict_says_which_keys_are_in_use():
    def ids(*items):
        return REGISTRY["adyen"].scheme.verify(items_request(*items), [OTHER_KEY, KEY]).key_id

    assert ids(ITEM) == key_id(KEY)
    assert ids(signed(REFUND, OTHER_KEY), signed(CAPTURE, OTHER_KEY)) == key_id(OTHER_KEY)
    # What was queued before a rotation is signed with the old key.
    assert ids(ITEM, signed(CAPTURE, OTHER_KEY)) == f"{key_id(KEY)},{key_id(OTHER_KEY)}"


# --- the cost of what anybody can send ------------------------------------------------------------------------------

MANY_VALUES = {
    "objects": b"{},",
    "objects with a member": b'{"a":1},',
    "numbers": b"0,",
    "fractions": b"0.1,",
    "texts": b'"a",',
    "arrays in arrays": b"[",
}


@pytest.mark.parametrize("value", MANY_VALUES.values(), ids=MANY_VALUES.keys())
def test_a_body_of_very_many_values_is_not_parsed(value, monkeypatch):
    monkeypatch.setattr(adyen, "ITEMS", None)
    body = b'{"notificationItems":[' + value * (MAX_BODY_BYTES // len(value)) + b"]}"

    assert answer_to(body[:MAX_BODY_BYTES]) == "413 too_many_values"


def test_a_hundred_large_items_are_accepted():
    items = [signed({**REFUND, "reason": "x," * 200 + "r" * 40_000, "pspReference": f"psp{n}"}) for n in range(100)]

    assert answer(*items) == ACCEPTED
