"""Vectors that payment providers published, in their clients' own tests; and a client, where there is no vector.

Checkout.com, Klarna, Marqeta and Paystack published neither. Their documents name the algorithm and what is signed, and
the HMAC itself is that of RFC 4231.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from mollie.utils.webhooks import InvalidSignatureException, SignatureValidator

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.bodies import BODIES
from tests.unit.providers.deployed import MOLLIE, Deployed, rsa_secret
from tests.unit.webhooks import NOW, OTHER_SECRET, SECRETS, request
from tools.senders.wise import SUBSCRIPTION


@dataclass(frozen=True, kw_only=True)
class Vector:
    secret: str
    headers: Mapping[str, str]
    body: str
    signed_at: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    # Id, or None for the digest of the body; type; transaction. None where the body is not an event of its provider.
    events: Sequence[tuple[str | None, str, str]] = ()


GOCARDLESS = (
    '{"events":[{"id":"EV00BD05S5VM2T","created_at":"2018-07-05T09:13:51.404Z","resource_type":"subscriptions",'
    '"action":"created","links":{"subscription":"SB0003JJQ2MR06"},"details":{"origin":"api",'
    '"cause":"subscription_created","description":"Subscription created via the API."},"metadata":{}},'
    '{"id":"EV00BD05TB8K63","created_at":"2018-07-05T09:13:56.893Z","resource_type":"mandates","action":"created",'
    '"links":{"mandate":"MD000AMA19XGEC"},"details":{"origin":"api","cause":"mandate_created",'
    '"description":"Mandate created via the API."},"metadata":{}}]}'
)
RAZORPAY = """{
  "event": "payment.authorized",
  "entity": "event",
  "contains": [
    "payment"
  ],
  "payload": {
    "payment": {
      "entity": {
        "id": "pay_6koWN7bvxujzxM",
        "entity": "payment",
        "amount": 1000000,
        "currency": "INR",
        "status": "captured",
        "order_id": "order_100000000order",
        "international": false,
        "method": "card",
        "amount_refunded": 0,
        "refund_status": null,
        "captured": true,
        "description": "random description",
        "card_id": "card_6koWNAT6LASUqy",
        "bank": null,
        "wallet": null,
        "vpa": null,
        "email": "a@b.com",
        "contact": "+919999999999",
        "notes": {
          "merchant_order_id": "random order id"
        },
        "fee": 23000,
        "service_tax": 3000,
        "error_code": null,
        "error_description": null,
        "created_at": 1479978483
      }
    }
  },
  "created_at": 1400826760
}
"""
COINBASE_COMMERCE = (
    '{"id":1,"scheduled_for":"2017-01-31T20:50:02Z","attempt_number":1,"event":{'
    '"id":"24934862-d980-46cb-9402-43c81b0cdba6","type":"charge:created","api_version":"2018-03-22",'
    '"created_at":"2017-01-31T20:49:02Z","data":{"code":"66BEOV2A","name":"The Sovereign Individual",'
    '"description":"Mastering the Transition to the Information Age",'
    '"hosted_url":"https://commerce.coinbase.com/charges/66BEOV2A","created_at":"2017-01-31T20:49:02Z",'
    '"expires_at":"2017-01-31T21:04:02Z","timeline":[{"time":"2017-01-31T20:49:02Z","status":"NEW"}],"metadata":{},'
    '"pricing_type":"no_price","payments":[],"addresses":{"bitcoin":"0000000000000000000000000000000000",'
    '"ethereum":"0x0000000000000000000000000000000000000000","litecoin":"3000000000000000000000000000000000",'
    '"bitcoincash":"bitcoincash:000000000000000000000000000000000000000000"}}}}'
)
LITHIC = (
    '{"card_token":"sit Lorem ipsum, accusantium repellendus possimus","created_at":"elit. placeat libero architecto '
    'molestias, sit","account_token":"elit.","issuer_decision":"magnam, libero esse Lorem ipsum magnam, magnam,",'
    '"tokenization_attempt_id":"illum dolor repellendus libero esse accusantium","wallet_decisioning_info":'
    '{"device_score":"placeat architecto"},"digital_wallet_token_metadata":{"status":"reprehenderit dolor",'
    '"token_requestor_id":"possimus","payment_account_info":{"account_holder_data":{"phone_number":"libero",'
    '"email_address":"nobis molestias, veniam culpa! quas elit. quas libero esse architecto placeat"},'
    '"pan_unique_reference":"adipisicing odit magnam, odit"}}}'
)
WISE = (
    '{"data":{"resource":{"id":49983981,"profile_id":16055450,"account_id":14124090,"type":"transfer"},'
    '"current_state":"incoming_payment_waiting","previous_state":null,"occurred_at":"2021-08-23T10:12:50Z"},'
    '"subscription_id":"90aa8e14-4ef1-4a56-861c-f3c9cde097ea","event_type":"transfers#state-change",'
    '"schema_version":"2.0.0","sent_at":"2021-08-23T10:12:50Z"}'
)
WISE_SANDBOX_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwpb91cEYuyJNQepZAVfP
ZIlPZfNUefH+n6w9SW3fykqKu938cR7WadQv87oF2VuT+fDt7kqeRziTmPSUhqPU
ys/V2Q1rlfJuXbE+Gga37t7zwd0egQ+KyOEHQOpcTwKmtZ81ieGHynAQzsn1We3j
wt760MsCPJ7GMT141ByQM+yW1Bx+4SG3IGjXWyqOWrcXsxAvIXkpUD/jK/L958Cg
nZEgz0BSEh0QxYLITnW1lLokSx/dTianWPFEhMC9BgijempgNXHNfcVirg1lPSyg
z7KqoKUN0oHqWLr2U1A+7kqrl6O2nx3CKs1bj1hToT1+p4kcMoHXA7kA+VBLUpEs
VwIDAQAB
-----END PUBLIC KEY-----
"""
VECTORS = {
    # https://github.com/gocardless/gocardless-pro-python/blob/master/tests/webhooks_test.py
    "gocardless": Vector(
        secret="ED7D658C-D8EB-4941-948B-3973214F2D49",
        headers={"Webhook-Signature": "2693754819d3e32d7e8fcb13c729631f316c6de8dc1cf634d6527f1c07276e7e"},
        body=GOCARDLESS,
        events=[
            ("EV00BD05S5VM2T", "subscriptions.created", "SB0003JJQ2MR06"),
            ("EV00BD05TB8K63", "mandates.created", "MD000AMA19XGEC"),
        ],
    ),
    # https://github.com/razorpay/razorpay-python/blob/master/tests/test_client_utility.py
    "razorpay": Vector(
        secret="key_secret",
        headers={"X-Razorpay-Signature": "d60e67fd884556c045e9be7dad57903e33efc7172c17c6e3ef77db42d2b366e9"},
        body=RAZORPAY,
        events=[(None, "payment.authorized", "pay_6koWN7bvxujzxM")],
    ),
    # https://github.com/PaddleHQ/paddle-python-sdk/blob/main/tests/Unit/Notification/test_Verifier.py
    "paddle": Vector(
        secret="pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_WvRO0eL4Bj9rgYYIBZY6wZhG4EHy9jzh",
        headers={
            "Paddle-Signature": (
                "ts=1696195954;h1=dummy;h1=d96299976a6eb066f484d7fde011ac56fc32b38fc9940bc419d6e537fdc6ef02"
            )
        },
        body="hello-world",
        signed_at=1696195954,
    ),
    # https://github.com/transferwise/digital-signatures-examples/tree/main/verify-webhook-signature
    "wise": Vector(
        secret=WISE_SANDBOX_KEY,
        headers={
            "X-Signature-SHA256": (
                "wKcKCYXAzxNgiu7xmoDm943NUni7Rz33QN8JkEA9dWSGebgndonabgSj18Y4C08OrwVmueGsED2s00M7DtJVcYKOS1i3G4TMVx+mgM"
                "3aL9djMBkQtiYNBFUd6wrPI7ZUNHv/TrlKSjTMc+6JFvUvJ7owY3z85e3I4jLRLJowMFvO8kvCJ60+1pY9wDwZvtZ//WS93LrwGjk9"
                "Dvwzpmu0w+P4J75tETT5qC3Uv0y5G2yO8SEoO3yNP/tg/BOli02niHb53vEOUWUb9bly6thnfMoXoiV/osoGxgF20R58RlvkAmezyy"
                "l1Sv542TfS2DpiwVnmjjjkCyXeSUcKookYLQ=="
            )
        },
        body=WISE,
        options={"subscriptions": SUBSCRIPTION},
        events=[(None, "transfers#state-change", "49983981")],
    ),
    # https://github.com/lithic-com/lithic-python/blob/main/tests/api_resources/test_webhooks.py
    "lithic": Vector(
        secret="whsec_zlFsbBZ8Xcodlpcu6NDTdSzZRLSdhkst",
        headers={
            "webhook-id": "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj",
            "webhook-timestamp": "1676312382",
            "webhook-signature": "v1,Dwa0AHInLL3XFo2sxcHamOQDrJNi7F654S3L6skMAOI=",
        },
        body=LITHIC,
        signed_at=1676312382,
    ),
    # https://github.com/coinbase/coinbase-commerce-node/blob/master/test/testWebhook.spec.js
    "coinbase-commerce": Vector(
        secret="30291a20-0bd1-4267-9b0f-e6e7b123c0bf",
        headers={"X-CC-Webhook-Signature": "8be7742c7d372f08a6a3224edadf18a22b65fa9e28f3f2de97376cdaa092590d"},
        body=COINBASE_COMMERCE,
        events=[("24934862-d980-46cb-9402-43c81b0cdba6", "charge:created", "66BEOV2A")],
    ),
    # https://www.rfc-editor.org/rfc/rfc4231#section-4.3
    **{
        entry: Vector(secret="Jefe", headers={header: digest}, body="what do ya want for nothing?")
        for digest, headers in {
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843": {
                "checkout-com": "Cko-Signature",
                "klarna": "Klarna-Signature",
                "marqeta": "X-Marqeta-Signature",
            },
            (
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
            ): {"paystack": "X-Paystack-Signature"},
        }.items()
        for entry, header in headers.items()
    },
}
vectors = pytest.mark.parametrize("entry", VECTORS)


