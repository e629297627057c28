"""Razorpay signs the body: https://razorpay.com/docs/webhooks/validate-test ."""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _event(kind: str, number: int, **entities: dict[str, Any]) -> dict[str, Any]:
    return {
        "entity": "event",
        "account_id": "acc_BFQ7uQEaa7j2z7",
        "event": kind,
        "contains": list(entities),
        "payload": {name: {"entity": {**entity, "entity": name}} for name, entity in entities.items()},
        "created_at": 1_790_000_000 + number,
    }


def _payment(number: int) -> dict[str, Any]:
    return {"id": f"pay_{number:014}", "amount": 500_000, "currency": "INR", "status": "captured"}


def _captured(number: int) -> tuple[dict[str, Any], str]:
    payment = _payment(number)
    return _event("payment.captured", number, payment=payment), payment["id"]


def _refunded(number: int) -> tuple[dict[str, Any], str]:
    payment = _payment(number)
    refund = {"id": f"rfnd_{number:014}", "amount": 50_000, "currency": "INR", "payment_id": payment["id"]}
    return _event("refund.processed", number, refund=refund, payment=payment), payment["id"]


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {
        "X-Razorpay-Signature": hex_hmac(signing.secret, body),
        "x-razorpay-event-id": f"evt_{signing.number:014}",
    }


SENDER = Sender(entry="razorpay", events={"payment.captured": _captured, "refund.processed": _refunded}, sign=_sign)
