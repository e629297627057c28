"""Every scheme with a signature in a header, as an attacker, a sloppy proxy or a careless operator would meet it.

Each kind of hostility is one table, and runs over every scheme to which it applies: a scheme is a row of `DEPLOYED`.
Adyen's items, Braintree's forms and PayPal's certificates are signed in other places, and have files of their own.
"""

import base64
import gzip
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError
from lambdas.shared.request import from_api_gateway
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.deployed import (
    ACCEPTED,
    DEPLOYED,
    LIKE_SLACK,
    MAX_BODY_BYTES,
    SHOPIFY,
    SQUARE,
    key_pair,
    rsa_secret,
)
from tests.unit.webhooks import NOW, OTHER_SECRET, request

MISMATCH = "401 signature_mismatch"
MALFORMED = "401 malformed_signature_header"
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

PAIR = "standard-webhooks-ed25519"
# Whose receiver keeps a public key.
PUBLIC = (PAIR, "wise")
STANDARD = ("standard-webhooks", "standard-webhooks, svix-", "lithic")
SVIX = STANDARD[1]
TIMED = [case for case, deployed in DEPLOYED.items() if deployed.timed]
# Whose key is what the secret decodes to.
DECODED = (*STANDARD, *PUBLIC, "adyen-platform")

every = pytest.mark.parametrize("case", DEPLOYED)
every_timed = pytest.mark.parametrize("case", TIMED)
every_header = pytest.mark.parametrize(
    ("case", "name"), [(case, name) for case, deployed in DEPLOYED.items() for name in deployed.signed_headers]
)


def table(names, rows):
    return pytest.mark.parametrize(names, rows.values(), ids=rows.keys())


def sent(case, **signing):
    """Return a scheme as it is deployed, a body, and the headers under which its provider sends it."""
    deployed = DEPLOYED[case]
    body = deployed.body()
    return deployed, body, deployed.sign(body, now=signing.pop("now", NOW), **signing)


def with_signature(deployed, headers, signature):
    return headers | {deployed.signed_headers[-1]: deployed.around(signature)}


def last_changed(text):
    index = max(i for i, char in enumerate(text) if char.isalnum())
    return text[:index] + ("0" if text[index] != "0" else "1") + text[index + 1 :]


def other_digits(text, zero):
    return text.translate({ord(str(n)): chr(zero + n) for n in range(10)})


@every
def test_an_untouched_webhook_is_accepted(case):
    deployed, body, headers = sent(case)

    assert deployed.answer(request(body, headers)) == ACCEPTED


def test_every_provider_of_the_registry_is_in_the_table_or_has_hostile_tests_of_its_own():
    own = {
        path.stem.removeprefix("test_").removesuffix("_hostile") for path in Path(__file__).parent.glob("*_hostile.py")
    }

    assert {deployed.entry for deployed in DEPLOYED.values()} | own == set(REGISTRY)


# --- the body -------------------------------------------------------------------------------------------------------

CHANGES_OF_THE_BODY = {
    "first byte": lambda body: b"[" + body[1:],
    "last byte": lambda body: body[:-1] + b"]",
    "one bit in the middle": lambda body: body[:20] + bytes([body[20] ^ 1]) + body[21:],
    "first byte gone": lambda body: body[1:],
    "last byte gone": lambda body: body[:-1],
    "one byte more": lambda body: body + b"}",
    "newline behind": lambda body: body + b"\n",
    "newline behind, as CRLF": lambda body: body + b"\r\n",
    "NUL behind": lambda body: body + b"\0",
    "blank in front": lambda body: b" " + body,
    "byte order mark in front": lambda body: b"\xef\xbb\xbf" + body,
    "same JSON, other bytes": lambda body: json.dumps(json.loads(body), indent=1).encode(),
    "twice": lambda body: body * 2,
    "compressed": lambda body: gzip.compress(body, mtime=0),
    "in Latin-1": lambda body: body.replace(b"}", '"é"}'.encode("latin-1")),
    "empty": lambda body: b"",
    "one byte": lambda body: body[:1],
}


@every
@table("change", CHANGES_OF_THE_BODY)
def test_a_changed_body_is_refused(case, change):
    deployed, body, headers = sent(case)

    assert deployed.answer(request(change(body), headers)) == MISMATCH


# The signed bytes, and what they turn into when somebody decodes, strips or normalises before verifying.
EXACT_BODIES = {
    "not UTF-8": (b'{"id":"\xff\xfe"}', b'{"id":"\xef\xbf\xbd\xef\xbf\xbd"}'),
    "byte order mark": (b'\xef\xbb\xbf{"id":"evt_1"}', b'{"id":"evt_1"}'),
    "CRLF": (b'{\r\n"id":"evt_1"\r\n}', b'{\n"id":"evt_1"\n}'),
    "trailing newline": (b'{"id":"evt_1"}\n', b'{"id":"evt_1"}'),
    "leading blank": (b' {"id":"evt_1"}', b'{"id":"evt_1"}'),
    "composed and decomposed": ("Zo\u00eb".encode(), "Zoe\u0308".encode()),
    "NUL bytes": (b"a\0b\0", b"a\0b"),
    "one byte": (b"\x80", b"\x00"),
    "empty": (b"", b"\n"),
    "4 MiB": (b"x" * 2**22, b"x" * (2**22 - 1)),
}


@every
@table(("exact", "normalised"), EXACT_BODIES)
def test_the_signature_counts_over_the_exact_bytes(case, exact, normalised):
    deployed = DEPLOYED[case]
    headers = deployed.sign(exact, now=NOW)

    assert deployed.outcome(request(exact, headers)) == ACCEPTED
    assert deployed.outcome(request(normalised, headers)) == MISMATCH


