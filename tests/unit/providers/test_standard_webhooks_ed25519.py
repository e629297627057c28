"""Standard Webhooks with a key pair: vectors, another implementation in both directions, and hostile senders."""

import base64
import hashlib
import hmac
import json
import subprocess
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.shared.errors import SignatureRefusedError, WebhookRefusedError
from lambdas.shared.event import read_events
from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.signatures.scheme import key_id
from tests.unit.signers import MESSAGE_ID, sign
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


# --- hostile --------------------------------------------------------------------------------------------------------


def test_an_untouched_webhook_is_accepted():
    assert outcome(request(BODY, headers())) == ACCEPTED


@pytest.mark.parametrize(
    "body",
    [BODY + b"\n", BODY[:-1], b"\xef\xbb\xbf" + BODY, BODY.replace(b"1", b"2", 1), b"", BODY * 2, b"x" * 2**22],
    ids=lambda body: repr(body[:12]),
)
def test_a_changed_body_is_refused(body):
    assert outcome(request(body, headers())) == MISMATCH


def cut(change):
    return lambda text: base64.b64encode(change(base64.b64decode(text))).decode()


# {ok} is the right signature, {bad} another key's, {hmac} one with the public key as HMAC key.
HEADERS = [
    ("v1a,{ok}", ACCEPTED),
    ("v1a,{bad} v1a,{ok}", ACCEPTED),
    ("v1a,{ok} v1a,{bad}", ACCEPTED),
    ("v1,{bad} v1a,{ok}", ACCEPTED),
    ("v1a,{ok} v2,anything", ACCEPTED),
    ("v1a,{bad}", MISMATCH),
    ("v1a,{bad} v1,{ok}", MISMATCH),
    # The downgrade: everybody knows the public key.
    ("v1,{hmac}", MALFORMED),
    ("v1,{hmac} v1a,{bad}", MISMATCH),
    ("v1a,{hmac}", MISMATCH),
    ("v1,{ok}", MALFORMED),
    ("V1A,{ok}", MALFORMED),
    ("v1b,{ok}", MALFORMED),
    ("v1a={ok}", MALFORMED),
    ("v1a {ok}", MALFORMED),
    ("{ok}", MALFORMED),
    ("v1a", MALFORMED),
    ("v1a,", MISMATCH),
    ("v1a,{ok},", MISMATCH),
    ("v1a,{ok} ", MALFORMED),
    (" v1a,{ok}", MALFORMED),
    ("v1a,{ok}  v1a,{ok}", MALFORMED),
    ("v1a,{ok}\tv1a,{ok}", MISMATCH),
    ("v1a,{unpadded}", MISMATCH),
    ("v1a,{unread}", MISMATCH),
    ("v1a,{short}", MISMATCH),
    ("v1a,{long}", MISMATCH),
    ("v1a,{high}", MISMATCH),
    ("v1a,{zero}", MISMATCH),
    ("v1a,{hex}", MISMATCH),
    ("v1a,{url}", MISMATCH),
    ("v1a,{ok}\n", MISMATCH),
    ("v1a,{ok}é", MISMATCH),
    ("v1a,{ok}\ud800", MISMATCH),
    ("v1a,\0{ok}", MISMATCH),
]
ORDER = 2**252 + 27742317777372353535851937790883648493


def parts():
    ok = signature()
    return {
        "ok": ok,
        "bad": signature(key=OTHER),
        "hmac": base64.b64encode(
            hmac.new(
                KEY.public_key().public_bytes_raw(), f"{MESSAGE_ID}.{NOW}.".encode() + BODY, hashlib.sha256
            ).digest()
        ).decode(),
        "unpadded": ok.rstrip("="),
        "unread": ok[:-3] + chr(ord(ok[-3]) + 1) + "==",
        "short": cut(lambda raw: raw[:-1])(ok),
        "long": cut(lambda raw: raw + b"\0")(ok),
        # The same signature again, had nobody asked that its second half is below the group's order.
        "high": cut(lambda raw: raw[:32] + (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(32, "little"))(ok),
        "zero": cut(lambda raw: bytes(64))(ok),
        "hex": base64.b64decode(ok).hex(),
        "url": ok.replace("+", "-").replace("/", "_").replace("=", "-"),
    }


@pytest.mark.parametrize(("template", "expected"), HEADERS, ids=ascii)
def test_a_signature_header_is_read_by_the_specification_s_grammar(template, expected):
    value = template.format(**parts())

    assert outcome(request(BODY, headers() | {"webhook-signature": value})) == expected


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda value: [], "401 missing_signature_header"),
        (lambda value: [""], "401 missing_signature_header"),
        (lambda value: [value, value], "401 repeated_signature_header"),
        (lambda value: [value + "0" * (4097 - len(value))], "401 signature_header_too_long"),
    ],
    ids=["absent", "empty", "on two lines", "4,097 characters"],
)
def test_a_changed_header_is_refused(name, change, expected):
    right = headers()

    assert outcome(request(BODY, right | {name: change(right[name])})) == expected


@pytest.mark.parametrize("message_id", ["msg_2", " ", f"{MESSAGE_ID}.", "é"])
def test_another_id_is_refused(message_id):
    assert outcome(request(BODY, headers() | {"webhook-id": message_id})) == MISMATCH


