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
from lambdas.inbound.record_items import Claim, Entry, State, new_record, new_signature
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
        """Create new records; `DUPLICATE` for those that exist in any form."""
        return self._execute(
            [
                self._insert(new_record(one.key, one.envelope, one.archived, one.claim, one.timeline))
                for one in creations
            ]
        )

    def take_signatures(self, envelopes: Sequence[tuple[Envelope, ArchivedBody]]) -> list[str | None]:
        """Record new signatures, each for the body of its event; `DUPLICATE` for those that are recorded."""
        return self._execute([self._insert(new_signature(envelope, archived)) for envelope, archived in envelopes])

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
