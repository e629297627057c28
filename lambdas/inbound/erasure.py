"""Erasing the payload of an event from the archive.

In the object of a batch, its bytes are overwritten with zeros, so that the other payloads stay where records and
published events say that they are. An object of its own is left empty, which keeps a webhook that is delivered once
more from being archived under the same key again. Then earlier versions of the object are deleted. Where another event
can have the same id and the same bytes, and so the same key, the whole object is deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from lambdas.inbound.archive import BATCH_PREFIX, RAW_PREFIX, event_key_of, key_part
from lambdas.inbound.batch_object import NotABatchObjectError, erase
from lambdas.inbound.envelope import Envelope, NotAnEnvelopeError
from lambdas.inbound.identity import payload_of
from lambdas.inbound.record_items import State, archived_of, id_of, key_of_record
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.shared import times
from lambdas.shared.errors import TellableError, aws_code

ERASED_AT = "erased-at"
"""Metadata of an object in which a payload was erased."""
# Records that are read in one go of the events that may have come with one webhook.
_MAX_TOGETHER = 1_000
# From the receipt of a webhook until ingestion stores its payload it takes less: API Gateway waits 29 s.
_STORED_WITHIN = timedelta(seconds=60)


class NotErasableError(TellableError):
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
        Keys of events of which other records name a place, and lose that payload too.
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

    def run(self, chosen: Sequence[Mapping[str, Any]], at: str, *, copies: bool, dry_run: bool) -> Erased:
        """Erase the payloads at the places that records of an event name.

        Everything is read before anything is written. Then the records are marked, so that no replay is sent any more,
        and then the bytes are erased. After a crash in between, a repetition does what is left.

        Parameters
        ----------
        chosen : Sequence[Mapping[str, Any]]
            The records.
        at : str
            Now, ISO 8601.
        copies : bool
            Whether to erase objects of the event's own with the same bytes, too, that no record names.
        dry_run : bool
            Whether to look only.

        Raises
        ------
        NotErasableError
            When the event is still being processed, its payload is nowhere yet, or S3 refuses. The message says if
            something is marked, and perhaps erased, already.
        """
        for record in chosen:
            _check_done(record)
        try:
            named = {place for record in chosen for place in self._named(record)}
            others = {place: self._others(place, chosen) for place in named | self._copies(chosen, copies)}
        except ClientError as error:
            raise _refusal("the archive", error) from error
        # A copy that another record names is that one's payload.
        others = {place: records for place, records in others.items() if place in named or not records}
        if not others:
            raise NotErasableError("it is stored nowhere")
        losing = {key_of_record(record): record for records in others.values() for record in records}
        if not dry_run:
            own = [record for place, records in others.items() for record in records if _own(record) == place]
            marked = {key_of_record(record): record for record in chain(chosen, own)}
            try:
                # Dead letters last: one may be all that names an object below `raw/`.
                self._erase_all(list(marked.values()), sorted(others, reverse=True), at)
            except NotErasableError as error:
                raise NotErasableError(
                    f"{error}. Its records may be marked as erased, and not replayable, by now, and some of its bytes "
                    "erased: repeat the call to finish"
                ) from error
        names = {f"{record['provider']}:{record['eventId']}" for record in losing.values()}
        return Erased(places=sorted(others), same_bytes=sorted(names))

    def _named(self, record: Mapping[str, Any]) -> Iterator[Place]:
        """Yield the places that a record names, or its dead letter if it names none of a payload."""
        yield from _named_in(record)
        if not archived_of(record) and (letter := record.get("deadLetter")):
            try:
                text = self._get(letter)["Body"].read().decode("utf-8", "surrogatepass")
                archived = Envelope.from_message(text).archived
            except NotAnEnvelopeError:
                return
            if archived is not None:
                yield _place(archived.key, archived.offset, archived.size)

    def _copies(self, chosen: Sequence[Mapping[str, Any]], wanted: bool) -> set[Place]:
        found = set()
        for record in chosen if wanted else ():
            provider, _, event_id = id_of(record).partition(":")
            digests = {payload_of(record), *record.get("otherPayloads", ())}
            below = f"{RAW_PREFIX}{provider}/{key_part(event_id)}/"
            keys = {version["Key"] for version in self._versions(below)}
            # Other bytes may be those of an event with this id that is not recorded yet.
            found |= {Place(key=key) for key in keys if key.removeprefix(below) in digests}
        return found

    def _others(self, place: Place, chosen: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the other records that name a place."""
        ids = {id_of(record) for record in chosen}
        found: list[dict[str, Any]] = []
        if place.offset is not None:
            ids |= set(self._emptied(place)[1])
        elif place.key.startswith(RAW_PREFIX):
            ids.add(event_key_of(place.key))
            for record in chosen:
                found += self._received_with(record, place.key)
        found += [record for one in sorted(ids) for record in self._queries.by_id(one)]
        ours = {key_of_record(record) for record in chosen}
        others = {key_of_record(record): record for record in found if key_of_record(record) not in ours}
        naming = []
        for record in others.values():
            if place in _named_in(record):
                _check_done(record)
                naming.append(record)
            elif _is_waiting(record) and place.key.endswith(f"/{record.get('sha256')}"):
                raise NotErasableError(
                    f"{record['provider']}:{record['eventId']} has the same bytes and is not archived yet: "
                    "replay it first, or wait"
                )
        return naming

    def _received_with(self, record: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
        """Yield the records of the events that may have come with the webhook that an object holds."""
        start = times.parse(record["receivedAt"]) or 0.0
        end = start + 0.001
        if not key.endswith(f"/{payload_of(record)}"):
            # Another payload under the id, of which the record does not say when it was received.
            stored = [version["LastModified"] for version in self._versions(key)]
            if not stored:
                return
            start, end = ((min(stored) + by).timestamp() for by in (-_STORED_WITHIN, timedelta(seconds=1)))
        yield from self._queries.all_received(
            record["provider"], times.iso(start), times.iso(end), at_once=_MAX_TOGETHER
        )

    def _erase_all(self, records: Sequence[Mapping[str, Any]], places: Sequence[Place], at: str) -> None:
        for record in records:
            if not self._records.mark_erased(key_of_record(record), record["state"], at):
                raise NotErasableError(f"the record of {record['provider']}:{record['eventId']} has just changed")
        # The bytes are the identity of such an event: another one can have the same object, now or later.
        digests = {payload_of(one) for one in records if "occurrence" in one and "content" not in one}
        for place in places:
            try:
                self._erase(place, at, whole=place.offset is None and place.key.rpartition("/")[2] in digests)
            except ClientError as error:
                raise _refusal(place.key, error) from error

    def _erase(self, place: Place, at: str, *, whole: bool) -> None:
        written = None
        if not whole:
            content, unchanged = b"", {}
            if place.offset is not None:
                content, _, etag = self._emptied(place)
                unchanged = {"IfMatch": etag}
            written = self._s3.put_object(
                Bucket=self._bucket, Key=place.key, Body=content, Metadata={ERASED_AT: at}, **unchanged
            )["VersionId"]
        # The newest comes first, and those before ours are of others who erase at the same time.
        versions = [one["VersionId"] for one in self._versions(place.key) if one["Key"] == place.key]
        if written is not None:
            versions = versions[versions.index(written) + 1 :] if written in versions else []
        for earlier in versions:
            self._s3.delete_object(Bucket=self._bucket, Key=place.key, VersionId=earlier)

    def _emptied(self, place: Place) -> tuple[bytes, list[str], str]:
        """Return a batch's object without what lies at a place, the events of that, and the object's ETag."""
        answer = self._get(place.key)
        try:
            content, keys = erase(answer["Body"].read(), place.offset or 0, place.size or 0)
        except NotABatchObjectError as error:
            raise NotErasableError(f"{place.key} is no object of a batch: {error}") from error
        if not keys:
            raise NotErasableError(f"{place.key} has no payload at {place.offset}")
        return content, keys, answer["ETag"]

    def _get(self, key: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            raise _refusal(key, error) from error

    def _versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from page.get("Versions", ())


def _check_done(record: Mapping[str, Any]) -> None:
    if record.get("state") in (None, State.RECORDED):
        raise NotErasableError(
            f"{record['provider']}:{record['eventId']} is still being processed; "
            "try again when it is routed or dead-lettered"
        )


def _is_waiting(record: Mapping[str, Any]) -> bool:
    """Return whether the payload of a record is yet to be archived."""
    return not archived_of(record) and "erasedAt" not in record and record.get("state") != State.CONFLICTING


def _place(key: str, offset: Any, size: Any) -> Place:
    if key.startswith(BATCH_PREFIX):
        return Place(key=key, offset=int(offset), size=int(size))
    return Place(key=key)


def _own(record: Mapping[str, Any]) -> Place | None:
    """Return where the payload of a record is archived, and not another one that came under its id."""
    archived = archived_of(record)
    return _place(archived.key, archived.offset, archived.size) if archived else None


def _named_in(record: Mapping[str, Any]) -> set[Place]:
    timeline = record.get("timeline", ())
    other = [_place(one["archive"], one.get("offset", 0), one.get("size", 0)) for one in timeline if "archive" in one]
    letters = [one["deadLetter"] for one in (record, *timeline) if one.get("deadLetter")]
    return {place for place in (_own(record), *other, *(Place(key=key) for key in letters)) if place is not None}


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