def of(entry):
    vector = VECTORS[entry]
    provider = REGISTRY[entry].configured(vector.options)
    return vector, provider, request(vector.body.encode(), vector.headers, received_at=vector.signed_at or NOW)


OTHER_KEYS = {"wise": Deployed(entry="wise").kept(rsa_secret(0)), "lithic": SECRETS["standard-webhooks"]}


@vectors
def test_a_published_vector_is_accepted(entry):
    vector, provider, webhook = of(entry)

    verdict = provider.scheme.verify(webhook, [OTHER_KEYS.get(entry, OTHER_SECRET), vector.secret])

    assert (verdict.signed_at, verdict.key_id) == (vector.signed_at, key_id(vector.secret))
    digest = "sha256:" + hashlib.sha256(webhook.body).hexdigest()
    events = read_events(entry, provider, webhook) if vector.events else []
    assert [(event.event_id, event.event_type, event.transaction_id) for event in events] == [
        (event_id or digest, *rest) for event_id, *rest in vector.events
    ]


@vectors
def test_a_published_vector_for_another_body_or_key_is_refused(entry):
    vector, provider, webhook = of(entry)
    other_body = request(vector.body.encode() + b" ", vector.headers, received_at=vector.signed_at or NOW)

    for refused, secret in ((other_body, vector.secret), (webhook, OTHER_KEYS.get(entry, OTHER_SECRET))):
        with pytest.raises(SignatureRefusedError) as refusal:
            provider.scheme.verify(refused, [secret])
        assert refusal.value.reason == "signature_mismatch"


