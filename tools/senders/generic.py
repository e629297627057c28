"""Senders of one's own, as docs/providers.md describes them."""

import base64
import hmac
from typing import Any

from tools.senders.sender import Sender, Signing


def _paid(number: int) -> tuple[dict[str, Any], str]:
    order = f"order-{number:06}"
    return {
        "id": f"gen-{number:06}",
        "type": "order.paid",
        "transaction_id": order,
        "amount": "12.50",
        "currency": "EUR",
    }, order


def _refunded(number: int) -> tuple[dict[str, Any], str]:
    order = f"shop-{number:06}"
    return {
        "id": f"time-{number:06}",
        "type": "order.refunded",
        "transaction_id": order,
        "amount": "12.50",
        "currency": "EUR",
    }, order


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {signing.options.get("header", "X-Webhook-Signature"): _signature(body, signing)}


def _sign_with_time(body: bytes, signing: Signing) -> dict[str, str]:
    before, after = signing.options.get("signed_content", "{timestamp}.{body}").split("{timestamp}")
    signed = f"{before}{signing.now}{after.removesuffix('{body}')}".encode() + body
    return {
        signing.options.get("timestamp_header", "X-Webhook-Timestamp"): str(signing.now),
        signing.options.get("header", "X-Webhook-Signature"): _signature(signed, signing),
    }


def _signature(signed: bytes, signing: Signing) -> str:
    algorithm = signing.options.get("algorithm", "sha256")
    digest = hmac.new(signing.secret.encode(), signed, algorithm).digest()
    written = {
        "hex": digest.hex(),
        "base64": base64.b64encode(digest).decode("ascii"),
        "base64url": base64.urlsafe_b64encode(digest).decode("ascii").rstrip("="),
    }
    return signing.options.get("prefix", f"{algorithm}=") + written[signing.options.get("encoding", "hex")]


GENERIC = Sender(entry="generic", events={"order.paid": _paid}, sign=_sign, by_header=True)
GENERIC_TIMESTAMPED = Sender(
    entry="generic-timestamped", events={"order.refunded": _refunded}, sign=_sign_with_time, by_header=True
)
