"""Adyen's platform webhooks, hostile: body, header and key, each with its answer."""

import base64
import gzip
import hashlib
import hmac

import pytest
from Adyen.util import generate_payload_sig

from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.request import from_api_gateway
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.adyen_webhooks import KEY, OTHER_KEY, body_request
from tests.unit.providers.outcome import ACCEPTED, outcome
from tests.unit.signers import hex_signature
from tests.unit.webhooks import NOW, request

MISMATCH = "401 signature_mismatch"
MISSING = "401 missing_signature_header"
REPEATED = "401 repeated_signature_header"
TOO_LONG = "401 signature_header_too_long"
NOT_JSON = "400 body_not_json"
NOT_OBJECT = "400 body_not_json_object"

BODY = b'{"type":"balancePlatform.transfer.updated","data":{"id":"TRFR1","name":"visa"}}'
RIGHT = generate_payload_sig(BODY, KEY).decode()


def answer(body, *headers, name="HmacSignature"):
    return outcome("adyen-platform", request(body, {name: list(headers)}), [KEY])


CHANGED_BODIES = {
    "first byte": b"[" + BODY[1:],
    "last byte": BODY[:-1] + b"]",
    "one bit in the middle": BODY[:20] + bytes([BODY[20] ^ 1]) + BODY[21:],
    "one byte less": BODY[:-1],
    "newline behind": BODY + b"\n",
    "blank in front": b" " + BODY,
    "byte order mark in front": b"\xef\xbb\xbf" + BODY,
    "CRLF": BODY.replace(b",", b",\r\n"),
    "compressed": gzip.compress(BODY),
    "empty": b"",
    "twice": BODY + BODY,
}


@pytest.mark.parametrize("body", CHANGED_BODIES.values(), ids=CHANGED_BODIES)
def test_a_changed_body_is_refused(body):
    assert answer(body, RIGHT) == MISMATCH