# Nobody but Wise has its private key, and Lithic's sender has message ids of its own.
@pytest.mark.parametrize("entry", sorted(set(VECTORS) - {"wise", "lithic"}))
def test_the_sender_agrees_with_a_published_vector(entry):
    vector, _, _ = of(entry)
    deployed = Deployed(entry=entry, secret=vector.secret)
    (header,) = deployed.signed_headers

    signature = deployed.sign(vector.body.encode(), now=vector.signed_at)[header]

    assert signature.rpartition("=")[2] == vector.headers[header].rpartition("=")[2]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_mollie_s_client_and_we_accept_the_same(body):
    validator = SignatureValidator(MOLLIE.secret)
    headers = MOLLIE.sign(body.encode(), now=NOW)
    signature = headers["X-Mollie-Signature"]
    theirs = SignatureValidator.create_signature(body, MOLLIE.secret)

    assert validator.validate_payload(body, signature) is True
    for value in (theirs, f"sha256={theirs}"):
        verdict = MOLLIE.verify(request(body.encode(), {"X-Mollie-Signature": value}))
        assert verdict.headers == {"x-mollie-signature": value}
    with pytest.raises(InvalidSignatureException):
        SignatureValidator(OTHER_SECRET).validate_payload(body, signature)


def test_while_mollie_s_secret_is_rotated_any_of_its_headers_is_enough():
    body = MOLLIE.body()
    old, new = (MOLLIE.sign(body, now=NOW, secret=secret)["X-Mollie-Signature"] for secret in ("old", "new"))
    webhook = request(body, {"X-Mollie-Signature": [old, new]})

    assert SignatureValidator("new").validate_payload(body.decode(), [old, new]) is True
    for secret, signature in (("new", new), ("old", old)):
        verdict = MOLLIE.verify(webhook, [secret])
        # Only the one that is proven is kept as evidence.
        assert (verdict.key_id, verdict.headers) == (key_id(secret), {"x-mollie-signature": signature})
    assert MOLLIE.outcome(webhook, ["another"]) == "401 signature_mismatch"
