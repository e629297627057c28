"""A message of the ingest queue: the request as API Gateway received it, not verified yet.

API Gateway writes it, by the template in ``modules/constructs/ingest_template.py``. The quarantine keeps requests in
the same form.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from lambdas.shared.request import WebhookRequest

VERSION = "1"
# None of these is signed, and each lets its holder in somewhere: they are neither queued nor kept.
KEPT_OUT = ("x-api-key", "authorization", "cookie")
# The value of ``$input.body`` for a request without a body; no base64 begins like that.
# https://github.com/localstack/localstack/pull/12413 (tried on AWS)
_NO_BODY = "{}"
_EPOCH_MILLISECONDS = re.compile(r"[0-9]{1,14}", re.ASCII)


class NotAnIngestMessageError(ValueError):
    """The message was not written by the template, or by another version of it."""


@dataclass(frozen=True, kw_only=True)
class IngestMessage:
    """A request that waits to be verified.

    Attributes
    ----------
    provider : str
        The provider that the path or the header names.
    correlation_id : str
        API Gateway's id of the request, which the response contained.
    request : WebhookRequest
        The request, with the time at which API Gateway received it: the age of a signature is measured against that,
        however long the message waited. A header that was sent more than once has one value, the one that API
        Gateway's templates can read.
    """

    provider: str
    correlation_id: str
    request: WebhookRequest


def read(message: str) -> IngestMessage:
    """Read the body of a message.

    Raises
    ------
    NotAnIngestMessageError
        When the template did not write it, or another version of the template did.
    """
    try:
        members = json.loads(message)
        if not all(isinstance(member, str) for member in members.values()):
            raise NotAnIngestMessageError("a member is not a text")
        if members["v"] != VERSION or not _EPOCH_MILLISECONDS.fullmatch(members["receivedAt"]):
            raise NotAnIngestMessageError("version or time of receipt")
        headers: dict[str, list[str]] = {}
        for name, value in parse_qsl(members["headers"], keep_blank_values=True):
            headers.setdefault(name.lower(), []).append(value)
        request = WebhookRequest(
            body=b"" if members["body"] == _NO_BODY else base64.b64decode(members["body"], validate=True),
            headers=headers,
            received_at=int(members["receivedAt"]) / 1000,
        )
        # Without a provider in the path, a header names it.
        provider = members["provider"] or request.header("x-provider-id") or ""
        return IngestMessage(provider=provider, correlation_id=members["correlationId"], request=request)
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error, ValueError) as error:
        raise NotAnIngestMessageError(type(error).__name__) from error


def write(message: IngestMessage) -> str:
    """Return a message that `read` reads."""
    request = message.request
    headers = [(name, value) for name, values in request.headers.items() if name not in KEPT_OUT for value in values]
    return json.dumps(
        {
            "v": VERSION,
            "provider": message.provider,
            "correlationId": message.correlation_id,
            "receivedAt": str(round(request.received_at * 1000)),
            "headers": urlencode(headers, errors="surrogatepass"),
            "body": base64.b64encode(request.body).decode("ascii"),
        },
        separators=(",", ":"),
    )
