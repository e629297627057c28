"""Paystack signs the body with SHA-512.

Source: https://github.com/PaystackOSS/doc-code-snippets/blob/main/dist/doc/payments/webhooks/verifying-transaction.js
"""

import secrets as random_source
from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _charged(number: int) -> tuple[dict[str, Any], str]:
    reference = f"my_reference_{number:06}"
    return {
        "event": "charge.success",
        "data": {
            "id": 3_725_000_000 + number,
            "domain": "test",
            "status": "success",
            "reference": reference,
            "amount": 25_126,
            "currency": "NGN",
            "paid_at": "2026-11-01T12:00:00.000Z",
        },
    }, reference


def _refunded(number: int) -> tuple[dict[str, Any], str]:
    reference = f"my_reference_{number:06}"
    return {
        "event": "refund.processed",
        "data": {
            "status": "processed",
            "transaction_reference": reference,
            "refund_reference": f"{number:012}",
            "amount": "5000",
            "currency": "NGN",
        },
    }, reference


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {"x-paystack-signature": hex_hmac(signing.secret, body, "sha512")}


SENDER = Sender(
    entry="paystack",
    events={"charge.success": _charged, "refund.processed": _refunded},
    sign=_sign,
    new_secret=lambda: "sk_test_" + random_source.token_hex(20),
)
