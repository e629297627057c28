"""Writing records: each write is conditional on what it assumes of the record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope, RecordKey
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.first_release import FirstRelease
from lambdas.inbound.identity import Same, compare
from lambdas.inbound.record_items import (
    CONFLICT_AT,
    CONFLICT_SHARD,
    DEAD_LETTER_SHARD,
    DEAD_LETTERED_AT,
    FIRST,
    LISTING,
    MAX_TIMELINE_ENTRIES,
    NO_REPLAY,
    PARTITION_KEY,
    SORT_KEY,
    Claim,
    Entry,
    State,
    Step,
    dead_letter_key,
    entry,
    first_key,
    identity,
    key_of_record,
    new_record,
    new_signature,
    occurrence_key,
    partition_of,
    shard_of,
    shortened,
)
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, names_in, to_item, write_if
from lambdas.shared.errors import TellableError

# What every change of the state of a dead letter does: it leaves the list of them.
_NO_DEAD_LETTER = f"#{DEAD_LETTER_SHARD}, #{DEAD_LETTERED_AT}"
UNKNOWN_REASON = "no reason was recorded: look for the correlation id in the log of the processing function"
_MARK_ATTEMPTS = 5


class RecordChangedError(TellableError):
    """Others change the record all the time; SQS delivers the message again."""


def wire_key(key: RecordKey) -> dict[str, Any]:
    """Return a record's key in wire form."""
    return to_item({PARTITION_KEY: key.partition, SORT_KEY: key.sort})


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
        self._first_release = FirstRelease(dynamodb, table)

    def of_first_release(self, events: Iterable[WebhookEvent]) -> dict[str, list[RecordKey]]:
        """Return the records that events have of version 0.1.0, by `WebhookEvent.key`."""
        return self._first_release.find([event.key for event in events])

    def take_signature(self, envelope: Envelope) -> RecordKey | None:
        """Record the event's signature for its body, unless that was done for another body.

        Returns
        -------
        RecordKey | None
            The record of the event that has the signature with another body; None if there is none.
        """
        if envelope.signature_id is None:
            return None
        taken = new_signature(envelope)
        arguments = self._arguments(
            key_of_record(taken),
            "SET #heldBy = :heldBy, #sha256 = :sha256",
            {":heldBy": taken["heldBy"], ":sha256": taken["sha256"]},
            "attribute_not_exists(#sha256) OR #sha256 = :sha256",
        )
        other = write_if(self._dynamodb.update_item, arguments, lambda _: True)
        return RecordKey(partition=partition_of(other["heldBy"]), sort=FIRST) if other else None

    def create(
        self, key: RecordKey, envelope: Envelope, archived: ArchivedBody, claim: Claim, timeline: list[Entry]
    ) -> dict[str, Any] | None:
        """Create the record with its claim, or return the existing record.

        A record without a state, which only notes a failure, is replaced.
        """
        arguments = {
            "TableName": self._table,
            "Item": to_item(new_record(key, envelope, archived, claim, timeline)),
            "ConditionExpression": "attribute_not_exists(#state)",
            "ExpressionAttributeNames": {"#state": "state"},
        }
        existing = write_if(self._dynamodb.put_item, arguments, lambda _: True)
        return None if not existing or existing.get("claim") == claim.token else existing

    def take_over(
        self,
        key: RecordKey,
        envelope: Envelope,
        archived: ArchivedBody,
        claim: Claim,
        *,
        seen: Mapping[str, Any],
        timeline: list[Entry],
    ) -> bool:
        """Claim an existing record, unless it changed since it was read; return whether that worked.

        A record without an archived payload becomes that of this one.
        """
        self._shorten(key, seen)
        described = {} if "archive" in seen else identity(envelope, key)
        # It has a payload again.
        forgotten = "#sha256" if described == {} else "#sha256, #erasedAt"
        assignments = "".join(f", #{name} = :{name}" for name in described)
        return self._update(
            key,
            "SET #state = :state, #owner = :owner, #leaseUntil = :until, #claim = :claim, #archive = :archive, "
            f"#replayId = :replay, #timeline = list_append(#timeline, :steps){assignments} REMOVE {forgotten}",
            {
                **{f":{name}": value for name, value in described.items()},
                ":state": State.RECORDED,
                ":owner": claim.owner,
                ":until": claim.until,
                ":claim": claim.token,
                ":archive": asdict(archived),
                ":replay": envelope.replay.replay_id if envelope.replay else seen.get("replayId", NO_REPLAY),
                ":steps": timeline,
                ":seenState": seen["state"],
                ":seenOwner": seen.get("owner", "-"),
                ":seenUntil": seen.get("leaseUntil", 0),
            },
            "#state = :seenState AND (attribute_not_exists(#owner) OR #owner = :seenOwner) "
            "AND (attribute_not_exists(#leaseUntil) OR #leaseUntil = :seenUntil)",
            claim,
        )

    def mark_routed(self, key: RecordKey, claim: Claim, routed: Entry, state: State = State.ROUTED) -> bool:
        """Mark the event as published, or as held; return False if it is marked, or another message took over."""
        return self._update(
            key,
            "SET #state = :state, #timeline = list_append(#timeline, :timeline) "
            f"REMOVE #lastFailure, {_NO_DEAD_LETTER}",
            {
                ":state": state,
                ":owner": claim.owner,
                ":timeline": [routed],
            },
            "#owner = :owner AND #state <> :state",
            claim,
        )

    def note_other_payload(self, key: RecordKey, step: Step, archived: ArchivedBody, at: str) -> None:
        """Note another payload under the event's id, and its place; once for each payload."""
        listed, values = _listed_conflict(key, at) if step is Step.CONFLICTING else ("", {})
        self._update(
            key,
            f"SET #timeline = list_append(#timeline, :entries){listed} ADD #otherPayloads :digest",
            {
                **values,
                ":entries": [entry(step, at, archive=archived.key, offset=archived.offset, size=archived.size)],
                ":digest": {archived.sha256},
                ":one": archived.sha256,
                ":most": MAX_TIMELINE_ENTRIES,
            },
            "(attribute_not_exists(#otherPayloads) OR NOT contains(#otherPayloads, :one)) AND size(#timeline) < :most",
        )

    def mark_erased(self, key: RecordKey, state: State, at: str) -> bool:
        """Note that the payload of a record is erased; return False if the record is in another state by now."""
        return self._update(
            key,
            "SET #erasedAt = :at, #timeline = list_append(#timeline, :entries)",
            {":at": at, ":entries": [entry(Step.ERASED, at)], ":state": state},
            "#state = :state",
        )

    def complete_identity(self, key: RecordKey, event: WebhookEvent) -> None:
        """Add what a message of version 0.1.0 did not say of the event, so that it tells later ones apart."""
        known = {"occurrence": event.occurrence, "content": event.content}
        known = {name: value for name, value in known.items() if value is not None}
        self._update(
            key,
            "SET " + ", ".join(f"#{name} = :{name}" for name in known),
            {f":{name}": value for name, value in known.items()},
            "attribute_not_exists(#occurrence) AND attribute_exists(#provider)",
        )

    def settle_dead_letter(self, envelope: Envelope, at: str) -> None:
        """Mark a dead letter that no record is about as being in conflict; do nothing if there is none."""
        key = dead_letter_key(envelope)
        listed, values = _listed_conflict(key, at)
        self._update(
            key,
            f"SET #state = :state, #timeline = list_append(#timeline, :entries){listed} REMOVE {_NO_DEAD_LETTER}",
            {
                **values,
                ":state": State.CONFLICTING,
                ":entries": [entry(Step.CONFLICTING, at)],
                ":seenState": State.DEAD_LETTERED,
            },
            "#state = :seenState",
        )

    def note_failure(
        self,
        key: RecordKey,
        envelope: Envelope,
        reason: str,
        at: str,
        *,
        receive_count: int,
        release: Claim | None,
    ) -> None:
        """Note the reason of the latest failure, for the dead letter handler.

        An event without a record gets one without a state. A record of another event or payload is left alone. A claim
        in `release` is released, so that the next receive of the message need not wait for its end.
        """
        failure = {":failure": {"reason": reason, "at": at, "receiveCount": receive_count}}
        if release is not None:
            expression = "SET #lastFailure = :failure, #leaseUntil = :now"
            self._update(key, expression, {**failure, ":now": 0, ":owner": release.owner}, "#owner = :owner")
            return
        assignments, values = self._identify(key, envelope, {})
        arguments = self._arguments(
            key,
            "SET " + ", ".join([*assignments, "#sha256 = :sha256", "#lastFailure = :failure"]),
            {**values, **failure, ":sha256": envelope.sha256},
            "attribute_not_exists(#provider)",
        )
        found = write_if(self._dynamodb.update_item, arguments, lambda _: True)
        if found and self._is_of(found, envelope):
            self._update(key, "SET #lastFailure = :failure", failure, "attribute_exists(#provider)")

    def mark_dead_lettered(
        self, envelope: Envelope, message_id: str, at: str, dead_letter: str, reason: str | None
    ) -> str:
        """Mark the record of a message as dead-lettered, or create it, once per message.

        A routed event stays routed, and a claim that has not ended stays: its own message is still in the queue. Only
        the timeline mentions the dead-lettered message then. If the event's id has a record of another event or another
        payload, the message gets a record of its own.

        Parameters
        ----------
        dead_letter : str
            Where the message is kept.
        reason : str | None
            The reason, if the caller knows it; otherwise the failure that processing noted is kept.

        Returns
        -------
        str
            The reason, as in the timeline.

        Raises
        ------
        RecordChangedError
            When others change the record all the time.
        """
        for _ in range(_MARK_ATTEMPTS):
            key, found = self._place_of(envelope)
            why = reason or _noted_failure(found) or UNKNOWN_REASON
            # A message may be given up again after a copy of it took the event up.
            if found.get("deadLetterMessage") == message_id and not _is_left(found, at):
                return why
            self._shorten(key, found)
            if self._mark_dead_lettered(key, envelope, found, (message_id, at, dead_letter, why), reason is not None):
                return why
        raise RecordChangedError("others change the record")

    def _mark_dead_lettered(
        self,
        key: RecordKey,
        envelope: Envelope,
        found: Mapping[str, Any],
        letter: tuple[str, str, str, str],
        keep_reason: bool,
    ) -> bool:
        message_id, at, dead_letter, why = letter
        left = _is_left(found, at)
        given_up = left or found["state"] in {State.DEAD_LETTERED, State.CONFLICTING}
        # The record has the first one, by which it is described: another rendering may be in this one.
        another = {} if given_up and "deadLetter" not in found else {"deadLetter": dead_letter}
        assignments, values = self._identify(key, envelope, found)
        assignments += [
            "#timeline = list_append(if_not_exists(#timeline, :received), :entries)",
            "#deadLetterMessage = :message",
        ]
        values |= {
            ":received": [entry(Step.RECEIVED, envelope.received_at)],
            ":entries": [entry(Step.DEAD_LETTERED, at, reason=why, **another)],
            ":message": message_id,
        }
        if keep_reason:
            assignments.append("#lastFailure = :failure")
            values[":failure"] = {"reason": why, "at": at}
        if not found:
            assignments.append("#sha256 = :sha256")
            values[":sha256"] = envelope.sha256
            unchanged = "attribute_not_exists(#provider)"
        else:
            unchanged = "#receivedAt = :seenAt AND #correlationId = :seenId"
            values |= {":seenAt": found["receivedAt"], ":seenId": found["correlationId"]}
        if "state" in found:
            unchanged += " AND #state = :seenState"
            values[":seenState"] = found["state"]
        else:
            unchanged += " AND attribute_not_exists(#state)"
        if "leaseUntil" in found:
            unchanged += " AND #leaseUntil = :seenUntil"
            values[":seenUntil"] = found["leaseUntil"]
        if not left:
            unchanged += " AND (attribute_not_exists(#deadLetterMessage) OR #deadLetterMessage <> :message)"
        if given_up:
            assignments += [
                "#state = :state",
                "#deadLetter = if_not_exists(#deadLetter, :key)",
                f"#{DEAD_LETTER_SHARD} = :shard",
                f"#{DEAD_LETTERED_AT} = :at",
            ]
            values |= {":state": State.DEAD_LETTERED, ":key": dead_letter, ":shard": _shard_of(key), ":at": at}
        return self._update(key, "SET " + ", ".join(assignments), values, unchanged)

    def _place_of(self, envelope: Envelope) -> tuple[RecordKey, dict[str, Any]]:
        """Return the key of the record that a message belongs to, and the record, empty if there is none yet."""
        event = envelope.event
        keys: Sequence[RecordKey] = [envelope.record] if envelope.record else []
        # The first body under a signature is the event, also if that one was never recorded.
        if not keys and self.take_signature(envelope) is None:
            keys = self.of_first_release([event]).get(event.key) or [first_key(event)]
            keys = [*keys, occurrence_key(event)] if event.occurrence else keys
        for key in keys:
            found = self._read(key)
            if not found or key == envelope.record or self._is_of(found, envelope):
                return key, found
        return dead_letter_key(envelope), self._read(dead_letter_key(envelope))

    def _read(self, key: RecordKey) -> dict[str, Any]:
        response = self._dynamodb.get_item(TableName=self._table, Key=wire_key(key), ConsistentRead=True)
        return from_item(response.get("Item", {}))

    @staticmethod
    def _is_of(found: Mapping[str, Any], envelope: Envelope) -> bool:
        event = envelope.event
        return compare(found, event.content, event.occurrence, envelope.sha256) is Same.EVENT

    def _identify(
        self, key: RecordKey, envelope: Envelope, found: Mapping[str, Any]
    ) -> tuple[list[str], dict[str, Any]]:
        """Return the assignments that set the attributes of `identity` where they are missing, and their values."""
        fields = identity(envelope, key)
        if LISTING in found:
            # The listing is in the index for it.
            del fields["receivedBucket"]
        assignments = [f"#{name} = if_not_exists(#{name}, :{name})" for name in fields]
        return assignments, {f":{name}": value for name, value in fields.items()}

    def _shorten(self, key: RecordKey, seen: Mapping[str, Any]) -> None:
        """Shorten the timeline of a record as it was read, unless it grew or was shortened since."""
        timeline = seen.get("timeline", ())
        if (kept := shortened(timeline)) is not None:
            self._update(
                key,
                "SET #timeline = :kept",
                {":kept": kept, ":length": len(timeline)},
                "size(#timeline) = :length",
            )

    def _update(
        self,
        key: RecordKey,
        expression: str,
        values: Mapping[str, Any],
        condition: str,
        claim: Claim | None = None,
    ) -> bool:
        """Update a record; return False if the condition is false, unless the update made this very claim."""
        ours = write_if(
            self._dynamodb.update_item,
            self._arguments(key, expression, values, condition),
            lambda item: claim is not None and item.get("claim") == claim.token,
        )
        return ours is not None

    def _arguments(self, key: RecordKey, expression: str, values: Mapping[str, Any], condition: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": wire_key(key),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names_in(expression, condition),
            "ExpressionAttributeValues": to_item(values),
            "ConditionExpression": condition,
        }


def _shard_of(key: RecordKey) -> str:
    return str(shard_of(key.partition))


def _listed_conflict(key: RecordKey, at: str) -> tuple[str, dict[str, str]]:
    """Return the assignments, and their values, that put a record into the list of conflicts."""
    return f", #{CONFLICT_SHARD} = :shard, #{CONFLICT_AT} = :at", {":shard": _shard_of(key), ":at": at}


def _noted_failure(found: Mapping[str, Any]) -> str | None:
    failure = found.get("lastFailure")
    return str(failure["reason"]) if failure else None


def _is_left(found: Mapping[str, Any], at: str) -> bool:
    """Return whether an event is neither done nor given up, and no claim to it holds at a time."""
    state = found.get("state")
    now_ms = int((times.parse(at) or 0.0) * 1000)
    return state is None or (state == State.RECORDED and bool(found["leaseUntil"] < now_ms))
