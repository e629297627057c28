"""Bodies of requests: their exact bytes, and what strict JSON says in them."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from lambdas.delivery.http.problems import ProblemError, not_json, too_large
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object

MAX_DEPTH = 64
"""Levels of objects and lists in a body. The worker parses it again, and what is accepted must not fail there."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def body_of(event: Mapping[str, Any], limit: int) -> bytes:
    """Return the exact bytes that a caller sent.

    Raises
    ------
    ProblemError
        When there are more than the limit, or API Gateway says that they are base64 and they are not.
    """
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        raw: bytes = text.encode("utf-8", "surrogatepass")
    else:
        # Four characters for three bytes: what cannot fit is not decoded first.
        if len(text) > (limit + 3) * 4 // 3 + 4:
            raise too_large(limit)
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise not_json("the body could not be decoded") from error
    if len(raw) > limit:
        raise too_large(limit)
    return raw


def require_json_type(event: Mapping[str, Any]) -> None:
    """Refuse a body that says it is something else than JSON; one that says nothing is taken for JSON.

    Raises
    ------
    ProblemError
        415.
    """
    headers = {name.lower(): values for name, values in (event.get("multiValueHeaders") or {}).items()}
    for value in headers.get("content-type", ()):
        media_type = value.split(";")[0].strip().lower()
        if media_type != "application/json" and not (
            media_type.startswith("application/") and media_type.endswith("+json")
        ):
            raise ProblemError(
                status=415, code="unsupported_media_type", message="Content-Type: application/json expected"
            )


def read_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object that every parser reads alike.

    Raises
    ------
    ProblemError
        For anything else: no UTF-8, a byte order mark, a key twice in an object, ``NaN`` and ``Infinity``, numbers of
        more than 4,300 digits, more levels than `MAX_DEPTH`.
    """
    if raw.startswith(_BYTE_ORDER_MARK):
        raise not_json("a byte order mark stands before the JSON object")
    try:
        parsed = parse_object(raw)
    except MalformedWebhookError as error:
        message = {
            "body_not_json_object": "the body is JSON, but no object",
            "body_not_json": "the body is not JSON in UTF-8, or has a key twice, NaN, Infinity, an over-long number, "
            "or too many levels",
        }
        raise not_json(message[error.reason]) from error
    if _deeper_than(parsed, MAX_DEPTH):
        raise not_json(f"the body has more than {MAX_DEPTH} levels of objects and lists")
    return parsed


def _deeper_than(value: dict[str, Any], most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
