"""One batch from the main queue: archive, record, publish, mark. Each stage handles all messages that are left.

A batch can be run again from any point: archive and record are written conditionally, and the record says how far its
event is. An event is published twice only after a crash, or a lost response, between publishing and marking.

Each stage uses batch calls, and then single calls for what these left; see `lambdas.processing.batching`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.record_batches import CONDITION_FAILED, MAX_STATEMENTS, BatchedRecords, Mark
from lambdas.inbound.record_items import NO_REPLAY, Claim, Entry, State, Step, entry, first_key
from lambdas.inbound.record_queries import RecordQueries
from lambdas.processing.archiving import Archiving
from lambdas.processing.batching import Batching, InvocationDeadline, InvocationEndsError, chunks
from lambdas.processing.bus import MAX_ENTRIES, Bus, NotPublishedError, Publication
from lambdas.processing.claiming import BusyError, Claiming
from lambdas.processing.rules import is_held, is_late
from lambdas.processing.work import BatchResult, Message, Work
from lambdas.shared import times
from lambdas.shared.errors import describe


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Processes batches.

    Attributes
    ----------
    archive, records, queries, bus
        Where events are stored, found and published.
    archive_by : str
        Whether payloads share an object, see `lambdas.processing.archiving.Archiving`.
    modes : Mapping[str, str]
        Which events are not published, see `lambdas.processing.rules.is_held`.
    clock : Callable[[], float]
        Seconds since the epoch.
    on_failure : Callable[[Message, Exception], None]
        Called with every failure, for logs.
    on_fallback : Callable[[str, str], None]
        Called with each call that failed without failing an event, and the reason: a batch call that left items for
        single calls, or a comparison with later events.
    """

    archive: Archive
    records: BatchedRecords
    queries: RecordQueries
    bus: Bus
    archive_by: str
    clock: Callable[[], float]
    on_failure: Callable[[Message, Exception], Any]
    on_fallback: Callable[[str, str], Any]
    modes: Mapping[str, str] = field(default_factory=dict)

    def run(self, messages: Sequence[Message], seconds_left: float) -> BatchResult:
        """Process a batch without order. A failed message does not fail the others.

        Parameters
        ----------
        seconds_left : float
            Until the invocation ends. The claims on the events end with it.
        """
        return self.start(messages, seconds_left).process(messages)

    def start(self, messages: Sequence[Message], seconds_left: float) -> "ArchivedBatch":
        """Read a batch and archive its payloads. The result processes the messages, in any order."""
        deadline = InvocationDeadline.after(seconds_left, self.clock)
        until = int((self.clock() + seconds_left) * 1000)
        # By message id; a list, because SQS may deliver one message twice at the same time.
        read: defaultdict[str, list[Work | Exception]] = defaultdict(list)
        works = []
        for message in messages:
            # Any error, since one unreadable message must not fail the others.
            try:
                envelope = Envelope.from_message(message.body)
            except Exception as error:
                read[message.message_id].append(error)
                continue
            claim = Claim(owner=message.message_id, until=until)
            key = envelope.record or first_key(envelope.event)
            works.append(Work(message=message, envelope=envelope, claim=claim, key=key))
            read[message.message_id].append(works[-1])
        Archiving(archive=self.archive, archive_by=self.archive_by, clock=self.clock, on_fallback=self.on_fallback).run(
            works, deadline
        )
        return ArchivedBatch(self, read, deadline)


