"""A message of the inbox: the request as API Gateway received it, which nobody has verified yet.

API Gateway itself writes it, by the template in ``modules/constructs/ingest_template.py``.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from lambdas.shared.request import WebhookRequest

VERSION = "1"
# What ``$input.body`` is of a request without a body; no base64 begins like that.
# https://github.com/localstack/localstack/pull/12413, which was tried on AWS
_NO_BODY = "{}"
_EPOCH_MILLISECONDS = re.compile(r"[0-9]{1,14}", re.ASCII)


class NotAnInboxMessageError(ValueError):
    """The message was not written by the template, or by another version of it."""


@dataclass(frozen=True, kw_only=True)
class InboxMessage:
    """A request that waits to be verified.

    Attributes
    ----------
    provider : str
        The provider that the sender says it is.
    correlation_id : str
        API Gateway's id of the request, which the sender was told.
    request : WebhookRequest
        The request, with the time at which API Gateway received it: signatures age against that, however long the
        message waited. Of a header that was sent more than once it has what API Gateway's templates see, one value.
    """

    provider: str
    correlation_id: str
    request: WebhookRequest


def read(message: str) -> InboxMessage:
    """Read a message body.

    Raises
    ------
    NotAnInboxMessageError
        When it is anything else.
    """
    try:
        said = json.loads(message)
        if not all(isinstance(member, str) for member in said.values()):
            raise NotAnInboxMessageError("a member is no text")
        if said["v"] != VERSION or not _EPOCH_MILLISECONDS.fullmatch(said["receivedAt"]):
            raise NotAnInboxMessageError("version or time of receipt")
        headers: dict[str, list[str]] = {}
        for name, value in parse_qsl(said["headers"], keep_blank_values=True):
            headers.setdefault(name.lower(), []).append(value)
        request = WebhookRequest(
            body=b"" if said["body"] == _NO_BODY else base64.b64decode(said["body"], validate=True),
            headers=headers,
            received_at=int(said["receivedAt"]) / 1000,
        )
        # Where the path does not say it, a header must.
        provider = said["provider"] or request.header("x-provider-id") or ""
        return InboxMessage(provider=provider, correlation_id=said["correlationId"], request=request)
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error, ValueError) as error:
        raise NotAnInboxMessageError(type(error).__name__) from error