@pytest.mark.parametrize(
    ("timestamp", "received_at", "expected"),
    [
        (NOW, NOW + 300, ACCEPTED),
        (NOW, NOW + 301, "401 timestamp_outside_window"),
        (NOW, NOW - 300, ACCEPTED),
        (NOW, NOW - 301, "401 timestamp_outside_window"),
        ("1_614_265_330", NOW, "401 malformed_timestamp"),
        ("\uff11614265330", NOW, "401 malformed_timestamp"),
        ("nan", NOW, "401 malformed_timestamp"),
    ],
)
def test_a_signed_time_counts_for_300_seconds(timestamp, received_at, expected):
    assert outcome(request(BODY, headers(timestamp=timestamp), received_at)) == expected


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


@pytest.mark.parametrize("secrets", [[], [""], [public(KEY), ""]], ids=len)
def test_without_a_key_nothing_is_accepted(secrets):
    assert outcome(request(BODY, headers()), secrets) == "503 secret_missing"


@pytest.mark.parametrize(("signer", "index"), [(KEY, 0), (OTHER, 1)])
def test_while_keys_rotate_the_verdict_says_which_one_is_in_use(signer, index):
    keys = [public(KEY), public(OTHER)]

    assert SCHEME.verify(request(BODY, headers(key=signer)), keys).key_id == key_id(keys[index])


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_public_key_is_never_an_hmac_key_of_the_plain_scheme(key):
    # The other way round: an operator puts the public key where the symmetric secret belongs.
    content = f"{MESSAGE_ID}.{NOW}.".encode() + BODY
    forged = base64.b64encode(hmac.new(key.public_key().public_bytes_raw(), content, hashlib.sha256).digest()).decode()
    webhook = request(BODY, headers() | {"webhook-signature": f"v1,{forged}"})

    plain = REGISTRY["standard-webhooks"].scheme
    assert outcome(webhook, [public(key)], plain) == UNUSABLE
    assert outcome(request(BODY, headers()), [public(key)], plain) == MALFORMED


@pytest.mark.parametrize("theirs", ["stripe", "github", "standard-webhooks", "generic", "generic-timestamped"])
def test_another_provider_s_headers_prove_nothing(theirs):
    webhook = request(BODY, sign(theirs, BODY, SECRETS["standard-webhooks"], NOW))

    assert outcome(webhook) == (MALFORMED if theirs == "standard-webhooks" else "401 missing_signature_header")


# --- properties -----------------------------------------------------------------------------------------------------

anything = st.text(st.characters(codec=None))


@given(body=st.binary(), seed=st.binary(min_size=32, max_size=32))
def test_whatever_the_sender_signs_is_accepted_with_its_key_alone(body, seed):
    key = Ed25519PrivateKey.from_private_bytes(seed)

    assert outcome(request(body, headers(body, key)), [public(key)]) == ACCEPTED
    assert outcome(request(body, headers(body, key)), [public(KEY)]) == (
        ACCEPTED if public(key) == public(KEY) else MISMATCH
    )


@given(name=st.sampled_from(sorted(headers())), bit=st.integers(min_value=0))
def test_one_flipped_bit_of_any_header_is_refused(name, bit):
    right = headers()
    raw = right[name].encode()
    index, mask = divmod(bit % (len(raw) * 8), 8)
    changed = raw[:index] + bytes([raw[index] ^ (1 << mask)]) + raw[index + 1 :]

    with pytest.raises(SignatureRefusedError):
        SCHEME.verify(request(BODY, right | {name: changed.decode("latin-1")}), [public(KEY)])


near_misses = st.one_of(
    anything,
    st.sampled_from([*headers().values(), "v1a,", ""]),
    st.builds(
        "v1a,{}".format, anything | st.binary(min_size=64, max_size=64).map(lambda raw: base64.b64encode(raw).decode())
    ),
)


@given(data=st.data(), body=st.binary())
@settings(max_examples=300)
def test_no_text_whatever_in_the_headers_is_accepted_or_breaks_the_check(data, body):
    given_headers = {name: data.draw(st.lists(near_misses, max_size=2) | near_misses) for name in sorted(headers())}

    assert outcome(request(body, given_headers)).startswith("401 ")


@given(secret=anything | st.binary(max_size=40).map(whpk))
def test_any_text_as_a_key_refuses_or_is_unavailable(secret):
    assert outcome(request(BODY, headers()), [secret]) in {
        *(MISMATCH, UNUSABLE, "503 secret_missing"),
        *([ACCEPTED] if secret == public(KEY) else []),
    }


# --- events ---------------------------------------------------------------------------------------------------------


def test_an_event_is_read_as_the_plain_entry_reads_it():
    webhook = request(BODY, headers())

    (event,) = read_events(ENTRY, REGISTRY[ENTRY], webhook)
    (plain,) = read_events("standard-webhooks", REGISTRY["standard-webhooks"], webhook)

    assert event == replace(plain, provider=ENTRY)
    assert (event.event_id, event.event_type, event.transaction_id) == (MESSAGE_ID, "payout.paid", "po_1")