class ArchivedBatch:
    """A batch with its payloads archived.

    Parameters
    ----------
    read : Mapping[str, list[Work | Exception]]
        Message id to what was read of each message with this id, or to why it cannot be read.
    """

    def __init__(
        self, pipeline: Pipeline, read: Mapping[str, list[Work | Exception]], deadline: InvocationDeadline
    ) -> None:
        self._pipeline = pipeline
        self._records = pipeline.records
        self._read = read
        self._deadline = deadline
        self._batching = Batching(size=MAX_STATEMENTS, on_fallback=pipeline.on_fallback)
        self._claiming = Claiming(records=pipeline.records, batching=self._batching, clock=pipeline.clock)

    def process(self, messages: Sequence[Message]) -> BatchResult:
        """Record, publish and mark messages of the batch that may be processed at once."""
        outcome = BatchResult()
        claimed = self._claim(outcome, self._take(outcome, messages))
        free: list[Work] = []
        held: list[Work] = []
        for work in claimed:
            (held if is_held(work.envelope, self._pipeline.modes) else free).append(work)
        self._mark(outcome, [(work, self._held(work)) for work in held], State.HELD)
        for published in self._publish(outcome, free):
            self._mark(outcome, published, State.ROUTED)
        return outcome

    def _take(self, outcome: BatchResult, messages: Sequence[Message]) -> list[Work]:
        works = []
        for message in messages:
            read = self._read[message.message_id].pop(0)
            if isinstance(read, Exception):
                self._fail(outcome, message, None, read)
            elif read.error is not None:
                self._fail(outcome, message, read, read.error)
            else:
                works.append(read)
        return works

    def _claim(self, outcome: BatchResult, works: Sequence[Work]) -> list[Work]:
        claimed: list[Work] = []
        try:
            self._claiming.find_of_first_release(works)
        except Exception as error:
            for work in works:
                self._fail(outcome, work.message, work, error)
            return claimed
        self._claiming.claim_new(works, self._deadline)
        for work in works:
            try:
                if not work.claimed:
                    self._deadline.check()
                    work.claimed = self._claiming.claim(work)
                if work.claimed:
                    claimed.append(work)
                else:
                    found = outcome.conflicts if work.conflicting else outcome.duplicates
                    found.append(work.envelope)
                if work.rendered_anew:
                    outcome.rendered_anew.append(work.envelope)
            except Exception as error:
                self._fail(outcome, work.message, work, error)
        return claimed

    def _held(self, work: Work) -> Entry:
        # Not for the replay that another message began: that one may be allowed to route the event.
        replay = work.envelope.replay
        return self._done(Step.HELD, replay.replay_id if replay else NO_REPLAY)

    def _done(self, step: Step, replay_id: str, **details: str | int) -> Entry:
        replay = {"replayId": replay_id} if replay_id != NO_REPLAY else {}
        return entry(step, times.iso(self._pipeline.clock()), **details, **replay)

    def _compare(self, works: Sequence[Work]) -> None:
        """Find out which events come after a later one of their transaction; no event fails because that fails."""
        for work in works:
            try:
                if is_late(work.envelope, work.message.receive_count):
                    self._deadline.check()
                    work.out_of_order = self._pipeline.queries.has_later_routed(work.envelope.event, work.key)
            except Exception as error:
                self._pipeline.on_fallback("compare with later events", describe(error))

    def _publish(self, outcome: BatchResult, claimed: Sequence[Work]) -> Iterator[list[tuple[Work, Entry]]]:
        self._compare(claimed)
        for chunk in chunks(claimed, MAX_ENTRIES):
            try:
                self._deadline.check()
                results = self._pipeline.bus.publish(
                    [
                        Publication(
                            envelope=work.envelope,
                            archived=work.archived,
                            sequence=work.message.sequence,
                            out_of_order=work.out_of_order,
                        )
                        for work in chunk
                        if work.archived
                    ]
                )
            except Exception as error:
                for work in chunk:
                    self._fail(outcome, work.message, work, error)
                continue
            published = []
            for work, result in zip(chunk, results, strict=True):
                if isinstance(result, NotPublishedError):
                    self._fail(outcome, work.message, work, result)
                else:
                    details: dict[str, str | int] = {"busEventId": result}
                    if work.out_of_order:
                        details["outOfOrder"] = True
                    published.append((work, self._done(Step.ROUTED, work.replay_id, **details)))
            yield published

    def _mark(self, outcome: BatchResult, done: Sequence[tuple[Work, Entry]], state: State) -> None:
        """Mark what was published, without delay: an event is published again after a crash unless it is marked."""
        marks = {
            work.message.message_id: Mark(key=work.key, claim=work.claim, routed=routed, state=state)
            for work, routed in done
        }
        marked = {
            mark.claim.owner
            for mark, code in self._batching.attempt(
                "mark records",
                list(marks.values()),
                self._records.mark_all_routed,
                expected=CONDITION_FAILED,
            )
            # Another message took over, or the SDK sent the call twice: the record is right as it is.
            if code in (None, CONDITION_FAILED)
        }
        for work, _ in done:
            try:
                mark = marks[work.message.message_id]
                if work.message.message_id not in marked:
                    self._records.mark_routed(mark.key, mark.claim, mark.routed, state)
                (outcome.routed if state is State.ROUTED else outcome.held).append(work.envelope)
            except Exception as error:
                self._fail(outcome, work.message, work, error)

    def _fail(self, outcome: BatchResult, message: Message, work: Work | None, error: Exception) -> None:
        outcome.failures[message.message_id] = error
        self._pipeline.on_failure(message, error)
        # These are only retried: the record has nothing to keep of them.
        if work is None or isinstance(error, BusyError | InvocationEndsError):
            return
        try:
            self._records.note_failure(
                work.key,
                work.envelope,
                describe(error),
                times.iso(self._pipeline.clock()),
                receive_count=message.receive_count,
                release=work.claim if work.claimed else None,
            )
        except Exception as failure:
            self._pipeline.on_failure(message, failure)
