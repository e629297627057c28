"""The second stage of a batch: every event is recorded, and claimed by the message that will finish it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.record_batches import DUPLICATE, BatchedRecords, Creation
from lambdas.inbound.record_items import NO_REPLAY, Entry, Step, entry
from lambdas.processing.batching import Batching, InvocationDeadline, first_of_each
from lambdas.processing.rules import Decision, decide
from lambdas.processing.work import Work
from lambdas.shared import times
from lambdas.shared.errors import TellableError


class BusyError(TellableError):
    """Another invocation holds the event's claim; SQS delivers the message again after the visibility timeout."""


@dataclass(frozen=True, kw_only=True)
class Claiming:
    """Records and claims events.

    New events, which nearly all are, are claimed with batch calls. All others take single calls: duplicates,
    conflicts, events that a crash left unfinished, and replays.

    Attributes
    ----------
    records : BatchedRecords
        The records.
    batching : Batching
        Makes the batch calls.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    records: BatchedRecords
    batching: Batching
    clock: Callable[[], float]

    def claim_new(self, works: Sequence[Work], deadline: InvocationDeadline) -> None:
        """Claim the works with new events; all must be archived."""
        # A replay has a record already. Two statements of one call must not name the same item.
        new = first_of_each(
            (work for work in works if work.envelope.replay is None), lambda work: work.envelope.event.key
        )
        signed = first_of_each(
            (work for work in new if work.envelope.signature_id is not None),
            lambda work: (work.envelope.event.provider, work.envelope.signature_id),
        )
        for work, code in self.batching.attempt(
            "take signatures", signed, self._take_signatures, deadline=deadline, expected=DUPLICATE
        ):
            work.signature_taken = code is None
        free = [work for work in new if work.signature_taken or work.envelope.signature_id is None]
        for work, code in self.batching.attempt(
            "create records", free, self._create, deadline=deadline, expected=DUPLICATE
        ):
            work.claimed = code is None

    def claim(self, work: Work) -> bool:
        """Claim the event of one archived work; return False when there is nothing left to do.

        Raises
        ------
        BusyError
            When another invocation holds the claim.
        """
        envelope, archived = _archived(work)
        if not (work.signature_taken or self.records.take_signature(envelope, archived)):
            work.conflicting = True
            return False
        replay = envelope.replay
        if replay is not None:
            work.replay_id = replay.replay_id
        existing = self.records.create(envelope, archived, work.claim, self._timeline(work))
        if existing is None:
            return True
        # A later payload under the same id never takes the place of the first one; nor does that of a dead letter that
        # is replayed, when another one was recorded meanwhile.
        if existing.get("archive", {}).get("sha256", archived.sha256) != archived.sha256:
            work.conflicting = True
            self.records.note_conflict(envelope.event, archived, self._now())
            return False
        decision = decide(existing, envelope, work.message.message_id, int(self.clock() * 1000))
        if decision is Decision.DUPLICATE:
            return False
        if replay is None:
            work.replay_id = existing.get("replayId", NO_REPLAY)
        taken_up = self._replayed(work) if existing.get("owner") != work.claim.owner else []
        steps = taken_up or [entry(Step.RESUMED, self._now())]
        if "archive" not in existing:
            steps += self._recorded(work)
        if decision is Decision.BUSY or not self.records.take_over(envelope, archived, work.claim, existing, steps):
            raise BusyError("another invocation is publishing this event")
        return True

    def _take_signatures(self, works: Sequence[Work]) -> list[str | None]:
        return self.records.take_signatures([_archived(work) for work in works])

    def _create(self, works: Sequence[Work]) -> list[str | None]:
        creations = []
        for work in works:
            envelope, archived = _archived(work)
            timeline = self._timeline(work)
            creations.append(Creation(envelope=envelope, archived=archived, claim=work.claim, timeline=timeline))
        return self.records.create_all(creations)

    def _timeline(self, work: Work) -> list[Entry]:
        return [entry(Step.RECEIVED, work.envelope.received_at), *self._replayed(work), *self._recorded(work)]

    def _replayed(self, work: Work) -> list[Entry]:
        replay = work.envelope.replay
        return [entry(Step.REPLAYED, replay.requested_at, replayId=replay.replay_id)] if replay else []

    def _recorded(self, work: Work) -> list[Entry]:
        return [entry(Step.ARCHIVED, work.archived_at), entry(Step.RECORDED, self._now())]

    def _now(self) -> str:
        return times.iso(self.clock())


def _archived(work: Work) -> tuple[Envelope, ArchivedBody]:
    assert work.archived is not None
    return work.envelope, work.archived
