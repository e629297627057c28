"""The record of an event: one item in the table, and the states it goes through.

An item's key is the transaction id and a sort key made of the event alone, so that every redelivery of an event,
at whatever time, meets the same item.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.shared.dynamodb import condition_failed, from_item, names_in, to_item

PARTITION_KEY = "transactionId"
SORT_KEY = "timestamp"
BY_EVENT_INDEX = "byEvent"
BY_RECEIVED_INDEX = "byReceived"
# An index partition takes 1,000 writes a second; ten of them per provider and hour take the burst preset's 10,000.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
RECEIVED_SHARDS = 10
# An item holds 400 KB; what a sender repeats must not fill it.
MAX_TIMELINE_ENTRIES = 500
UNKNOWN_REASON = "no reason was written down: look for the correlation id in the processing function's log"

# An entry of a record's timeline.
Entry = dict[str, str | int]


class State(StrEnum):
    """Where an event stands."""

    RECORDED = "RECORDED"
    """Archived and recorded, and somebody is about to publish it."""
    ROUTED = "ROUTED"
    """Published to the bus."""
    DEAD_LETTERED = "DEAD_LETTERED"
    """Given up after its last receive; waits for an operator."""


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
    """The same event id came again with another payload, which is archived beside the first."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A message's right to finish an event, until a time.

    Attributes
    ----------
    owner : str
        SQS message id; the same in every redelivery of the message.
    until : int
        Milliseconds since the epoch: the end of the invocation. Nobody else publishes the event before it.
    token : str
        Made anew for each claim. By it a call that the SDK sent again, because an answer was lost, knows its own work;
        two invocations may have the same message at once.
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


def key_of(event: WebhookEvent) -> dict[str, Any]:
    """Return the key of an event's record in wire form."""
    return to_item({PARTITION_KEY: event.transaction_id, SORT_KEY: event.sort_key})


def described(event: WebhookEvent) -> dict[str, str | None]:
    """Return what an event may say of itself, under the names that records and published events have for it."""
    return {
        "occurredAt": event.occurred_at,
        "amount": event.amount,
        "currency": event.currency,
        "amountUnit": event.amount_unit,
    }


def identity(envelope: Envelope) -> dict[str, Any]:
    """Return what a record says of an event whatever became of it; none of it is payload."""
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
    """Return the values of a record that is claimed as it is created."""
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
    """Return the values of the item that holds a signature for one body.

    Its key is one that no event can have, since there is a blank in it, and it is in no index.
    """
    return {
        PARTITION_KEY: f"signature {envelope.event.provider}:{envelope.signature_id}",
        SORT_KEY: "-",
        "heldBy": envelope.event.key,
        "sha256": archived.sha256,
    }


