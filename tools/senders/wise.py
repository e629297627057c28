"""Wise signs the body with a private key: https://docs.wise.com/guides/developer/webhooks/event-handling.md .

The secret is a private key, as base64 of its PKCS #8 form.
"""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from tools.senders.sender import Sender, Signing

SUBSCRIPTION = "90aa8e14-4ef1-4a56-861c-f3c9cde097ea"


def _state_change(number: int) -> tuple[dict[str, Any], str]:
    transfer = 49_000_000 + number
    return {
        "data": {
            "resource": {"id": transfer, "profile_id": 16_055_450, "account_id": 14_124_090, "type": "transfer"},
            "current_state": "outgoing_payment_sent",
            "previous_state": "funds_converted",
            "occurred_at": "2026-11-01T12:00:00Z",
        },
        "event_type": "transfers#state-change",
        "schema_version": "2.0.0",
        "sent_at": "2026-11-01T12:00:01Z",
    }, str(transfer)


def _of_the_subscription(document: dict[str, Any], signing: Signing) -> bytes:
    """Return the body of an event of the subscription that the provider is deployed with."""
    deployed = signing.options.get("subscriptions", SUBSCRIPTION)
    return json.dumps({**document, "subscription_id": deployed.partition(",")[0]}).encode()


def _new_secret() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode("ascii")


def _private_key(secret: str) -> rsa.RSAPrivateKey:
    key = load_der_private_key(base64.b64decode(secret), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _public_key(secret: str) -> str:
    public = _private_key(secret).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode("ascii")


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    signature = _private_key(signing.secret).sign(body, PKCS1v15(), SHA256())
    return {
        "X-Signature-SHA256": base64.b64encode(signature).decode("ascii"),
        "X-Delivery-Id": f"a1b2c3d4-e5f6-7890-abcd-{signing.number:012}",
    }


SENDER = Sender(
    entry="wise",
    events={"transfers#state-change": _state_change},
    sign=_sign,
    encode=_of_the_subscription,
    new_secret=_new_secret,
    kept=_public_key,
    options={"subscriptions": SUBSCRIPTION},
)
