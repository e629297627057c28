"""Erasing the payload of an event from the archive.

In the object of a batch, its bytes are overwritten with zeros, so that the other payloads stay where records and
published events say that they are. An object of its own is left empty, which keeps a webhook that is delivered once
more from being archived under the same key again. Then earlier versions of the object are deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from lambdas.inbound.archive import BATCH_PREFIX, RAW_PREFIX, key_part
from lambdas.inbound.batch_object import NotABatchObjectError, erase
from lambdas.inbound.record_items import State, key_of_record
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.shared import times
from lambdas.shared.errors import aws_code

ERASED_AT = "erased-at"
"""Metadata of an object in which a payload was erased."""
# Events that may have come with one webhook.
_MAX_TOGETHER = 1_000


class NotErasableError(Exception):
    """The payload cannot be erased now; the message says why."""


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where a payload lies.

    Attributes
    ----------
    key : str
        Object key.
    offset, size : int | None
        Its bytes; None for the whole object.
    """

    key: str
    offset: int | None = None
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was erased, or would be.

    Attributes
    ----------
    places : Sequence[Place]
        Where it lay.
    same_bytes : Sequence[str]
        Keys of other events that came in the same bytes, and lose their payload too.
    """

    places: Sequence[Place]
    same_bytes: Sequence[str]


class Erasure:
    """Erases payloads.

    Parameters
    ----------
    s3
        A boto3 S3 client.
    bucket : str
        Name of the archive bucket.
    queries : RecordQueries
        Finds the events that came in the same bytes.
    records : Records
        Is told what was erased.
    """

    def __init__(self, s3: Any, bucket: str, queries: RecordQueries, records: Records) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._queries = queries
        self._records = records

    def run(self, records: Sequence[Mapping[str, Any]], at: str, *, dry_run: bool) -> Erased:
        """Erase the payloads of an event's records, those that came under its id later included.

        Copies that no record names are erased only where they have an object of their own.

        Parameters
        ----------
        at : str
            Now, ISO 8601.
        dry_run : bool
            Whether to look only.

        Raises
        ------
        NotErasableError
            When the event is still being processed, its payload is nowhere yet, or S3 refuses. Nothing is marked as
            erased then. A repetition goes on.
        """
        if any(record.get("state") in (None, State.RECORDED) for record in records):
            raise NotErasableError("the event is still being processed; try again when it is routed or dead-lettered")
        places = sorted({place for record in records for place in self._places(record)})
        if not places:
            raise NotErasableError("it is stored nowhere")
        marked = {key_of_record(record): record for record in records}
        for place in places:
            sharing = self._erase(place, records, at, dry_run=dry_run)
            marked |= {key_of_record(record): record for record in sharing}
        if not dry_run:
            for key in marked:
                self._records.mark_erased(key, at)
        own = {_event_key(record) for record in records}
        return Erased(places=places, same_bytes=sorted({_event_key(one) for one in marked.values()} - own))

    def _places(self, record: Mapping[str, Any]) -> Iterator[Place]:
        for one in (record.get("archive"), *record.get("timeline", ())):
            if not one:
                continue
            # Other payloads under the event's id are in the timeline.
            key = one.get("archive", one.get("key"))
            if key is not None and key.startswith(BATCH_PREFIX):
                yield Place(key=key, offset=int(one.get("offset", 0)), size=int(one["size"]))
            elif key is not None:
                yield Place(key=key)
        letters = [record.get("deadLetter"), *(step.get("deadLetter") for step in record.get("timeline", ()))]
        yield from (Place(key=letter) for letter in letters if letter)
        alone = f"{RAW_PREFIX}{record['provider']}/{key_part(record['eventId'])}/"
        yield from (Place(key=key) for key in {key for key, _ in self._versions(alone)})

    def _erase(
        self, place: Place, records: Sequence[Mapping[str, Any]], at: str, *, dry_run: bool
    ) -> list[dict[str, Any]]:
        """Erase what lies at a place, and return the records of the events that came in these bytes."""
        try:
            if place.offset is None:
                sharing = [one for record in records for one in self._received_with(record, place.key)]
                content, unchanged = b"", {}
            else:
                answer = self._s3.get_object(Bucket=self._bucket, Key=place.key)
                content, keys = erase(answer["Body"].read(), place.offset, place.size or 0)
                unchanged = {"IfMatch": answer["ETag"]}
                found = (record for key in keys for record in self._queries.by_event(key))
                sharing = [record for record in found if (record.get("archive") or {}).get("key") == place.key]
            if not dry_run:
                written = self._s3.put_object(
                    Bucket=self._bucket, Key=place.key, Body=content, Metadata={ERASED_AT: at}, **unchanged
                )
                self._delete_earlier(place.key, written["VersionId"])
        except NotABatchObjectError as error:
            raise NotErasableError(f"{place.key} is no object of a batch: {error}") from error
        except ClientError as error:
            raise _refusal(place.key, error) from error
        return sharing

    def _received_with(self, record: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """Return the records that name an object, of the events that came with one webhook."""
        start = datetime.fromisoformat(record["receivedAt"])
        end = times.iso((start + timedelta(milliseconds=1)).timestamp())
        page = self._queries.by_received(
            record["provider"], record["receivedAt"], end, bucket=0, after=None, limit=_MAX_TOGETHER
        )
        return [one for one in page.records if (one.get("archive") or {}).get("key") == key]

    def _delete_earlier(self, key: str, version: str) -> None:
        # The newest comes first, and those before ours are of others who erase at the same time.
        versions = [each for of, each in self._versions(key) if of == key]
        for earlier in versions[versions.index(version) + 1 :] if version in versions else ():
            self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=earlier)

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
            for version in page.get("Versions", ()):
                yield version["Key"], version["VersionId"]


def _event_key(record: Mapping[str, Any]) -> str:
    return f"{record['provider']}:{record['eventId']}"


def _refusal(key: str, error: ClientError) -> Exception:
    refusal: Exception = error
    match aws_code(error):
        case "InvalidObjectState":
            refusal = NotErasableError(f"{key} is in Glacier: restore it first")
        case "PreconditionFailed" | "ConditionalRequestConflict":
            refusal = NotErasableError(f"{key} is being changed by another erasure; try again")
        case "AccessDenied":
            # What S3 answers for a version under Object Lock.
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
            said = error.response["Error"].get("Message", "")
            refusal = NotErasableError(
                f"S3 refuses to erase {key}, as it does under a retention or a legal hold: {said}. "
                "A version with the payload is still there"
            )
    return refusal
