"""Shopify signs the body: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries ."""

import base64
import hashlib
import hmac
import json
from typing import Any

from tools.senders.sender import Sender, Signing

PAID, REFUNDED = "orders/paid", "refunds/create"


def _order_id(number: int) -> int:
    return 5_000_000_000_000 + number


def _paid(number: int) -> tuple[dict[str, Any], str]:
    order = _order_id(number)
    return {
        "id": order,
        "admin_graphql_api_id": f"gid://shopify/Order/{order}",
        "created_at": "2026-11-01T12:00:00-05:00",
        "updated_at": "2026-11-01T12:00:03-05:00",
        "currency": "CAD",
        "financial_status": "paid",
        "name": f"#{1000 + number}",
        "total_price": "398.00",
        "line_items": [{"id": 866_550_311_766_439_020, "quantity": 2, "price": "199.00"}],
    }, str(order)


def _refunded(number: int) -> tuple[dict[str, Any], str]:
    order = _order_id(number)
    return {
        "id": 890_088_186_047_892_319 + number,
        "order_id": order,
        "created_at": "2026-11-02T09:30:00-05:00",
        "processed_at": "2026-11-02T09:30:00-05:00",
        "note": "item lost in the mail",
        "refund_line_items": [],
        "transactions": [
            {"id": 245_135_271 + number, "order_id": order, "kind": "refund", "amount": "41.94", "currency": "CAD"}
        ],
    }, str(order)


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    digest = hmac.new(signing.secret.encode(), body, hashlib.sha256).digest()
    return {
        "X-Shopify-Topic": _topic(body),
        "X-Shopify-Shop-Domain": "demo.myshopify.com",
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": f"00000000-0000-4000-8000-{signing.number:012}",
        "X-Shopify-Event-Id": f"00000000-0000-4000-9000-{signing.number:012}",
        "X-Shopify-Hmac-SHA256": base64.b64encode(digest).decode("ascii"),
    }


def _topic(body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return PAID
    return REFUNDED if isinstance(document, dict) and "order_id" in document else PAID


SENDER = Sender(
    entry="shopify",
    events={PAID: _paid, REFUNDED: _refunded},
    sign=_sign,
    options={"topics": f"{PAID},{REFUNDED}"},
)
