"""Reading payloads from the archive: one, as whoever gets an event from the bus does, or all of an object."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lambdas.inbound.archive import BATCH_PREFIX
from lambdas.inbound.batch_object import read_index


class PayloadChangedError(Exception):
    """What lies in the archive is not what was archived."""


def read_payload(s3: Any, bucket: str, archive: Mapping[str, Any]) -> bytes:
    """Read one payload in one request, of its own bytes and no others.

    Parameters
    ----------
    s3
        A boto3 S3 client.
    archive : Mapping[str, Any]
        ``detail.archive`` of an event, or ``archive`` of a record: key, offset, size and sha256.

    Raises
    ------
    PayloadChangedError
        When the bytes have another digest.
    """
    offset, size = int(archive.get("offset", 0)), int(archive["size"])
    body = b""
    # A range cannot be empty: https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
    if size:
        answer = s3.get_object(Bucket=bucket, Key=archive["key"], Range=f"bytes={offset}-{offset + size - 1}")
        body = bytes(answer["Body"].read())
    if hashlib.sha256(body).hexdigest() != archive["sha256"]:
        raise PayloadChangedError(f"{archive['key']} at {offset}: its digest is not the recorded one")
    return body


def payloads_of(key: str, content: bytes) -> list[bytes]:
    """Return the payloads that an object below ``raw/`` holds.

    Raises
    ------
    NotABatchObjectError
        When its key says that it holds many, and it does not.
    """
    if not key.startswith(BATCH_PREFIX):
        return [content]
    places = sorted({(entry.offset, entry.size) for entry in read_index(content)})
    return [content[offset : offset + size] for offset, size in places]
