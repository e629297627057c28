"""The messages of a batch, and the result of a batch."""

from dataclasses import dataclass, field

from lambdas.inbound.envelope import ArchivedBody, Envelope, RecordKey
from lambdas.inbound.record_items import NO_REPLAY, Claim


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
        How often SQS delivered it, this time included.
    group : str | None
        Message group; None on a standard queue, which keeps no order.
    sequence : str | None
        Sequence number on a FIFO queue: twenty digits that increase within a group.
    """

    message_id: str
    body: str
    receive_count: int
    group: str | None = None
    sequence: str | None = None


@dataclass(kw_only=True)
class Work:
    """A message and its progress through the stages.

    Attributes
    ----------
    message : Message
        The message.
    envelope : Envelope
        The message, parsed.
    claim : Claim
        Its claim on the event.
    key : RecordKey
        The record that it is about, as far as is known.
    of_first_release : list[RecordKey]
        The records of version 0.1.0 that it may be about.
    archived : ArchivedBody | None
        Where its payload is, once it is archived.
    archived_at : str
        When it was archived, ISO 8601, UTC.
    signature_taken : bool
        Whether its signature is recorded for its body.
    claimed : bool
        Whether this message has claimed its event.
    replay_id : str
        The replay for which it is published, which another message may have begun; `NO_REPLAY` for none.
    out_of_order : bool
        Whether a later event of its transaction is known to be routed already.
    rendered_anew : bool
        Whether its payload is another one of the recorded event.
    conflicting : bool
        Whether its payload differs from the one recorded for the event, or for the signature.
    error : Exception | None
        The error that prevented archiving.
    """

    message: Message
    envelope: Envelope
    claim: Claim
    key: RecordKey
    of_first_release: list[RecordKey] = field(default_factory=list)
    archived: ArchivedBody | None = None
    archived_at: str = ""
    signature_taken: bool = False
    claimed: bool = False
    replay_id: str = NO_REPLAY
    out_of_order: bool = False
    rendered_anew: bool = False
    conflicting: bool = False
    error: Exception | None = None


@dataclass(kw_only=True)
class BatchResult:
    """The result of a batch.

    Attributes
    ----------
    failures : dict[str, Exception]
        Message id to the error; SQS delivers these messages again.
    routed, held, duplicates : list[Envelope]
        Events that this run published, that it did not publish because of their mode, and that were done already.
    rendered_anew : list[Envelope]
        Events of the above with another payload than the recorded one.
    conflicts : list[Envelope]
        Events with a known id or signature and another payload.
    """

    failures: dict[str, Exception] = field(default_factory=dict)
    routed: list[Envelope] = field(default_factory=list)
    held: list[Envelope] = field(default_factory=list)
    duplicates: list[Envelope] = field(default_factory=list)
    rendered_anew: list[Envelope] = field(default_factory=list)
    conflicts: list[Envelope] = field(default_factory=list)

    def add(self, other: "BatchResult") -> None:
        """Add the result of more messages."""
        self.failures |= other.failures
        self.routed += other.routed
        self.held += other.held
        self.duplicates += other.duplicates
        self.rendered_anew += other.rendered_anew
        self.conflicts += other.conflicts
