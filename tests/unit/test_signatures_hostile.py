"""Signatures as an attacker, a sloppy sender or a careless operator would bring them, each with its outcome."""

import base64
import hashlib
import hmac
import json

import pytest

from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError
from lambdas.shared.event import read_event
from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.request import from_api_gateway
from tests.unit.signers import MESSAGE_ID, hex_signature, sign, standard_signature
from tests.unit.webhooks import BODY, HEX, NOW, OTHER_SECRET, PROVIDERS, SECRETS, TIMESTAMPED, request, signed

ACCEPTED = "accepted"
MISMATCH = "401 signature_mismatch"
MALFORMED = "401 malformed_signature_header"
MISSING = "401 missing_signature_header"
REPEATED = "401 repeated_signature_header"
TOO_LONG = "401 signature_header_too_long"
BAD_TIME = "401 malformed_timestamp"
OUTSIDE = "401 timestamp_outside_window"
NO_SECRET = "503 secret_missing"
UNUSABLE = "503 secret_unusable"

SIGNED_HEADERS = {
    "stripe": ("Stripe-Signature",),
    "github": ("X-Hub-Signature-256",),
    "standard-webhooks": ("webhook-id", "webhook-timestamp", "webhook-signature"),
    "generic": ("X-Webhook-Signature",),
    "generic-timestamped": ("X-Webhook-Timestamp", "X-Webhook-Signature"),
}
EVERY_SIGNED_HEADER = [(provider, name) for provider, names in SIGNED_HEADERS.items() for name in names]

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
every_timestamped_provider = pytest.mark.parametrize("provider", TIMESTAMPED)


def outcome(provider, webhook, secrets=None):
    """Return what becomes of a webhook; an exception of any other kind than a refusal fails the test."""
    try:
        REGISTRY[provider].scheme.verify(webhook, [SECRETS[provider]] if secrets is None else secrets)
    except (SignatureRefusedError, UnavailableError) as refusal:
        return f"{refusal.status} {refusal.reason}"
    return ACCEPTED


@every_provider
def test_an_untouched_webhook_is_accepted(provider):
    assert outcome(provider, signed(provider)) == ACCEPTED


def test_the_tables_cover_every_provider_of_the_registry():
    assert set(PROVIDERS) == set(REGISTRY) == set(SIGNED_HEADERS)


# --- the body -------------------------------------------------------------------------------------------------------

CHANGED_BODIES = {
    "first byte": b"[" + BODY[1:],
    "last byte": BODY[:-1] + b"]",
    "one bit in the middle": BODY[:20] + bytes([BODY[20] ^ 1]) + BODY[21:],
    "one byte less": BODY[:-1],
    "one byte more": BODY + b"}",
    "newline appended": BODY + b"\n",
    "NUL appended": BODY + b"\0",
    "blank in front": b" " + BODY,
    "byte order mark in front": b"\xef\xbb\xbf" + BODY,
    "empty": b"",
    "twice": BODY + BODY,
    "same JSON, other bytes": json.dumps(json.loads(BODY)).encode(),
}


@every_provider
@pytest.mark.parametrize("body", CHANGED_BODIES.values(), ids=CHANGED_BODIES.keys())
def test_a_changed_body_is_refused(provider, body):
    headers = sign(provider, BODY, SECRETS[provider], NOW)

    assert outcome(provider, request(body, headers)) == MISMATCH


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


@every_provider
@pytest.mark.parametrize(("exact", "normalised"), EXACT_BODIES.values(), ids=EXACT_BODIES.keys())
def test_the_signature_counts_over_the_exact_bytes(provider, exact, normalised):
    headers = sign(provider, exact, SECRETS[provider], NOW)

    assert outcome(provider, request(exact, headers)) == ACCEPTED
    assert outcome(provider, request(normalised, headers)) == MISMATCH


# --- the headers ----------------------------------------------------------------------------------------------------


def increment(text):
    """Change the last letter or digit."""
    index = max(i for i, char in enumerate(text) if char.isalnum())
    return text[:index] + ("0" if text[index] != "0" else "1") + text[index + 1 :]