class Records:
    """Writes records, each write conditional on what it assumes.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client (not a resource, which takes longer to import).
    table : str
        Table name.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def take_signature(self, envelope: Envelope, archived: ArchivedBody) -> bool:
        """Tell whether an event's body is the first for its signature, or its signature is good for one body only."""
        if envelope.signature_id is None:
            return True
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=to_item(new_signature(envelope, archived)),
                ConditionExpression="attribute_not_exists(#sha256) OR #sha256 = :sha256",
                ExpressionAttributeNames={"#sha256": "sha256"},
                ExpressionAttributeValues=to_item({":sha256": archived.sha256}),
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def create(
        self, envelope: Envelope, archived: ArchivedBody, claim: Claim, timeline: list[Entry]
    ) -> dict[str, Any] | None:
        """Create the record and claim it, or return the record that exists.

        A note of a failure may have been written before; it holds no state and gives way.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=to_item(new_record(envelope, archived, claim, timeline)),
                ConditionExpression="attribute_not_exists(#state)",
                ExpressionAttributeNames={"#state": "state"},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            existing = from_item(error.response["Item"])
            return None if existing.get("claim") == claim.token else existing
        return None

    def take_over(
        self,
        envelope: Envelope,
        archived: ArchivedBody,
        claim: Claim,
        seen: Mapping[str, Any],
        timeline: list[Entry],
    ) -> bool:
        """Claim a record that exists, unless it changed since it was seen; tell whether that worked."""
        return self._update(
            envelope.event,
            "SET #state = :state, #owner = :owner, #leaseUntil = :until, #claim = :claim, #archive = :archive, "
            "#replayId = :replay, #timeline = list_append(#timeline, :timeline)",
            {
                ":state": State.RECORDED,
                ":owner": claim.owner,
                ":until": claim.until,
                ":claim": claim.token,
                ":archive": asdict(archived),
                ":replay": envelope.replay.replay_id if envelope.replay else seen.get("replayId", "-"),
                ":timeline": timeline,
                ":seenState": seen["state"],
                ":seenOwner": seen.get("owner", "-"),
                ":seenUntil": seen.get("leaseUntil", 0),
            },
            "#state = :seenState AND (attribute_not_exists(#owner) OR #owner = :seenOwner) "
            "AND (attribute_not_exists(#leaseUntil) OR #leaseUntil = :seenUntil)",
        )

    def mark_routed(self, event: WebhookEvent, claim: Claim, routed: Entry) -> bool:
        """Say once that the event was published; False when it was said, or another message took over meanwhile."""
        return self._update(
            event,
            "SET #state = :state, #timeline = list_append(#timeline, :timeline) REMOVE #lastFailure",
            {
                ":state": State.ROUTED,
                ":owner": claim.owner,
                ":timeline": [routed],
            },
            "#owner = :owner AND #state <> :state",
        )

    def note_conflict(self, event: WebhookEvent, archived: ArchivedBody, at: str) -> None:
        """Say once for each other payload that came under the event's id, and where it lies."""
        self._update(
            event,
            "SET #timeline = list_append(#timeline, :entries) ADD #otherPayloads :digest",
            {
                ":entries": [
                    entry(Step.CONFLICTING, at, archive=archived.key, offset=archived.offset, size=archived.size)
                ],
                ":digest": {archived.sha256},
                ":one": archived.sha256,
                ":most": MAX_TIMELINE_ENTRIES,
            },
            "(attribute_not_exists(#otherPayloads) OR NOT contains(#otherPayloads, :one)) AND size(#timeline) < :most",
        )

    def note_failure(self, envelope: Envelope, reason: str, at: str, receive_count: int, release: Claim | None) -> None:
        """Keep the reason of the latest failure, so that the dead letter handler can say why it came to that.

        An event that has no record yet gets one without a state, which says what it is and why it is not further. A
        claim that is handed in is released, so that the message's next receive need not wait for it to end.
        """
        assignments, values = self._identify(envelope)
        expression, condition = "SET " + ", ".join([*assignments, "#lastFailure = :failure"]), None
        values |= {":failure": {"reason": reason, "at": at, "receiveCount": receive_count}}
        if release is not None:
            expression, condition = f"{expression}, #leaseUntil = :now", "#owner = :owner"
            values |= {":now": 0, ":owner": release.owner}
        self._update(envelope.event, expression, values, condition)

    def mark_dead_lettered(
        self, envelope: Envelope, message_id: str, at: str, dead_letter_key: str, reason: str | None
    ) -> str:
        """Mark the record, or create it, once per message.

        An event that was routed stays routed, and only its timeline tells of the message that was given up.

        Parameters
        ----------
        reason : str | None
            Why, where the caller knows; otherwise the failure that processing noted stays.

        Returns
        -------
        str
            The reason, as the timeline has it.
        """
        why = reason or self._noted_failure(envelope.event) or UNKNOWN_REASON
        assignments, values = self._identify(envelope)
        assignments += [
            "#timeline = list_append(if_not_exists(#timeline, :received), :entries)",
            "#deadLetterMessage = :message",
        ]
        values |= {
            ":received": [entry(Step.RECEIVED, envelope.received_at)],
            ":entries": [entry(Step.DEAD_LETTERED, at, reason=why)],
            ":message": message_id,
        }
        if reason is not None:
            assignments.append("#lastFailure = :failure")
            values[":failure"] = {"reason": reason, "at": at}
        expression = "SET " + ", ".join(assignments)
        once = "(attribute_not_exists(#deadLetterMessage) OR #deadLetterMessage <> :message)"
        marked = self._update(
            envelope.event,
            f"{expression}, #state = :state, #deadLetter = :key",
            {**values, ":state": State.DEAD_LETTERED, ":key": dead_letter_key, ":routed": State.ROUTED},
            f"{once} AND (attribute_not_exists(#state) OR #state <> :routed)",
        )
        if not marked:
            self._update(envelope.event, expression, values, once)
        return why

    def _identify(self, envelope: Envelope) -> tuple[list[str], dict[str, Any]]:
        """Return the assignments, and their values, that give a record its identity unless it has one."""
        fields = identity(envelope)
        assignments = [f"#{name} = if_not_exists(#{name}, :{name})" for name in fields]
        return assignments, {f":{name}": value for name, value in fields.items()}

    def _noted_failure(self, event: WebhookEvent) -> str | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=key_of(event), ProjectionExpression="lastFailure", ConsistentRead=True
        )
        failure = from_item(answer.get("Item", {})).get("lastFailure")
        return str(failure["reason"]) if failure else None

    def _update(self, event: WebhookEvent, expression: str, values: Mapping[str, Any], condition: str | None) -> bool:
        """Update a record; False when the condition does not hold."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "Key": key_of(event),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names_in(expression, condition or ""),
            "ExpressionAttributeValues": to_item(values),
        }
        if condition:
            arguments["ConditionExpression"] = condition
        try:
            self._dynamodb.update_item(**arguments)
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True
