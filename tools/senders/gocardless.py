"""GoCardless signs the body.

Source: https://github.com/gocardless/gocardless-pro-python/blob/master/gocardless_pro/webhooks.py
"""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _confirmed(number: int) -> tuple[dict[str, Any], str]:
    payment = f"PM{number:012}"
    event = {
        "id": f"EV{number:012}",
        "created_at": "2026-11-01T12:00:00.404Z",
        "resource_type": "payments",
        "action": "confirmed",
        "links": {"payment": payment},
        "details": {"origin": "gocardless", "cause": "payment_confirmed"},
        "metadata": {},
    }
    return {"events": [event], "meta": {"webhook_id": f"WB{number:012}"}}, payment


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {"Webhook-Signature": hex_hmac(signing.secret, body), "Origin": "https://api.gocardless.com"}


SENDER = Sender(entry="gocardless", events={"payments.confirmed": _confirmed}, sign=_sign)
