"""The record of an event as an item of the table: its key, its attributes, and its states.

The partition is made of the event's id, and of nothing that is read from the event otherwise: every redelivery, at any
time and by any version, has the same one. It holds, by sort key:

* `FIRST`: the first event with this id;
* an occurrence, see `lambdas.inbound.identity`: another event with this id;
* `DEAD_LETTER` and a digest: a dead letter that no record of an event is about.

The key attributes keep the names that version 0.1.0 gave them, because a table's key cannot be changed. Its records are
in the partition of their transaction, and the index `BY_EVENT_INDEX` finds them by their event. Later records are not
in that index; `BY_TRANSACTION_INDEX` finds them by their transaction.

`BY_RECEIVED_INDEX` finds them by their time of receipt. An entry of an index costs as much as a write to the table, so
records that are created together share one, if they are of one provider and minute. It is the entry of a listing: an
item with their keys. The listing is written first, and each record names it. A listed record that does not exist, or
names no listing or another one, was not created with this one.

`BY_DEAD_LETTER_INDEX` and `BY_CONFLICT_INDEX` find dead letters and conflicts by when they happened. They are sparse:
no other record has their attributes. They are two, because a dead letter can be in conflict, and stays so when it is
routed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import uuid4

from lambdas.inbound.envelope import ArchivedBody, Envelope, RecordKey
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.identity import later_id

PARTITION_KEY = "transactionId"
SORT_KEY = "timestamp"
FIRST = "-"
DEAD_LETTER = "dead-letter "
# No transaction id has a blank, so that no record of version 0.1.0 is in such a partition.
_EVENT = "event "
_LISTED_AS = "listing "
BY_EVENT_INDEX = "byEvent"
BY_TRANSACTION_INDEX = "byTransaction"
BY_RECEIVED_INDEX = "byReceived"
BY_DEAD_LETTER_INDEX = "byDeadLetter"
BY_CONFLICT_INDEX = "byConflict"
# Of these two: the shard of the event, and the time.
DEAD_LETTER_SHARD, DEAD_LETTERED_AT = "deadLetterShard", "deadLetteredAt"
CONFLICT_SHARD, CONFLICT_AT = "conflictShard", "conflictAt"
# Each index, and its keys.
INDEXES: Mapping[str, Sequence[str]] = {
    BY_EVENT_INDEX: ("eventKey",),
    BY_TRANSACTION_INDEX: ("transaction", "receivedAt"),
    BY_RECEIVED_INDEX: ("receivedBucket", "receivedAt"),
    BY_DEAD_LETTER_INDEX: (DEAD_LETTER_SHARD, DEAD_LETTERED_AT),
    BY_CONFLICT_INDEX: (CONFLICT_SHARD, CONFLICT_AT),
}
# Of a record: the id of its listing.
LISTING = "listing"
AUDIT = "audit log"
"""Partition of the operators' audit log; no transaction's id has a blank."""
# An index partition allows 1,000 writes/s; ten of them per provider and hour allow the 10,000 of the preset burst.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
SHARDS = 10
# A listing costs two writes: its own, and that of its entry in the index.
MIN_LISTED = 3
# As many as one call creates, see `lambdas.inbound.record_batches`.
MAX_LISTED = 25

# An item holds 400 KB; neither a sender that repeats an event nor an operator who replays it may fill it.
MAX_TIMELINE_ENTRIES = 500
# Of a timeline that is too long, these are left: how it began, and the newest.
FIRST_ENTRIES = 4
LAST_ENTRIES = 250
NO_REPLAY = "-"
# The provider of a dead letter that cannot be read. No deployed one is called so.
UNREADABLE = "unreadable"

# What operators are shown of a record; none of them is payload.
_SHOWN = (
    "provider",
    "eventId",
    "eventType",
    "state",
    "occurredAt",
    "amount",
    "currency",
    "amountUnit",
    "exponent",
    "mode",
    "account",
    "unsigned",
    "receivedAt",
    "correlationId",
    "scheme",
    "recovered",
    "sameBytesAs",
    "archive",
    "deadLetter",
    "erasedAt",
    DEAD_LETTERED_AT,
    CONFLICT_AT,
    "lastFailure",
)

# An entry of a record's timeline.
Entry = dict[str, str | int]


class State(StrEnum):
    """The state of an event."""

    RECORDED = "RECORDED"
    """Archived, recorded and claimed, but not yet published."""
    ROUTED = "ROUTED"
    """Published to the bus."""
    HELD = "HELD"
    """Archived and recorded, but not published: its mode is not the one that `routing.modes` lets through."""
    DEAD_LETTERED = "DEAD_LETTERED"
    """In the dead letter queue after its last receive; an operator can replay it."""
    CONFLICTING = "CONFLICTING"
    """A dead letter with the id of another event, found to be in conflict with it when it was replayed."""


class Step(StrEnum):
    """An entry of the timeline."""

    RECEIVED = "received"
    ARCHIVED = "archived"
    RECORDED = "recorded"
    ROUTED = "routed"
    HELD = "held"
    RESUMED = "resumed"
    DEAD_LETTERED = "dead-lettered"
    REPLAYED = "replayed"
    RENDERED_ANEW = "rendered-anew"
    """The same event was received with another payload, which is archived too."""
    CONFLICTING = "conflicting"
    """The same event id was received with another payload, which is archived too."""
    ERASED = "erased"
    """An operator erased its payload."""
    OMITTED = "omitted"
    """Stands for entries that were dropped because the timeline was too long."""


# Nothing else says where the payload is.
_OTHER_PAYLOAD = (Step.RENDERED_ANEW, Step.CONFLICTING)


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


def first_key(event: WebhookEvent) -> RecordKey:
    """Return the key of the first record of an event's id."""
    return RecordKey(partition=partition_of(event.key), sort=FIRST)