HEADER_CHANGES = {
    "absent": (lambda value: [], MISSING),
    "empty": (lambda value: [""], MISSING),
    # Of two values nobody can say which one was signed, and which one a proxy or a parser will see.
    "on two lines": (lambda value: [value, value], REPEATED),
    "on two lines, the wrong one first": (lambda value: [increment(value), value], REPEATED),
    "on two lines, the wrong one last": (lambda value: [value, increment(value)], REPEATED),
    "on two lines, the first one empty": (lambda value: ["", value], REPEATED),
    "last digit changed": (lambda value: [increment(value)], MISMATCH),
    "4,097 characters": (lambda value: [value + "0" * (4097 - len(value))], TOO_LONG),
}


@pytest.mark.parametrize(("provider", "name"), EVERY_SIGNED_HEADER)
@pytest.mark.parametrize(("change", "expected"), HEADER_CHANGES.values(), ids=HEADER_CHANGES.keys())
def test_a_changed_header_is_refused(provider, name, change, expected):
    headers = sign(provider, BODY, SECRETS[provider], NOW)

    assert outcome(provider, request(BODY, headers | {name: change(headers[name])})) == expected


GARBAGE = (
    " ",
    "\t",
    "\n",
    "\0",
    "é",
    "\ud800",
    "\uff11",
    ",",
    "=",
    "v1",
    "v1=",
    "v1,",
    "sha256=",
    "null",
    "-1",
    "x" * 4096,
)
GARBAGE_IS = {
    "Stripe-Signature": MALFORMED,
    "X-Hub-Signature-256": MALFORMED,
    "webhook-id": MISMATCH,
    "webhook-timestamp": BAD_TIME,
    "webhook-signature": MALFORMED,
    "X-Webhook-Timestamp": BAD_TIME,
    "X-Webhook-Signature": MISMATCH,
}
# What has the form of a signature is compared, and an id that has no bytes cannot be.
GARBAGE_BUT = {
    ("X-Hub-Signature-256", "sha256="): MISMATCH,
    ("webhook-signature", "v1,"): MISMATCH,
    ("webhook-id", "\ud800"): MALFORMED,
}


@pytest.mark.parametrize(("provider", "name"), EVERY_SIGNED_HEADER)
@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value)[:16])
def test_a_header_that_holds_garbage_is_refused(provider, name, value):
    headers = sign(provider, BODY, SECRETS[provider], NOW) | {name: value}

    assert outcome(provider, request(BODY, headers)) == GARBAGE_BUT.get((name, value), GARBAGE_IS[name])


# A header that holds a hex signature, given that signature. Stripe's time stands in front of it.
HEX_FORMS = {
    "stripe": ("Stripe-Signature", f"t={NOW},v1={{}}"),
    "github": ("X-Hub-Signature-256", "sha256={}"),
    "generic": ("X-Webhook-Signature", "{}"),
    "generic-timestamped": ("X-Webhook-Signature", "{}"),
}
HEX_CHANGES = {
    # All of them send lower case, and text that is compared byte by byte leaves nothing to interpret.
    "upper case": str.upper,
    "first digit changed": lambda text: ("0" if text[0] != "0" else "1") + text[1:],
    "last digit missing": lambda text: text[:-1],
    "first digit missing": lambda text: text[1:],
    "first half": lambda text: text[:32],
    "twice": lambda text: text * 2,
    "digit appended": lambda text: text + "0",
    "zero in front": lambda text: "0" + text,
    "0x in front": lambda text: "0x" + text,
    "backwards": lambda text: text[::-1],
    "blank behind": lambda text: text + " ",
    "blank in front": lambda text: " " + text,
    "newline behind": lambda text: text + "\n",
    "NUL behind": lambda text: text + "\0",
    "quoted": lambda text: f'"{text}"',
    "not ASCII behind": lambda text: text + "é",
    "lone surrogate behind": lambda text: text + "\ud800",
    "full-width digits": lambda text: text.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
    "arabic digits": lambda text: text.translate({ord(str(n)): chr(0x660 + n) for n in range(10)}),
    "base64": lambda text: base64.b64encode(bytes.fromhex(text)).decode(),
    "of an empty key": lambda text: hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
    "a plain digest of the body": lambda text: hashlib.sha256(BODY).hexdigest(),
}


