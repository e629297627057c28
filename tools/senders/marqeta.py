"""Marqeta signs the body: https://www.marqeta.com/docs/developer-guides/signature-verification ."""

from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _cleared(number: int) -> tuple[dict[str, Any], str]:
    authorization = f"6debe89e-98c0-486e-b7a5-{number:012}"
    clearing = {
        "type": "authorization.clearing",
        "state": "COMPLETION",
        "token": f"0b812553-d263-4758-9057-{number:012}",
        "preceding_related_transaction_token": authorization,
        "created_time": "2026-11-01T12:00:00Z",
        "amount": 12.5,
        "currency_code": "USD",
        "card_token": f"card-{number:06}",
    }
    return {"transactions": [clearing]}, authorization


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {"X-Marqeta-Signature": hex_hmac(signing.secret, body), "Authorization": "Basic ZGVtbzpkZW1v"}


SENDER = Sender(entry="marqeta", events={"transactions.authorization.clearing": _cleared}, sign=_sign)
