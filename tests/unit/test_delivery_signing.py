"""Signatures of requests to endpoints, as the official libraries verify them, and as published vectors have them."""

import base64
import json
from dataclasses import replace

import pytest
import stripe
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from lambdas.delivery.domain.model import Endpoint, SignatureStyle, SigningSecret
from lambdas.delivery.sending.headers import HeaderRefusedError, check_headers, request_headers
from lambdas.delivery.sending.signing import signature_headers
from lambdas.delivery.store.signing_keys import SigningKeyStore, read_keys
from lambdas.shared.errors import UnavailableError
from lambdas.shared.signatures.standard_webhooks_ed25519 import StandardWebhooksEd25519Scheme
from tests.unit.webhooks import request

BODY = b'{"type":"invoice.paid","amount":1.10,"b":1,"a":2}'
EVENT_ID = "evt_01J5ZQ7Y8K9M2N3P4Q5R6S7T8V"


def secret(number, **changes):
    value = "whsec_" + base64.b64encode(bytes([number]) * 32).decode()
    return SigningSecret(**({"value": value, "created_at": ""} | changes))


NEW, OLD = secret(1), secret(2)
ENDPOINT = Endpoint(
    tenant_id="t", endpoint_id="ep", url="", filters={}, secrets=(NEW,), headers={}, created_at="", updated_at=""
)
STRIPE = replace(ENDPOINT, style=SignatureStyle.STRIPE)


# --- published vectors ----------------------------------------------------------------------------------------------

# Key, message and signature of the reference libraries' tests and of the specification's example:
# https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py
VECTOR_ID, VECTOR_TIME, VECTOR_BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
VECTOR_SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
# The specification prints the signature under "Webhook headers"; the key pair is that of Svix' server's test:
# https://github.com/svix/svix-webhooks/blob/main/server/svix-server/src/worker.rs, `test_asymmetric_key_signing`
VECTOR_PAIR = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
VECTOR_V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="


def keys(*entries):
    return read_keys(json.dumps({"keys": list(entries)}), 1_790_000_000.0)


def key(number=7, **changes):
    return {"kid": f"k{number}", "seed": base64.b64encode(bytes([number]) * 32).decode(), "createdAt": ""} | changes


def test_published_vectors_of_both_versions():
    endpoint = replace(ENDPOINT, secrets=(replace(NEW, value="whsec_" + VECTOR_SECRET),), asymmetric=True)
    seed = base64.b64encode(base64.b64decode(VECTOR_PAIR)[:32]).decode()

    headers = signature_headers(endpoint, VECTOR_ID, VECTOR_BODY, VECTOR_TIME + 0.9, keys(key(seed=seed)))

    assert headers == {
        "webhook-id": VECTOR_ID,
        "webhook-timestamp": str(VECTOR_TIME),
        "webhook-signature": f"{VECTOR_V1} {VECTOR_V1A}",
    }


# --- the official libraries -----------------------------------------------------------------------------------------


def accepted_by_standardwebhooks(headers, body, one):
    try:
        Webhook(one.value).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def accepted_by_stripe(headers, body, one):
    try:
        stripe.Webhook.construct_event(body, headers["stripe-signature"], one.value)
    except stripe.SignatureVerificationError:
        return False
    return True


STYLES = [(ENDPOINT, accepted_by_standardwebhooks), (STRIPE, accepted_by_stripe)]


@pytest.mark.parametrize(("endpoint", "accepts"), STYLES, ids=["standard", "stripe"])
def test_the_official_library_accepts_old_and_new_secret_during_a_rotation_and_no_other(endpoint, accepts):
    import time

    now = time.time()
    body = b'{"id":"evt_1","object":"event","amount":1.10}'
    rotating = replace(endpoint, secrets=(NEW, replace(OLD, expires_at=int(now) + 60)))

    headers = signature_headers(rotating, EVENT_ID, body, now)
    assert accepts(headers, body, NEW)
    assert accepts(headers, body, OLD)
    assert not accepts(headers, body, secret(3))
    assert not accepts(headers, body.replace(b"1.10", b"1.1"), NEW)

    # When the overlap is over, the old one signs no more
    headers = signature_headers(rotating, EVENT_ID, body, now + 60)
    assert accepts(headers, body, NEW)
    assert not accepts(headers, body, OLD)

    # And a signature of an hour ago is refused for its age
    assert not accepts(signature_headers(rotating, EVENT_ID, body, now - 3_600), body, NEW)


def test_each_attempt_has_a_time_of_its_own_and_the_same_id():
    first, second = (signature_headers(ENDPOINT, EVENT_ID, BODY, now) for now in (1_000.0, 1_005.0))
    assert first["webhook-id"] == second["webhook-id"] == EVENT_ID
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1000", "1005")
    assert first["webhook-signature"] != second["webhook-signature"]
    assert signature_headers(STRIPE, EVENT_ID, BODY, 1_000.0)["stripe-signature"].startswith("t=1000,v1=")
    assert list(signature_headers(STRIPE, EVENT_ID, BODY, 1_000.0)) == ["stripe-signature"]


@given(st.binary(max_size=200), st.integers(0, 2**33))
def test_asymmetric_signatures_verify_under_the_public_key(body, now):
    asymmetric = replace(ENDPOINT, asymmetric=True)
    headers = signature_headers(asymmetric, EVENT_ID, body, now, keys(key(7), key(8)))
    for number in (7, 8):
        public = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key().public_bytes_raw()
        text = "whpk_" + base64.b64encode(public).decode()
        assert StandardWebhooksEd25519Scheme().verify(request(body, headers, now), [text]).signed_at == now