EVENT = b'{"id":"e","event_id":"e","order_id":1,"data":{"id":"e"},"event":{"id":"e"},"events":[{"id":"e","token":"e"}]}'
FILLED = EVENT[:-1] + b',"x":"' + b"x" * (MAX_BODY_BYTES - len(EVENT) - 7) + b'"}'
# What the provider signed, and what becomes of it.
SIGNED_BODIES = {
    "empty": (b"", NOT_JSON),
    "one byte": (b"1", NOT_OBJECT),
    "one byte that is no UTF-8": (b"\x80", NOT_JSON),
    "not UTF-8": (EVENT.replace(b'"e"', b'"\xff"'), NOT_JSON),
    "byte order mark": (b"\xef\xbb\xbf" + EVENT, ACCEPTED),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + EVENT, NOT_JSON),
    "CRLF": (EVENT.replace(b",", b",\r\n"), ACCEPTED),
    "trailing newline": (EVENT + b"\n", ACCEPTED),
    "compressed": (gzip.compress(EVENT, mtime=0), NOT_JSON),
    "duplicate key": (EVENT[:-1] + b',"order_id":1}', NOT_JSON),
    "duplicate key below": (EVENT.replace(b'{"id":"e"}', b'{"id":1,"id":2}'), NOT_JSON),
    "NaN": (EVENT.replace(b"1", b"NaN"), NOT_JSON),
    "Infinity": (EVENT.replace(b"1", b"-Infinity"), NOT_JSON),
    "10,000 arrays deep": (EVENT.replace(b"1", b"[" * 10_000 + b"]" * 10_000), NOT_JSON),
    "10,000 objects deep": (EVENT.replace(b"1", b'{"a":' * 10_000 + b"1" + b"}" * 10_000), NOT_JSON),
    "array": (b"[" + EVENT + b"]", NOT_OBJECT),
    "null": (b"null", NOT_OBJECT),
    "a text signed as one of Adyen's items": (b"8825408195409505::Test:order:1130:EUR:AUTHORISATION:true", NOT_JSON),
    "the size limit": (FILLED, ACCEPTED),
    "one byte more than the size limit": (FILLED + b" ", TOO_LARGE),
}


@every
@table(("body", "expected"), SIGNED_BODIES)
def test_what_the_provider_signed_is_an_event_or_malformed(case, body, expected):
    deployed = DEPLOYED[case]

    assert deployed.answer(request(body, deployed.sign(body, now=NOW))) == expected


# --- the headers ----------------------------------------------------------------------------------------------------

# Of two values nobody can say which one was signed, and which one a proxy or a parser will see.
HEADER_CHANGES = {
    "absent": (lambda value: [], MISSING),
    "empty": (lambda value: [""], MISSING),
    "twice": (lambda value: [value, value], REPEATED),
    "twice, the wrong one first": (lambda value: [last_changed(value), value], REPEATED),
    "twice, the wrong one last": (lambda value: [value, last_changed(value)], REPEATED),
    "twice, the first one empty": (lambda value: ["", value], REPEATED),
    "last digit changed": (lambda value: [last_changed(value)], MISMATCH),
    "4,097 characters": (lambda value: [value + "0" * (4097 - len(value))], TOO_LONG),
}


@every_header
@table(("change", "expected"), HEADER_CHANGES)
def test_a_changed_header_is_refused(case, name, change, expected):
    deployed, body, headers = sent(case)
    # Mollie repeats its header while a secret is rotated.
    expected = ACCEPTED if (case, expected) == ("mollie", REPEATED) else expected

    assert deployed.answer(request(body, headers | {name: change(headers[name])})) == expected


GARBAGE = (
    *(" ", "\t", "\n", "\0", "é", "\ud800", "\uff11", ",", "=", "v1", "v1=", "v1,", "v1a,", "sha256=", "t="),
    *("garbage", "null", "-1", "x" * 4096),
)


@every_header
@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value)[:16])
def test_a_header_that_holds_garbage_is_refused(case, name, value):
    deployed, body, headers = sent(case)
    if name.lower().endswith("-id"):
        # An id that has no bytes cannot be signed.
        expected = MALFORMED if value == "\ud800" else MISMATCH
    elif name != deployed.signed_headers[-1]:
        expected = BAD_TIME
    else:
        # What has the form of a signature is compared.
        expected = MISMATCH if value.startswith(deployed.required) and case != "stripe" else MALFORMED

    assert deployed.answer(request(body, headers | {name: value})) == expected


