"""Standard Webhooks with a key pair: vectors, another implementation in both directions, and hostile senders."""

import base64
import hashlib
import json
import subprocess
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import WebhookRefusedError
from lambdas.shared.signatures.scheme import key_id
from tests.unit.signers import MESSAGE_ID
from tests.unit.webhooks import NOW, SECRETS, request
from tools.senders import SENDERS, Signing

ACCEPTED = "accepted"
MISMATCH = "401 signature_mismatch"
MALFORMED = "401 malformed_signature_header"
UNUSABLE = "503 secret_unusable"
ENTRY = "standard-webhooks-ed25519"
SCHEME = REGISTRY[ENTRY].scheme
BODY = b'{"type":"payout.paid","timestamp":"2021-02-25T15:02:10Z","data":{"id":"po_1"}}'
KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"ours").digest())
OTHER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"another").digest())


def public(key):
    return "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signature(body=BODY, key=KEY, timestamp=NOW, message_id=MESSAGE_ID):
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(key.sign(signed)).decode()


def headers(body=BODY, key=KEY, timestamp=NOW, message_id=MESSAGE_ID):
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1a,{signature(body, key, timestamp, message_id)}",
    }


def outcome(webhook, secrets=None, scheme=SCHEME):
    try:
        scheme.verify(webhook, [public(KEY)] if secrets is None else secrets)
    except WebhookRefusedError as refusal:
        return f"{refusal.status} {refusal.reason}"
    return ACCEPTED


# --- vectors and another implementation -----------------------------------------------------------------------------

# The signature is the one that the specification prints under "Webhook headers"; key pair and body, which it leaves
# out, are those of the server that it was made with:
# https://github.com/svix/svix-webhooks/blob/main/server/svix-server/src/worker.rs, `test_asymmetric_key_signing`
VECTOR_PAIR = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    ),
}
VECTOR_KEY = "whpk_" + base64.b64encode(base64.b64decode(VECTOR_PAIR)[32:]).decode()


def test_the_specification_s_own_signature_is_accepted():
    verdict = SCHEME.verify(request(VECTOR_BODY, VECTOR, 1_614_265_330), [VECTOR_KEY])

    assert (verdict.scheme, verdict.signed_at) == ("standard-webhooks-v1a", 1_614_265_330)
    assert verdict.key_id == key_id(VECTOR_KEY)
    assert verdict.headers == VECTOR


def test_the_specification_s_own_signature_is_refused_over_another_body():
    assert outcome(request(VECTOR_BODY + b" ", VECTOR, 1_614_265_330), [VECTOR_KEY]) == MISMATCH


def test_the_specification_s_example_header_is_read_past_its_symmetric_signature():
    value = f"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= {VECTOR['webhook-signature']}"
    webhook = request(VECTOR_BODY, VECTOR | {"webhook-signature": value}, 1_614_265_330)

    assert SCHEME.verify(webhook, [VECTOR_KEY]).headers == VECTOR


@pytest.mark.parametrize("prefix", ["whsk_", ""])
def test_our_sender_makes_the_specification_s_own_signature(prefix):
    secret = prefix + VECTOR_PAIR
    signing = Signing(secret=secret, now=1_614_265_330, number=1)

    ours = SENDERS[ENTRY].sign(VECTOR_BODY, signing)

    assert SENDERS[ENTRY].kept(secret) == VECTOR_KEY
    assert outcome(request(VECTOR_BODY, ours, 1_614_265_330), [VECTOR_KEY]) == ACCEPTED


