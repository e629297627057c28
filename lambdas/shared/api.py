"""Responses of the endpoints that operators call."""

import json
from decimal import Decimal
from typing import Any


def json_answer(status: int, body: Any) -> dict[str, Any]:
    """Return an API Gateway proxy response with a JSON body."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(body, default=_plain),
    }


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