# All of them are sent in one writing, and text that is compared byte by byte leaves nothing to interpret.
SPELLINGS = {
    "other case": str.swapcase,
    "first digit changed": lambda text: ("0" if text[0] != "0" else "1") + text[1:],
    "last digit gone": lambda text: text.rstrip("=")[:-1],
    "first digit gone": lambda text: text[1:],
    "first half": lambda text: text[: len(text) // 2],
    "twice": lambda text: text * 2,
    "joined to itself by a comma": lambda text: f"{text},{text}",
    "joined to itself by a blank": lambda text: f"{text} {text}",
    "digit behind": lambda text: f"{text}0",
    "zero in front": lambda text: f"0{text}",
    "0x in front": lambda text: f"0x{text}",
    "backwards": lambda text: text[::-1],
    "blank in front": lambda text: f" {text}",
    "blank behind": lambda text: f"{text} ",
    "newline behind": lambda text: f"{text}\n",
    "tab behind": lambda text: f"{text}\t",
    "no-break space behind": lambda text: f"{text}\u00a0",
    "NUL behind": lambda text: f"{text}\0",
    "NUL in front": lambda text: f"\0{text}",
    "not ASCII behind": lambda text: f"{text}é",
    "lone surrogate behind": lambda text: f"{text}\ud800",
    "full-width": lambda text: "".join(chr(ord(char) + 0xFEE0) for char in text),
    "full-width digits": lambda text: other_digits(text, 0xFF10) + "\uff11",
    "arabic digits": lambda text: other_digits(text, 0x660) + "\u0661",
    "quoted": lambda text: f'"{text}"',
    "two more paddings": lambda text: f"{text}==",
    "one more padding": lambda text: f"{text}=" if text.endswith("=") else f"{text}====",
    "an algorithm in front": lambda text: f"md5={text}",
    "empty": lambda text: "",
    "null": lambda text: "null",
}
# The characters that separate several signatures leave an empty part.
SEPARATED = {
    ("stripe", "joined to itself by a comma"),
    *((case, spelling) for case in (*STANDARD, PAIR) for spelling in ("blank behind", "blank in front")),
    *((case, "joined to itself by a blank") for case in (*STANDARD, PAIR)),
}


@every
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_signature_in_any_other_writing_is_refused(case, spelling):
    deployed, body, headers = sent(case)
    signature = SPELLINGS[spelling](deployed.signature(headers))
    # Without its prefix too, nothing is left of it.
    missing = not deployed.around(signature)

    expected = MISSING if missing else MALFORMED if (case, spelling) in SEPARATED else MISMATCH
    assert deployed.answer(request(body, with_signature(deployed, headers, signature))) == expected


def key_of(deployed, secret):
    if deployed.entry == "adyen-platform":
        return bytes.fromhex(secret)
    return base64.b64decode(secret.removeprefix("whsec_")) if deployed.entry in STANDARD else secret.encode()


def signed_bytes(deployed, body, headers, now=NOW):
    """Return what the provider signs, by its documents."""
    before = {
        "square": SQUARE.options["url"],
        "stripe": f"{now}.",
        "paddle": f"{now}:",
        **dict.fromkeys(STANDARD, f"{headers.get(deployed.signed_headers[0])}.{now}."),
        "generic-timestamped": f"v0:{now}:" if deployed is LIKE_SLACK else f"{now}.",
    }
    return before.get(deployed.entry, "").encode() + body


# Algorithms, encodings and prefixes of one HMAC over the right bytes; only the agreed one counts.
ENCODINGS = {
    "hex": bytes.hex,
    "HEX": lambda digest: digest.hex().upper(),
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64 without padding": lambda digest: base64.b64encode(digest).decode().rstrip("="),
    "base64 in lines": lambda digest: base64.encodebytes(digest).decode(),
    "base64 of hex": lambda digest: base64.b64encode(digest.hex().encode()).decode(),
    "base64url": lambda digest: base64.urlsafe_b64encode(digest).decode(),
    "base64url without padding": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
    "base64url with too much padding": lambda digest: base64.urlsafe_b64encode(digest).decode() + "====",
}
PREFIXES = ("", "sha256=", "SHA256=", "sha1=", "sha512=", "v1=", "v1=v1=", "sha256=sha256=", " sha256=", "sha256= ")
HEX = {("sha256", "hex", "sha256=")}
BARE_HEX = ("checkout-com", "gocardless", "razorpay", "klarna", "marqeta", "coinbase-commerce")
RIGHT_WRITINGS = {
    "github": HEX,
    "generic": HEX | {("sha256", "hex", "")},
    "generic-timestamped": HEX | {("sha256", "hex", "")},
    "generic-timestamped, like Slack": {("sha256", "hex", "")},
    "adyen-platform": {("sha256", "base64", "")},
    "shopify": {("sha256", "base64", "")},
    "square": {("sha256", "base64", "")},
    "mollie": HEX | {("sha256", "hex", "")},
    **{case: {("sha256", "hex", "")} for case in BARE_HEX},
    "paystack": {("sha512", "hex", "")},
    "generic, SHA-512 in base64": {("sha512", "base64", prefix) for prefix in ("", "sha512=")},
    "generic, base64url behind v1=": {
        ("sha256", encoding, prefix)
        for encoding in ("base64url", "base64url without padding")
        for prefix in ("", "v1=")
    },
}


@pytest.mark.parametrize("case", RIGHT_WRITINGS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_only_the_agreed_algorithm_encoding_and_prefix_count(case, encoding, algorithm):
    # Of bodies the first whose digest base64 and base64url write differently.
    deployed = DEPLOYED[case]
    body, headers, digest = next(
        (body, headers, digest)
        for number in range(100)
        for body in [deployed.body(number=number)]
        for headers in [deployed.sign(body, now=NOW)]
        for signed in [signed_bytes(deployed, body, headers)]
        for digest in [hmac.digest(key_of(deployed, deployed.secret), signed, algorithm)]
        if {b"+", b"/"} & {bytes([char]) for char in base64.b64encode(digest)}
    )
    for prefix in PREFIXES:
        value = prefix + ENCODINGS[encoding](digest)
        right = (algorithm, encoding, prefix) in RIGHT_WRITINGS[case]
        expected = ACCEPTED if right else MISMATCH if value.startswith(deployed.required) else MALFORMED
        given_headers = headers | {deployed.signed_headers[-1]: value}

        assert deployed.answer(request(body, given_headers)) == expected, prefix


@every
def test_nothing_that_anybody_can_compute_is_a_signature(case):
    deployed, body, headers = sent(case)
    signed = signed_bytes(deployed, body, headers)
    known = [hashlib.sha256(signed).digest(), hashlib.sha256(body).digest()]
    if case == PAIR:
        # Everybody knows the public key: it is no HMAC key, and a signature of zeros fits no key.
        public = base64.b64decode(deployed.kept(deployed.secret).removeprefix("whpk_"))
        known += [hmac.digest(public, f"{headers['webhook-id']}.{NOW}.".encode() + body, "sha256"), bytes(64)]
    if case == "wise":
        public = deployed.kept(deployed.secret)
        known += [hmac.digest(key, body, "sha256") for key in (public.encode(), base64.b64decode(public))]
        # Roots of 0 and 1, whatever the modulus is.
        known += [bytes(256), bytes(255) + b"\1"]
    keys = [b"", *([deployed.secret.encode()] if case in DECODED else [])]
    known += [hmac.digest(key, signed, "sha256") for key in keys]

    for digest in known:
        for write in (bytes.hex, lambda raw: base64.b64encode(raw).decode(), ENCODINGS["base64url"]):
            forged = with_signature(deployed, headers, write(digest))
            assert deployed.answer(request(body, forged)) == MISMATCH


# {ok} is the right signature, {bad} one by another secret, {t} the signed time, {untimed} one of the body alone.
GRAMMARS = {
    "stripe": [
        ("v1={ok},t={t}", ACCEPTED),
        # While a secret rolls, Stripe signs with the old and with the new one.
        ("t={t},v1={bad},v1={ok}", ACCEPTED),
        ("t={t},v1={ok},v1={bad}", ACCEPTED),
        ("v1={bad},t={t},v1={ok}", ACCEPTED),
        ("t={t},v1={ok},v1={ok}", ACCEPTED),
        ("t={t}" + ",v1={bad}" * 58 + ",v1={ok}", ACCEPTED),
        ("t={t},v0={bad},v1={ok}", ACCEPTED),
        ("t={t},v1={ok},v2=anything", ACCEPTED),
        ("t={t},v1={bad}", MISMATCH),
        ("t={t},v1={bad},v1={bad}", MISMATCH),
        # A downgrade: only `v1` proves anything.
        ("t={t},v0={ok}", MALFORMED),
        ("t={t},v2={ok}", MALFORMED),
        ("t={t},v1={bad},v0={ok}", MISMATCH),
        ("t={t},v10={ok}", MALFORMED),
        ("t={t},V1={ok}", MALFORMED),
        ("t={t},\uff561={ok}", MALFORMED),
        # Of two times nobody can say which one was signed.
        ("t={t},t={t},v1={ok}", MALFORMED),
        ("t=1,t={t},v1={ok}", MALFORMED),
        ("t={t},v1={ok},t=1", MALFORMED),
        ("v1={ok}", MALFORMED),
        ("t={t}", MALFORMED),
        ("T={t},v1={ok}", MALFORMED),
        ("t=,v1={ok}", BAD_TIME),
        ("t={t},v1", MALFORMED),
        ("t{t},v1={ok}", MALFORMED),
        ("{ok}", MALFORMED),
        ("t={t},v1={ok},", MALFORMED),
        (",t={t},v1={ok}", MALFORMED),
        ("t={t},,v1={ok}", MALFORMED),
        ("t={t}, v1={ok}", MALFORMED),
        ("t={t};v1={ok}", MALFORMED),
        ("t={t}&v1={ok}", MALFORMED),
        ("t={t},v1=={ok}", MISMATCH),
        ("t={t}.,v1={ok}", BAD_TIME),
        ("t={t},v1={untimed}", MISMATCH),
    ],
    "github": [
        ("{ok}", MALFORMED),
        ("sha256:{ok}", MALFORMED),
        ("sha256", MALFORMED),
        ("sha256={bad},sha256={ok}", MISMATCH),
        ("sha256={ok},sha256={ok}", MISMATCH),
        ("sha1={bad},sha256={ok}", MALFORMED),
    ],
    "generic": [("{bad}", MISMATCH), ("{bad},{ok}", MISMATCH), ("t={t},v1={ok}", MISMATCH)],
    # The last one is the right signature of the plain scheme: the time would be nobody's.
    "generic-timestamped": [("{bad}", MISMATCH), ("t={t},v1={ok}", MISMATCH), ("{untimed}", MISMATCH)],
    "paddle": [
        ("h1={ok};ts={t}", ACCEPTED),
        # While a secret rotates, Paddle signs with both.
        ("ts={t};h1={bad};h1={ok}", ACCEPTED),
        ("ts={t};h1={ok};h1={bad}", ACCEPTED),
        ("ts={t};h2={bad};h1={ok}", ACCEPTED),
        ("ts={t};h1={bad}", MISMATCH),
        ("ts={t};h2={ok}", MALFORMED),
        ("ts={t};H1={ok}", MALFORMED),
        ("ts={t};v1={ok}", MALFORMED),
        ("ts={t};ts={t};h1={ok}", MALFORMED),
        ("ts=1;ts={t};h1={ok}", MALFORMED),
        ("h1={ok}", MALFORMED),
        ("ts={t}", MALFORMED),
        ("t={t};h1={ok}", MALFORMED),
        ("ts=;h1={ok}", BAD_TIME),
        ("ts={t},h1={ok}", MALFORMED),
        ("ts={t};h1={ok};", MALFORMED),
        ("ts={t}; h1={ok}", MALFORMED),
        ("ts={t}:;h1={ok}", BAD_TIME),
        ("ts={t};h1={untimed}", MISMATCH),
    ],
    # `v` stands for the scheme's version, and `w` for the other scheme's.
    "standard-webhooks": [
        # While a secret rolls, the sender signs with the old and with the new one.
        ("{v},{bad} {v},{ok}", ACCEPTED),
        ("{v},{ok} {v},{bad}", ACCEPTED),
        ("{w},{bad} {v},{ok}", ACCEPTED),
        ("{v},{ok} v2,anything", ACCEPTED),
        ("{v},{bad}", MISMATCH),
        ("{v},{bad} {w},{ok}", MISMATCH),
        # The downgrade: a version says which kind of key it is.
        ("{w},{ok}", MALFORMED),
        ("v2,{ok}", MALFORMED),
        ("v1b,{ok}", MALFORMED),
        ("V1,{ok}", MALFORMED),
        ("V1A,{ok}", MALFORMED),
        ("{ok}", MALFORMED),
        ("{v}={ok}", MALFORMED),
        ("{v} {ok}", MALFORMED),
        ("{v}, {ok}", MALFORMED),
        (" {v},{ok}", MALFORMED),
        ("{v},{ok}  {v},{ok}", MALFORMED),
        ("{v},{ok},{v},{ok}", MISMATCH),
        ("{v},{ok}\t{v},{ok}", MISMATCH),
        ("{v},{ok},", MISMATCH),
        ("{v}", MALFORMED),
        ("{v},{unpadded}", MISMATCH),
        ("{v},{ok}=", MISMATCH),
        ("{v},{hex}", MISMATCH),
        ("{v},{url}", MISMATCH),
        ("{v},{unread}", MISMATCH),
    ],
}
GRAMMARS[PAIR] = GRAMMARS[SVIX] = GRAMMARS["standard-webhooks"]


@pytest.mark.parametrize(
    ("case", "template", "expected"), [(case, *row) for case, rows in GRAMMARS.items() for row in rows], ids=ascii
)
def test_a_signature_header_is_read_by_its_provider_s_grammar(case, template, expected):
    # Of bodies the first whose signature both alphabets of base64 write differently.
    deployed, body, headers = next(
        (DEPLOYED[case], body, headers)
        for number in range(100)
        for body in [DEPLOYED[case].body(number=number)]
        for headers in [DEPLOYED[case].sign(body, now=NOW)]
        if "standard" not in case or {"+", "/"} & set(DEPLOYED[case].signature(headers))
    )
    ok = deployed.signature(headers)
    parts = {
        "t": NOW,
        "ok": ok,
        "bad": deployed.signature(deployed.sign(body, now=NOW, secret=deployed.other)),
        "untimed": hmac.digest(deployed.secret.encode(), body, "sha256").hex(),
    }
    if "standard" in case:
        v, w = ("v1a", "v1") if case == PAIR else ("v1", "v1a")
        end = len(ok.rstrip("=")) - 1
        # The last letter of a padded text holds bits that nobody reads.
        unread = ok[:end] + chr(ord(ok[end]) + 1) + ok[end + 1 :]
        assert base64.b64decode(unread) == base64.b64decode(ok)
        url = base64.urlsafe_b64encode(base64.b64decode(ok)).decode()
        parts |= {"v": v, "w": w, "unpadded": ok.rstrip("="), "hex": base64.b64decode(ok).hex(), "url": url}
        parts["unread"] = unread
    value = template.format(**parts)

    assert deployed.answer(request(body, headers | {deployed.signed_headers[-1]: value})) == expected


def test_github_s_sha1_header_alone_proves_nothing():
    deployed, body, _ = sent("github")
    digest = hmac.digest(deployed.secret.encode(), body, "sha1").hex()

    assert deployed.answer(request(body, {"X-Hub-Signature": f"sha1={digest}"})) == MISSING


@every
def test_a_signature_in_another_header_signs_nothing(case):
    deployed, body, headers = sent(case)
    name = deployed.signed_headers[-1]
    value = headers.pop(name)

    for other in (f"X-{name}", "Signature", "Authorization"):
        assert deployed.answer(request(body, headers | {other: value})) == MISSING


@pytest.mark.parametrize("protocol", [[], ["HmacSHA256"], ["none"], ["HmacSHA1"], ["\ud800"], ["a", "b"]], ids=ascii)
def test_adyen_s_protocol_that_nobody_signs_changes_nothing(protocol):
    deployed, body, headers = sent("adyen-platform")
    headers |= {"Protocol": protocol}

    assert deployed.answer(request(body, headers)) == ACCEPTED
    assert deployed.answer(request(body + b" ", headers)) == MISMATCH


@pytest.mark.parametrize("case", [*STANDARD, PAIR])
@pytest.mark.parametrize("change", ["msg_2", "{} ", "{}.", "\xe9{}", "MSG"], ids=ascii)
def test_a_standard_webhook_under_another_id_is_refused(case, change):
    deployed, body, headers = sent(case)
    name = deployed.signed_headers[0]
    headers[name] = change.format(headers[name])

    assert deployed.answer(request(body, headers)) == MISMATCH


def test_the_dots_of_a_standard_webhook_cannot_be_moved_into_a_new_event():
    # `<id>.<time>.<body>` has one reading as long as no body starts with digits and a dot, and no JSON object does.
    deployed = DEPLOYED["standard-webhooks"]
    signed = f"msg_1.{NOW}.{NOW}.{{}}".encode()
    signature = base64.b64encode(hmac.digest(key_of(deployed, deployed.secret), signed, "sha256")).decode()
    headers = {"webhook-timestamp": str(NOW), "webhook-signature": f"v1,{signature}"}

    assert deployed.answer(request(b"{}", headers | {"webhook-id": f"msg_1.{NOW}"})) == ACCEPTED
    assert deployed.answer(request(f"{NOW}.{{}}".encode(), headers | {"webhook-id": "msg_1"})) == NOT_JSON


# --- time -----------------------------------------------------------------------------------------------------------

# Each text is signed rightly, so that nothing but its reading as a time can refuse it.
TIMESTAMPS = [
    (f"{NOW}", ACCEPTED),
    (f"0{NOW}", ACCEPTED),
    *((text, BAD_TIME) for text in (f"{NOW}.0", f"+{NOW}", f"-{NOW}", f" {NOW}", f"{NOW} ", f"{NOW}\n", f"\t{NOW}")),
    *((text, BAD_TIME) for text in (f"{NOW}\0", f"{NOW}000", f"00{NOW}", "1_614_265_330", "1.61426533e9", hex(NOW))),
    *((text, BAD_TIME) for text in ("2021-02-25T15:02:10Z", "nan", "NaN", "inf", "-inf", "+1", "-1", "1_000", "null")),
    *((text, BAD_TIME) for text in ("é", other_digits(str(NOW), 0x660), other_digits(str(NOW), 0xFF10))),
    (f"{NOW // 10}⁰", BAD_TIME),
    ("0", OUTSIDE),
    ("99999999999", OUTSIDE),
    ("9" * 5000, TOO_LONG),
]


@every_timed
@pytest.mark.parametrize(("timestamp", "expected"), TIMESTAMPS, ids=lambda value: ascii(value)[:24])
def test_a_signed_time_is_ascii_digits_or_refused(case, timestamp, expected):
    deployed, body, headers = sent(case, now=timestamp)

    assert deployed.answer(request(body, headers)) == expected


@every_timed
def test_a_signed_time_that_is_empty_is_refused(case):
    deployed, body, headers = sent(case, now="")

    assert deployed.answer(request(body, headers)) == (BAD_TIME if case in ("stripe", "paddle") else MISSING)


AGES = [0, 299.999, 300, -299.999, -300, 300.001, 301, 86_400, -300.001, -301, -86_400]


@every
@pytest.mark.parametrize("age", AGES)
def test_a_signed_time_counts_within_300_seconds_and_without_one_the_age_does_not_matter(case, age):
    deployed, body, headers = sent(case)
    webhook = request(body, headers, NOW + age)

    assert deployed.answer(webhook) == (
        OUTSIDE if deployed.timed and abs(webhook.received_at - NOW) > 300 else ACCEPTED
    )
    if abs(age) <= 300:
        assert deployed.verify(webhook).signed_at == (NOW if deployed.timed else None)


@every_timed
def test_a_stale_webhook_cannot_be_made_fresh(case):
    deployed, body, stale = sent(case, now=NOW - 301)
    fresh = {name: value.replace(str(NOW - 301), str(NOW)) for name, value in stale.items()}

    assert deployed.answer(request(body, stale)) == OUTSIDE
    assert deployed.answer(request(body, fresh)) == MISMATCH


def test_a_digit_cannot_move_between_the_time_and_what_stands_around_it():
    body = b'{"id":"evt_1"}'
    header, _ = LIKE_SLACK.signed_headers
    right = LIKE_SLACK.sign(body, now=NOW)

    assert LIKE_SLACK.answer(request(body, right)) == ACCEPTED
    assert LIKE_SLACK.answer(request(b"0:" + body, right | {header: str(NOW)[:-1]})) == OUTSIDE
    assert LIKE_SLACK.answer(request(body[1:], right | {header: f"{NOW}:{{"})) == BAD_TIME
    assert LIKE_SLACK.answer(request(f"{NOW}:".encode() + body, right | {header: "0"})) == OUTSIDE


@pytest.mark.parametrize(
    ("case", "headers", "expected"),
    [
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}"}, MISSING),
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}", "X-Webhook-Timestamp": ""}, MISSING),
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}", "X-Webhook-Timestamp": f"{NOW}"}, MISMATCH),
        ("stripe", {"Stripe-Signature": "v1={ok}"}, MALFORMED),
        ("stripe", {"Stripe-Signature": "t=,v1={ok}"}, BAD_TIME),
        ("stripe", {"Stripe-Signature": f"t={NOW},v1={{ok}}"}, MISMATCH),
        # Under the same secret it is signed, and still no event of the generic provider.
        ("generic", {"X-Webhook-Signature": "{ok}"}, NOT_JSON),
    ],
)
def test_time_and_body_signed_together_do_not_pass_as_a_body_without_a_time(case, headers, expected):
    text = f"{NOW}.".encode() + DEPLOYED[case].body()
    signature = hmac.digest(DEPLOYED[case].secret.encode(), text, "sha256").hex()
    given_headers = {name: value.format(ok=signature) for name, value in headers.items()}

    assert DEPLOYED[case].answer(request(text, given_headers)) == expected


