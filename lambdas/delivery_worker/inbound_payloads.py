"""The payload of an inbound event, as the provider sent it, in the event that a tenant gets of it.

``data`` is what the provider sent: a JSON object byte for byte, anything else in base64. ``source`` says which of the
two it is, and describes the inbound event. Where the payload cannot be sent, ``data`` is the inbound event's detail,
which says where the payload is.
"""

import codecs
import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from lambdas.shared.errors import MalformedWebhookError, TellableError, aws_code
from lambdas.shared.jsonbody import parse_object

JSON, BASE64, REFERENCE = "json", "base64", "reference"
"""What ``data`` is."""
TOO_LARGE = "too_large"
"""Reason of a reference: with its payload, the event would be larger than events may be."""
IN_GLACIER = "in_glacier"
"""Reason of a reference: the archive moved the payload to S3 Glacier, from where reading takes hours."""


class WrongPayloadError(TellableError):
    """The archive has other bytes than those that the inbound stack published."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a payload is in the archive bucket, and what it must be."""

    bucket: str
    key: str
    offset: int
    size: int
    sha256: str

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> Self | None:
        """Read it from an inbound event's detail; None when it names no payload."""
        archive = detail.get("archive")
        if not isinstance(archive, dict):
            return None
        texts = [archive.get(name) for name in ("bucket", "key", "sha256")]
        numbers = [archive.get(name) for name in ("offset", "size")]
        if not all(isinstance(text, str) for text in texts) or not all(
            type(one) is int and one >= 0 for one in numbers
        ):
            return None
        return cls(**{name: archive[name] for name in ("bucket", "key", "offset", "size", "sha256")})


@dataclass(frozen=True, kw_only=True)
class InboundPayloads:
    """Reads payloads from the archive bucket.

    Attributes
    ----------
    s3
        A boto3 S3 client.
    max_bytes : int
        Size of a tenant's event at most.
    """

    s3: Any
    max_bytes: int

    def complete(self, head: Mapping[str, Any], detail: Mapping[str, Any], text: str) -> tuple[bytes, str | None]:
        """Return the body of a tenant's event, and why a payload was left out.

        The second is None where none was. An event of another sender on the bus names no payload, and stays as it is.

        Parameters
        ----------
        head : Mapping[str, Any]
            What the body begins with.
        detail : Mapping[str, Any]
            The inbound event's.
        text : str
            The same as it stands in the message.

        Raises
        ------
        WrongPayloadError
            When the archive has other bytes than were published.
        Exception
            The client's error, when the archive cannot be read.
        """
        place = Place.of(detail)
        if place is None:
            return body(head, text), None
        source = {name: value for name, value in detail.items() if name != "archive" and value is not None}
        source |= {"size": place.size, "sha256": place.sha256}
        reason = TOO_LARGE
        if place.size <= self.max_bytes:
            if (read := self._read(place)) is None:
                reason = IN_GLACIER
            else:
                content, content_type = read
                form, data = _data(content)
                source = {"contentType": content_type, **source, "payload": form}
                made = body({**head, "source": source}, data)
                if len(made) <= self.max_bytes:
                    return made, None
        return body({**head, "source": {**source, "payload": REFERENCE, "reason": reason}}, text), reason

    def _read(self, place: Place) -> tuple[bytes, str] | None:
        """Return a payload and the type of its object; None when it is in Glacier."""
        if place.size == 0:
            # No range has no bytes.
            return b"", "application/octet-stream"
        span = f"bytes={place.offset}-{place.offset + place.size - 1}"
        try:
            answer = self.s3.get_object(Bucket=place.bucket, Key=place.key, Range=span)
        except Exception as error:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            if aws_code(error) == "InvalidObjectState":
                return None
            raise
        content: bytes = answer["Body"].read()
        if hashlib.sha256(content).hexdigest() != place.sha256:
            raise WrongPayloadError("the archive has another payload than the event names")
        return content, answer["ContentType"]


def body(head: Mapping[str, Any], data: str) -> bytes:
    """Return a body with ``data`` as it stands: read and written again, 1.10 would be 1.1."""
    return f'{json.dumps(head)[:-1]}, "data": {data}}}'.encode("utf-8", "surrogatepass")


def _data(content: bytes) -> tuple[str, str]:
    try:
        parse_object(content)
        if not content.startswith(codecs.BOM_UTF8):
            return JSON, content.decode()
    except MalformedWebhookError:
        pass
    return BASE64, f'"{b64encode(content).decode("ascii")}"'
