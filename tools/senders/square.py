"""Square signs its notification URL and the body: https://developer.squareup.com/docs/webhooks/step3validate ."""

import base64
import hashlib
import hmac
from typing import Any

from tools.senders.sender import Sender, Signing


def _event(number: int, kind: str, event: str, created_at: str, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "merchant_id": "6SSW7HV8K2ST5",
        "type": event,
        "event_id": f"13b867cf-db3d-4b1c-90b6-{number:012}",
        "created_at": created_at,
        "data": {"type": kind, "id": document["id"], "object": {kind: document}},
    }


def _money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def _payment(number: int) -> tuple[dict[str, Any], str]:
    payment = f"hYy9pRFVxpDsO1FB05SunFWUe{number:06}"
    document = {
        "id": payment,
        "amount_money": _money(100 + number),
        "tip_money": _money(15),
        "total_money": _money(115 + number),
        "status": "COMPLETED",
        "order_id": f"03O3USaPaAaFnI6kkwB1JxGg{number:06}",
        "location_id": "S8GWD5R9QB376",
    }
    return _event(number, "payment", "payment.updated", "2026-11-01T12:00:00.4949Z", document), payment


def _refund(number: int) -> tuple[dict[str, Any], str]:
    payment = f"hYy9pRFVxpDsO1FB05SunFWUe{number:06}"
    document = {
        "id": f"{payment}_KlWP8IC1557ddwc9QWTKrCVU6m0JXDz15R2Qym5eQfR",
        "payment_id": payment,
        "amount_money": _money(50),
        "status": "COMPLETED",
        # An order of the refund's own.
        "order_id": f"GCQwXTGPmyKb4Mm1sjmOQSGm{number:06}",
        "location_id": "S8GWD5R9QB376",
    }
    return _event(500_000 + number, "refund", "refund.updated", "2026-11-02T12:00:00.102Z", document), payment


def _dispute(number: int) -> tuple[dict[str, Any], str]:
    payment = f"hYy9pRFVxpDsO1FB05SunFWUe{number:06}"
    document = {
        "id": f"ORSEVtZAJxb37RA1{number:06}",
        "amount_money": _money(100 + number),
        "disputed_payment": {"payment_id": payment},
        "reason": "AMOUNT_DIFFERS",
        "state": "EVIDENCE_REQUIRED",
    }
    return _event(900_000 + number, "dispute", "dispute.created", "2026-11-09T08:00:00.851Z", document), payment


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    signed = signing.options["url"].encode() + body
    digest = hmac.new(signing.secret.encode(), signed, hashlib.sha256).digest()
    return {
        "x-square-hmacsha256-signature": base64.b64encode(digest).decode("ascii"),
        "square-environment": "Sandbox",
    }


SENDER = Sender(
    entry="square",
    events={"payment.updated": _payment, "refund.updated": _refund, "dispute.created": _dispute},
    sign=_sign,
    options={"url": "https://webhooks.example.com/webhook/square"},
)