# --- keys -----------------------------------------------------------------------------------------------------------

# Of the right key and another, as the receiver keeps them. An empty one beside the right one is an operator's mistake
# that must not go unnoticed. JSON in Secrets Manager can spell a text that has no bytes: {"secrets": ["\ud800"]}.
KEYS = {
    "none": (lambda right, other: [], NO_SECRET),
    "an empty one": (lambda right, other: [""], NO_SECRET),
    "two empty ones": (lambda right, other: ["", ""], NO_SECRET),
    "an empty one behind the right one": (lambda right, other: [right, ""], NO_SECRET),
    "an empty one in front of the right one": (lambda right, other: ["", right], NO_SECRET),
    "one that has no UTF-8 form": (lambda right, other: ["\ud800"], UNUSABLE),
    "one that has no UTF-8 form beside the right one": (lambda right, other: [right, "\ud800"], UNUSABLE),
    "another": (lambda right, other: [other], MISMATCH),
    "new and old": (lambda right, other: [other, right], ACCEPTED),
    "old and new": (lambda right, other: [right, other], ACCEPTED),
    "the oldest of three": (lambda right, other: [other, other, right], ACCEPTED),
    "the same twice": (lambda right, other: [right, right], ACCEPTED),
}


@every
@table(("keys", "expected"), KEYS)
def test_only_a_key_that_is_valid_now_counts(case, keys, expected):
    deployed, body, headers = sent(case)
    given_keys = keys(deployed.kept(deployed.secret), deployed.kept(deployed.other))

    assert deployed.answer(request(body, headers), given_keys) == expected
    if expected == ACCEPTED:
        verdict = deployed.verify(request(body, headers), given_keys)
        assert verdict.key_id == key_id(deployed.kept(deployed.secret))


