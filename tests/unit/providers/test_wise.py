"""Wise: its subscriptions, and the forms in which its key is stored. The vector is in ``test_payment_vectors.py``."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lambdas.shared.errors import UnavailableError
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tests.unit.providers.deployed import ACCEPTED, Deployed, rsa_secret
from tests.unit.providers.test_payment_vectors import WISE, WISE_SANDBOX_KEY
from tests.unit.webhooks import NOW, request
from tools.senders.wise import SUBSCRIPTION

OTHER = "00000000-4ef1-4a56-861c-f3c9cde097ea"
OTHER_SUBSCRIPTION = "401 other_subscription"


def deployed(subscriptions):
    return Deployed(entry="wise", options={"subscriptions": subscriptions}, secret=rsa_secret(0))


def sent(body):
    return request(body, deployed("any").sign(body, now=NOW))


@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        (SUBSCRIPTION, ACCEPTED),
        (f"{OTHER},{SUBSCRIPTION}", ACCEPTED),
        ("any", ACCEPTED),
        (OTHER, OTHER_SUBSCRIPTION),
        (SUBSCRIPTION[:-1], OTHER_SUBSCRIPTION),
    ],
)
def test_what_wise_signed_for_another_customer_is_refused(subscriptions, expected):
    assert deployed(subscriptions).answer(sent(deployed(SUBSCRIPTION).body())) == expected


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'{"subscription_id":null}', b'{"subscription_id":""}', b'{"subscription_id":["x"]}'),
        f'{{"subscription_id":"{OTHER}","subscription_id":"{SUBSCRIPTION}"}}'.encode(),
    ],
)
def test_a_signed_body_that_names_no_subscription_is_refused(body):
    assert deployed(SUBSCRIPTION).answer(sent(body)) == OTHER_SUBSCRIPTION


def test_without_subscriptions_nothing_is_accepted():
    assert deployed("").answer(sent(WISE.encode())) == "503 subscriptions_missing"


@pytest.mark.parametrize("given", ["", "ANY", "any,any", f"any,{OTHER}", OTHER.upper(), f"{OTHER},", "x", " any"])
def test_other_subscriptions_are_not_deployed(given):
    with pytest.raises(SettingsError, match=r"^provider_options\.wise\.subscriptions: "):
        build_settings("dev", {"providers": ["wise"], "provider_options": {"wise": {"subscriptions": given}}})


KEY = "".join(WISE_SANDBOX_KEY.split("\n")[1:-2])


FORMS = {
    "PEM": WISE_SANDBOX_KEY,
    "stripped": WISE_SANDBOX_KEY.strip(),
    "CRLF": WISE_SANDBOX_KEY.replace("\n", "\r\n"),
    "in one line": WISE_SANDBOX_KEY.replace("\n", ""),
    "base64": KEY,
}


@pytest.mark.parametrize("secret", FORMS.values(), ids=FORMS.keys())
def test_the_key_is_read_however_it_was_pasted(secret):
    # A signature of another key, so that only the key can be the reason.
    assert deployed("any").outcome(sent(b"{}"), [secret]) == "401 signature_mismatch"


def public(key):
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


UNUSABLE = {
    "HMAC": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "no key": "-----BEGIN PUBLIC KEY-----",
    "cut off": KEY[:-4],
    "not ASCII": "é",
    "JSON": "{}",
    "private": rsa_secret(0),
    "EC": public(ec.generate_private_key(ec.SECP256R1())),
    "Ed25519": public(ed25519.Ed25519PrivateKey.generate()),
    "1,024 bits": public(rsa.generate_private_key(65537, 1024)),
}


@pytest.mark.parametrize("secret", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_rsa_public_key_of_2048_bits_is_unusable(secret):
    with pytest.raises(UnavailableError, match="secret_unusable"):
        deployed("any").verify(sent(json.dumps({}).encode()), [secret])
