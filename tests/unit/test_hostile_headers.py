"""Signature headers as an attacker or a sloppy sender would write them, each with its outcome."""

import base64
import hashlib
import hmac

import pytest

from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.event import read_events
from lambdas.shared.providers.registry import REGISTRY
from tests.unit.outcomes import (
    ACCEPTED,
    BAD_TIME,
    EVERY_SIGNED_HEADER,
    HEX_FORMS,
    MALFORMED,
    MISMATCH,
    MISSING,
    REPEATED,
    SIGNED_HEADERS,
    TOO_LONG,
    outcome,
)
from tests.unit.signers import MESSAGE_ID, hex_signature, sign, standard_signature
from tests.unit.webhooks import BODY, HEX, NOW, OTHER_SECRET, SECRETS, TIMESTAMPED, request


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
        read_events("standard-webhooks", REGISTRY["standard-webhooks"], webhook)
    assert refusal.value.reason == "body_not_json"