@pytest.mark.parametrize("provider", HEX)
@pytest.mark.parametrize("change", HEX_CHANGES.values(), ids=HEX_CHANGES.keys())
def test_a_hex_signature_in_any_other_writing_is_refused(provider, change):
    header, form = HEX_FORMS[provider]
    signature = hex_signature(BODY, SECRETS[provider], NOW if provider in TIMESTAMPED else None)
    headers = sign(provider, BODY, SECRETS[provider], NOW)

    assert outcome(provider, request(BODY, headers | {header: form.format(signature)})) == ACCEPTED
    assert outcome(provider, request(BODY, headers | {header: form.format(change(signature))})) == MISMATCH


# --- what each header may be made of --------------------------------------------------------------------------------

# {t} is the signed time, {ok} the right signature, {bad} one by another secret, {sha1} one by another digest.
SIGNATURE_HEADERS = {
    "stripe": [
        ("t={t},v1={ok}", ACCEPTED),
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
        ("t={t},v1=", MISMATCH),
        ("t={t},v1", MALFORMED),
        ("t{t},v1={ok}", MALFORMED),
        ("{ok}", MALFORMED),
        ("t={t},v1={ok},", MALFORMED),
        (",t={t},v1={ok}", MALFORMED),
        ("t={t},,v1={ok}", MALFORMED),
        (",", MALFORMED),
        ("t={t}, v1={ok}", MALFORMED),
        ("t={t};v1={ok}", MALFORMED),
        ("t={t}&v1={ok}", MALFORMED),
        ("t={t},v1=={ok}", MISMATCH),
        ("t={t},v1=sha256={ok}", MISMATCH),
        ("t={t}.,v1={ok}", BAD_TIME),
    ],
    "github": [
        ("sha256={ok}", ACCEPTED),
        ("{ok}", MALFORMED),
        ("sha1={sha1}", MALFORMED),
        ("sha256={sha1}", MISMATCH),
        ("SHA256={ok}", MALFORMED),
        ("sha512={ok}", MALFORMED),
        ("sha256:{ok}", MALFORMED),
        (" sha256={ok}", MALFORMED),
        ("sha256= {ok}", MISMATCH),
        ("sha256=", MISMATCH),
        ("sha256", MALFORMED),
        ("sha256=sha256={ok}", MISMATCH),
        ("sha256={ok},sha256={ok}", MISMATCH),
        ("sha256={bad},sha256={ok}", MISMATCH),
        ("sha1={sha1},sha256={ok}", MALFORMED),
    ],
    "generic": [
        ("{ok}", ACCEPTED),
        ("sha256={ok}", ACCEPTED),
        ("{bad}", MISMATCH),
        ("sha256={bad}", MISMATCH),
        ("sha256=sha256={ok}", MISMATCH),
        ("SHA256={ok}", MISMATCH),
        ("sha512={ok}", MISMATCH),
        ("sha1={sha1}", MISMATCH),
        ("{sha1}", MISMATCH),
        ("sha256=", MISMATCH),
        ("{ok},{ok}", MISMATCH),
        ("{bad},{ok}", MISMATCH),
        ("v1={ok}", MISMATCH),
        ("t={t},v1={ok}", MISMATCH),
    ],
    "generic-timestamped": [
        ("{ok}", ACCEPTED),
        ("sha256={ok}", ACCEPTED),
        ("{bad}", MISMATCH),
        ("sha256={bad}", MISMATCH),
        ("sha256=sha256={ok}", MISMATCH),
        ("sha256=", MISMATCH),
        ("{ok},{ok}", MISMATCH),
        ("t={t},v1={ok}", MISMATCH),
        # The right signature of the plain scheme: the time would be nobody's.
        ("{untimed}", MISMATCH),
    ],
    "standard-webhooks": [
        ("v1,{ok}", ACCEPTED),
        # While a secret rolls, the sender signs with the old and with the new one.
        ("v1,{bad} v1,{ok}", ACCEPTED),
        ("v1,{ok} v1,{bad}", ACCEPTED),
        ("v1a,{bad} v1,{ok}", ACCEPTED),
        ("v1,{ok} v2,anything", ACCEPTED),
        ("v1,{bad}", MISMATCH),
        ("v1,{bad} v1a,{ok}", MISMATCH),
        ("v1a,{ok}", MALFORMED),
        ("v2,{ok}", MALFORMED),
        ("V1,{ok}", MALFORMED),
        ("{ok}", MALFORMED),
        ("v1={ok}", MALFORMED),
        ("v1 {ok}", MALFORMED),
        ("v1, {ok}", MALFORMED),
        ("v1,{ok} ", MALFORMED),
        (" v1,{ok}", MALFORMED),
        ("v1,{ok}  v1,{ok}", MALFORMED),
        ("v1,{ok},v1,{ok}", MISMATCH),
        ("v1,{ok}\tv1,{ok}", MISMATCH),
        ("v1,", MISMATCH),
        ("v1", MALFORMED),
        ("v1,{unpadded}", MISMATCH),
        ("v1,{ok}=", MISMATCH),
        ("v1,{hex}", MISMATCH),
        ("v1,{ok}\n", MISMATCH),
        ("v1,{ok}é", MISMATCH),
        ("v1,{ok}\ud800", MISMATCH),
        ("v1,\0{ok}", MISMATCH),
    ],
}


