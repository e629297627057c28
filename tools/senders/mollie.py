"""Mollie signs the body of next-gen webhooks: https://docs.mollie.com/reference/webhooks-best-practices ."""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _event(number: int, kind: str, entity: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource": "event",
        "id": f"event_{entity['resource']}{number:012}",
        "type": kind,
        "entityId": entity["id"],
        "createdAt": "2026-11-01T12:00:00+00:00",
        "_embedded": {"entity": {**entity, "amount": {"value": "10.00", "currency": "EUR"}}},
    }


def _paid(number: int) -> tuple[dict[str, Any], str]:
    payment = f"tr_{number:012}"
    return _event(number, "payment.paid", {"id": payment, "resource": "payment", "status": "paid"}), payment


def _captured(number: int) -> tuple[dict[str, Any], str]:
    payment = f"tr_{number:012}"
    entity = {"id": f"cpt_{number:012}", "resource": "capture", "status": "succeeded", "paymentId": payment}
    return _event(number, "capture.succeeded", entity), payment


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {"X-Mollie-Signature": "sha256=" + hex_hmac(signing.secret, body)}


SENDER = Sender(entry="mollie", events={"payment.paid": _paid, "capture.succeeded": _captured}, sign=_sign)
