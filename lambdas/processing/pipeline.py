"""One batch from the main queue: archive, record, publish, mark, each stage for all messages that came so far.

Safe to run again from any point: the archive and the record are written conditionally, and a record tells how far
its event came. An event is published twice only when a crash, or a lost answer, falls between publishing and marking.

Each stage does in one call what one call can do, and one by one what that left; see `lambdas.processing.batching`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.record_batches import CONDITION_FAILED, MAX_STATEMENTS, BatchedRecords, Mark
from lambdas.inbound.records import Claim, Step, entry
from lambdas.processing.archiving import Archiving
from lambdas.processing.batching import Batching, Deadline, OutOfTimeError, chunks
from lambdas.processing.bus import MAX_ENTRIES, Bus, NotPublishedError, Publication
from lambdas.processing.claiming import BusyError, Claiming
from lambdas.processing.work import Message, Outcome, Work
from lambdas.shared import times
from lambdas.shared.errors import describe


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Processes batches.

    Attributes
    ----------
    archive, records, bus
        Where events go.
    archive_by : str
        Whether payloads share an object, see `lambdas.processing.archiving.Archiving`.
    clock : Callable[[], float]
        Seconds since the epoch.
    on_failure : Callable[[Message, Exception], None]
        Told of every failure, for logs.
    on_fallback : Callable[[str, str], None]
        Told of every call for many that left some to be done one by one, and why.
    """

    archive: Archive
    records: BatchedRecords
    bus: Bus
    archive_by: str
    clock: Callable[[], float]
    on_failure: Callable[[Message, Exception], Any]
    on_fallback: Callable[[str, str], Any]

    def run(self, messages: Sequence[Message], seconds_left: float) -> Outcome:
        """Process a batch in no order; one message's failure is its own.

        Parameters
        ----------
        seconds_left : float
            Until the invocation ends; the claims on the events end with it.
        """
        return self.start(messages, seconds_left).process(messages)

    def start(self, messages: Sequence[Message], seconds_left: float) -> "Invocation":
        """Read a batch and archive its payloads, whatever the order in which its messages are processed then."""
        invocation = Invocation(self, seconds_left)
        invocation.archive(messages)
        return invocation


class Invocation:
    """One invocation's batch: `archive` the payloads of all of its messages, then `process` them."""

    def __init__(self, pipeline: Pipeline, seconds_left: float) -> None:
        self._pipeline = pipeline
        self._records = pipeline.records
        self._deadline = Deadline.after(seconds_left, pipeline.clock)
        self._batching = Batching(size=MAX_STATEMENTS, on_fallback=pipeline.on_fallback)
        self._claiming = Claiming(records=pipeline.records, batching=self._batching, clock=pipeline.clock)
        # By message id; in a list, since nothing keeps SQS from handing out a message twice at once.
        self._read: defaultdict[str, list[Work | Exception]] = defaultdict(list)
        self._claimed_until = int((pipeline.clock() + seconds_left) * 1000)

    def archive(self, messages: Sequence[Message]) -> None:
        """Read messages and archive their payloads."""
        works = []
        for message in messages:
            # One poisoned message must not take its neighbours with it, whatever it is poisoned with.
            try:
                envelope = Envelope.from_message(message.body)
            except Exception as error:
                self._read[message.message_id].append(error)
                continue
            claim = Claim(owner=message.message_id, until=self._claimed_until)
            works.append(Work(message=message, envelope=envelope, claim=claim))
            self._read[message.message_id].append(works[-1])
        Archiving(
            archive=self._pipeline.archive,
            archive_by=self._pipeline.archive_by,
            clock=self._pipeline.clock,
            on_fallback=self._pipeline.on_fallback,
        ).run(works, self._deadline)

    def process(self, messages: Sequence[Message]) -> Outcome:
        """Record, publish and mark messages of the batch that may be processed at once."""
        outcome = Outcome()
        claimed = self._claim(outcome, self._take(outcome, messages))
        for published in self._publish(outcome, claimed):
            self._mark(outcome, published)
        return outcome

    def _take(self, outcome: Outcome, messages: Sequence[Message]) -> list[Work]:
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

    def _claim(self, outcome: Outcome, works: Sequence[Work]) -> list[Work]:
        self._claiming.claim_new(works, self._deadline)
        claimed = []
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
            except Exception as error:
                self._fail(outcome, work.message, work, error)
        return claimed

    def _publish(self, outcome: Outcome, claimed: Sequence[Work]) -> Iterator[list[tuple[Work, str]]]:
        for chunk in chunks(claimed, MAX_ENTRIES):
            try:
                self._deadline.check()
                results = self._pipeline.bus.publish(
                    [
                        Publication(envelope=work.envelope, archived=work.archived, sequence=work.message.sequence)
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
                    published.append((work, result))
            yield published

    def _mark(self, outcome: Outcome, published: Sequence[tuple[Work, str]]) -> None:
        """Mark what was published, at once: what is published and not marked when a crash comes, is published twice."""
        marks = {
            work.message.message_id: Mark(
                event=work.envelope.event,
                claim=work.claim,
                routed=entry(Step.ROUTED, times.iso(self._pipeline.clock()), busEventId=bus_event_id),
            )
            for work, bus_event_id in published
        }
        marked = {
            mark.claim.owner
            for mark, code in self._batching.attempt(
                "mark records",
                list(marks.values()),
                self._records.mark_all_routed,
                expected=CONDITION_FAILED,
            )
            # Another message took over meanwhile, or the SDK sent the call twice: nothing is left to say.
            if code in (None, CONDITION_FAILED)
        }
        for work, _ in published:
            try:
                mark = marks[work.message.message_id]
                if work.message.message_id not in marked:
                    self._records.mark_routed(mark.event, mark.claim, mark.routed)
                outcome.routed.append(work.envelope)
            except Exception as error:
                self._fail(outcome, work.message, work, error)

    def _fail(self, outcome: Outcome, message: Message, work: Work | None, error: Exception) -> None:
        outcome.failures[message.message_id] = error
        self._pipeline.on_failure(message, error)
        # There is nothing to say of these but that they come back; and no time to say it.
        if work is None or isinstance(error, BusyError | OutOfTimeError):
            return
        try:
            self._records.note_failure(
                work.envelope,
                describe(error),
                times.iso(self._pipeline.clock()),
                message.receive_count,
                work.claim if work.claimed else None,
            )
        except Exception as failure:
            self._pipeline.on_failure(message, failure)