def occurrence_key(event: WebhookEvent) -> RecordKey:
    """Return the key of an event with an id that an earlier event has."""
    assert event.occurrence is not None
    return RecordKey(partition=partition_of(event.key), sort=event.occurrence)


def event_at(key: RecordKey, event: WebhookEvent) -> WebhookEvent:
    """Return an event under the id that it has in the record with this key."""
    if event.occurrence is None or key != occurrence_key(event):
        return event
    # Events that are compared by their body have the digest of it as their id.
    same_bytes_as = event.event_id if event.content is None else None
    return replace(event, event_id=later_id(event.event_id, event.occurrence), same_bytes_as=same_bytes_as)


def dead_letter_key(envelope: Envelope) -> RecordKey:
    """Return the key of a dead letter that no record is about."""
    text = f"{envelope.sha256} {envelope.event.content} {envelope.event.occurrence}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return RecordKey(partition=partition_of(envelope.event.key), sort=DEAD_LETTER + digest)


def key_of_record(record: Mapping[str, Any]) -> RecordKey:
    """Return the key of a record."""
    return RecordKey(partition=record[PARTITION_KEY], sort=record[SORT_KEY])


def id_of(record: Mapping[str, Any]) -> str:
    """Return ``<provider>:<event id>`` under which a record's webhook came; a later event with it has another id."""
    partition = str(record[PARTITION_KEY])
    if partition.startswith(_EVENT):
        return partition.removeprefix(_EVENT)
    return f"{record['provider']}:{record['eventId']}"


def is_of_first_release(key: RecordKey) -> bool:
    """Return whether version 0.1.0 wrote a record."""
    return not key.partition.startswith(_EVENT)


def transaction_of(record: Mapping[str, Any]) -> str:
    """Return the transaction of a record."""
    return str(record.get("transaction", record[PARTITION_KEY]))


def shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what operators are shown of a record, without its timeline."""
    return {field: record[field] for field in _SHOWN if field in record}


def partition_of(event_key: str) -> str:
    """Return the partition of the records of an event, by ``<provider>:<event id>``."""
    return _EVENT + event_key


def event_of(record: Mapping[str, Any]) -> WebhookEvent:
    """Return the event that a record is about."""
    return WebhookEvent(
        provider=record["provider"],
        event_id=record["eventId"],
        event_type=record["eventType"],
        transaction_id=transaction_of(record),
        occurred_at=record.get("occurredAt"),
        amount=_amount_of(record),
        currency=record.get("currency"),
        amount_unit=record.get("amountUnit"),
        exponent=int(record["exponent"]) if "exponent" in record else None,
        mode=record.get("mode"),
        account=record.get("account"),
        unsigned=record.get("unsigned"),
        content=record.get("content"),
        occurrence=record.get("occurrence"),
        same_bytes_as=record.get("sameBytesAs"),
    )


def _amount_of(record: Mapping[str, Any]) -> str | None:
    amount = record.get("amount")
    # Earlier records have a text, as the provider wrote it.
    return amount if amount is None or isinstance(amount, str) else str(int(amount))


def archived_of(record: Mapping[str, Any]) -> ArchivedBody | None:
    """Return where the payload of a record is; None if it is not archived."""
    if not (archived := record.get("archive")):
        return None
    return ArchivedBody(
        key=archived["key"],
        # Records from before batch objects have no offset.
        offset=int(archived.get("offset", 0)),
        size=int(archived["size"]),
        sha256=archived["sha256"],
    )


def received_bucket(provider: str, received_at: str, shard: int) -> str:
    """Return the partition key of the index by time of receipt: provider, hour, shard."""
    return f"{provider}#{received_at[:13]}#{shard}"


def received_minute(received_at: str) -> str:
    """Return the minute of a time, which sorts before all times in it."""
    return received_at[:16]


def new_listing(listing_id: str, envelopes: Sequence[Envelope], keys: Sequence[RecordKey]) -> dict[str, Any]:
    """Return the attributes of the listing of some records, all of one provider and minute.

    Its shard is that of the first one.
    """
    first = min(envelope.received_at for envelope in envelopes)
    event = envelopes[0].event
    return {
        PARTITION_KEY: _LISTED_AS + listing_id,
        SORT_KEY: FIRST,
        "receivedBucket": received_bucket(event.provider, first, shard_of(event.key)),
        "receivedAt": first,
        "records": [[key.partition, key.sort] for key in keys],
    }


def listing_id_of(item: Mapping[str, Any]) -> str | None:
    """Return the id of the listing that an item, or its entry in an index, is; None for anything else."""
    partition = str(item[PARTITION_KEY])
    return partition.removeprefix(_LISTED_AS) if partition.startswith(_LISTED_AS) else None


def listed_keys(listing: Mapping[str, Any]) -> list[RecordKey]:
    """Return the keys of a listing."""
    return [RecordKey(partition=partition, sort=sort) for partition, sort in listing["records"]]


def shard_of(key: str) -> int:
    """Return the shard of a key that every redelivery of an event has."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % SHARDS


