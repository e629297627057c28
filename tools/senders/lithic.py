"""Lithic follows Standard Webhooks: https://docs.lithic.com/docs/events-api ."""

from typing import Any

from tools.senders import standard_webhooks
from tools.senders.sender import Sender


def _card_transaction(number: int) -> tuple[dict[str, Any], str]:
    transaction = f"12345678-98c0-486e-b7a5-{number:012}"
    return {
        "event_type": "card_transaction.updated",
        "token": transaction,
        "card_token": f"19c22c47-7a75-43ee-9891-{number:012}",
        "status": "SETTLED",
        "amount": 1800,
        "created": "2026-11-01T12:00:00Z",
        "updated": "2026-11-02T12:00:00Z",
    }, transaction


def _dispute(number: int) -> tuple[dict[str, Any], str]:
    transaction = f"12345678-98c0-486e-b7a5-{number:012}"
    return {
        "event_type": "dispute.updated",
        "token": f"5b8cac50-c6ed-4a1d-9f5b-{number:012}",
        "transaction_token": transaction,
        "status": "SUBMITTED",
        "amount": 1800,
        "created": "2026-11-09T12:00:00Z",
    }, transaction


SENDER = Sender(
    entry="lithic",
    events={"card_transaction.updated": _card_transaction, "dispute.updated": _dispute},
    sign=standard_webhooks.SENDER.sign,
    new_secret=standard_webhooks.SENDER.new_secret,
)