CHANGES_OF_A_KEY = {
    "last letter changed": last_changed,
    "other case": str.swapcase,
    "blank behind": lambda key: f"{key} ",
    "blank in front": lambda key: f" {key}",
    "newline behind": lambda key: f"{key}\n",
    "first letter gone": lambda key: key[1:],
}


@pytest.mark.parametrize("case", [case for case in DEPLOYED if case not in DECODED])
@table("change", CHANGES_OF_A_KEY)
def test_every_character_of_a_secret_counts(case, change):
    deployed, body, headers = sent(case)

    assert deployed.answer(request(body, headers), [change(deployed.secret)]) == MISMATCH


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_not base64", "whsec_====", "MfKQ9r8G\n", "whsec_é", "whsk_MfKQ9r8G", "whsec_AQ-_", "A"],
    ids=ascii,
)
def test_a_standard_webhooks_secret_that_is_not_base64_is_unusable_and_not_guessed_at(secret):
    deployed, body, headers = sent("standard-webhooks")

    assert deployed.answer(request(body, headers), [secret]) == UNUSABLE
    assert deployed.answer(request(body, headers), [deployed.secret, secret]) == UNUSABLE


@pytest.mark.parametrize("change", [last_changed, str.swapcase])
def test_another_standard_webhooks_secret_accepts_nothing(change):
    deployed, body, headers = sent("standard-webhooks")
    wrong = change(deployed.secret.removeprefix("whsec_")[:-1]) + "A"

    assert deployed.answer(request(body, headers), [wrong]) == MISMATCH