def parts(provider):
    """Return the values for the templates above."""
    secret, timestamp = SECRETS[provider], NOW if provider in TIMESTAMPED else None
    if provider == "standard-webhooks":
        ok, bad = (standard_signature(BODY, key, NOW) for key in (secret, OTHER_SECRET))
        return {"ok": ok, "bad": bad, "unpadded": ok.rstrip("="), "hex": base64.b64decode(ok).hex()}
    return {
        "t": NOW,
        "ok": hex_signature(BODY, secret, timestamp),
        "bad": hex_signature(BODY, OTHER_SECRET, timestamp),
        "untimed": hex_signature(BODY, secret),
        "sha1": hmac.new(secret.encode(), BODY, hashlib.sha1).hexdigest(),
    }


@pytest.mark.parametrize(
    ("provider", "template", "expected"),
    [(provider, template, expected) for provider, rows in SIGNATURE_HEADERS.items() for template, expected in rows],
    ids=ascii,
)
def test_a_signature_header_is_read_by_its_provider_s_grammar(provider, template, expected):
    headers = sign(provider, BODY, SECRETS[provider], NOW)
    headers[SIGNED_HEADERS[provider][-1]] = template.format(**parts(provider))

    assert outcome(provider, request(BODY, headers)) == expected


def test_github_s_sha1_header_alone_proves_nothing():
    secret = SECRETS["github"]
    headers = {"X-Hub-Signature": f"sha1={hmac.new(secret.encode(), BODY, hashlib.sha1).hexdigest()}"}

    assert outcome("github", request(BODY, headers)) == MISSING


@pytest.mark.parametrize(
    ("message_id", "expected"),
    [
        ("msg_2", MISMATCH),
        ("", MISSING),
        (" ", MISMATCH),
        (f"{MESSAGE_ID} ", MISMATCH),
        (MESSAGE_ID.lower(), MISMATCH),
        (f"{MESSAGE_ID}.", MISMATCH),
        ("msg_é", MISMATCH),
        ("\ud800", MALFORMED),
    ],
    ids=ascii,
)
def test_a_standard_webhook_under_another_id_is_refused(message_id, expected):
    headers = sign("standard-webhooks", BODY, SECRETS["standard-webhooks"], NOW) | {"webhook-id": message_id}

    assert outcome("standard-webhooks", request(BODY, headers)) == expected


