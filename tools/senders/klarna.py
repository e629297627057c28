"""Klarna signs the body.

Source: https://docs.klarna.com/acquirer/worldpay-test/recommended-integration/webhooks-registration/
"""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _event(number: int, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "event_type": kind,
        "event_id": f"d9f9b1a0-5b1a-4b0e-{len(kind):04}-{number:012}",
        "event_version": "v2",
        "occurred_at": "2026-11-01T12:00:00Z",
        "webhook_id": "krn:partner:global:notification:webhook:120e5b7e-dee8-43ca-9858-dca726e639b5",
        "live": False,
    }
    return {"metadata": metadata, "payload": payload}


def _disputed(number: int) -> tuple[dict[str, Any], str]:
    payment = f"krn:payment:eu1:transaction:6debe89e-98c0-486e-b7a5-{number:012}"
    payload = {
        "payment_dispute_id": f"krn:network:us1:live:payment:dispute:{number:013}",
        "payment_transaction_id": payment,
        "state": "INITIATED",
        "dispute_details": {"dispute_amount": 39900, "currency": "EUR", "created_by": "CUSTOMER"},
    }
    return _event(number, "payment.dispute.state-change.initiated", payload), payment


def _requested(number: int) -> tuple[dict[str, Any], str]:
    request = f"krn:payment:eu1:request:552603c0-fe8b-4ab1-aacb-{number:012}"
    payload = {"payment_request_id": request, "state": "COMPLETED", "previous_state": "IN_PROGRESS"}
    return _event(number, "payment.request.state-change.completed", payload), request


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {
        "Klarna-Signature": hex_hmac(signing.secret, body),
        "Klarna-Signing-Key-Id": "krn:partner:global:notification:signing-key:49bcd37b-79a7-4e6e-b067-2903b45fef42",
    }


SENDER = Sender(
    entry="klarna",
    events={
        "payment.request.state-change.completed": _requested,
        "payment.dispute.state-change.initiated": _disputed,
    },
    sign=_sign,
)