@pytest.mark.parametrize("case", [case for case in DEPLOYED if case not in DECODED])
def test_a_signature_with_the_empty_key_is_not_accepted(case):
    deployed, body, headers = sent(case, secret="")

    assert deployed.answer(request(body, headers)) == MISMATCH
    assert deployed.answer(request(body, headers), [""]) == NO_SECRET
    assert deployed.answer(request(body, headers), []) == NO_SECRET


@pytest.mark.parametrize(
    ("case", "separator"),
    [("stripe", ",v1="), ("paddle", ";h1="), *((case, " v1,") for case in STANDARD), (PAIR, " v1a,")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_webhook_signed_with_both_secrets_counts_as_signed_with_the_newest(case, separator, turned):
    deployed, body, headers = sent(case)
    signatures = [deployed.signature(headers), deployed.signature(deployed.sign(body, now=NOW, secret=deployed.other))]
    both = with_signature(deployed, headers, separator.join(reversed(signatures) if turned else signatures))
    keys = [deployed.kept(deployed.secret), deployed.kept(deployed.other)]

    assert deployed.verify(request(body, both), keys).key_id == key_id(keys[0])
    assert deployed.verify(request(body, both), keys[::-1]).key_id == key_id(keys[1])


# --- other providers ------------------------------------------------------------------------------------------------

PAIRS = [(theirs, ours) for theirs in DEPLOYED for ours in DEPLOYED if theirs != ours]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_another_provider_s_headers_prove_nothing_even_under_the_same_secret(theirs, ours):
    deployed = DEPLOYED[ours]
    body = deployed.body()
    headers = DEPLOYED[theirs].sign(body, now=NOW, secret=None if theirs in PUBLIC else shared(theirs, ours))
    given_headers = {name.lower(): value for name, value in headers.items()}
    there = all(name.lower() in given_headers for name in deployed.signed_headers)

    answer = deployed.answer(request(body, headers), None if ours in PUBLIC else [shared(theirs, ours)])
    assert answer == (
        # Lithic's scheme is Standard Webhooks.
        ACCEPTED
        if {theirs, ours} == {"standard-webhooks", "lithic"}
        else MISSING
        if not there
        else MALFORMED
        if not given_headers[deployed.signed_headers[-1].lower()].startswith(deployed.required)
        else MISMATCH
    )


def shared(theirs, ours):
    """Return a secret that both can use."""
    return DEPLOYED["adyen-platform"].secret if "adyen-platform" in (theirs, ours) else OTHER_SECRET


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_another_provider_s_signature_in_our_header_is_refused(theirs, ours):
    deployed, body, headers = sent(ours)
    # None of its own key: ours is not theirs.
    signature = DEPLOYED[theirs].signature(DEPLOYED[theirs].sign(body, now=NOW, secret=DEPLOYED[theirs].other))

    assert deployed.answer(request(body, with_signature(deployed, headers, signature))) == MISMATCH


# No scheme names its receiver in what it signs, so that the same digest of the same bytes cannot be told apart: it is
# why every deployed provider has a secret of its own.
SAME_CONSTRUCTION = [
    {"github", "generic", "mollie", *BARE_HEX},
    {"stripe", "generic-timestamped"},
    set(STANDARD),
]


@pytest.mark.parametrize(("theirs", "ours"), [pair for pair in PAIRS if not set(PUBLIC) & set(pair)])
def test_a_shared_secret_lets_only_schemes_of_one_construction_stand_in_for_each_other(theirs, ours):
    deployed, body, headers = sent(ours)
    secret = shared(theirs, ours)
    signature = DEPLOYED[theirs].signature(DEPLOYED[theirs].sign(body, now=NOW, secret=secret))
    # Without + and / in it base64 and base64url are one text, of which the latter needs no padding.
    same = any({theirs, ours} <= alike for alike in SAME_CONSTRUCTION) or (
        (theirs, ours) == ("shopify", "generic, base64url behind v1=") and not {"+", "/"} & set(signature)
    )

    answer = deployed.answer(request(body, with_signature(deployed, headers, signature)), [secret])
    assert answer == (ACCEPTED if same else MISMATCH)


def test_a_public_key_is_never_an_hmac_key_of_the_plain_scheme():
    # An operator puts the public key where the symmetric secret belongs.
    plain, (pair, body, headers) = DEPLOYED["standard-webhooks"], sent(PAIR)
    public = pair.kept(pair.secret)
    content = f"{headers['webhook-id']}.{NOW}.".encode() + body
    forged = hmac.digest(base64.b64decode(public.removeprefix("whpk_")), content, "sha256")
    value = f"v1,{base64.b64encode(forged).decode()}"

    assert plain.answer(request(body, headers | {"webhook-signature": value}), [public]) == UNUSABLE
    assert plain.answer(request(body, headers), [public]) == MALFORMED


# --- as API Gateway hands it over -----------------------------------------------------------------------------------


def api_gateway(body, headers, *, base64_encoded=False, epoch_ms=NOW * 1000):
    return from_api_gateway(
        {
            "body": body,
            "isBase64Encoded": base64_encoded,
            "multiValueHeaders": headers,
            "requestContext": {"requestTimeEpoch": epoch_ms},
        }
    )


def lists(headers, spell=str):
    return {spell(name): [value] for name, value in headers.items()}


@every
@pytest.mark.parametrize("body", [EVENT, b"\xff\xfe\x00", b"\xef\xbb\xbf{}\r\n", b""], ids=repr)
def test_a_binary_body_is_verified_as_it_was_before_api_gateway_encoded_it(case, body):
    deployed = DEPLOYED[case]
    headers = lists(deployed.sign(body, now=NOW))
    encoded = base64.b64encode(body).decode()

    assert deployed.outcome(api_gateway(encoded, headers, base64_encoded=True)) == ACCEPTED
    if body:
        assert deployed.outcome(api_gateway(encoded, headers)) == MISMATCH


@every
@pytest.mark.parametrize("text", ["{}", "Zoë", "\r\n", "\x00", None], ids=ascii)
def test_a_text_body_is_verified_as_utf_8(case, text):
    deployed = DEPLOYED[case]
    headers = lists(deployed.sign((text or "").encode(), now=NOW))

    assert deployed.outcome(api_gateway(text, headers)) == ACCEPTED


@pytest.mark.parametrize("body", ["not base64!", "e30", "e30=\n", "é", "e30=e30="], ids=ascii)
def test_a_body_that_only_claims_to_be_base64_is_refused(body):
    with pytest.raises(MalformedWebhookError) as refusal:
        api_gateway(body, {}, base64_encoded=True)

    assert refusal.value.reason == "body_not_base64"


@every_header
def test_a_header_repeated_in_another_case_is_repeated(case, name):
    deployed, body, headers = sent(case)
    given_headers = lists(headers)
    given_headers[name.swapcase()] = list(given_headers[name])

    assert deployed.answer(api_gateway(body.decode(), given_headers)) == (ACCEPTED if case == "mollie" else REPEATED)


@every
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_the_case_of_header_names_does_not_matter(case, spell):
    deployed, body, headers = sent(case)

    assert deployed.answer(api_gateway(body.decode(), lists(headers, spell))) == ACCEPTED


@every
@pytest.mark.parametrize("headers", [None, {}], ids=str)
def test_a_request_without_headers_is_refused(case, headers):
    deployed = DEPLOYED[case]

    assert deployed.answer(api_gateway(deployed.body().decode(), headers)) == MISSING


@every_timed
@pytest.mark.parametrize(("epoch_ms", "expected"), [((NOW + 300) * 1000, ACCEPTED), ((NOW + 300) * 1000 + 1, OUTSIDE)])
def test_the_window_counts_from_api_gateway_s_milliseconds(case, epoch_ms, expected):
    deployed, body, headers = sent(case)

    assert deployed.answer(api_gateway(body.decode(), lists(headers), epoch_ms=epoch_ms)) == expected


# --- anything at all ------------------------------------------------------------------------------------------------

any_text = st.text(st.characters())  # Unlike plain `text()` this makes lone surrogates as well.
# One example would do of what holds for every one of them; more are drawn by `make fuzz`.
some = settings(max_examples=50)


def secrets_of(case):
    """Return secrets that a scheme can use, of which no two are one key: HMAC fills keys up with NULs."""
    raw = st.binary(min_size=1, max_size=64).filter(lambda key: not key.endswith(b"\0"))
    if case == PAIR:
        return raw.map(key_pair)
    if case == "wise":
        return st.sampled_from([rsa_secret(number) for number in range(3)])
    if case == "adyen-platform":
        return raw.map(bytes.hex)
    if case in STANDARD:
        return st.builds(
            lambda prefix, key: prefix + base64.b64encode(key).decode(), st.sampled_from(["whsec_", ""]), raw
        )
    return st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=16)


@every
@given(data=st.data(), body=st.binary())
@some
def test_whatever_the_provider_signs_is_verified_and_proves_the_same_again(case, data, body):
    deployed = DEPLOYED[case]
    secret = data.draw(secrets_of(case))
    keys = [deployed.kept(secret)]

    verdict = deployed.verify(request(body, deployed.sign(body, now=NOW, secret=secret)), keys)

    assert verdict.key_id == key_id(keys[0])
    assert len(json.dumps(dict(verdict.headers))) < 500
    again = {"X-Shopify-Topic": SHOPIFY.options["topics"].split(",")[0]} if case == "shopify" else {}
    assert deployed.verify(request(body, again | dict(verdict.headers)), keys) == verdict


@every
@given(body=st.binary(min_size=1), bit=st.integers(min_value=0))
@some
def test_one_flipped_bit_of_the_body_is_refused(case, body, bit):
    deployed = DEPLOYED[case]
    index, mask = divmod(bit % (len(body) * 8), 8)
    changed = body[:index] + bytes([body[index] ^ (1 << mask)]) + body[index + 1 :]

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(changed, deployed.sign(body, now=NOW)))