def test_the_dots_of_a_standard_webhook_cannot_be_moved_into_a_new_event():
    # `<id>.<time>.<body>` has one reading as long as no body starts with digits and a dot, and no JSON object does.
    body = f"{NOW}.{{}}".encode()
    secret = SECRETS["standard-webhooks"]
    headers = sign("standard-webhooks", b"{}", secret, NOW, message_id=f"msg_1.{NOW}")
    webhook = request(body, headers | {"webhook-id": "msg_1"})

    assert outcome("standard-webhooks", webhook) == ACCEPTED
    with pytest.raises(MalformedWebhookError) as refusal:
        read_event("standard-webhooks", REGISTRY["standard-webhooks"], webhook)
    assert refusal.value.reason == "body_not_json"


# --- time -----------------------------------------------------------------------------------------------------------

# Each text is signed correctly, so that nothing but its reading as a time can refuse it.
TIMESTAMPS = [
    (f"{NOW}", ACCEPTED),
    (f"0{NOW}", ACCEPTED),
    (f"{NOW}.0", BAD_TIME),
    (f"+{NOW}", BAD_TIME),
    (f"-{NOW}", BAD_TIME),
    (f" {NOW}", BAD_TIME),
    (f"{NOW} ", BAD_TIME),
    (f"{NOW}\n", BAD_TIME),
    (f"\t{NOW}", BAD_TIME),
    (f"{NOW}\0", BAD_TIME),
    (f"{NOW}000", BAD_TIME),
    (f"00{NOW}", BAD_TIME),
    ("1_614_265_330", BAD_TIME),
    ("1.61426533e9", BAD_TIME),
    (hex(NOW), BAD_TIME),
    ("2021-02-25T15:02:10Z", BAD_TIME),
    ("nan", BAD_TIME),
    ("NaN", BAD_TIME),
    ("inf", BAD_TIME),
    ("-inf", BAD_TIME),
    ("+1", BAD_TIME),
    ("-1", BAD_TIME),
    ("1_000", BAD_TIME),
    ("null", BAD_TIME),
    ("é", BAD_TIME),
    ("".join(chr(0x660 + int(digit)) for digit in str(NOW)), BAD_TIME),
    ("".join(chr(0xFF10 + int(digit)) for digit in str(NOW)), BAD_TIME),
    (f"{NOW // 10}⁰", BAD_TIME),
    ("0", OUTSIDE),
    ("99999999999", OUTSIDE),
]


@every_timestamped_provider
@pytest.mark.parametrize(("timestamp", "expected"), TIMESTAMPS, ids=lambda value: ascii(value)[:24])
def test_a_signed_time_is_ascii_digits_or_refused(provider, timestamp, expected):
    assert outcome(provider, signed(provider, timestamp=timestamp)) == expected


@every_timestamped_provider
def test_a_signed_time_of_five_thousand_digits_is_refused_before_it_is_read(provider):
    assert outcome(provider, signed(provider, timestamp="9" * 5000)) == TOO_LONG


@pytest.mark.parametrize(
    ("provider", "expected"),
    [("stripe", BAD_TIME), ("standard-webhooks", MISSING), ("generic-timestamped", MISSING)],
)
def test_a_signed_time_that_is_empty_is_refused(provider, expected):
    assert outcome(provider, signed(provider, timestamp="")) == expected


AGES = [
    (0, ACCEPTED),
    (299.999, ACCEPTED),
    (300, ACCEPTED),
    (300.001, OUTSIDE),
    (301, OUTSIDE),
    (86_400, OUTSIDE),
    (-299.999, ACCEPTED),
    (-300, ACCEPTED),
    (-300.001, OUTSIDE),
    (-301, OUTSIDE),
    (-86_400, OUTSIDE),
]


@every_timestamped_provider
@pytest.mark.parametrize(("age", "expected"), AGES)
def test_the_replay_window_is_300_seconds_on_either_side_of_the_receipt(provider, age, expected):
    assert outcome(provider, signed(provider, timestamp=NOW, received_at=NOW + age)) == expected


