"""What a batch consists of, and what becomes of it."""

from dataclasses import dataclass, field

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.records import Claim


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
    """A message on its way through the stages.

    Attributes
    ----------
    message : Message
        The message.
    envelope : Envelope
        What it says.
    claim : Claim
        What it claims its event with.
    archived : ArchivedBody | None
        Where its payload lies, once that is durable.
    archived_at : str
        Since when, ISO 8601, UTC.
    signature_taken : bool
        Whether its signature is known to be good for its body.
    claimed : bool
        Whether the event is this message's to finish.
    conflicting : bool
        Whether its payload is another than the one recorded for the event, or for the signature.
    error : Exception | None
        Why it could not be archived.
    """

    message: Message
    envelope: Envelope
    claim: Claim
    archived: ArchivedBody | None = None
    archived_at: str = ""
    signature_taken: bool = False
    claimed: bool = False
    conflicting: bool = False
    error: Exception | None = None


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
