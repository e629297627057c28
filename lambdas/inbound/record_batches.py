"""Records of many events written in one call, each still under its own condition.

``BatchExecuteStatement`` takes up to 25 PartiQL statements and carries each out by itself: one that fails says so in
its place of the answer, which is 200 all the same, and keeps no other from being done. It consumes the write units of
its statements, where a transaction would take twice as many and fail as a whole. ``INSERT`` fails with
``DuplicateItem`` where the key is taken; ``UPDATE`` with ``ConditionalCheckFailed`` where its ``WHERE`` does not hold.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.records import (
    Claim,
    Entry,
    Records,
    State,
    new_record,
    new_signature,
)
from lambdas.shared.dynamodb import to_wire

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
MAX_STATEMENTS = 25
DUPLICATE = "DuplicateItem"
CONDITION_FAILED = "ConditionalCheckFailed"

# `SET` is repeated because PartiQL for DynamoDB documents it so; names are quoted because some are reserved words.
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
    envelope : Envelope
        The event.
    archived : ArchivedBody
        Where its payload lies.
    claim : Claim
        Who may finish it.
    timeline : list[Entry]
        How it came so far.
    """

    envelope: Envelope
    archived: ArchivedBody
    claim: Claim
    timeline: list[Entry]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A record to mark as routed.

    Attributes
    ----------
    event : WebhookEvent
        The event.
    claim : Claim
        The claim under which it was published.
    routed : Entry
        What its timeline will say of that.
    """

    event: WebhookEvent
    claim: Claim
    routed: Entry


class BatchedRecords(Records):
    """Records, with those writes for many events that a batch needs.

    Each method takes at most `MAX_STATEMENTS`, no two of one item, and returns for each, in order, None or the code of
    its error. What is not done is for the method of `Records` that does the same for one event: it tries again, knows
    more conditions, and raises.
    """

    def create_all(self, creations: Sequence[Creation]) -> list[str | None]:
        """Create records that nothing is known of yet; `DUPLICATE` where anything is."""
        return self._execute(
            [self._insert(new_record(one.envelope, one.archived, one.claim, one.timeline)) for one in creations]
        )

    def take_signatures(self, envelopes: Sequence[tuple[Envelope, ArchivedBody]]) -> list[str | None]:
        """Take signatures that nothing is known of yet, each for its event's body; `DUPLICATE` where it is taken."""
        return self._execute([self._insert(new_signature(envelope, archived)) for envelope, archived in envelopes])

    def mark_all_routed(self, marks: Sequence[Mark]) -> list[str | None]:
        """Say once of each event that it was published; `CONDITION_FAILED` where `mark_routed` returns False."""
        return self._execute([_statement(_MARK.format(table=self._table), _values_of(one)) for one in marks])

    def _insert(self, values: Mapping[str, Any]) -> dict[str, Any]:
        names = ", ".join(f"'{name}': ?" for name in values)
        return _statement(f'INSERT INTO "{self._table}" VALUE {{{names}}}', list(values.values()))

    def _execute(self, statements: Sequence[dict[str, Any]]) -> list[str | None]:
        answer = self._dynamodb.batch_execute_statement(Statements=statements)
        return [
            response["Error"].get("Code", "no code") if "Error" in response else None
            for response in answer["Responses"]
        ]


def _values_of(mark: Mark) -> list[Any]:
    key = [mark.event.transaction_id, mark.event.sort_key]
    return [State.ROUTED, [mark.routed], *key, mark.claim.owner, State.ROUTED]


def _statement(text: str, parameters: Sequence[Any]) -> dict[str, Any]:
    return {"Statement": text, "Parameters": [to_wire(parameter) for parameter in parameters]}