@every_timestamped_provider
def test_a_stale_webhook_cannot_be_made_fresh(provider):
    stale = sign(provider, BODY, SECRETS[provider], NOW - 301)
    fresh = {name: value.replace(str(NOW - 301), str(NOW)) for name, value in stale.items()}

    assert outcome(provider, request(BODY, stale)) == OUTSIDE
    assert outcome(provider, request(BODY, fresh)) == MISMATCH


# --- secrets --------------------------------------------------------------------------------------------------------


@every_provider
@pytest.mark.parametrize("secrets", [[], [""], ["", ""], ["", None], [None, ""]], ids=str)
def test_without_a_secret_nothing_is_accepted(provider, secrets):
    # None stands for the right secret: an empty one beside it is an operator's mistake that must not go unnoticed.
    given = [SECRETS[provider] if secret is None else secret for secret in secrets]

    assert outcome(provider, signed(provider), given) == NO_SECRET


@pytest.mark.parametrize("provider", HEX)
def test_a_signature_with_the_empty_key_is_not_accepted(provider):
    headers = sign(provider, BODY, "", NOW)

    assert outcome(provider, request(BODY, headers), [""]) == NO_SECRET
    assert outcome(provider, request(BODY, headers), []) == NO_SECRET
    assert outcome(provider, request(BODY, headers)) == MISMATCH


WRONG_SECRETS = {
    "another": lambda secret: OTHER_SECRET,
    "last letter changed": lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "E"),
    "other case": str.swapcase,
}


@every_provider
@pytest.mark.parametrize("change", WRONG_SECRETS.values(), ids=WRONG_SECRETS.keys())
def test_a_wrong_secret_accepts_nothing(provider, change):
    wrong = change(SECRETS[provider].removeprefix("whsec_"))

    assert outcome(provider, signed(provider, secret=wrong)) == MISMATCH


@pytest.mark.parametrize("provider", HEX)
@pytest.mark.parametrize("change", [lambda s: s + "\n", lambda s: s + " ", lambda s: " " + s, lambda s: s[1:]])
def test_every_character_of_a_hex_scheme_s_secret_counts(provider, change):
    assert outcome(provider, signed(provider), [change(SECRETS[provider])]) == MISMATCH


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_not base64", "whsec_====", "MfKQ9r8G\n", "whsec_é", "whsk_MfKQ9r8G", "whsec_AQ-_", "\ud800", "A"],
    ids=ascii,
)
def test_a_standard_webhooks_secret_that_is_not_base64_is_unusable_and_not_guessed_at(secret):
    webhook = signed("standard-webhooks")

    assert outcome("standard-webhooks", webhook, [secret]) == UNUSABLE
    assert outcome("standard-webhooks", webhook, [SECRETS["standard-webhooks"], secret]) == UNUSABLE


@every_provider
def test_a_secret_that_has_no_utf_8_form_is_unusable(provider):
    # JSON in Secrets Manager can spell it: {"secrets": ["\ud800"]}.
    assert outcome(provider, signed(provider), ["\ud800"]) == UNUSABLE


@every_provider
@pytest.mark.parametrize(
    ("signed_with", "secrets", "index"),
    [
        ("new", ["new"], 0),
        ("new", ["new", "old"], 0),
        ("old", ["new", "old"], 1),
        ("older", ["new", "old", "older"], 2),
        ("new", ["new", "new"], 0),
    ],
)
def test_while_secrets_rotate_the_verdict_says_which_one_is_in_use(provider, signed_with, secrets, index):
    keys = {"new": SECRETS[provider], "old": OTHER_SECRET, "older": "whsec_c2VjcmV0LW9mLXR3ZW50eS1maXZlLWJ5dGU="}
    webhook = signed(provider, secret=keys[signed_with])

    verdict = REGISTRY[provider].scheme.verify(webhook, [keys[name] for name in secrets])

    assert verdict.secret_index == index


