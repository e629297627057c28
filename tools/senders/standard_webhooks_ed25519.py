"""Standard Webhooks with a key pair, by the same specification as `tools.senders.standard_webhooks`.

The secret is the private key, serialised as ``whsk_`` and base64 of its seed and its public half.
"""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tools.senders.sender import Sender, Signing

SEED_BYTES = 32


def _payout(number: int) -> tuple[dict[str, Any], str]:
    payout = f"po_{number:06}"
    return {
        "type": "payout.paid",
        "timestamp": "2026-11-01T12:00:00.000000Z",
        "data": {"id": payout, "amount": 1999, "currency": "usd"},
    }, payout


def _new_secret() -> str:
    key = Ed25519PrivateKey.generate()
    return "whsk_" + base64.b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode("ascii")


def _private_key(secret: str) -> Ed25519PrivateKey:
    raw = base64.b64decode(secret.removeprefix("whsk_"))
    return Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES])


def _public_key(secret: str) -> str:
    public = _private_key(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return "whpk_" + base64.b64encode(public).decode("ascii")


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    message_id = f"msg_pair_{signing.number:06}"
    signature = _private_key(signing.secret).sign(f"{message_id}.{signing.now}.".encode() + body)
    prefix = signing.options.get("header_prefix", "webhook")
    return {
        f"{prefix}-id": message_id,
        f"{prefix}-timestamp": str(signing.now),
        f"{prefix}-signature": "v1a," + base64.b64encode(signature).decode("ascii"),
    }


SENDER = Sender(
    entry="standard-webhooks-ed25519",
    events={"payout.paid": _payout},
    sign=_sign,
    new_secret=_new_secret,
    kept=_public_key,
)