def entry(step: Step, at: str, **details: str | int) -> Entry:
    """Return an entry of the timeline."""
    return {"step": str(step), "at": at, **details}


def shortened(timeline: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]] | None:
    """Return what is left of a timeline that is too long: all other payloads, and the oldest and newest of the rest.

    None for a timeline that is not too long.
    """
    if len(timeline) < MAX_TIMELINE_ENTRIES:
        return None
    middle = timeline[FIRST_ENTRIES:-LAST_ENTRIES]
    payloads = [one for one in middle if one["step"] in _OTHER_PAYLOAD]
    dropped = [one for one in middle if one["step"] not in _OTHER_PAYLOAD]
    if not dropped:
        return None
    number = sum(int(one.get("entries", 1)) for one in dropped)
    omitted = entry(Step.OMITTED, dropped[-1]["at"], entries=number)
    return [*timeline[:FIRST_ENTRIES], *payloads, omitted, *timeline[-LAST_ENTRIES:]]


def carried_out(record: Mapping[str, Any]) -> set[str]:
    """Return the ids of the replays that were carried out and marked, as far as the timeline goes back."""
    done = [one for one in record.get("timeline", ()) if one["step"] in {Step.ROUTED, Step.HELD}]
    routed = {one["replayId"] for one in done if "replayId" in one}
    # Records from before entries had the id say it of the last replay only.
    return routed | ({record.get("replayId", NO_REPLAY)} if record["state"] == State.ROUTED else set())


def described(event: WebhookEvent) -> dict[str, Any]:
    """Return the data that an event may have, under its names in records and published events.

    An amount is a number if its digits are known, so that a rule can compare it.
    """
    whole = event.amount is not None and event.exponent is not None
    money = {
        "exponent": event.exponent,
        "mode": event.mode,
        "account": event.account,
        "unsigned": event.unsigned,
    }
    return {
        "occurredAt": event.occurred_at,
        "amount": int(event.amount or 0) if whole else event.amount,
        "currency": event.currency,
        "amountUnit": event.amount_unit,
        # What is not known is absent, which a rule can ask for.
        **{name: value for name, value in money.items() if value is not None},
    }


def identity(envelope: Envelope, key: RecordKey) -> dict[str, Any]:
    """Return the attributes that every record has, in any state; none of them is payload."""
    event = event_at(key, envelope.event)
    first_release = is_of_first_release(key)
    optional = {
        **described(event),
        "transaction": None if first_release else event.transaction_id,
        "content": event.content,
        "occurrence": event.occurrence,
        "sameBytesAs": event.same_bytes_as,
        # Without it, the record would leave the only index that finds it.
        "eventKey": event.key if first_release else None,
        "recovered": envelope.recovered or None,
    }
    return {
        "provider": event.provider,
        "eventId": event.event_id,
        "eventType": event.event_type,
        "receivedAt": envelope.received_at,
        "receivedBucket": received_bucket(event.provider, envelope.received_at, shard_of(event.key)),
        "correlationId": envelope.correlation_id,
        "contentType": envelope.content_type,
        "scheme": envelope.scheme,
        **{name: value for name, value in optional.items() if value is not None},
    }


def new_record(
    key: RecordKey,
    envelope: Envelope,
    archived: ArchivedBody,
    claim: Claim,
    timeline: list[Entry],
    *,
    listing_id: str | None = None,
) -> dict[str, Any]:
    """Return the attributes of a new record with its claim; a listing is in the index by time of receipt for it."""
    record = {
        PARTITION_KEY: key.partition,
        SORT_KEY: key.sort,
        **identity(envelope, key),
        "state": State.RECORDED,
        "owner": claim.owner,
        "leaseUntil": claim.until,
        "claim": claim.token,
        "archive": asdict(archived),
        "timeline": timeline,
        **({"replayId": envelope.replay.replay_id} if envelope.replay else {}),
    }
    if listing_id is not None:
        del record["receivedBucket"]
        record[LISTING] = listing_id
    return record


def new_signature(envelope: Envelope) -> dict[str, str]:
    """Return the attributes of the item that records a signature for one body.

    No event can have its key, because the key contains a blank. It is in no index.
    """
    return {
        PARTITION_KEY: f"signature {envelope.event.provider}:{envelope.signature_id}",
        SORT_KEY: "-",
        "heldBy": envelope.event.key,
        "sha256": envelope.sha256,
    }
