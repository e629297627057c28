"""The first stage of a batch: every payload is stored in the archive."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambdas.inbound.archive import Archive
from lambdas.inbound.batch_object import Payload
from lambdas.processing.batching import InvocationDeadline
from lambdas.processing.work import Work
from lambdas.shared import times
from lambdas.shared.errors import describe

BY_BATCH = "batch"
BY_EVENT = "event"


@dataclass(frozen=True, kw_only=True)
class Archiving:
    """Archives the payloads of a batch.

    Attributes
    ----------
    archive : Archive
        Where payloads go.
    archive_by : str
        `BY_BATCH`: the payloads of a batch in one object. `BY_EVENT`: an object for each payload. A payload that is
        alone in its batch, or was too large for a message, always has an object of its own.
    clock : Callable[[], float]
        Seconds since the epoch.
    on_fallback : Callable[[str, str], None]
        Called with the reason when payloads that belong into one object get one each.
    """

    archive: Archive
    archive_by: str
    clock: Callable[[], float]
    on_fallback: Callable[[str, str], None]

    def run(self, works: Sequence[Work], deadline: InvocationDeadline) -> None:
        """Archive the payload of each work, or set the error that prevented it."""
        for work in works:
            try:
                self._archive_certificate(work)
            except Exception as error:
                work.error = error
            if work.envelope.archived is not None:
                work.archived, work.archived_at = work.envelope.archived, work.envelope.received_at
        if self.archive_by == BY_BATCH:
            self._archive_together(_waiting(works))
        for work in _waiting(works):
            try:
                deadline.check()
                self._archive_alone(work)
            except Exception as error:
                work.error = error

    def _archive_certificate(self, work: Work) -> None:
        # Before the payload: its evidence proves nothing without the certificate.
        evidence = work.envelope.evidence
        if evidence is not None and evidence.certificate is not None:
            self.archive.store_certificate(evidence.key_id, evidence.certificate)

    def _archive_together(self, works: Sequence[Work]) -> None:
        payloads = [_payload(work) for work in works]
        if len({payload.identity for payload in payloads}) < 2:
            return
        try:
            day = min(work.envelope.received_at for work in works)[:10]
            places = self.archive.store_batch(payloads, day)
        except Exception as error:
            self.on_fallback("archive", describe(error))
            return
        now = self._now()
        for work, place in zip(works, places, strict=True):
            work.archived, work.archived_at = place, now

    def _archive_alone(self, work: Work) -> None:
        envelope = work.envelope
        assert envelope.body is not None
        work.archived = self.archive.store(envelope.event, envelope.body, envelope.content_type, envelope.evidence)
        work.archived_at = self._now()

    def _now(self) -> str:
        return times.iso(self.clock())


def _waiting(works: Sequence[Work]) -> list[Work]:
    return [work for work in works if work.archived is None and work.error is None]


def _payload(work: Work) -> Payload:
    envelope = work.envelope
    assert envelope.body is not None
    return Payload(
        provider=envelope.event.provider,
        event_id=envelope.event.event_id,
        content_type=envelope.content_type,
        body=envelope.body,
        sha256=hashlib.sha256(envelope.body).hexdigest(),
        evidence=envelope.evidence,
    )
