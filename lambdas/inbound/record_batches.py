"""Writing the records of many events in one call, each under its own condition.

``BatchExecuteStatement`` runs up to 25 PartiQL statements independently: the response is 200, and has an error for each
statement that failed. It consumes the write units of its statements; a transaction would take twice as many and fail as
a whole. ``INSERT`` fails with ``DuplicateItem`` if the key exists, ``UPDATE`` with ``ConditionalCheckFailed`` if its
``WHERE`` is false.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope, RecordKey
from lambdas.inbound.record_items import (
    MIN_LISTED,
    Claim,
    Entry,
    State,
    new_listing,
    new_record,
    new_signature,
    received_minute,
)
from lambdas.inbound.records import Records
from lambdas.shared.dynamodb import to_wire

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
MAX_STATEMENTS = 25
DUPLICATE = "DuplicateItem"
CONDITION_FAILED = "ConditionalCheckFailed"

# `SET` is repeated as PartiQL for DynamoDB documents it; names are quoted because some are reserved words.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
_MARK = (
    'UPDATE "{table}" SET "state" = ? SET "timeline" = list_append("timeline", ?) REMOVE "lastFailure" '
    'REMOVE "deadLetterShard" REMOVE "deadLetteredAt" '
    'WHERE "transactionId" = ? AND "timestamp" = ? AND "owner" = ? AND "state" <> ?'
)


@dataclass(frozen=True, kw_only=True)
class Creation:
    """A record to create.

    Attributes
    ----------
    key : RecordKey
        Its key.
    envelope : Envelope
        The event.
    archived : ArchivedBody
        Where its payload is.
    claim : Claim
        The claim on it.
    timeline : list[Entry]
        Its timeline so far.
    """

    key: RecordKey
    envelope: Envelope
    archived: ArchivedBody
    claim: Claim
    timeline: list[Entry]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A record to mark as routed, or as held.

    Attributes
    ----------
    key : RecordKey
        Its key.
    claim : Claim
        The claim under which it was published.
    routed : Entry
        The entry for its timeline.
    state : State
        Its new state.
    """

    key: RecordKey
    claim: Claim
    routed: Entry
    state: State = State.ROUTED


class BatchedRecords(Records):
    """Records, with batch writes.

    Each method takes at most `MAX_STATEMENTS`, no two for the same item, and returns for each, in order, None or its
    error code. Failed ones are left for the method of `Records` that does the same for one event: that one retries,
    checks more conditions, and raises.
    """

    def create_all(self, creations: Sequence[Creation]) -> list[str | None]:
        """Create new records; `DUPLICATE` for those that exist in any form.

        They are listed together, see `lambdas.inbound.record_items`. A record whose listing could not be written is in
        the index itself.
        """
        listings = self._create_listings(creations)
        return self._execute(
            [
                self._insert(
                    new_record(
                        one.key, one.envelope, one.archived, one.claim, one.timeline, listing_id=listings.get(one.key)
                    )
                )
                for one in creations
            ]
        )

    def _create_listings(self, creations: Sequence[Creation]) -> dict[RecordKey, str]:
        """Write the listings of new records; return the id of each listed record's."""
        groups: dict[tuple[str, str], list[Creation]] = {}
        for one in creations:
            of = (one.envelope.event.provider, received_minute(one.envelope.received_at))
            groups.setdefault(of, []).append(one)
        # A claim is of one record only, so that its token is new for each listing too.
        listings = {group[0].claim.token: group for group in groups.values() if len(group) >= MIN_LISTED}
        if not listings:
            return {}
        codes = self._execute(
            [
                self._insert(new_listing(listing_id, [one.envelope for one in group], [one.key for one in group]))
                for listing_id, group in listings.items()
            ]
        )
        written = [listing for listing, code in zip(listings.items(), codes, strict=True) if code is None]
        return {one.key: listing_id for listing_id, group in written for one in group}

    def take_signatures(self, envelopes: Sequence[Envelope]) -> list[str | None]:
        """Record new signatures, each for the body of its event; `DUPLICATE` for those that are recorded."""
        return self._execute([self._insert(new_signature(envelope)) for envelope in envelopes])

    def mark_all_routed(self, marks: Sequence[Mark]) -> list[str | None]:
        """Mark events as published or held, once each; `CONDITION_FAILED` where `mark_routed` returns False."""
        return self._execute([_statement(_MARK.format(table=self._table), _values_of(one)) for one in marks])

    def _insert(self, values: Mapping[str, Any]) -> dict[str, Any]:
        names = ", ".join(f"'{name}': ?" for name in values)
        return _statement(f'INSERT INTO "{self._table}" VALUE {{{names}}}', list(values.values()))

    def _execute(self, statements: Sequence[dict[str, Any]]) -> list[str | None]:
        response = self._dynamodb.batch_execute_statement(Statements=statements)
        return [each["Error"].get("Code", "no code") if "Error" in each else None for each in response["Responses"]]


def _values_of(mark: Mark) -> list[Any]:
    return [mark.state, [mark.routed], mark.key.partition, mark.key.sort, mark.claim.owner, mark.state]


def _statement(text: str, parameters: Sequence[Any]) -> dict[str, Any]:
    return {"Statement": text, "Parameters": [to_wire(parameter) for parameter in parameters]}