@pytest.mark.parametrize("order", [("new", "old"), ("old", "new")])
def test_a_webhook_signed_with_both_secrets_counts_as_signed_with_the_newest(order):
    keys = {"new": SECRETS["stripe"], "old": OTHER_SECRET}
    stripe = f"t={NOW}," + ",".join(f"v1={hex_signature(BODY, keys[name], NOW)}" for name in order)
    standard = " ".join(f"v1,{standard_signature(BODY, keys[name], NOW)}" for name in order)
    headers = sign("standard-webhooks", BODY, OTHER_SECRET, NOW) | {
        "Stripe-Signature": stripe,
        "webhook-signature": standard,
    }

    for provider in ("stripe", "standard-webhooks"):
        verdict = REGISTRY[provider].scheme.verify(request(BODY, headers), [keys["new"], keys["old"]])
        assert verdict.secret_index == 0


@every_provider
def test_a_secret_that_was_retired_is_refused(provider):
    assert outcome(provider, signed(provider, secret=OTHER_SECRET), [OTHER_SECRET]) == ACCEPTED
    assert outcome(provider, signed(provider, secret=OTHER_SECRET), [SECRETS[provider]]) == MISMATCH


# --- one provider's signature for another ---------------------------------------------------------------------------

PAIRS = [(theirs, ours) for theirs in PROVIDERS for ours in PROVIDERS if theirs != ours]
# Same header and same construction but for the time, or the same digest of the same bytes.
SAME_CONSTRUCTION = {
    ("github", "generic"),
    ("generic", "github"),
    ("stripe", "generic-timestamped"),
    ("generic-timestamped", "stripe"),
}


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_another_provider_s_headers_are_refused_even_under_the_same_secret(theirs, ours):
    headers = sign(theirs, BODY, OTHER_SECRET, NOW)

    # Only these two share their header, and the plain one finds a signature over other bytes in it.
    expected = MISMATCH if (theirs, ours) == ("generic-timestamped", "generic") else MISSING
    assert outcome(ours, request(BODY, headers), [OTHER_SECRET]) == expected


def raw_signature(provider, secret):
    if provider == "standard-webhooks":
        return standard_signature(BODY, secret, NOW)
    return hex_signature(BODY, secret, NOW if provider in TIMESTAMPED else None)


def headers_around(provider, signature):
    forms = {"standard-webhooks": ("webhook-signature", "v1,{}"), **HEX_FORMS}
    name, form = forms[provider]
    return sign(provider, BODY, OTHER_SECRET, NOW) | {name: form.format(signature)}


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_another_provider_s_signature_in_our_header_is_refused(theirs, ours):
    headers = headers_around(ours, raw_signature(theirs, SECRETS[theirs]))

    assert outcome(ours, request(BODY, headers)) == MISMATCH


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_a_shared_secret_lets_only_schemes_of_one_construction_stand_in_for_each_other(theirs, ours):
    # No scheme names its receiver in what it signs, so that this cannot be told apart: it is why every deployed
    # provider has a secret of its own.
    headers = headers_around(ours, raw_signature(theirs, OTHER_SECRET))

    expected = ACCEPTED if (theirs, ours) in SAME_CONSTRUCTION else MISMATCH
    assert outcome(ours, request(BODY, headers), [OTHER_SECRET]) == expected


TIMED_TEXT = f"{NOW}.".encode() + BODY


@pytest.mark.parametrize(
    ("provider", "headers", "expected"),
    [
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}"}, MISSING),
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}", "X-Webhook-Timestamp": ""}, MISSING),
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}", "X-Webhook-Timestamp": f"{NOW}"}, MISMATCH),
        ("stripe", {"Stripe-Signature": "v1={ok}"}, MALFORMED),
        ("stripe", {"Stripe-Signature": "t=,v1={ok}"}, BAD_TIME),
        ("stripe", {"Stripe-Signature": f"t={NOW},v1={{ok}}"}, MISMATCH),
    ],
)
def test_time_and_body_signed_together_do_not_pass_as_a_body_without_a_time(provider, headers, expected):
    signature = hex_signature(BODY, SECRETS[provider], NOW)
    given = {name: value.format(ok=signature) for name, value in headers.items()}

    assert outcome(provider, request(TIMED_TEXT, given)) == expected


