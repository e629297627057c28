"""What becomes of a message that was given up."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import Envelope, NotAnEnvelopeError
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.records import Records
from lambdas.shared import times

UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A dead-lettered message, kept and recorded.

    Attributes
    ----------
    event : WebhookEvent
        The event; one made up for the message where it held none.
    correlation_id : str
        The event's correlation id, or the message's id.
    reason : str
        Why processing gave up.
    """

    event: WebhookEvent
    correlation_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Keeps what processing gave up, so that an operator can find and replay it.

    Attributes
    ----------
    archive, records
        Where it is kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    archive: Archive
    records: Records
    clock: Callable[[], float]

    def keep(self, message_id: str, body: str, sent_at: float) -> DeadLetter:
        """Store the message, mark the record, and say why processing gave up. Safe to run again.

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
    """Return an envelope for a message that is none, so that it too has a record that can be found."""
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
