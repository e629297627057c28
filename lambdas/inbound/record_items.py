"""The record of an event as an item of the table: its key, its attributes, and its states.

The key is the transaction id, and a sort key that is made of the event alone: every redelivery of an event, at any
time, has the same key.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.event import WebhookEvent

PARTITION_KEY = "transactionId"
SORT_KEY = "timestamp"
BY_EVENT_INDEX = "byEvent"
BY_RECEIVED_INDEX = "byReceived"
# An index partition allows 1,000 writes/s; ten of them per provider and hour allow the 10,000 of the preset burst.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
RECEIVED_SHARDS = 10

# An item holds 400 KB; neither a sender that repeats an event nor an operator who replays it may fill it.
MAX_TIMELINE_ENTRIES = 500
# Of a timeline that is too long, these are left: how it began, and the newest.
FIRST_ENTRIES = 4
LAST_ENTRIES = 250
NO_REPLAY = "-"

# An entry of a record's timeline.
Entry = dict[str, str | int]


class State(StrEnum):
    """The state of an event."""

    RECORDED = "RECORDED"
    """Archived, recorded and claimed, but not yet published."""
    ROUTED = "ROUTED"
    """Published to the bus."""
    DEAD_LETTERED = "DEAD_LETTERED"
    """In the dead letter queue after its last receive; an operator can replay it."""


class Step(StrEnum):
    """An entry of the timeline."""

    RECEIVED = "received"
    ARCHIVED = "archived"
    RECORDED = "recorded"
    ROUTED = "routed"
    RESUMED = "resumed"
    DEAD_LETTERED = "dead-lettered"
    REPLAYED = "replayed"
    CONFLICTING = "conflicting"
    """The same event id was received with another payload, which is archived too."""
    OMITTED = "omitted"
    """Stands for entries that were dropped because the timeline was too long."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A message's claim: until a time, no other message may publish the event.

    Attributes
    ----------
    owner : str
        SQS message id; the same in every redelivery of the message.
    until : int
        End of the claim and of the invocation, milliseconds since the epoch.
    token : str
        New for each claim. It tells a call that the SDK repeated after a lost response from a call of another
        invocation with the same message.
    """

    owner: str
    until: int
    token: str = field(default_factory=lambda: uuid4().hex[:16])


def received_bucket(provider: str, received_at: str, shard: int) -> str:
    """Return the partition key of the index by time of receipt: provider, hour, shard."""
    return f"{provider}#{received_at[:13]}#{shard}"


def shard_of(event: WebhookEvent) -> int:
    """Return the shard of an event, the same for every redelivery."""
    return int(hashlib.sha256(event.key.encode()).hexdigest()[:8], 16) % RECEIVED_SHARDS


def entry(step: Step, at: str, **details: str | int) -> Entry:
    """Return an entry of the timeline."""
    return {"step": str(step), "at": at, **details}


def shortened(timeline: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]] | None:
    """Return what is left of a timeline that is too long: all conflicts, and the oldest and newest of the others.

    None for a timeline that is not too long.
    """
    if len(timeline) < MAX_TIMELINE_ENTRIES:
        return None
    middle = timeline[FIRST_ENTRIES:-LAST_ENTRIES]
    conflicts = [one for one in middle if one["step"] == Step.CONFLICTING]
    dropped = [one for one in middle if one["step"] != Step.CONFLICTING]
    if not dropped:
        return None
    number = sum(int(one.get("entries", 1)) for one in dropped)
    omitted = entry(Step.OMITTED, dropped[-1]["at"], entries=number)
    return [*timeline[:FIRST_ENTRIES], *conflicts, omitted, *timeline[-LAST_ENTRIES:]]


def carried_out(record: Mapping[str, Any]) -> set[str]:
    """Return the ids of the replays for which the event was published and marked, as far as its timeline goes back."""
    routed = {one["replayId"] for one in record.get("timeline", ()) if one["step"] == Step.ROUTED and "replayId" in one}
    # Records from before entries had the id say it of the last replay only.
    return routed | ({record.get("replayId", NO_REPLAY)} if record["state"] == State.ROUTED else set())


def described(event: WebhookEvent) -> dict[str, str | None]:
    """Return the optional data of an event, under its names in records and published events."""
    return {
        "occurredAt": event.occurred_at,
        "amount": event.amount,
        "currency": event.currency,
        "amountUnit": event.amount_unit,
    }


def identity(envelope: Envelope) -> dict[str, Any]:
    """Return the attributes that every record has, in any state; none of them is payload."""
    event = envelope.event
    return {
        "provider": event.provider,
        "eventId": event.event_id,
        "eventType": event.event_type,
        "eventKey": event.key,
        "receivedAt": envelope.received_at,
        "receivedBucket": received_bucket(event.provider, envelope.received_at, shard_of(event)),
        "correlationId": envelope.correlation_id,
        "contentType": envelope.content_type,
        "scheme": envelope.scheme,
        **{name: value for name, value in described(event).items() if value is not None},
    }


def new_record(envelope: Envelope, archived: ArchivedBody, claim: Claim, timeline: list[Entry]) -> dict[str, Any]:
    """Return the attributes of a new record with its claim."""
    return {
        PARTITION_KEY: envelope.event.transaction_id,
        SORT_KEY: envelope.event.sort_key,
        **identity(envelope),
        "state": State.RECORDED,
        "owner": claim.owner,
        "leaseUntil": claim.until,
        "claim": claim.token,
        "archive": asdict(archived),
        "timeline": timeline,
        **({"replayId": envelope.replay.replay_id} if envelope.replay else {}),
    }


def new_signature(envelope: Envelope, archived: ArchivedBody) -> dict[str, Any]:
    """Return the attributes of the item that records a signature for one body.

    No event can have its key, because the key contains a blank. It is in no index.
    """
    return {
        PARTITION_KEY: f"signature {envelope.event.provider}:{envelope.signature_id}",
        SORT_KEY: "-",
        "heldBy": envelope.event.key,
        "sha256": archived.sha256,
    }
