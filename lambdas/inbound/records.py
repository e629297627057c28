"""Writing records: each write is conditional on what it assumes of the record."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.record_items import (
    MAX_TIMELINE_ENTRIES,
    NO_REPLAY,
    PARTITION_KEY,
    SORT_KEY,
    Claim,
    Entry,
    State,
    Step,
    entry,
    identity,
    new_record,
    new_signature,
    shortened,
)
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, names_in, to_item, write_if

UNKNOWN_REASON = "no reason was recorded: look for the correlation id in the log of the processing function"


def key_of(event: WebhookEvent) -> dict[str, Any]:
    """Return the key of an event's record in wire form."""
    return to_item({PARTITION_KEY: event.transaction_id, SORT_KEY: event.sort_key})


class Records:
    """Writes records.

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
        """Return whether the event's signature may be used for its body: it is new, or recorded for this body."""
        if envelope.signature_id is None:
            return True
        arguments = {
            "TableName": self._table,
            "Item": to_item(new_signature(envelope, archived)),
            "ConditionExpression": "attribute_not_exists(#sha256) OR #sha256 = :sha256",
            "ExpressionAttributeNames": {"#sha256": "sha256"},
            "ExpressionAttributeValues": to_item({":sha256": archived.sha256}),
        }
        return write_if(self._dynamodb.put_item, arguments, lambda _: False) is not None

    def create(
        self, envelope: Envelope, archived: ArchivedBody, claim: Claim, timeline: list[Entry]
    ) -> dict[str, Any] | None:
        """Create the record with its claim, or return the existing record.

        A record without a state, which only notes a failure, is replaced.
        """
        arguments = {
            "TableName": self._table,
            "Item": to_item(new_record(envelope, archived, claim, timeline)),
            "ConditionExpression": "attribute_not_exists(#state)",
            "ExpressionAttributeNames": {"#state": "state"},
        }
        existing = write_if(self._dynamodb.put_item, arguments, lambda _: True)
        return None if not existing or existing.get("claim") == claim.token else existing

    def take_over(
        self,
        envelope: Envelope,
        archived: ArchivedBody,
        claim: Claim,
        seen: Mapping[str, Any],
        timeline: list[Entry],
    ) -> bool:
        """Claim an existing record, unless it changed since it was read; return whether that worked."""
        self._shorten(envelope.event, seen)
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
                ":replay": envelope.replay.replay_id if envelope.replay else seen.get("replayId", NO_REPLAY),
                ":timeline": timeline,
                ":seenState": seen["state"],
                ":seenOwner": seen.get("owner", "-"),
                ":seenUntil": seen.get("leaseUntil", 0),
            },
            "#state = :seenState AND (attribute_not_exists(#owner) OR #owner = :seenOwner) "
            "AND (attribute_not_exists(#leaseUntil) OR #leaseUntil = :seenUntil)",
            claim,
        )

    def mark_routed(self, event: WebhookEvent, claim: Claim, routed: Entry) -> bool:
        """Mark the event as published; return False if it is marked already, or another message took over."""
        return self._update(
            event,
            "SET #state = :state, #timeline = list_append(#timeline, :timeline) REMOVE #lastFailure",
            {
                ":state": State.ROUTED,
                ":owner": claim.owner,
                ":timeline": [routed],
            },
            "#owner = :owner AND #state <> :state",
            claim,
        )

    def note_conflict(self, event: WebhookEvent, archived: ArchivedBody, at: str) -> None:
        """Note another payload under the event's id, and its place; once for each payload."""
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
        """Note the reason of the latest failure, for the dead letter handler.

        An event without a record gets one without a state. A claim in `release` is released, so that the next receive
        of the message need not wait for its end.
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
        """Mark the record as dead-lettered, or create it, once per message.

        A routed event stays routed, and a claim that has not ended stays: its own message is still in the queue. Only
        the timeline mentions the dead-lettered message then.

        Parameters
        ----------
        reason : str | None
            The reason, if the caller knows it; otherwise the failure that processing noted is kept.

        Returns
        -------
        str
            The reason, as in the timeline.
        """
        seen = self._seen(envelope.event)
        self._shorten(envelope.event, seen)
        why = reason or str(seen.get("lastFailure", {}).get("reason", UNKNOWN_REASON))
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
        # A message may be given up again after a copy of it took the event up.
        given_up = {
            ":state": State.DEAD_LETTERED,
            ":recorded": State.RECORDED,
            ":now": int((times.parse(at) or 0.0) * 1000),
        }
        marked = self._update(
            envelope.event,
            f"{expression}, #state = :state, #deadLetter = :key",
            {**values, **given_up, ":key": dead_letter_key},
            "attribute_not_exists(#state) OR (#state = :recorded AND #leaseUntil < :now) "
            f"OR (#state = :state AND {once})",
        )
        if not marked:
            self._update(envelope.event, expression, values, once)
        return why

    def _identify(self, envelope: Envelope) -> tuple[list[str], dict[str, Any]]:
        """Return the assignments that set the attributes of `identity` where they are missing, and their values."""
        fields = identity(envelope)
        assignments = [f"#{name} = if_not_exists(#{name}, :{name})" for name in fields]
        return assignments, {f":{name}": value for name, value in fields.items()}

    def _seen(self, event: WebhookEvent) -> dict[str, Any]:
        response = self._dynamodb.get_item(
            TableName=self._table, Key=key_of(event), ProjectionExpression="lastFailure, timeline", ConsistentRead=True
        )
        return from_item(response.get("Item", {}))

    def _shorten(self, event: WebhookEvent, seen: Mapping[str, Any]) -> None:
        """Shorten the timeline of a record as it was read, unless it grew or was shortened since."""
        timeline = seen.get("timeline", ())
        if (kept := shortened(timeline)) is not None:
            self._update(
                event,
                "SET #timeline = :kept",
                {":kept": kept, ":length": len(timeline)},
                "size(#timeline) = :length",
            )

    def _update(
        self,
        event: WebhookEvent,
        expression: str,
        values: Mapping[str, Any],
        condition: str | None,
        claim: Claim | None = None,
    ) -> bool:
        """Update a record; return False if the condition is false, unless the update made this very claim."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "Key": key_of(event),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names_in(expression, condition or ""),
            "ExpressionAttributeValues": to_item(values),
        }
        if condition is None:
            self._dynamodb.update_item(**arguments)
            return True
        arguments["ConditionExpression"] = condition
        ours = write_if(
            self._dynamodb.update_item,
            arguments,
            lambda item: claim is not None and item.get("claim") == claim.token,
        )
        return ours is not None
