"""Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md ."""

import base64
import hashlib
import hmac
import secrets as random_source
from typing import Any

from tools.senders.sender import Sender, Signing


def _invoice(number: int) -> tuple[dict[str, Any], str]:
    invoice = f"inv_{number:06}"
    return {
        "type": "invoice.paid",
        "timestamp": "2026-11-01T12:00:00.000000Z",
        "data": {"id": invoice, "amount": 1999, "currency": "usd"},
    }, invoice


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    message_id = f"msg_{signing.number:06}"
    key = base64.b64decode(signing.secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{signing.now}.".encode() + body, hashlib.sha256).digest()
    prefix = signing.options.get("header_prefix", "webhook")
    return {
        f"{prefix}-id": message_id,
        f"{prefix}-timestamp": str(signing.now),
        f"{prefix}-signature": "v1," + base64.b64encode(digest).decode("ascii"),
    }


SENDER = Sender(
    entry="standard-webhooks",
    events={"invoice.paid": _invoice},
    sign=_sign,
    new_secret=lambda: "whsec_" + base64.b64encode(random_source.token_bytes(24)).decode("ascii"),
)
