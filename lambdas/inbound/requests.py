"""What the operators' endpoints read of a request: ids in a path, page sizes, cursors."""

import base64
import binascii
import json
from typing import Any

from lambdas.inbound.providers.fields import is_identifier

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_ENCODED = "~"


class BadRequestError(ValueError):
    """A parameter of the request is wrong."""


def read_path_id(name: str, part: str) -> str:
    """Return the id from the last part of the path.

    A path cannot contain every id: a slash splits it, ``..`` is removed. Percent-encoding does not help: API Gateway
    decodes parameters, AWS does not document whether before or after it finds the route, and clients sign ``%2F`` in
    different ways. So an id can also be written as ``~`` and its base64url without padding, characters that no URL
    encodes. An id that begins with ``~`` must be written so.
    Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html and
    https://www.rfc-editor.org/rfc/rfc3986#section-2.3

    Raises
    ------
    BadRequestError
        With the parameter's name, when it is not an ASCII text, or not what follows a ``~``.
    """
    if part.startswith(_ENCODED):
        encoded = part.removeprefix(_ENCODED)
        try:
            raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            return raw.decode("ascii")
        except ValueError as error:
            raise BadRequestError(f"{name}: base64url of an id expected after ~") from error
    return part


def read_transaction_id(part: str) -> str:
    """Return the transaction id from the last part of the path, see `read_path_id`.

    Raises
    ------
    BadRequestError
        When it cannot be the id of a transaction.
    """
    transaction_id = read_path_id("transactionId", part)
    if not is_identifier(transaction_id):
        raise BadRequestError("transactionId: 1 to 256 printable ASCII characters without blanks expected")
    return transaction_id


def is_event_key(text: str) -> bool:
    """Return whether a text is of the form ``<provider>:<event id>``."""
    provider, separator, event_id = text.partition(":")
    return bool(separator) and is_identifier(provider) and is_identifier(event_id)


def read_limit(text: str | None) -> int:
    """Read the page size.

    Raises
    ------
    BadRequestError
        When it is not a whole number from 1 to 200.
    """
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise BadRequestError(f"limit: {text[:20]!r} is not a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def write_cursor(value: Any) -> str:
    """Return a position as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii").rstrip("=")


def read_cursor(name: str, text: str, *kinds: type) -> list[Any]:
    """Read a list that `write_cursor` wrote, with values of these types.

    Raises
    ------
    BadRequestError
        With the parameter's name, when `write_cursor` did not write it.
    """
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not (isinstance(found, list) and tuple(map(type, found)) == kinds):
        raise BadRequestError(f"{name}: not a cursor that this API returned")
    return found
