"""Coinbase Commerce signs the body: https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-security ."""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _confirmed(number: int) -> tuple[dict[str, Any], str]:
    charge = f"2aee9dd1-67b8-43ef-8dfe-{number:012}"
    return {
        "attempt_number": 1,
        "id": f"aee9dd12-67b8-43ef-8dfe-{number:012}",
        "scheduled_for": "2026-11-01T12:00:05Z",
        "event": {
            "id": f"24934862-d980-46cb-9402-{number:012}",
            "type": "charge:confirmed",
            "api_version": "2018-03-22",
            "created_at": "2026-11-01T12:00:00Z",
            "data": {
                "id": charge,
                "code": f"DEMO{number:06}",
                "pricing": {
                    "local": {"amount": "1.00", "currency": "USD"},
                    "settlement": {"amount": "1", "currency": "USDC"},
                },
            },
        },
    }, charge


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {"X-CC-Webhook-Signature": hex_hmac(signing.secret, body)}


SENDER = Sender(entry="coinbase-commerce", events={"charge:confirmed": _confirmed}, sign=_sign)
