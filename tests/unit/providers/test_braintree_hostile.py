"""Braintree's notifications as an attacker, a sloppy sender or a careless operator would bring them."""

import base64
import gzip
import hashlib
import hmac
from urllib.parse import quote, quote_plus

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.ingestion.logic import Ingestion
from lambdas.shared.errors import WebhookRefusedError
from lambdas.shared.request import from_api_gateway
from lambdas.shared.signatures.scheme import ChallengeScheme, key_id
from tests.unit.providers.braintree_webhooks import (
    OTHER_SECRET,
    PAYLOAD,
    PRIVATE,
    PUBLIC,
    SECRET,
    XML,
    form,
    form_request,
    gateway,
    pair,
    payload_request,
    signature,
)
from tests.unit.providers.outcome import ACCEPTED, events_of, outcome
from tests.unit.webhooks import NOW, request

MISMATCH = "401 signature_mismatch"
NO_SIGNATURE = "401 missing_signature"
BAD_SIGNATURE = "401 malformed_signature"
TOO_LONG = "401 signature_too_long"
NOT_A_FORM = "401 body_not_a_form"
NOT_A_NOTIFICATION = "401 body_not_a_notification"
BAD_PAYLOAD = "401 malformed_payload"
NO_SECRET = "503 secret_missing"
UNUSABLE = "503 secret_unusable"

SIGNATURE = pair(PAYLOAD)
BODY = form(SIGNATURE, PAYLOAD)


def answer(body, secrets=(SECRET,)):
    return outcome("braintree", form_request(body), list(secrets))


def test_an_untouched_notification_is_accepted():
    assert answer(BODY) == ACCEPTED


# --- the body -------------------------------------------------------------------------------------------------------

PAYLOAD_BYTES = PAYLOAD.encode()
ENCODED_SIGNATURE, ENCODED_PAYLOAD = quote_plus(SIGNATURE), quote_plus(PAYLOAD)

