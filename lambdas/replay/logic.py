"""Finding the events to replay and sending them through the main queue again."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import Envelope, NotAnEnvelopeError, Replay
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_items import (
    DEAD_LETTER,
    PARTITION_KEY,
    SORT_KEY,
    State,
    archived_of,
    event_of,
    key_of_record,
    received_minute,
)
from lambdas.inbound.record_queries import RecordQueries, received_buckets
from lambdas.replay.request import BadReplayError, ReplayRequest, TimeRange
from lambdas.shared import times

# Events on a page of a range. At about 10 ms for each message, a page takes less than the function's time-out.
PAGE = 200
IN_CONFLICT = "it is in conflict with the first event of its id"


class NotReplayableError(Exception):
    """The message of the event is not stored anywhere."""


@dataclass(frozen=True, kw_only=True)
class ReplayOutcome:
    """The result of a replay request.

    Attributes
    ----------
    matched : int
        Events found on this page.
    replayed : Sequence[str]
        Keys of the events that are in the main queue now.
    not_found : Sequence[str]
        Named events without a record.
    failed : Mapping[str, str]
        Events that were found but not sent, and the reason.
    next : str | None
        Where the range continues; None at its end.
    """

    matched: int
    replayed: Sequence[str]
    not_found: Sequence[str]
    failed: Mapping[str, str]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Replayer:
    """Replays events: it sends their messages to the main queue, where processing handles them like all others.

    Attributes
    ----------
    queries : RecordQueries
        Finds the records.
    archive : Archive
        Has the messages of events that were not archived.
    queue : MainQueue
        The main queue.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    queries: RecordQueries
    archive: Archive
    queue: MainQueue
    clock: Callable[[], float]

    def run(self, request: ReplayRequest, replay_id: str) -> ReplayOutcome:
        """Replay the events of a request, or count them.

        Raises
        ------
        BadReplayError
            When the cursor does not belong to the range.
        """
        cursor = None
        if request.time_range is not None:
            records, cursor = self._page(request.time_range, request.cursor)
            not_found: list[str] = []
        else:
            found = {key: self.queries.by_event(key) for key in request.event_keys}
            records = [record for records in found.values() for record in records]
            not_found = [key for key, records in found.items() if not records]
        replayed, failed = ([], {}) if request.dry_run else self._send(records, replay_id, any_mode=request.any_mode)
        return ReplayOutcome(matched=len(records), replayed=replayed, not_found=not_found, failed=failed, next=cursor)

    def _page(self, wanted: TimeRange, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        bucket, after = (0, None) if cursor is None else _read_cursor(cursor, wanted)
        page = self.queries.by_received(
            wanted.provider, wanted.start, wanted.end, bucket=bucket, after=after, limit=PAGE
        )
        matching = [record for record in page.records if wanted.status in (None, record.get("state"))]
        return matching, None if page.complete else _write_cursor(page.bucket, page.after)

    def _send(
        self, records: Sequence[Mapping[str, Any]], replay_id: str, *, any_mode: bool
    ) -> tuple[list[str], dict[str, str]]:
        replay = Replay(replay_id=replay_id, requested_at=times.iso(self.clock()))
        replayed: list[str] = []
        failed: dict[str, str] = {}
        for record in records:
            try:
                if record.get("state") == State.HELD and not any_mode:
                    raise NotReplayableError("it is held, since it is not known to be live; anyMode true routes it")
                envelope = replace(self._envelope(record), replay=replay, any_mode=any_mode)
                self.queue.send(envelope, envelope.to_message())
                replayed.append(envelope.event.key)
            except NotReplayableError as error:
                failed[event_of(record).key] = str(error)
            except (BotoCoreError, ClientError) as error:
                failed[event_of(record).key] = f"not sent ({type(error).__name__}); try again"
        return replayed, failed

    def _envelope(self, record: Mapping[str, Any]) -> Envelope:
        if "erasedAt" in record:
            raise NotReplayableError(f"its payload was erased at {record['erasedAt']}")
        if archived := archived_of(record):
            return Envelope(
                event=event_of(record),
                received_at=record["receivedAt"],
                correlation_id=record["correlationId"],
                content_type=record["contentType"],
                scheme=record["scheme"],
                archived=archived,
                record=key_of_record(record),
            )
        if record.get("state") == State.CONFLICTING:
            raise NotReplayableError(IN_CONFLICT)
        if not (key := record.get("deadLetter")):
            raise NotReplayableError("neither archived nor dead-lettered; its message is still in the queue")
        try:
            envelope = Envelope.from_message(self.archive.read_dead_letter(key))
        except NotAnEnvelopeError as error:
            raise NotReplayableError(f"its message cannot be read: {error}") from error
        # A dead letter that no record is about finds out in processing what it is.
        if record[SORT_KEY].startswith(DEAD_LETTER):
            return replace(envelope, record=None)
        return replace(envelope, event=event_of(record), record=key_of_record(record))


def _write_cursor(bucket: int, after: Mapping[str, Any] | None) -> str:
    return base64.urlsafe_b64encode(json.dumps([bucket, after]).encode()).decode("ascii")


def _read_cursor(text: str, wanted: TimeRange) -> tuple[int, dict[str, Any] | None]:
    try:
        bucket, after = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadReplayError("next: not a cursor that this API returned") from error
    buckets = received_buckets(wanted.provider, wanted.start, wanted.end)
    if type(bucket) is not int or not 0 <= bucket < len(buckets):
        raise BadReplayError("next: not a cursor that this API returned")
    if after is not None and not (
        _is_key(after)
        and after["receivedBucket"] == buckets[bucket]
        and received_minute(wanted.start) <= after["receivedAt"] <= wanted.end
    ):
        raise BadReplayError("next: not a cursor that this API returned")
    return bucket, after


def _is_key(value: Any) -> bool:
    """Return whether a value can be a key of the index by time of receipt."""
    names = {PARTITION_KEY, SORT_KEY, "receivedBucket", "receivedAt"}
    if not isinstance(value, dict) or set(value) != names:
        return False
    return all(isinstance(text, str) and text for text in value.values())
