"""Schemes with one HMAC in a header, as an attacker, a sloppy proxy or a careless operator would meet them.

Every case goes through ingestion's door and has its answer here.
"""

import base64
import gzip
import hashlib
import hmac

import pytest

from tests.unit.providers.deployed import (
    ACCEPTED,
    DEPLOYED,
    LIKE_SLACK,
    MAX_BODY_BYTES,
    SQUARE,
    TIMED,
    UNTIMED,
)
from tests.unit.webhooks import NOW, OTHER_SECRET, request

MISMATCH = "401 signature_mismatch"
MISSING = "401 missing_signature_header"
REPEATED = "401 repeated_signature_header"
TOO_LONG = "401 signature_header_too_long"
BAD_TIME = "401 malformed_timestamp"
OUTSIDE = "401 timestamp_outside_window"
NO_SECRET = "503 secret_missing"
UNUSABLE = "503 secret_unusable"
NOT_JSON = "400 body_not_json"
NOT_OBJECT = "400 body_not_json_object"
TOO_LARGE = "413 payload_too_large"

every = pytest.mark.parametrize("deployed", DEPLOYED.values(), ids=DEPLOYED.keys())
every_timed = pytest.mark.parametrize("deployed", TIMED.values(), ids=TIMED.keys())
EVERY_HEADER = [
    pytest.param(deployed, name, id=f"{case}: {name}")
    for case, deployed in DEPLOYED.items()
    for name in deployed.signed_headers
]
every_header = pytest.mark.parametrize(("deployed", "name"), EVERY_HEADER)


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@every
def test_an_untouched_webhook_is_accepted(deployed):
    body = deployed.body()

    assert deployed.answer(request(body, deployed.sign(body, now=NOW))) == ACCEPTED


# --- the body -------------------------------------------------------------------------------------------------------

CHANGES_OF_THE_BODY = {
    "one bit": flipped,
    "first byte gone": lambda body: body[1:],
    "last byte gone": lambda body: body[:-1],
    "newline behind": lambda body: body + b"\n",
    "newline behind, as CRLF": lambda body: body + b"\r\n",
    "NUL behind": lambda body: body + b"\0",
    "byte order mark in front": lambda body: b"\xef\xbb\xbf" + body,
    "blanks after colons gone": lambda body: body.replace(b'": ', b'":'),
    "twice": lambda body: body * 2,
    "compressed": lambda body: gzip.compress(body, mtime=0),
    "in Latin-1": lambda body: body.replace(b"}", '"é"}'.encode("latin-1")),
    "empty": lambda body: b"",
    "one byte": lambda body: body[:1],
}


@every
@pytest.mark.parametrize("change", CHANGES_OF_THE_BODY.values(), ids=CHANGES_OF_THE_BODY.keys())
def test_a_body_that_was_changed_on_the_way_is_refused(deployed, change):
    body = deployed.body()

    assert deployed.answer(request(change(body), deployed.sign(body, now=NOW))) == MISMATCH


