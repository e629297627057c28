"""The second stage of a batch: every event is recorded, and claimed by the message that will finish it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope, RecordKey
from lambdas.inbound.identity import Same, compare
from lambdas.inbound.record_batches import DUPLICATE, BatchedRecords, Creation
from lambdas.inbound.record_items import NO_REPLAY, Entry, Step, archived_of, entry, event_at, event_of, occurrence_key
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

    def find_of_first_release(self, works: Sequence[Work]) -> None:
        """Find the records that version 0.1.0 wrote of the works' events."""
        unknown = [work for work in works if work.envelope.record is None]
        found = self.records.of_first_release(work.envelope.event for work in unknown)
        for work in unknown:
            work.of_first_release = found.get(work.envelope.event.key, [])

    def claim_new(self, works: Sequence[Work], deadline: InvocationDeadline) -> None:
        """Claim the works with new events; all must be archived."""
        # A replay has a record already. Two statements of one call must not name the same item.
        new = first_of_each(
            (work for work in works if work.envelope.replay is None and not work.of_first_release),
            lambda work: work.key,
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
        envelope = work.envelope
        other = None if work.signature_taken else self.records.take_signature(envelope)
        if other is not None:
            self._conflict(work, other)
            return False
        if envelope.replay is not None:
            work.replay_id = envelope.replay.replay_id
        existing, same = self._create_or_compare(work)
        if existing is None:
            return True
        # A later payload under the same id never takes the place of the first one; nor does that of a dead letter that
        # is replayed, when another one was recorded meanwhile.
        if same is not Same.EVENT:
            self._conflict(work, work.key)
            return False
        return self._go_on(work, existing)

    def _conflict(self, work: Work, key: RecordKey) -> None:
        """Note a payload in the record of the event with which it is in conflict."""
        envelope, archived = _archived(work)
        work.conflicting = True
        self.records.note_other_payload(key, Step.CONFLICTING, archived, self._now())
        if envelope.replay is not None:
            self.records.settle_dead_letter(envelope, self._now())

    def _create_or_compare(self, work: Work) -> tuple[dict[str, Any] | None, Same]:
        """Create the record of a work, or return the one that its event, or only its id, has already."""
        found = []
        for key in work.of_first_release or [work.key]:
            existing, same = self._create_at(key, work)
            if same is Same.EVENT:
                return existing, same
            found.append(same)
        if Same.ID in found:
            return self._create_at(occurrence_key(work.envelope.event), work)
        return existing, same

    def _create_at(self, key: RecordKey, work: Work) -> tuple[dict[str, Any] | None, Same]:
        envelope, archived = _archived(work)
        event = envelope.event
        named = replace(envelope, event=event_at(key, event))
        work.key = key
        existing = self.records.create(key, named, archived, work.claim, self._timeline(work))
        same = Same.EVENT
        if existing is not None:
            same = compare(existing, event.content, event.occurrence, archived.sha256)
        if same is Same.EVENT:
            work.envelope = named
        return existing, same

    def _go_on(self, work: Work, existing: Mapping[str, Any]) -> bool:
        """Claim an event that has a record, unless it is done."""
        envelope, archived = _archived(work)
        recorded = archived_of(existing)
        if recorded is not None and recorded.sha256 != archived.sha256:
            work.rendered_anew = True
            self.records.note_other_payload(work.key, Step.RENDERED_ANEW, archived, self._now())
        decision = decide(existing, envelope, work.message.message_id, int(self.clock() * 1000))
        if decision is Decision.DUPLICATE:
            if envelope.event.occurrence is not None and "occurrence" not in existing:
                self.records.complete_identity(work.key, envelope.event)
            return False
        if envelope.replay is None:
            work.replay_id = existing.get("replayId", NO_REPLAY)
        taken_up = self._replayed(work) if existing.get("owner") != work.claim.owner else []
        steps = taken_up or [entry(Step.RESUMED, self._now())]
        if recorded is None:
            steps += self._recorded(work)
        else:
            # What was recorded first is what is published, however the event is rendered or read today.
            work.envelope = replace(envelope, event=event_of(existing), content_type=existing["contentType"])
            work.archived = recorded
        envelope, archived = _archived(work)
        if decision is Decision.BUSY or not self.records.take_over(
            work.key, envelope, archived, work.claim, seen=existing, timeline=steps
        ):
            raise BusyError("another invocation is publishing this event")
        return True

    def _take_signatures(self, works: Sequence[Work]) -> list[str | None]:
        return self.records.take_signatures([work.envelope for work in works])

    def _create(self, works: Sequence[Work]) -> list[str | None]:
        creations = []
        for work in works:
            envelope, archived = _archived(work)
            timeline = self._timeline(work)
            creations.append(
                Creation(key=work.key, envelope=envelope, archived=archived, claim=work.claim, timeline=timeline)
            )
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
