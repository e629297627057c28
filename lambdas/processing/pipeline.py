"""One batch from the main queue: archive, record, publish, mark, each stage for all messages that came so far.

Safe to run again from any point: the archive and the record are written conditionally, and a record tells how far
its event came. An event is published twice only when a crash, or a lost answer, falls between publishing and marking.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.processing.bus import MAX_ENTRIES, Bus, NotPublishedError, Publication
from lambdas.processing.rules import Decision, decide
from lambdas.shared import times
from lambdas.shared.archive import Archive
from lambdas.shared.envelope import ArchivedBody, Envelope
from lambdas.shared.errors import TellableError, describe
from lambdas.shared.records import Claim, Records, Step, entry


class BusyError(TellableError):
    """Another invocation holds the event's claim; the message comes back after the visibility timeout."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message of the batch.

    Attributes
    ----------
    message_id : str
        SQS message id.
    body : str
        Message body.
    receive_count : int
        How often it was received, this time included.
    group : str | None
        Message group, where the queue keeps its order.
    sequence : str | None
        Twenty digits that grow from message to message of a group; the place that a FIFO queue gave it.
    """

    message_id: str
    body: str
    receive_count: int
    group: str | None = None
    sequence: str | None = None


@dataclass(kw_only=True)
class Work:
    """A message on its way through the stages."""

    message: Message
    envelope: Envelope
    claim: Claim
    archived: ArchivedBody | None = None
    archived_at: str = ""
    claimed: bool = False
    conflicting: bool = False


@dataclass(kw_only=True)
class Outcome:
    """What became of a batch.

    Attributes
    ----------
    failures : dict[str, Exception]
        Message id to the reason why the message must come back.
    routed, duplicates : list[Envelope]
        Events published by this run, and events that needed nothing.
    conflicts : list[Envelope]
        Duplicates by their id whose payload is another one than the record's.
    """

    failures: dict[str, Exception] = field(default_factory=dict)
    routed: list[Envelope] = field(default_factory=list)
    duplicates: list[Envelope] = field(default_factory=list)
    conflicts: list[Envelope] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Take over what became of more messages."""
        self.failures |= other.failures
        self.routed += other.routed
        self.duplicates += other.duplicates
        self.conflicts += other.conflicts


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Processes batches.

    Attributes
    ----------
    archive, records, bus
        Where events go.
    clock : Callable[[], float]
        Seconds since the epoch.
    on_failure : Callable[[Message, Exception], None]
        Told of every failure, for logs.
    """

    archive: Archive
    records: Records
    bus: Bus
    clock: Callable[[], float]
    on_failure: Callable[[Message, Exception], Any]

    def run(self, messages: Sequence[Message], seconds_left: float) -> Outcome:
        """Process a batch; one message's failure is its own.

        Parameters
        ----------
        seconds_left : float
            Until the invocation ends; the claims on the events end with it.
        """
        outcome = Outcome()
        until = int((self.clock() + seconds_left) * 1000)
        claimed = []
        for message in messages:
            work: Work | None = None
            # One poisoned message must not take its neighbours with it, whatever it is poisoned with.
            try:
                work = Work(
                    message=message,
                    envelope=Envelope.from_message(message.body),
                    claim=Claim(owner=message.message_id, until=until),
                )
                self._archive(work)
                work.claimed = self._claim(work)
                if work.claimed:
                    claimed.append(work)
                else:
                    found = outcome.conflicts if work.conflicting else outcome.duplicates
                    found.append(work.envelope)
            except Exception as error:
                self._fail(outcome, message, work, error)
        for work, bus_event_id in self._publish(outcome, claimed):
            try:
                self._mark(work, bus_event_id)
                outcome.routed.append(work.envelope)
            except Exception as error:
                self._fail(outcome, work.message, work, error)
        return outcome

    def _now(self) -> str:
        return times.iso(self.clock())

    def _archive(self, work: Work) -> None:
        envelope = work.envelope
        # Before the payload, whose evidence is worth nothing without it.
        if envelope.evidence is not None and envelope.evidence.certificate is not None:
            self.archive.store_certificate(envelope.evidence.key_id, envelope.evidence.certificate)
        if envelope.archived is not None:
            work.archived, work.archived_at = envelope.archived, envelope.received_at
        elif envelope.body is not None:
            work.archived = self.archive.store(envelope.event, envelope.body, envelope.content_type, envelope.evidence)
            work.archived_at = self._now()

    def _claim(self, work: Work) -> bool:
        """Record the event and claim it; False when there is nothing left to do."""
        assert work.archived is not None
        envelope, archived = work.envelope, work.archived
        if not self.records.take_signature(envelope, archived):
            work.conflicting = True
            return False
        replay = envelope.replay
        replayed = [entry(Step.REPLAYED, replay.requested_at, replayId=replay.replay_id)] if replay else []
        recorded = [entry(Step.ARCHIVED, work.archived_at), entry(Step.RECORDED, self._now())]
        timeline = [entry(Step.RECEIVED, envelope.received_at), *replayed, *recorded]
        existing = self.records.create(envelope, archived, work.claim, timeline)
        if existing is None:
            return True
        # Whatever became of the first payload, one that came later under its id does not take its place.
        if replay is None and existing.get("archive", {}).get("sha256", archived.sha256) != archived.sha256:
            work.conflicting = True
            self.records.note_conflict(envelope.event, archived, self._now())
            return False
        decision = decide(existing, envelope, work.message.message_id, int(self.clock() * 1000))
        if decision is Decision.DUPLICATE:
            return False
        taken_up = replayed if existing.get("owner") != work.claim.owner else []
        steps = taken_up or [entry(Step.RESUMED, self._now())]
        if "archive" not in existing:
            steps += recorded
        if decision is Decision.BUSY or not self.records.take_over(envelope, archived, work.claim, existing, steps):
            raise BusyError("another invocation is publishing this event")
        return True

    def _publish(self, outcome: Outcome, claimed: Sequence[Work]) -> Iterator[tuple[Work, str]]:
        for start in range(0, len(claimed), MAX_ENTRIES):
            chunk = claimed[start : start + MAX_ENTRIES]
            try:
                results = self.bus.publish(
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
            for work, result in zip(chunk, results, strict=True):
                if isinstance(result, NotPublishedError):
                    self._fail(outcome, work.message, work, result)
                else:
                    yield work, result

    def _mark(self, work: Work, bus_event_id: str) -> None:
        routed = entry(Step.ROUTED, self._now(), busEventId=bus_event_id)
        self.records.mark_routed(work.envelope.event, work.claim, routed)

    def _fail(self, outcome: Outcome, message: Message, work: Work | None, error: Exception) -> None:
        outcome.failures[message.message_id] = error
        self.on_failure(message, error)
        if work is None or isinstance(error, BusyError):
            return
        try:
            self.records.note_failure(
                work.envelope,
                describe(error),
                self._now(),
                message.receive_count,
                work.claim if work.claimed else None,
            )
        except Exception as failure:
            self.on_failure(message, failure)