def test_time_and_body_signed_together_are_no_event_of_the_generic_provider_even_under_the_same_secret():
    webhook = request(TIMED_TEXT, {"X-Webhook-Signature": hex_signature(BODY, SECRETS["generic"], NOW)})

    assert outcome("generic", webhook) == ACCEPTED
    with pytest.raises(MalformedWebhookError) as refusal:
        read_event("generic", REGISTRY["generic"], webhook)
    assert refusal.value.reason == "body_not_json"


# --- as API Gateway hands it over -----------------------------------------------------------------------------------


def api_gateway(body, headers, *, base64_encoded=False, epoch_ms=NOW * 1000):
    return {
        "body": body,
        "isBase64Encoded": base64_encoded,
        "multiValueHeaders": headers,
        "requestContext": {"requestTimeEpoch": epoch_ms},
    }


@every_provider
@pytest.mark.parametrize("body", [BODY, b"\xff\xfe\x00", b"\xef\xbb\xbf{}\r\n", b""], ids=repr)
def test_a_binary_body_is_verified_as_it_was_before_api_gateway_encoded_it(provider, body):
    headers = {name: [value] for name, value in sign(provider, body, SECRETS[provider], NOW).items()}
    encoded = base64.b64encode(body).decode()

    assert outcome(provider, from_api_gateway(api_gateway(encoded, headers, base64_encoded=True))) == ACCEPTED
    if body:
        assert outcome(provider, from_api_gateway(api_gateway(encoded, headers))) == MISMATCH


@every_provider
@pytest.mark.parametrize("text", ["{}", "Zoë", "\r\n", "\x00", None], ids=ascii)
def test_a_text_body_is_verified_as_utf_8(provider, text):
    body = (text or "").encode()
    headers = {name: [value] for name, value in sign(provider, body, SECRETS[provider], NOW).items()}

    assert outcome(provider, from_api_gateway(api_gateway(text, headers))) == ACCEPTED


@pytest.mark.parametrize("body", ["not base64!", "e30", "e30=\n", "é", "e30=e30="], ids=ascii)
def test_a_body_that_only_claims_to_be_base64_is_refused(body):
    with pytest.raises(MalformedWebhookError) as refusal:
        from_api_gateway(api_gateway(body, {}, base64_encoded=True))

    assert refusal.value.reason == "body_not_base64"


@pytest.mark.parametrize(("provider", "name"), EVERY_SIGNED_HEADER)
def test_a_header_repeated_in_another_case_is_repeated(provider, name):
    headers = {key: [value] for key, value in sign(provider, BODY, SECRETS[provider], NOW).items()}
    headers[name.swapcase()] = list(headers[name])

    assert outcome(provider, from_api_gateway(api_gateway(BODY.decode(), headers))) == REPEATED


@every_provider
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_the_case_of_header_names_does_not_matter(provider, spell):
    headers = {spell(name): [value] for name, value in sign(provider, BODY, SECRETS[provider], NOW).items()}

    assert outcome(provider, from_api_gateway(api_gateway(BODY.decode(), headers))) == ACCEPTED


@every_provider
@pytest.mark.parametrize("headers", [None, {}], ids=str)
def test_a_request_without_headers_is_refused(provider, headers):
    assert outcome(provider, from_api_gateway(api_gateway(BODY.decode(), headers))) == MISSING


@every_timestamped_provider
@pytest.mark.parametrize(("epoch_ms", "expected"), [((NOW + 300) * 1000, ACCEPTED), ((NOW + 300) * 1000 + 1, OUTSIDE)])
def test_the_window_counts_from_api_gateway_s_milliseconds(provider, epoch_ms, expected):
    headers = {name: [value] for name, value in sign(provider, BODY, SECRETS[provider], NOW).items()}
    event = api_gateway(BODY.decode(), headers, epoch_ms=epoch_ms)

    assert outcome(provider, from_api_gateway(event)) == expected