# What Adyen signed, hostile as it is, and the answer to it.
SIGNED_BODIES = {
    "an object": (b"{}", ACCEPTED),
    "byte order mark": (b"\xef\xbb\xbf{}", ACCEPTED),
    "CRLF and trailing newline": (b"{\r\n}\r\n", ACCEPTED),
    "a MiB": (b'{"x":"' + b"x" * 2**20 + b'"}', ACCEPTED),
    "empty": (b"", NOT_JSON),
    "one byte": (b"{", NOT_JSON),
    "not UTF-8": (b'{"x":"\xff"}', NOT_JSON),
    "compressed": (gzip.compress(b"{}"), NOT_JSON),
    "a list": (b"[]", NOT_OBJECT),
    "a key twice": (b'{"type":"a","type":"b"}', NOT_JSON),
    "NaN": (b'{"x":NaN}', NOT_JSON),
    "10,000 lists deep": (b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", NOT_JSON),
    "a text signed as an item": (b"8825408195409505::TestMerchant:order:1130:EUR:AUTHORISATION:true", NOT_JSON),
}


@pytest.mark.parametrize(("body", "expected"), SIGNED_BODIES.values(), ids=SIGNED_BODIES)
def test_a_signed_body_is_an_event_or_malformed(body, expected):
    assert outcome("adyen-platform", body_request(body), [KEY]) == expected


HEADERS = {
    "right": ([RIGHT], ACCEPTED),
    "absent": ([], MISSING),
    "empty": ([""], MISSING),
    "on two lines": ([RIGHT, RIGHT], REPEATED),
    "on two lines, the wrong one first": (["A" + RIGHT[1:], RIGHT], REPEATED),
    "on two lines, the first one empty": (["", RIGHT], REPEATED),
    "too long": ([RIGHT + "=" * 4096], TOO_LONG),
    "blank": ([" "], MISMATCH),
    "first character changed": ([("A" if RIGHT[0] != "A" else "B") + RIGHT[1:]], MISMATCH),
    "last character missing": ([RIGHT[:-1]], MISMATCH),
    "padding appended": ([RIGHT + "="], MISMATCH),
    "truncated": ([RIGHT[:22]], MISMATCH),
    "backwards": ([RIGHT[::-1]], MISMATCH),
    "twice in one line": ([f"{RIGHT},{RIGHT}"], MISMATCH),
    "other case": ([RIGHT.swapcase()], MISMATCH),
    "blank behind": ([RIGHT + " "], MISMATCH),
    "newline behind": ([RIGHT + "\n"], MISMATCH),
    "NUL behind": ([RIGHT + "\0"], MISMATCH),
    "not ascii": ([RIGHT + "é"], MISMATCH),
    "lone surrogate": (["\ud800"], MISMATCH),
    "full-width": (["".join(chr(ord(char) + 0xFEE0) for char in RIGHT)], MISMATCH),
    "hex": ([base64.b64decode(RIGHT).hex()], MISMATCH),
    "with the algorithm in front": ([f"sha256={RIGHT}"], MISMATCH),
    "of another key": ([generate_payload_sig(BODY, OTHER_KEY).decode()], MISMATCH),
    "of the key's hex digits as they are": (
        [base64.b64encode(bytes.fromhex(hex_signature(BODY, KEY))).decode()],
        MISMATCH,
    ),
    "of an empty key": ([base64.b64encode(hmac.new(b"", BODY, hashlib.sha256).digest()).decode()], MISMATCH),
    "a plain digest": ([base64.b64encode(hashlib.sha256(BODY).digest()).decode()], MISMATCH),
    "of GitHub": ([f"sha256={hex_signature(BODY, KEY)}"], MISMATCH),
}


@pytest.mark.parametrize(("headers", "expected"), HEADERS.values(), ids=HEADERS)
def test_a_header_is_adyen_s_to_the_byte_or_refused(headers, expected):
    assert answer(BODY, *headers) == expected


@pytest.mark.parametrize("name", ["hmacsignature", "HMACSIGNATURE", "Hmacsignature"])
def test_the_case_of_the_header_s_name_does_not_matter(name):
    assert answer(BODY, RIGHT, name=name) == ACCEPTED


@pytest.mark.parametrize("name", ["X-HmacSignature", "Hmac-Signature", "Signature", "Authorization"])
def test_the_signature_in_another_header_signs_nothing(name):
    assert answer(BODY, RIGHT, name=name) == MISSING


@pytest.mark.parametrize("protocol", [[], ["HmacSHA256"], ["none"], ["HmacSHA1"], ["\ud800"], ["a", "b"]], ids=ascii)
def test_the_protocol_that_nobody_signs_changes_nothing(protocol):
    assert outcome("adyen-platform", body_request(BODY, Protocol=protocol), [KEY]) == ACCEPTED
    wrong = request(BODY, {"HmacSignature": "A" + RIGHT[1:], "Protocol": protocol})
    assert outcome("adyen-platform", wrong, [KEY]) == MISMATCH


@pytest.mark.parametrize("received_at", [0, NOW - 10**9, NOW + 10**9])
def test_without_a_signed_time_the_age_does_not_matter(received_at):
    assert outcome("adyen-platform", request(BODY, {"HmacSignature": RIGHT}, received_at), [KEY]) == ACCEPTED


def test_while_keys_rotate_the_verdict_says_which_one_is_in_use():
    scheme = REGISTRY["adyen-platform"].scheme

    assert scheme.verify(body_request(BODY, OTHER_KEY), [KEY, OTHER_KEY]).key_id == key_id(OTHER_KEY)
    assert scheme.verify(body_request(BODY, KEY), [KEY, OTHER_KEY]).key_id == key_id(KEY)


def test_a_body_that_api_gateway_encoded_is_verified_as_it_was_sent():
    event = {
        "body": base64.b64encode(BODY).decode(),
        "isBase64Encoded": True,
        "multiValueHeaders": {"HmacSignature": [RIGHT]},
        "requestContext": {"requestTimeEpoch": NOW * 1000},
    }

    assert outcome("adyen-platform", from_api_gateway(event), [KEY]) == ACCEPTED
    repeated = {"HmacSignature": [RIGHT], "hmacsignature": [RIGHT]}
    assert outcome("adyen-platform", from_api_gateway({**event, "multiValueHeaders": repeated}), [KEY]) == REPEATED