@every
@given(data=st.data(), body=st.binary())
@some
def test_one_changed_character_of_a_signed_header_is_refused(case, data, body):
    deployed = DEPLOYED[case]
    headers = deployed.sign(body, now=NOW)
    name = data.draw(st.sampled_from(deployed.signed_headers))
    index = data.draw(st.integers(0, len(headers[name]) - 1))
    old = headers[name][index]
    other = data.draw(st.sampled_from([chr(ord(old) ^ 1 << bit) for bit in range(8)]) | st.characters())
    assume(other != old)
    headers[name] = headers[name][:index] + other + headers[name][index + 1 :]

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(body, headers))


@every
@given(data=st.data(), body=st.binary())
@some
def test_any_other_key_is_refused(case, data, body):
    deployed = DEPLOYED[case]
    theirs, ours = data.draw(secrets_of(case)), data.draw(secrets_of(case))
    assume(theirs.removeprefix("whsec_") != ours.removeprefix("whsec_"))

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(body, deployed.sign(body, now=NOW, secret=theirs)), [deployed.kept(ours)])


@pytest.mark.parametrize("case", DECODED)
@given(secret=any_text)
@example("whsec_")
@example("whsec_AA==AA==")
@some
def test_any_text_as_a_key_that_is_decoded_refuses_or_is_unavailable(case, secret):
    deployed, body, headers = sent(case)

    assert deployed.outcome(request(body, headers), [secret]) in (MISMATCH, UNUSABLE, NO_SECRET)