FILLED = b'{"event_id":"e","order_id":1,"x":"' + b"x" * (MAX_BODY_BYTES - 36) + b'"}'
# What the provider signed, and what becomes of it.
SIGNED_BODIES = {
    "empty": (b"", NOT_JSON),
    "one byte": (b"1", NOT_OBJECT),
    "one byte that is no UTF-8": (b"\x80", NOT_JSON),
    "not UTF-8": (b'{"event_id":"e","order_id":1,"x":"\xff"}', NOT_JSON),
    "byte order mark": (b'\xef\xbb\xbf{"event_id":"e","order_id":1}', ACCEPTED),
    "two byte order marks": (b'\xef\xbb\xbf\xef\xbb\xbf{"event_id":"e","order_id":1}', NOT_JSON),
    "CRLF": (b'{\r\n"event_id":"e",\r\n"order_id":1}', ACCEPTED),
    "trailing newline": (b'{"event_id":"e","order_id":1}\n', ACCEPTED),
    "compressed": (gzip.compress(b'{"event_id":"e","order_id":1}', mtime=0), NOT_JSON),
    "duplicate key": (b'{"event_id":"e","event_id":"f","order_id":1}', NOT_JSON),
    "duplicate key below": (b'{"event_id":"e","order_id":1,"data":{"id":1,"id":2}}', NOT_JSON),
    "NaN": (b'{"event_id":"e","order_id":1,"amount":NaN}', NOT_JSON),
    "Infinity": (b'{"event_id":"e","order_id":1,"amount":-Infinity}', NOT_JSON),
    "10,000 arrays deep": (b'{"event_id":"e","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", NOT_JSON),
    "10,000 objects deep": (b'{"event_id":"e","x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", NOT_JSON),
    "array": (b'[{"event_id":"e","order_id":1}]', NOT_OBJECT),
    "null": (b"null", NOT_OBJECT),
    "the size limit": (FILLED, ACCEPTED),
    "one byte more than the size limit": (FILLED + b" ", TOO_LARGE),
}


@every
@pytest.mark.parametrize(("body", "expected"), SIGNED_BODIES.values(), ids=SIGNED_BODIES.keys())
def test_what_the_provider_signed_is_an_event_or_malformed(deployed, body, expected):
    assert deployed.answer(request(body, deployed.sign(body, now=NOW))) == expected


# --- the headers ----------------------------------------------------------------------------------------------------


def last_changed(text):
    index = max(i for i, char in enumerate(text) if char.isalnum())
    return text[:index] + ("0" if text[index] != "0" else "1") + text[index + 1 :]


def other_digits(text, zero):
    return text.translate({ord(str(n)): chr(zero + n) for n in range(10)})


HEADER_CHANGES = {
    "absent": (lambda value: [], MISSING),
    "empty": (lambda value: [""], MISSING),
    "twice": (lambda value: [value, value], REPEATED),
    "twice, the wrong one first": (lambda value: [last_changed(value), value], REPEATED),
    "twice, the wrong one last": (lambda value: [value, last_changed(value)], REPEATED),
    "4,097 characters": (lambda value: [value + "0" * (4097 - len(value))], TOO_LONG),
}
SPELLINGS = {
    "last digit changed": last_changed,
    "last digit gone": lambda value: value.rstrip("=")[:-1],
    "first digit gone": lambda value: value[1:],
    "first half": lambda value: value[: len(value) // 2],
    "backwards": lambda value: value[::-1],
    "joined to itself by a comma": lambda value: f"{value},{value}",
    "joined to itself by a blank": lambda value: f"{value} {value}",
    "blank in front": lambda value: f" {value}",
    "blank behind": lambda value: f"{value} ",
    "newline behind": lambda value: f"{value}\n",
    "tab behind": lambda value: f"{value}\t",
    "no-break space behind": lambda value: f"{value}\u00a0",
    "NUL behind": lambda value: f"{value}\0",
    "not ASCII behind": lambda value: f"{value}é",
    "lone surrogate behind": lambda value: f"{value}\ud800",
    "full-width digits": lambda value: other_digits(value, 0xFF10) + "\uff11",
    "arabic digits": lambda value: other_digits(value, 0x660) + "\u0661",
    "quoted": lambda value: f'"{value}"',
    "two more paddings": lambda value: f"{value}==",
    "garbage": lambda value: "garbage",
    "null": lambda value: "null",
}


@every_header
@pytest.mark.parametrize(("change", "expected"), HEADER_CHANGES.values(), ids=HEADER_CHANGES.keys())
def test_a_header_that_cannot_be_read_is_refused(deployed, name, change, expected):
    body = deployed.body()
    headers = deployed.sign(body, now=NOW)

    assert deployed.answer(request(body, headers | {name: change(headers[name])})) == expected


@every
@pytest.mark.parametrize("change", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_signature_in_any_other_writing_is_refused(deployed, change):
    body = deployed.body()
    name = deployed.signed_headers[-1]
    headers = deployed.sign(body, now=NOW)

    assert deployed.answer(request(body, headers | {name: change(headers[name])})) == MISMATCH


@every
def test_a_header_repeated_in_another_case_is_repeated_when_it_reaches_the_scheme(deployed):
    body = deployed.body()
    headers = deployed.sign(body, now=NOW)
    name = deployed.signed_headers[-1]
    twice = request(body, headers)
    twice.headers[name.lower()].append(headers[name])

    assert deployed.answer(twice) == REPEATED


# The algorithms, encodings and prefixes of one HMAC over the right bytes; only the agreed one counts.
WRITINGS = {
    "hex": (hashlib.sha256, lambda digest: digest.hex()),
    "hex behind sha256=": (hashlib.sha256, lambda digest: f"sha256={digest.hex()}"),
    "HEX": (hashlib.sha256, lambda digest: digest.hex().upper()),
    "hex of SHA-1": (hashlib.sha1, lambda digest: digest.hex()),
    "hex of SHA-1 behind sha1=": (hashlib.sha1, lambda digest: f"sha1={digest.hex()}"),
    "hex of SHA-512": (hashlib.sha512, lambda digest: digest.hex()),
    "base64": (hashlib.sha256, lambda digest: base64.b64encode(digest).decode()),
    "base64 without padding": (hashlib.sha256, lambda digest: base64.b64encode(digest).decode().rstrip("=")),
    "base64 in lines": (hashlib.sha256, lambda digest: base64.encodebytes(digest).decode()),
    "base64 of SHA-1": (hashlib.sha1, lambda digest: base64.b64encode(digest).decode()),
    "base64 of SHA-512": (hashlib.sha512, lambda digest: base64.b64encode(digest).decode()),
    "base64 of SHA-512 behind sha512=": (hashlib.sha512, lambda digest: f"sha512={base64.b64encode(digest).decode()}"),
    "base64 of SHA-512 behind sha256=": (hashlib.sha512, lambda digest: f"sha256={base64.b64encode(digest).decode()}"),
    "base64 of hex": (hashlib.sha256, lambda digest: base64.b64encode(digest.hex().encode()).decode()),
    "base64url": (hashlib.sha256, lambda digest: base64.urlsafe_b64encode(digest).decode()),
    "base64url without padding": (hashlib.sha256, lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("=")),
    "base64url with too much padding": (
        hashlib.sha256,
        lambda digest: base64.urlsafe_b64encode(digest).decode() + "====",
    ),
    "base64url behind v1=": (hashlib.sha256, lambda digest: f"v1={base64.urlsafe_b64encode(digest).decode()}"),
    "base64url behind v1=, without padding": (
        hashlib.sha256,
        lambda digest: f"v1={base64.urlsafe_b64encode(digest).decode().rstrip('=')}",
    ),
    "base64url behind v1= twice": (hashlib.sha256, lambda digest: f"v1=v1={base64.urlsafe_b64encode(digest).decode()}"),
    "base64url behind sha256=": (hashlib.sha256, lambda digest: f"sha256={base64.urlsafe_b64encode(digest).decode()}"),
}
RIGHT_WRITINGS = {
    "shopify": {"base64"},
    "square": {"base64"},
    "generic": {"hex", "hex behind sha256="},
    "generic, SHA-512 in base64": {"base64 of SHA-512", "base64 of SHA-512 behind sha512="},
    "generic, base64url behind v1=": {
        "base64url",
        "base64url without padding",
        "base64url behind v1=",
        "base64url behind v1=, without padding",
    },
}


@pytest.mark.parametrize("case", UNTIMED)
@pytest.mark.parametrize("writing", WRITINGS)
def test_only_the_agreed_algorithm_encoding_and_prefix_count(case, writing):
    # Of bodies the first whose digest base64 and base64url write differently.
    deployed = UNTIMED[case]
    algorithm, write = WRITINGS[writing]
    body, headers, digest = next(
        (body, headers, digest)
        for number in range(100)
        for body in [deployed.body(number=number)]
        for headers in [deployed.sign(body, now=NOW)]
        for digest in [hmac.new(deployed.secret.encode(), signed_bytes(deployed, body), algorithm).digest()]
        if {b"+", b"/"} & {bytes([char]) for char in base64.b64encode(digest)}
    )
    headers[deployed.signed_headers[-1]] = write(digest)

    expected = ACCEPTED if writing in RIGHT_WRITINGS[case] else MISMATCH
    assert deployed.answer(request(body, headers)) == expected


def signed_bytes(deployed, body):
    return deployed.options.get("url", "").encode() + body if deployed is SQUARE else body


# --- time -----------------------------------------------------------------------------------------------------------

TIMESTAMPS = [
    (str(NOW), ACCEPTED),
    (f"+{NOW}", BAD_TIME),
    (f" {NOW}", BAD_TIME),
    (f"{NOW}\n", BAD_TIME),
    (f"{NOW}.0", BAD_TIME),
    (f"{NOW}000", BAD_TIME),
    ("1_614_265_330", BAD_TIME),
    ("1.614265330e9", BAD_TIME),
    ("2021-02-25T15:02:10Z", BAD_TIME),
    ("nan", BAD_TIME),
    ("\u0661\u0666\u0661\u0664\u0662\u0666\u0665\u0663\u0663\u0660", BAD_TIME),
    (other_digits(str(NOW), 0xFF10), BAD_TIME),
    ("\u00e9", BAD_TIME),
    (str(NOW - 300), ACCEPTED),
    (str(NOW - 301), OUTSIDE),
    (str(NOW + 300), ACCEPTED),
    (str(NOW + 301), OUTSIDE),
    ("0", OUTSIDE),
    ("99999999999", OUTSIDE),
]


@every_timed
@pytest.mark.parametrize(("timestamp", "expected"), TIMESTAMPS, ids=lambda value: ascii(value)[:24])
def test_a_signed_time_is_ascii_digits_within_the_window(deployed, timestamp, expected):
    # Each is signed rightly, so that nothing but its reading as a time can refuse it.
    body = deployed.body()

    assert deployed.answer(request(body, deployed.sign(body, now=timestamp))) == expected


@every_timed
def test_a_stale_webhook_cannot_be_made_fresh(deployed):
    body = deployed.body()
    stale = deployed.sign(body, now=NOW - 301)

    assert deployed.answer(request(body, stale)) == OUTSIDE
    assert deployed.answer(request(body, stale | {deployed.signed_headers[0]: str(NOW)})) == MISMATCH


def test_a_digit_cannot_move_between_the_time_and_what_stands_around_it():
    body = b'{"id":"evt_1"}'
    header, signature = LIKE_SLACK.signed_headers
    signed = f"v0:{NOW}:".encode() + body
    right = {header: str(NOW), signature: "v0=" + hmac.new(LIKE_SLACK.secret.encode(), signed, "sha256").hexdigest()}

    assert LIKE_SLACK.answer(request(body, right)) == ACCEPTED
    assert LIKE_SLACK.answer(request(b"0:" + body, right | {header: str(NOW)[:-1]})) == OUTSIDE
    assert LIKE_SLACK.answer(request(body[1:], right | {header: f"{NOW}:{{"})) == BAD_TIME
    assert LIKE_SLACK.answer(request(f"{NOW}:".encode() + body, right | {header: "0"})) == OUTSIDE


# --- keys -----------------------------------------------------------------------------------------------------------

KEYS = {
    "none": (lambda right: [], NO_SECRET),
    "an empty one": (lambda right: [""], NO_SECRET),
    "an empty one beside the right one": (lambda right: [right, ""], NO_SECRET),
    "one that has no UTF-8 form": (lambda right: ["\ud800"], UNUSABLE),
    "another": (lambda right: [OTHER_SECRET], MISMATCH),
    "last letter changed": (lambda right: [last_changed(right)], MISMATCH),
    "other case": (lambda right: [right.swapcase()], MISMATCH),
    "blank behind": (lambda right: [right + " "], MISMATCH),
    "newline behind": (lambda right: [right + "\n"], MISMATCH),
    "new and old": (lambda right: [OTHER_SECRET, right], ACCEPTED),
    "old and new": (lambda right: [right, OTHER_SECRET], ACCEPTED),
}


@every
@pytest.mark.parametrize(("keys", "expected"), KEYS.values(), ids=KEYS.keys())
def test_only_a_key_that_is_valid_now_counts(deployed, keys, expected):
    body = deployed.body()

    assert deployed.answer(request(body, deployed.sign(body, now=NOW)), keys(deployed.secret)) == expected


@every
def test_a_signature_with_the_empty_key_is_not_accepted(deployed):
    body = deployed.body()
    headers = deployed.sign(body, now=NOW, secret="")

    assert deployed.answer(request(body, headers)) == MISMATCH
    assert deployed.answer(request(body, headers), [""]) == NO_SECRET


# --- other providers ------------------------------------------------------------------------------------------------

PAIRS = [(theirs, ours) for theirs in DEPLOYED for ours in DEPLOYED if theirs != ours]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_what_another_provider_signs_with_its_own_key_is_refused(theirs, ours):
    body = DEPLOYED[ours].body()
    signed = DEPLOYED[theirs].sign(body, now=NOW, secret=OTHER_SECRET)
    signature = signed[DEPLOYED[theirs].signed_headers[-1]]
    headers = DEPLOYED[ours].sign(body, now=NOW) | {DEPLOYED[ours].signed_headers[-1]: signature}

    assert DEPLOYED[ours].answer(request(body, headers)) == MISMATCH


# The same digest of the same bytes, and without + and / in it base64 and base64url are one text. Such a pair is why
# every deployed provider has a key of its own.
SAME_CONSTRUCTION = {("shopify", "generic, base64url behind v1=")}


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_even_with_the_same_key_no_other_construction_is_accepted(theirs, ours):
    body = DEPLOYED[ours].body()
    signature = DEPLOYED[theirs].sign(body, now=NOW)[DEPLOYED[theirs].signed_headers[-1]]
    headers = DEPLOYED[ours].sign(body, now=NOW) | {DEPLOYED[ours].signed_headers[-1]: signature}

    expected = ACCEPTED if (theirs, ours) in SAME_CONSTRUCTION else MISMATCH
    assert DEPLOYED[ours].answer(request(body, headers)) == expected


# --- what is not there ----------------------------------------------------------------------------------------------


@every
def test_a_request_without_headers_is_refused(deployed):
    assert deployed.answer(request(deployed.body(), {})) == MISSING