BODIES = {
    "empty": (b"", NOT_A_NOTIFICATION),
    "one byte": (b"b", NOT_A_FORM),
    "one byte that is no text": (b"\xff", NOT_A_FORM),
    "not ASCII": (BODY + "&x=é".encode(), NOT_A_FORM),
    "an escape that is no UTF-8": (BODY + b"&x=%FF", NOT_A_FORM),
    "an escaped surrogate": (BODY.replace(b"%7C", b"%7C%ED%A0%80"), NOT_A_FORM),
    "byte order mark in front": (b"\xef\xbb\xbf" + BODY, NOT_A_FORM),
    "compressed": (gzip.compress(BODY), NOT_A_FORM),
    "JSON": (b'{"bt_signature":"a","bt_payload":"b"}', NOT_A_FORM),
    "XML": (XML, NOT_A_NOTIFICATION),
    "twice": (BODY + b"&" + BODY, NOT_A_NOTIFICATION),
    "an empty part": (BODY + b"&", NOT_A_FORM),
    "17 fields": (BODY + b"&x=1" * 15, NOT_A_FORM),
    "100,000 fields": (BODY + b"&x=1" * 100_000, NOT_A_FORM),
    "no signature": (b"bt_payload=" + ENCODED_PAYLOAD.encode(), NOT_A_NOTIFICATION),
    "an empty signature": (form("", PAYLOAD), NO_SIGNATURE),
    "no payload": (b"bt_signature=" + ENCODED_SIGNATURE.encode(), NOT_A_NOTIFICATION),
    "an empty payload": (form(pair(""), ""), BAD_PAYLOAD),
    "two signatures": (BODY + b"&bt_signature=" + ENCODED_SIGNATURE.encode(), NOT_A_NOTIFICATION),
    "two signatures, one of them empty": (b"bt_signature=&" + BODY, NOT_A_NOTIFICATION),
    "two payloads": (BODY + b"&bt_payload=" + ENCODED_PAYLOAD.encode(), NOT_A_NOTIFICATION),
    "two payloads, one of an escaped name": (BODY + b"&bt%5Fpayload=eA==", NOT_A_NOTIFICATION),
    "names in capitals": (BODY.replace(b"bt_", b"BT_"), NOT_A_NOTIFICATION),
    "joined by semicolons": (BODY.replace(b"&", b";"), NOT_A_NOTIFICATION),
    "a byte of the payload changed": (form(SIGNATURE, "Q" + PAYLOAD[1:]), MISMATCH),
    "the payload's other case": (form(SIGNATURE, PAYLOAD.swapcase()), MISMATCH),
    "half a payload": (form(SIGNATURE, PAYLOAD[:100]), MISMATCH),
    "the payload twice": (form(SIGNATURE, PAYLOAD * 2), MISMATCH),
    "the payload in one line": (form(SIGNATURE, PAYLOAD.replace("\n", "")), MISMATCH),
    "the payload in other lines": (form(SIGNATURE, PAYLOAD.replace("\n", "", 1)), MISMATCH),
    "a newline behind the payload": (form(SIGNATURE, PAYLOAD + "\n"), MISMATCH),
    "two newlines lost": (form(SIGNATURE, PAYLOAD[:-2]), MISMATCH),
    "a newline in front": (form(SIGNATURE, "\n" + PAYLOAD), MISMATCH),
    "CRLF in the payload": (form(SIGNATURE, PAYLOAD.replace("\n", "\r\n")), BAD_PAYLOAD),
    "a blank behind": (form(SIGNATURE, PAYLOAD + " "), BAD_PAYLOAD),
    "NUL behind": (form(SIGNATURE, PAYLOAD + "\0"), BAD_PAYLOAD),
    "of the url alphabet": (form(SIGNATURE, PAYLOAD + "-_"), BAD_PAYLOAD),
    "not ascii in the payload": (form(SIGNATURE, PAYLOAD + "é"), BAD_PAYLOAD),
    "full-width letters": (form(SIGNATURE, "".join(chr(ord(c) + 0xFEE0) for c in PAYLOAD[:8])), BAD_PAYLOAD),
    "a plus that is a blank": (form(pair("a+b/"), "a+b/").replace(b"%2B", b"+"), BAD_PAYLOAD),
    "XML that is not base64": (form(pair("<notification/>"), "<notification/>"), BAD_PAYLOAD),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_what_braintree_signed_is_refused(body, expected):
    assert answer(body) == expected


# Other bytes, and still the one notification that Braintree signed.
SAME_NOTIFICATION = {
    "without the last line end": form(SIGNATURE, PAYLOAD[:-1]),
    "parameters in the other order": f"bt_payload={ENCODED_PAYLOAD}&bt_signature={ENCODED_SIGNATURE}".encode(),
    "parameters that are nobody's": BODY + b"&x=1&id=evt_2&timestamp=2031-01-01T00:00:00Z",
    "other escapes": f"bt_signature={quote(SIGNATURE)}&bt_payload={quote(PAYLOAD, safe='')}".encode(),
    "everything escaped": b"bt_signature=%s&bt_payload=%s"
    % tuple("".join(f"%{ord(char):02x}" for char in text).encode() for text in (SIGNATURE, PAYLOAD)),
    "a raw newline behind": f"bt_signature={ENCODED_SIGNATURE}&bt_payload={quote_plus(PAYLOAD[:-1])}\n".encode(),
}


@pytest.mark.parametrize("body", SAME_NOTIFICATION.values(), ids=SAME_NOTIFICATION)
def test_another_encoding_of_the_form_makes_no_other_event(body):
    (event,) = events_of("braintree", form_request(body), [SECRET])

    assert event == events_of("braintree", form_request(BODY), [SECRET])[0]


@pytest.mark.parametrize("received_at", [0, NOW - 10**9, NOW + 10**9])
def test_there_is_no_replay_window_and_a_replay_is_the_same_event(received_at):
    (event,) = events_of("braintree", request(BODY, {}, received_at), [SECRET])

    assert event == events_of("braintree", form_request(BODY), [SECRET])[0]


def test_a_body_that_api_gateway_encoded_is_verified_as_it_was_sent():
    event = {
        "body": base64.b64encode(BODY).decode(),
        "isBase64Encoded": True,
        "multiValueHeaders": None,
        "requestContext": {"requestTimeEpoch": NOW * 1000},
    }

    assert outcome("braintree", from_api_gateway(event), [SECRET]) == ACCEPTED


# --- the signature --------------------------------------------------------------------------------------------------

OK = signature(PAYLOAD)
BAD = signature(PAYLOAD, OTHER_SECRET)


def raw_hmac(key, text=PAYLOAD_BYTES, algorithm=hashlib.sha1):
    return f"{PUBLIC}|{hmac.new(key, text, algorithm).hexdigest()}"


KEY = hashlib.sha1(PRIVATE.encode()).digest()
SIGNATURES = {
    "right": (f"{PUBLIC}|{OK}", ACCEPTED),
    "made by hand": (raw_hmac(KEY), ACCEPTED),
    "behind another key's": (f"{pair(PAYLOAD, OTHER_SECRET)}&{PUBLIC}|{OK}", ACCEPTED),
    "in front of another key's": (f"{PUBLIC}|{OK}&{pair(PAYLOAD, OTHER_SECRET)}", ACCEPTED),
    "behind a wrong one of the same key": (f"{PUBLIC}|{BAD}&{PUBLIC}|{OK}", ACCEPTED),
    "wrong": (f"{PUBLIC}|{BAD}", MISMATCH),
    "of another key": (pair(PAYLOAD, OTHER_SECRET), MISMATCH),
    "right, under another key's name": (f"{OTHER_SECRET.split(':')[0]}|{OK}", MISMATCH),
    "right, under no name": (f"|{OK}", MISMATCH),
    "right, under a name in capitals": (f"{PUBLIC.upper()}|{OK}", MISMATCH),
    "no digits": (f"{PUBLIC}|", MISMATCH),
    "no name": (OK, BAD_SIGNATURE),
    "no more than a name": (PUBLIC, BAD_SIGNATURE),
    "the other way round": (f"{OK}|{PUBLIC}", MISMATCH),
    "three parts": (f"{PUBLIC}|{OK}|{OK}", BAD_SIGNATURE),
    "an empty pair behind": (f"{PUBLIC}|{OK}&", BAD_SIGNATURE),
    "an empty pair in front": (f"&{PUBLIC}|{OK}", BAD_SIGNATURE),
    "a pair of nothing": (f"|&{PUBLIC}|{OK}", ACCEPTED),
    "joined by a comma": (f"{PUBLIC}|{OK},{PUBLIC}|{OK}", BAD_SIGNATURE),
    "with another separator": (f"{PUBLIC}:{OK}", BAD_SIGNATURE),
    "a full-width separator": (f"{PUBLIC}\uff5c{OK}", BAD_SIGNATURE),
    "first digit changed": (f"{PUBLIC}|{'0' if OK[0] != '0' else '1'}{OK[1:]}", MISMATCH),
    "last digit missing": (f"{PUBLIC}|{OK[:-1]}", MISMATCH),
    "a digit more": (f"{PUBLIC}|{OK}0", MISMATCH),
    "upper case": (f"{PUBLIC}|{OK.upper()}", MISMATCH),
    "blank behind": (f"{PUBLIC}|{OK} ", MISMATCH),
    "blank in front": (f" {PUBLIC}|{OK}", MISMATCH),
    "newline behind": (f"{PUBLIC}|{OK}\n", MISMATCH),
    "NUL behind": (f"{PUBLIC}|{OK}\0", MISMATCH),
    "not ascii": (f"{PUBLIC}|{OK}é", MISMATCH),
    "full-width digits": (f"{PUBLIC}|" + "".join(chr(ord(char) + 0xFEE0) for char in OK), MISMATCH),
    "base64": (f"{PUBLIC}|{base64.b64encode(bytes.fromhex(OK)).decode()}", MISMATCH),
    "of an empty key": (raw_hmac(b""), MISMATCH),
    "of the private key itself": (raw_hmac(PRIVATE.encode()), MISMATCH),
    "of the key's hex digits": (raw_hmac(hashlib.sha1(PRIVATE.encode()).hexdigest().encode()), MISMATCH),
    "of the XML": (raw_hmac(KEY, XML), MISMATCH),
    "of a payload of two lost line ends": (raw_hmac(KEY, PAYLOAD.encode() + b"\n\n"), MISMATCH),
    "by SHA-256": (raw_hmac(hashlib.sha256(PRIVATE.encode()).digest(), algorithm=hashlib.sha256), MISMATCH),
    "a plain digest": (f"{PUBLIC}|{hashlib.sha1(PAYLOAD.encode()).hexdigest()}", MISMATCH),
    "too long": (f"{PUBLIC}|{OK}" + f"&{PUBLIC}|{BAD}" * 100, TOO_LONG),
    "a million separators": ("&" * 1_000_000, TOO_LONG),
}


@pytest.mark.parametrize(("given", "expected"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_is_braintree_s_to_the_byte_or_refused(given, expected):
    assert answer(form(given, PAYLOAD)) == expected


def test_another_provider_s_signature_of_the_body_in_a_header_signs_nothing():
    headers = {"X-Hub-Signature-256": "sha256=" + hmac.new(PRIVATE.encode(), BODY, hashlib.sha256).hexdigest()}
    body = b"bt_payload=" + ENCODED_PAYLOAD.encode()

    assert outcome("braintree", request(body, headers), [SECRET]) == NOT_A_NOTIFICATION


# --- the challenge --------------------------------------------------------------------------------------------------

CHALLENGE = "20f9f8ed05f77439fe955c977e4c8a53"


@pytest.mark.parametrize("payload", [CHALLENGE, CHALLENGE[:20], "feedfacefeedfacefeed", CHALLENGE + "\n"])
def test_the_answer_to_a_challenge_cannot_be_turned_into_a_notification(payload):
    # Anybody can have a text of his choice signed, so that such a text must never be a payload.
    scheme = REGISTRY["braintree"].scheme
    given = scheme.answer_challenge(form_request(b"", bt_challenge=payload.rstrip("\n")), [SECRET])
    assert gateway().webhook_notification.verify(payload.rstrip("\n")) == given

    assert answer(form(given, payload)) == BAD_PAYLOAD


CHALLENGES = {
    "20 digits": ("0" * 20, 200),
    "32 digits": ("f" * 32, 200),
    "absent": (None, 400),
    "empty": ("", 400),
    "19 digits": ("0" * 19, 400),
    "33 digits": ("0" * 33, 400),
    "upper case": ("F" * 20, 400),
    "no hex": ("g" * 20, 400),
    "newline behind": ("0" * 20 + "\n", 400),
    "blank in front": (" " + "0" * 20, 400),
    "two lines": ("0" * 20 + "\n" + "0" * 5, 400),
    "a payload": (PAYLOAD, 400),
    "full-width digits": ("\uff10" * 20, 400),
    "arabic digits": ("\u0660" * 20, 400),
    "lone surrogate": ("\ud800" * 20, 400),
    "NUL": ("\0" * 20, 400),
}


class Store:
    """The secret store, as far as a challenge needs it."""

    def __init__(self, *secrets):
        self.secrets = secrets

    def get(self, name, *, recheck_seconds):
        assert name == "shop"
        return self.secrets


def challenge(text, *secrets):
    ingestion = Ingestion(
        providers={"shop": REGISTRY["braintree"]},
        secrets=Store(*secrets),
        queue=None,
        archive=None,
        max_body_bytes=1,
    )
    query = {} if text is None else {"bt_challenge": text}
    try:
        return 200, ingestion.challenge("shop", form_request(b"", **query))
    except WebhookRefusedError as refusal:
        return refusal.status, refusal.reason


@pytest.mark.parametrize(("text", "status"), CHALLENGES.values(), ids=CHALLENGES)
def test_a_challenge_is_hex_digits_or_refused(text, status):
    expected = gateway().webhook_notification.verify(text) if status == 200 else "malformed_challenge"

    assert challenge(text, SECRET) == (status, expected)


def test_while_keys_rotate_the_newest_answers():
    assert challenge(CHALLENGE, OTHER_SECRET, SECRET) == (
        200,
        gateway(OTHER_SECRET).webhook_notification.verify(CHALLENGE),
    )


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [((), "secret_missing"), (("",), "secret_missing"), (("no pair",), "secret_unusable")],
)
def test_without_a_key_no_challenge_is_answered(secrets, expected):
    assert challenge(CHALLENGE, *secrets) == (503, expected)


def test_the_stack_gives_braintree_the_route_of_its_challenge():
    assert isinstance(REGISTRY["braintree"].scheme, ChallengeScheme)


# --- secrets --------------------------------------------------------------------------------------------------------

SECRETS = {
    "none": ([], NO_SECRET),
    "empty": ([""], NO_SECRET),
    "right and empty": ([SECRET, ""], NO_SECRET),
    "right": ([SECRET], ACCEPTED),
    "new and old": ([OTHER_SECRET, SECRET], ACCEPTED),
    "old and new": ([SECRET, OTHER_SECRET], ACCEPTED),
    "another": ([OTHER_SECRET], MISMATCH),
    "another private key": ([f"{PUBLIC}:{OTHER_SECRET.split(':')[1]}"], MISMATCH),
    "another public key": ([f"{OTHER_SECRET.split(':')[0]}:{PRIVATE}"], MISMATCH),
    "a private key that goes on": ([SECRET + ":"], MISMATCH),
    "other case": ([SECRET.swapcase()], MISMATCH),
    "no private key": ([PUBLIC], UNUSABLE),
    "an empty private key": ([f"{PUBLIC}:"], UNUSABLE),
    "an empty public key": ([f":{PRIVATE}"], UNUSABLE),
    "a blank in the middle": ([f"{PUBLIC}: {PRIVATE}"], UNUSABLE),
    "newline behind": ([SECRET + "\n"], UNUSABLE),
    "another separator": ([SECRET.replace(":", "|")], UNUSABLE),
    "a public key that would be two pairs": ([f"a|b&{SECRET}"], UNUSABLE),
    "not ascii": ([SECRET + "é"], UNUSABLE),
    "full-width": (["".join(chr(ord(char) + 0xFEE0) for char in SECRET)], UNUSABLE),
    "lone surrogate": (["\ud800"], UNUSABLE),
    "right and unusable": ([SECRET, "no pair"], UNUSABLE),
}


@pytest.mark.parametrize(("secrets", "expected"), SECRETS.values(), ids=SECRETS)
def test_a_key_pair_is_two_texts_or_unusable(secrets, expected):
    assert answer(BODY, secrets) == expected


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_verdict_says_which_pair_is_in_use(order):
    secrets = [(SECRET, OTHER_SECRET)[index] for index in order]
    scheme = REGISTRY["braintree"].scheme

    assert scheme.verify(form_request(BODY), secrets).key_id == key_id(SECRET)
    assert scheme.verify(payload_request(PAYLOAD, OTHER_SECRET), secrets).key_id == key_id(OTHER_SECRET)
    both = f"{pair(PAYLOAD, OTHER_SECRET)}&{SIGNATURE}"
    assert scheme.verify(form_request(form(both, PAYLOAD)), secrets).key_id == key_id(secrets[0])
    assert scheme.verify(form_request(form(both, PAYLOAD[:-1])), secrets).key_id == key_id(secrets[0])