# Text that gets past the first checks of one scheme or another, so that the later ones are tried as well.
near_misses = st.one_of(
    any_text,
    st.integers(NOW - 400, NOW + 400).map(str),
    st.sampled_from(["", "=", "t", "v1", "v0=", "v1=", "v1,", "v1a,", "sha256=", "sha512=", "orders/paid", str(NOW)]),
    st.builds("t={},v1={}".format, st.integers(NOW - 400, NOW + 400).map(str) | any_text, any_text),
    st.builds("{}{}".format, st.sampled_from(["", "sha256=", "sha512=", "v0=", "v1=", "v1,", "v1a,"]), any_text),
    *(
        st.builds(
            lambda prefix, raw, write: prefix + write(raw),
            st.sampled_from(["", "v1,", "v1a,", "v1=", "sha256=", "sha512="]),
            st.binary(min_size=size, max_size=size),
            st.sampled_from(list(ENCODINGS.values())),
        )
        for size in (32, 64)
    ),
)


@every
@given(data=st.data(), body=st.binary())
@settings(max_examples=150)
def test_no_text_whatever_in_the_headers_is_accepted_or_breaks_the_check(case, data, body):
    deployed = DEPLOYED[case]
    names = sorted({*deployed.sign(b"", now=NOW), "X-Shopify-Topic"})
    headers = {name: data.draw(st.lists(near_misses, max_size=2) | near_misses, label=name) for name in names}

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(body, headers))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "payment_id", "amount", "amount_money", "currency", "object", "disputed_payment"])
            | any_text,
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
NAMES = (
    *("event_id", "eventId", "id", "type", "event_type", "created", "created_at", "updated_at", "timestamp", "action"),
    *(
        "data",
        "event",
        "events",
        "metadata",
        "payload",
        "links",
        "token",
        "object",
        "payment",
        "refund",
        "dispute",
        "order",
        "order_id",
        "order_edit",
        "transaction_id",
    ),
    *("transactions", "total_price", "amount", "currency", "status"),
)
documents = st.dictionaries(st.sampled_from(NAMES) | any_text, values, max_size=8)
# Where the providers' documents have them.
nested = documents.map(lambda inner: {**inner, "data": {"id": inner.get("id"), "object": inner}})
# An entry reads a document alike whatever its scheme is.
every_entry = pytest.mark.parametrize("entry", sorted({deployed.entry for deployed in DEPLOYED.values()} - {PAIR}))


@every_entry
@given(
    document=documents | nested,
    headers=st.dictionaries(st.sampled_from(["X-Shopify-Topic", "webhook-id", "x-github-event"]), any_text),
)
@settings(max_examples=100)
def test_any_document_is_an_event_of_identifiers_or_malformed(entry, document, headers):
    try:
        events = read_events("shop", REGISTRY[entry], request(json.dumps(document).encode(), headers))
    except MalformedWebhookError:
        return
    assert events
    for event in events:
        assert [is_identifier(text) for text in (event.event_id, event.event_type, event.transaction_id)] == [True] * 3
        assert event.occurred_at is None or times.iso(times.parse(event.occurred_at)) == event.occurred_at
        assert [event.amount is None, event.currency is None, event.amount_unit is None].count(True) in (0, 3)


@every_entry
@given(body=st.binary() | st.lists(st.sampled_from([b"{", b"}", b'"id":', b"[", b"1", b",", b"\xff"])).map(b"".join))
@some
def test_any_bytes_are_an_event_or_malformed(entry, body):
    try:
        events = read_events("shop", REGISTRY[entry], request(body, {}))
    except MalformedWebhookError:
        return
    assert {event.provider for event in events} == {"shop"}
