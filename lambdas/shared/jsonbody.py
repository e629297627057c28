"""Strict JSON: a body that two parsers could read in different ways is refused."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from lambdas.shared.errors import MalformedWebhookError


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object from a verified body.

    A byte order mark is ignored, as RFC 8259 section 8.1 allows. Duplicate keys, ``NaN`` and ``Infinity``, whole
    numbers of more than 4,300 digits, and nesting that is too deep for the interpreter are refused. A number with a
    fraction is a `Decimal`, which keeps every digit of an amount.

    Raises
    ------
    MalformedWebhookError
        For all of these, and for any body that is not a JSON object in UTF-8.
    """
    try:
        parsed = _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MalformedWebhookError("body_not_json") from error
    if not isinstance(parsed, dict):
        raise MalformedWebhookError("body_not_json_object")
    return parsed


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _as_written(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:
        # The exponent has more than 18 digits; as a float, the number is 0 or infinite.
        return float(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant, parse_float=_as_written)