# Neither the specification's Python nor its JavaScript library knows `v1a`. Node.js has ed25519 of its own.
NODE = """
const crypto = require("crypto");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = (make, type, head, raw) =>
  crypto[make]({key: Buffer.concat([Buffer.from(head, "hex"), raw]), format: "der", type});
const pair = Buffer.from(given.pair, "base64");
const seed = read("createPrivateKey", "pkcs8", "302e020100300506032b657004220420", pair.subarray(0, 32));
const key = read("createPublicKey", "spki", "302a300506032b6570032100", pair.subarray(32));
const content = Buffer.concat([Buffer.from(`${given.id}.${given.timestamp}.`), Buffer.from(given.body, "base64")]);
process.stdout.write(JSON.stringify({
  signature: crypto.sign(null, content, seed).toString("base64"),
  accepts: given.signatures.map((one) => crypto.verify(null, content, key, Buffer.from(one, "base64"))),
}));
"""
BODIES = {
    "object": BODY,
    "not ASCII": '{"name":"Zoë, 支払い"}'.encode(),
    "not UTF-8": b"\xff\xfe",
    "blanks and line ends": b'{ "id" : "evt_1" }\r\n',
    "empty": b"",
    "large": b'{"filler":"' + b"x" * 300_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_node_and_we_sign_alike_and_accept_each_other(body):
    pair = base64.b64encode(KEY.private_bytes_raw() + KEY.public_key().public_bytes_raw()).decode()
    given = {
        "pair": pair,
        "id": MESSAGE_ID,
        "timestamp": NOW,
        "body": base64.b64encode(body).decode(),
        "signatures": [signature(body), signature(body, OTHER), signature(body + b" ")],
    }

    process = subprocess.run(["node", "-e", NODE], input=json.dumps(given), capture_output=True, text=True, check=True)
    said = json.loads(process.stdout)

    assert said["accepts"] == [True, False, False]
    theirs = headers(body) | {"webhook-signature": "v1a," + said["signature"]}
    assert outcome(request(body, theirs)) == ACCEPTED


# --- hostile, beyond test_conformance.py -------------------------------------------------------------------------


def cut(change):
    return lambda text: base64.b64encode(change(base64.b64decode(text))).decode()


ORDER = 2**252 + 27742317777372353535851937790883648493


CHANGES = {
    "short": lambda raw: raw[:-1],
    "long": lambda raw: raw + b"\0",
    # The same signature again, had nobody asked that its second half is below the group's order.
    "high": lambda raw: raw[:32] + (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(32, "little"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_signature_of_the_same_text_is_refused(change):
    assert outcome(request(BODY, headers() | {"webhook-signature": f"v1a,{cut(change)(signature())}"})) == MISMATCH


# --- keys -----------------------------------------------------------------------------------------------------------

RAW = KEY.public_key().public_bytes_raw()


def whpk(raw):
    return "whpk_" + base64.b64encode(raw).decode()


PRIME = 2**255 - 19
KEYS = {
    "right": (public(KEY), ACCEPTED),
    "another": (public(OTHER), MISMATCH),
    "without prefix": (public(KEY).removeprefix("whpk_"), UNUSABLE),
    "prefix in capitals": (public(KEY).replace("whpk_", "WHPK_"), UNUSABLE),
    "prefix alone": ("whpk_", UNUSABLE),
    "the private key": ("whsk_" + base64.b64encode(KEY.private_bytes_raw() + RAW).decode(), UNUSABLE),
    "a symmetric secret": (SECRETS["standard-webhooks"], UNUSABLE),
    "31 bytes": (whpk(RAW[:-1]), UNUSABLE),
    "33 bytes": (whpk(RAW + b"\0"), UNUSABLE),
    "padding missing": (public(KEY).rstrip("="), UNUSABLE),
    "blank behind": (public(KEY) + " ", UNUSABLE),
    "not ASCII": ("whpk_é", UNUSABLE),
    "lone surrogate": ("\ud800", UNUSABLE),
    # Keys under which anybody can sign one message in a few.
    "zeros": (whpk(bytes(32)), UNUSABLE),
    "zeros, negative": (whpk(bytes(31) + b"\x80"), UNUSABLE),
    "one": (whpk((1).to_bytes(32, "little")), UNUSABLE),
    "minus one": (whpk((PRIME - 1).to_bytes(32, "little")), UNUSABLE),
    "zero in another writing": (whpk(PRIME.to_bytes(32, "little")), UNUSABLE),
    "one in another writing": (whpk((PRIME + 1).to_bytes(32, "little")), UNUSABLE),
    "order eight": (
        whpk(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
        UNUSABLE,
    ),
    "order eight, negative": (
        whpk(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
        UNUSABLE,
    ),
}


@pytest.mark.parametrize(("secret", "expected"), KEYS.values(), ids=KEYS.keys())
def test_a_key_is_a_public_one_or_nothing_is_accepted(secret, expected):
    assert outcome(request(BODY, headers()), [secret]) == expected
    # Beside the right one, what cannot be used must not go unnoticed.
    if expected == UNUSABLE:
        assert outcome(request(BODY, headers()), [public(KEY), secret]) == UNUSABLE


# --- events ---------------------------------------------------------------------------------------------------------


def test_an_event_is_read_as_the_plain_entry_reads_it():
    webhook = request(BODY, headers())

    (event,) = read_events(ENTRY, REGISTRY[ENTRY], webhook)
    (plain,) = read_events("standard-webhooks", REGISTRY["standard-webhooks"], webhook)

    assert event == replace(plain, provider=ENTRY)
    assert (event.event_id, event.event_type, event.transaction_id) == (MESSAGE_ID, "payout.paid", "po_1")
