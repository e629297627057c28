"""Keeping the messages of the dead letter queue."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import Envelope, NotAnEnvelopeError
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.record_items import UNREADABLE
from lambdas.inbound.records import Records
from lambdas.shared import times


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A dead-lettered message, kept and recorded.

    Attributes
    ----------
    event : WebhookEvent
        The event; a made-up one for an unreadable message.
    correlation_id : str
        The event's correlation id; for an unreadable message, the id of the message.
    reason : str
        Why processing failed.
    """

    event: WebhookEvent
    correlation_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Keeps the messages that processing could not handle, so that an operator can find and replay them.

    Attributes
    ----------
    archive, records
        Where they are kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    archive: Archive
    records: Records
    clock: Callable[[], float]

    def keep(self, message_id: str, body: str, sent_at: float) -> DeadLetter:
        """Store the message, mark the record, and return why processing failed. It can be run again.

        Parameters
        ----------
        sent_at : float
            When the message was sent to the main queue, in seconds since the epoch.
        """
        unreadable = None
        try:
            envelope = Envelope.from_message(body)
        except NotAnEnvelopeError as error:
            unreadable = str(error)
            envelope = _stand_in(message_id, body, sent_at)
        key = self.archive.store_dead_letter(f"{envelope.event.provider}/{message_id}.json", body)
        reason = self.records.mark_dead_lettered(envelope, message_id, times.iso(self.clock()), key, unreadable)
        return DeadLetter(
            event=envelope.event,
            correlation_id=envelope.correlation_id,
            reason=reason,
        )


def _stand_in(message_id: str, body: str, sent_at: float) -> Envelope:
    """Return an envelope for an unreadable message, so that it too has a record."""
    event_id = message_id or hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
    return Envelope(
        event=WebhookEvent(
            provider=UNREADABLE,
            event_id=event_id,
            event_type="unknown",
            transaction_id=f"{UNREADABLE}:{event_id}",
            occurred_at=None,
        ),
        received_at=times.iso(sent_at),
        correlation_id=event_id,
        content_type="application/octet-stream",
        scheme="none",
        body=b"",
    )
