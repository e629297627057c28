"""Paddle signs a time and the body: https://developer.paddle.com/webhooks/about/signature-verification ."""

import secrets as random_source
from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _event(number: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": f"evt_{kind.replace('.', '')}{number:010}",
        "event_type": kind,
        "occurred_at": "2026-11-01T12:00:00.286848Z",
        "notification_id": f"ntf_{number:026}",
        "data": {**data, "currency_code": "USD"},
    }


def _completed(number: int) -> tuple[dict[str, Any], str]:
    transaction = f"txn_{number:026}"
    totals = {"subtotal": "10000", "total": "11000", "grand_total": "11000", "currency_code": "USD"}
    data = {"id": transaction, "status": "completed", "details": {"totals": totals}}
    return _event(number, "transaction.completed", data), transaction


def _adjusted(number: int) -> tuple[dict[str, Any], str]:
    transaction = f"txn_{number:026}"
    data = {
        "id": f"adj_{number:026}",
        "action": "refund",
        "transaction_id": transaction,
        "totals": {"subtotal": "1000", "total": "1100"},
    }
    return _event(number, "adjustment.created", data), transaction


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    signature = hex_hmac(signing.secret, f"{signing.now}:".encode() + body)
    return {"Paddle-Signature": f"ts={signing.now};h1={signature}"}


SENDER = Sender(
    entry="paddle",
    events={"transaction.completed": _completed, "adjustment.created": _adjusted},
    sign=_sign,
    new_secret=lambda: f"pdl_ntfset_{random_source.token_hex(13)}_{random_source.token_urlsafe(24)}",
)
