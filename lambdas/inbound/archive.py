"""The archive: the exact bytes of every accepted payload, never overwritten.

A payload has an object of its own, or shares one with the other payloads of its batch.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.inbound.batch_object import Payload, write_batch
from lambdas.inbound.envelope import ArchivedBody
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.evidence import Evidence
from lambdas.shared.errors import aws_code

RAW_PREFIX = "raw/"
# No provider can have this name: the names of providers have no underscore.
BATCH_PREFIX = RAW_PREFIX + "_batch/"
DEAD_LETTER_PREFIX = "dead-letter/"
CERTIFICATE_PREFIX = "evidence/certificates/"
# Of reconciliation's reports.
REPORT_PREFIX = "reconciliation/"
# Seconds to wait while another request for the same key is under way.
CONFLICT_WAITS = (0.05, 0.1, 0.2, 0.4)
# S3 accepts any character, but some tools read "%" as an escape, and a leading dot as a relative path.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_NOT_SAFE_IN_A_KEY = re.compile(r"[^A-Za-z0-9_.-]|^\.")


def raw_key(event: WebhookEvent, sha256: str) -> str:
    """Return the object key of a payload.

    It is made of the event and its bytes alone: a redelivery of the same bytes has the same key, and other bytes under
    the same id have another.
    """
    return f"{RAW_PREFIX}{event.provider}/{key_part(event.event_id)}/{sha256}"


def key_part(event_id: str) -> str:
    """Return an event's id in the form that keys use."""
    return _NOT_SAFE_IN_A_KEY.sub(lambda match: f"!{ord(match[0]):02X}", event_id)


def event_key_of(raw_key: str) -> str:
    """Return ``<provider>:<event id>`` from the object key of a payload; see `raw_key`."""
    provider, _, rest = raw_key.removeprefix(RAW_PREFIX).partition("/")
    part = rest.rpartition("/")[0]
    # Identifiers are ASCII, so that two digits are the whole number.
    return f"{provider}:{re.sub(r'!([0-9A-F]{2})', lambda match: chr(int(match[1], 16)), part)}"


class PayloadChangedError(Exception):
    """What lies in the archive is not what was archived."""


class Archive:
    """Writes to and reads from the archive bucket.

    Parameters
    ----------
    s3
        A boto3 S3 client, or in ingestion `lambdas.inbound.aws_calls.services.S3`.
    bucket : str
        Bucket name.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._certificates: set[str] = set()

    def store(
        self, event: WebhookEvent, body: bytes, content_type: str, evidence: Evidence | None = None
    ) -> ArchivedBody:
        """Store a payload with its evidence, unless it is stored already, and return its place.

        Raises
        ------
        Exception
            The client's error, when it cannot be stored.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        archived = ArchivedBody(key=raw_key(event, sha256), size=len(body), sha256=sha256)
        self._put_once(archived.key, body, content_type, evidence.to_metadata() if evidence else {})
        return archived

    def store_batch(self, payloads: Sequence[Payload], day: str) -> list[ArchivedBody]:
        """Store payloads in one object, unless it is stored already, and return the place of each, in order.

        The object's key ends in the digest of its content, which depends on the payloads alone: a batch that SQS
        delivers again has the same key.

        Parameters
        ----------
        day : str
            ``2026-01-31``; part of the key, for people. It must depend on the payloads alone, too.

        Raises
        ------
        Exception
            The client's error, when they cannot be stored.
        """
        content, offsets = write_batch(payloads)
        key = f"{BATCH_PREFIX}{day}/{hashlib.sha256(content).hexdigest()}"
        self._put_once(key, content, "application/octet-stream", {})
        return [
            ArchivedBody(key=key, offset=offsets[payload.identity], size=len(payload.body), sha256=payload.sha256)
            for payload in payloads
        ]

    def store_certificate(self, key_id: str, certificate: str) -> None:
        """Store the certificate that `Evidence.key_id` names, unless it is stored already."""
        if key_id not in self._certificates:
            self._put_once(f"{CERTIFICATE_PREFIX}{key_id}.pem", certificate.encode(), "application/x-pem-file", {})
            self._certificates.add(key_id)

    def store_dead_letter(self, key: str, message: str) -> str:
        """Store a dead-lettered message unchanged, and return its full key."""
        full_key = DEAD_LETTER_PREFIX + key
        self._put_once(full_key, message.encode("utf-8", "surrogatepass"), "application/json", {})
        return full_key

    def store_json(self, key: str, text: str) -> None:
        """Store a document outside of ``raw/``, unless there is one with this key already."""
        self._put_once(key, text.encode(), "application/json", {})

    def store_page(self, key: str, html: str) -> None:
        """Store a page outside of ``raw/``, unless there is one with this key already."""
        self._put_once(key, html.encode(), "text/html; charset=utf-8", {})

    def read_dead_letter(self, full_key: str) -> str:
        """Return a dead-lettered message."""
        response = self._s3.get_object(Bucket=self._bucket, Key=full_key)
        return str(response["Body"].read().decode("utf-8", "surrogatepass"))

    def _put_once(self, key: str, body: bytes, content_type: str, metadata: dict[str, str]) -> None:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        for wait in (*CONFLICT_WAITS, None):
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    Metadata=metadata,
                    IfNoneMatch="*",
                )
            except Exception as error:
                code = aws_code(error)
                if code == "ConditionalRequestConflict" and wait is not None:
                    time.sleep(wait)
                    continue
                if code != "PreconditionFailed":
                    raise
            return


def read_payload(s3: Any, bucket: str, archive: Mapping[str, Any]) -> bytes:
    """Read one payload in one request, of its own bytes and no others, as whoever gets an event from the bus does.

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