def test_nothing_goes_out_unsigned():
    expired = replace(ENDPOINT, secrets=(replace(OLD, expires_at=5),))
    with pytest.raises(ValueError, match="no valid secret"):
        signature_headers(expired, EVENT_ID, BODY, 5.0)
    with pytest.raises(ValueError, match="no key"):
        signature_headers(replace(ENDPOINT, asymmetric=True), EVENT_ID, BODY, 5.0)
    with pytest.raises(UnavailableError):
        signature_headers(replace(ENDPOINT, secrets=(replace(NEW, value="whsec_!!"),)), EVENT_ID, BODY, 5.0)


# --- the key pairs --------------------------------------------------------------------------------------------------


def test_retired_keys_sign_no_more():
    found = keys(key(1, retiredAt="2026-09-21T14:13:19.000Z"), key(2), key(3, retiredAt="2026-09-21T14:13:21.000Z"))
    assert [one.kid for one in found] == ["k2", "k3"]


BAD_KEYS = [
    "",
    "[]",
    "{}",
    '{"keys":[]}',
    '{"keys":[{"kid":"k"}]}',
    json.dumps({"keys": [key(seed="AAAA")]}),
    json.dumps({"keys": [key(seed="not base64")]}),
    json.dumps({"keys": [key(retiredAt="some day")]}),
    json.dumps({"keys": [key(retiredAt="2020-01-01T00:00:00Z")]}),
    "[" * 100_000,
]


@pytest.mark.parametrize("text", BAD_KEYS)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(UnavailableError):
        read_keys(text, 1_790_000_000.0)


def test_keys_are_read_once_in_a_while_and_a_stack_without_them_says_so():
    class SecretsManager:
        reads = 0

        def get_secret_value(self, **arguments):
            self.reads += 1
            return {"SecretString": json.dumps({"keys": [key(self.reads)]})}

    now = [1_000.0]
    store = SigningKeyStore(SecretsManager(), "arn", clock=lambda: now[0])
    assert [store.current()[0].kid for _ in range(2)] == ["k1", "k1"]
    now[0] += 301
    assert store.current()[0].kid == "k2"
    with pytest.raises(UnavailableError, match="signing_keys_missing"):
        SigningKeyStore(SecretsManager(), None).current()


# --- headers --------------------------------------------------------------------------------------------------------

BAD_HEADERS = [
    {"Host": "evil.example"},
    {"CONTENT-LENGTH": "0"},
    {"content_length": "0"},
    {"Transfer-Encoding": "chunked"},
    {"Connection": "upgrade"},
    {"webhook-id": "evt_x"},
    {"Webhook-Signature": "v1,x"},
    {"Svix-Id": "evt_x"},
    {"webhook_timestamp": "1"},
    {"Stripe-Signature": "t=1"},
    {"Proxy-Authorization": "x"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Amz-Security-Token": "x"},
    {":authority": "x"},
    {"": "x"},
    {"a b": "x"},
    {"a:": "x"},
    {"a\r\nb": "x"},
    {"é": "x"},
    {"x-ok": "a\r\nHost: evil"},
    {"x-ok": "a\nb"},
    {"x-ok": "a\x00b"},
    {"x-ok": "é"},
    {"x-ok": ""},
    {"x-ok": " a"},
    {"x-ok": "a" * 5_000},
    {"X-Twice": "1", "x-twice": "2"},
    {"X-Twice": "1", "x_twice": "2"},
    {f"x-{number}": "1" for number in range(21)},
]


@pytest.mark.parametrize("headers", BAD_HEADERS)
def test_a_tenant_s_header_cannot_replace_ours_nor_break_the_head(headers):
    with pytest.raises(HeaderRefusedError) as refused:
        check_headers(headers)
    assert "evil" not in str(refused.value)


def test_a_tenant_s_own_headers_go_along():
    headers = request_headers({"Authorization": "Bearer x y", "X-Team": "a\tb"}, {"webhook-id": "evt_1"}, "agent/1")
    assert headers == {
        "Authorization": "Bearer x y",
        "X-Team": "a\tb",
        "content-type": "application/json",
        "accept": "*/*",
        "user-agent": "agent/1",
        "webhook-id": "evt_1",
    }


def test_another_prefix_changes_the_names_of_the_headers_and_nothing_else():
    usual = signature_headers(ENDPOINT, EVENT_ID, BODY, 1_000.0)
    renamed = signature_headers(replace(ENDPOINT, header_prefix="x-acme"), EVENT_ID, BODY, 1_000.0)

    assert renamed == {name.replace("webhook-", "x-acme-"): value for name, value in usual.items()}
    assert request_headers({"X-Acme-Team": "1"}, renamed, "agent/1").keys() >= {"X-Acme-Team", *renamed}
    for name in ("X-ACME-ID", "x_acme_signature", "X-Acme-Timestamp"):
        with pytest.raises(HeaderRefusedError, match="is reserved"):
            request_headers({name: "1"}, renamed, "agent/1")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3))
def test_whatever_passes_fits_into_one_line_each(headers):
    try:
        check_headers(headers)
    except HeaderRefusedError:
        return
    for name, value in headers.items():
        line = f"{name}: {value}"
        assert line.isascii()
        assert len(line.splitlines()) == 1
