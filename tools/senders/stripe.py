"""Stripe signs a time and the body: https://docs.stripe.com/webhooks#verify-manually ."""

import secrets as random_source
from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _payment(number: int) -> tuple[dict[str, Any], str]:
    intent = f"pi_3Demo{number:06}"
    return {
        "id": f"evt_1Demo{number:06}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_790_000_000 + number,
        "livemode": False,
        "data": {"object": {"id": intent, "object": "payment_intent", "amount": 4200 + number, "currency": "eur"}},
    }, intent


def _refund(number: int) -> tuple[dict[str, Any], str]:
    intent = f"pi_3Demo{number:06}"
    charge = {
        "id": f"ch_3Demo{number:06}",
        "object": "charge",
        "payment_intent": intent,
        "amount": 4200 + number,
        "amount_refunded": 4200 + number,
        "currency": "eur",
    }
    return {
        "id": f"evt_2Demo{number:06}",
        "object": "event",
        "type": "charge.refunded",
        "created": 1_790_000_500 + number,
        "livemode": False,
        "data": {"object": charge},
    }, intent


def _dispute(number: int) -> tuple[dict[str, Any], str]:
    intent = f"pi_3Demo{number:06}"
    dispute = {
        "id": f"du_1Demo{number:06}",
        "object": "dispute",
        "charge": f"ch_3Demo{number:06}",
        "payment_intent": intent,
        "amount": 4200 + number,
        "currency": "eur",
        "reason": "fraudulent",
        "status": "needs_response",
    }
    return {
        "id": f"evt_3Demo{number:06}",
        "object": "event",
        "type": "charge.dispute.created",
        "created": 1_790_500_000 + number,
        "livemode": False,
        "data": {"object": dispute},
    }, intent


def _thin(number: int) -> tuple[dict[str, Any], str]:
    # https://docs.stripe.com/events/how-events-work: it names its object, and does not contain it.
    intent = f"pi_3Demo{number:06}"
    return {
        "id": f"evt_test_4Demo{number:06}",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-11-01T12:00:00.123Z",
        "livemode": False,
        "related_object": {"id": intent, "type": "payment_intent", "url": f"/v1/payment_intents/{intent}"},
        "snapshot_event": f"evt_1Demo{number:06}",
    }, intent


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    signature = hex_hmac(signing.secret, f"{signing.now}.".encode() + body)
    return {"Stripe-Signature": f"t={signing.now},v1={signature}"}


SENDER = Sender(
    entry="stripe",
    events={
        "payment_intent.succeeded": _payment,
        "charge.refunded": _refund,
        "charge.dispute.created": _dispute,
        "v1.payment_intent.succeeded": _thin,
    },
    sign=_sign,
    new_secret=lambda: "whsec_" + random_source.token_urlsafe(24),
)
