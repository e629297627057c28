"""Vectors that others published, and the providers' own clients in both directions."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import standardwebhooks
import stripe

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.signatures.scheme import Verdict, key_id
from tests.unit.signers import MESSAGE_ID, sign
from tests.unit.webhooks import NOW, OTHER_SECRET, SECRETS, request


@dataclass(frozen=True, kw_only=True)
class Vector:
    name: str
    provider: str
    secret: str
    headers: Mapping[str, str]
    body: bytes
    signed_at: int | None


PUBLISHED = [
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    # under "Testing the webhook payload validation".
    Vector(
        name="github's documentation",
        provider="github",
        secret="It's a Secret to Everybody",
        headers={"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        body=b"Hello, World!",
        signed_at=None,
    ),
    # https://github.com/standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py,
    # `test_sign_function`; the libraries of other languages carry the same one.
    Vector(
        name="standard webhooks' reference libraries",
        provider="standard-webhooks",
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        headers={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        body=b'{"test": 2432232314}',
        signed_at=1614265330,
    ),
    # The same file, `test_multi_sig_payload_is_valid`: signatures of other secrets and versions come along.
    Vector(
        name="standard webhooks' reference libraries: several signatures, secret without prefix",
        provider="standard-webhooks",
        secret="MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        headers={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": (
                "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "
                "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
            ),
        },
        body=b'{"test": 2432232314}',
        signed_at=1614265330,
    ),
    # https://www.rfc-editor.org/rfc/rfc4231#section-4.3, HMAC-SHA-256 of test case 2.
    Vector(
        name="rfc 4231 as the generic scheme",
        provider="generic",
        secret="Jefe",
        headers={"X-Webhook-Signature": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        body=b"what do ya want for nothing?",
        signed_at=None,
    ),
]
published_vectors = pytest.mark.parametrize("vector", PUBLISHED, ids=[vector.name for vector in PUBLISHED])


@published_vectors
def test_a_published_vector_is_accepted(vector):
    scheme = REGISTRY[vector.provider].scheme
    webhook = request(vector.body, vector.headers, received_at=vector.signed_at or NOW)

    verdict = scheme.verify(webhook, [vector.secret])

    assert (verdict.scheme, verdict.signed_at) == (scheme.name, vector.signed_at)
    assert verdict.key_id == key_id(vector.secret)


@published_vectors
def test_a_published_vector_with_another_body_is_refused(vector):
    webhook = request(vector.body + b" ", vector.headers, received_at=vector.signed_at or NOW)

    with pytest.raises(SignatureRefusedError) as refusal:
        REGISTRY[vector.provider].scheme.verify(webhook, [vector.secret])

    assert refusal.value.reason == "signature_mismatch"


@published_vectors
def test_the_test_signer_agrees_with_a_published_vector(vector):
    ours = sign(vector.provider, vector.body, vector.secret, vector.signed_at or NOW)

    assert set(ours) == set(vector.headers)
    for name, value in ours.items():
        assert value in vector.headers[name].split(" ")


# The example headers that the documents print without the payload: they show what a header may hold.
DOCUMENTED_HEADERS = [
    (
        # https://docs.stripe.com/webhooks#verify-manually
        "stripe",
        1492774577,
        {
            "Stripe-Signature": (
                "t=1492774577,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd,"
                "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"
            )
        },
    ),
    (
        # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        "standard-webhooks",
        1674087231,
        {
            "webhook-id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
            "webhook-timestamp": "1674087231",
            "webhook-signature": (
                "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= "
                "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
            ),
        },
    ),
]


@pytest.mark.parametrize(("provider", "received_at", "headers"), DOCUMENTED_HEADERS)
def test_a_documented_header_is_well_formed_and_only_its_signature_can_be_wrong(provider, received_at, headers):
    with pytest.raises(SignatureRefusedError) as refusal:
        REGISTRY[provider].scheme.verify(request(b"{}", headers, received_at), [SECRETS[provider]])

    assert refusal.value.reason == "signature_mismatch"


CLIENT_BODIES = {
    "object": '{"id":"evt_1"}',
    "not ascii": '{"name":"Zoë, 支払い"}',
    "blanks and line ends": '{ "id" : "evt_1" }\r\n',
    "large": '{"filler":"' + "x" * 300_000 + '"}',
}
bodies = pytest.mark.parametrize("body", CLIENT_BODIES.values(), ids=CLIENT_BODIES.keys())

STANDARD_SECRETS = {
    "with prefix": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "without prefix": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "padded": "whsec_c2VjcmV0LW9mLXR3ZW50eS1maXZlLWJ5dGU=",
}
standard_secrets = pytest.mark.parametrize("secret", STANDARD_SECRETS.values(), ids=STANDARD_SECRETS.keys())


@bodies
@standard_secrets
def test_what_the_standard_webhooks_client_signs_is_accepted(body, secret):
    signature = standardwebhooks.Webhook(secret).sign(MESSAGE_ID, datetime.fromtimestamp(NOW, UTC), body)
    headers = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(NOW), "webhook-signature": signature}

    verdict = REGISTRY["standard-webhooks"].scheme.verify(request(body.encode(), headers), [secret])

    assert verdict.signed_at == NOW


@bodies
@standard_secrets
def test_the_standard_webhooks_client_accepts_what_the_test_signer_signs(body, secret):
    # The client reads the clock itself, so that nothing but the present can be signed for it.
    headers = sign("standard-webhooks", body.encode(), secret, int(time.time()))

    standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OTHER_SECRET).verify(body, headers, json_parse=False)


def test_a_secret_whose_padding_got_lost_works_as_it_does_in_the_standard_webhooks_client():
    # The client pads it again, so that whoever signs with such a secret never notices.
    secret = "whsec_c2VjcmV0LW9mLXR3ZW50eS1maXZlLWJ5dGU"
    signature = standardwebhooks.Webhook(secret).sign(MESSAGE_ID, datetime.fromtimestamp(NOW, UTC), "{}")
    headers = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(NOW), "webhook-signature": signature}

    verdict = REGISTRY["standard-webhooks"].scheme.verify(request(b"{}", headers), [secret])

    assert verdict.key_id == key_id(secret)


@bodies
def test_what_the_stripe_client_signs_is_accepted(body):
    header = stripe.WebhookSignature.generate_signature_header(body, SECRETS["stripe"], NOW)

    verdict = REGISTRY["stripe"].scheme.verify(
        request(body.encode(), {"Stripe-Signature": header}), [SECRETS["stripe"]]
    )

    assert verdict == Verdict(
        scheme="stripe-v1", signed_at=NOW, key_id=key_id(SECRETS["stripe"]), headers={"stripe-signature": header}
    )


@bodies
def test_the_stripe_client_and_we_accept_the_same_header_of_the_test_signer(body):
    now = int(time.time())
    headers = sign("stripe", body.encode(), SECRETS["stripe"], now)
    header = headers["Stripe-Signature"]

    stripe.WebhookSignature.verify_header(body, header, SECRETS["stripe"], stripe.Webhook.DEFAULT_TOLERANCE)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body, header, OTHER_SECRET, stripe.Webhook.DEFAULT_TOLERANCE)
    verdict = REGISTRY["stripe"].scheme.verify(request(body.encode(), headers, now), [SECRETS["stripe"]])

    assert verdict.signed_at == now


def test_our_replay_window_is_the_clients_own():
    assert REGISTRY["stripe"].scheme.tolerance_seconds == stripe.Webhook.DEFAULT_TOLERANCE
    assert REGISTRY["standard-webhooks"].scheme.tolerance_seconds == 5 * 60
