"""Requests that may be sent again: the header that names one, and what it then stands for."""

import hashlib
import re

from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.rest import Call
from lambdas.delivery.services.endpoint_admin import IdempotentRequest

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
IDEMPOTENCY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request for 24 hours: sent again with the same body, it has the same answer and is done "
    "once; with another body it is refused. Send one, and try again until you have an answer.",
    "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255},
}


def key_of(call: Call) -> str | None:
    """Return the idempotency key of a request; None when it has none.

    Raises
    ------
    lambdas.delivery.http.problems.ProblemError
        When it is malformed.
    """
    key = call.header("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise bad_request("Idempotency-Key", "1 to 255 visible ASCII characters expected")
    return key


def request_of(call: Call) -> IdempotentRequest | None:
    """Return what has one answer for 24 hours; None for a request without an idempotency key."""
    key = key_of(call)
    if key is None:
        return None
    return IdempotentRequest(key=key, sha256=hashlib.sha256(call.body.model_dump_json().encode()).hexdigest())
