"""Checkout.com signs the body: https://www.checkout.com/docs/workflows ."""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _event(number: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"evt_{kind}{number:018}",
        "type": kind,
        "version": "1.0.29",
        "created_on": "2026-11-01T12:00:00.4949Z",
        "data": data,
    }


def _captured(number: int) -> tuple[dict[str, Any], str]:
    payment = f"pay_{number:026}"
    data = {
        "id": payment,
        "action_id": f"act_{number:026}",
        "reference": f"ORD-{number:06}",
        "amount": 4200 + number,
        "currency": "EUR",
        "response_code": "10000",
    }
    return _event(number, "payment_captured", data), payment


def _disputed(number: int) -> tuple[dict[str, Any], str]:
    payment = f"pay_{number:026}"
    data = {"id": f"dsp_{number:026}", "payment_id": payment, "amount": 4200 + number, "currency": "EUR"}
    return _event(number, "dispute_received", data), payment


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {"Cko-Signature": hex_hmac(signing.secret, body)}


SENDER = Sender(entry="checkout-com", events={"payment_captured": _captured, "dispute_received": _disputed}, sign=_sign)
