"""A DynamoDB table as the stores of delivery use it: conditional writes, of one item or of several together."""

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from lambdas.delivery.domain.errors import StoreBusyError
from lambdas.shared.dynamodb import cancellation_reasons, from_item, names_in, to_item, to_wire, write_if

_MAX_ROUNDS = 5
# Transactions that meet at an item are cancelled, and do not wait for each other.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.025
_CONDITION_FAILED = "ConditionalCheckFailed"
# A transaction of another writer is under way on the same item; the condition decides as soon as that one is over.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
_CONFLICT = "TransactionConflictException"
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
_MAX_STATEMENTS = 25
WRITTEN_BY = "writtenBy"
"""Attribute with a token of the latest write, by which a write that the SDK sent twice knows itself."""


class Table:
    """One table.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    name : str
        Table name.
    """

    def __init__(self, dynamodb: Any, name: str) -> None:
        self.dynamodb = dynamodb
        self.name = name

    def get(self, key: Mapping[str, str]) -> dict[str, Any] | None:
        """Return an item's plain values, read consistently; None when it does not exist."""
        answer = self.dynamodb.get_item(TableName=self.name, Key=to_item(key), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Return the items of up to a hundred keys that exist, read consistently, in any order.

        Raises
        ------
        StoreBusyError
            When DynamoDB leaves some unanswered.
        """
        if not keys:
            return []
        left: Any = {self.name: {"Keys": [to_item(key) for key in keys], "ConsistentRead": True}}
        found = []
        for _ in range(_MAX_ROUNDS):
            answer = self.dynamodb.batch_get_item(RequestItems=left)
            found += [from_item(item) for item in answer["Responses"].get(self.name, [])]
            left = answer.get("UnprocessedKeys")
            if not left:
                return found
        raise StoreBusyError("BatchGetItem: unprocessed keys")

    def put_new(self, values: Mapping[str, Any], key: str) -> bool:
        """Write an item unless it exists; tell whether it was written.

        Parameters
        ----------
        key : str
            An attribute that every item has.
        """
        token = uuid4().hex
        arguments = self.put_of({**values, WRITTEN_BY: token}, f"attribute_not_exists(#{key})")
        return write_if(self.dynamodb.put_item, arguments, lambda item: item.get(WRITTEN_BY) == token) is not None

    def update(
        self,
        key: Mapping[str, str],
        expression: str,
        values: Mapping[str, Any],
        condition: str | None = None,
    ) -> dict[str, Any] | None:
        """Update an item, once however often the SDK sends it, and return its new values; None when refused.

        Raises
        ------
        StoreBusyError
            When it stays in a transaction of another writer.
        """
        token = uuid4().hex
        once = f"(attribute_not_exists(#{WRITTEN_BY}) OR #{WRITTEN_BY} <> :{WRITTEN_BY})"
        arguments = self.update_of(
            key,
            _marked(expression),
            {**values, f":{WRITTEN_BY}": token},
            once if condition is None else f"({condition}) AND {once}",
        )
        arguments["ReturnValues"] = "ALL_NEW"
        for _ in range(_MAX_ROUNDS):
            try:
                return write_if(self.dynamodb.update_item, arguments, lambda item: item.get(WRITTEN_BY) == token)
            except ClientError as error:
                if error.response["Error"]["Code"] != _CONFLICT:
                    raise
        raise StoreBusyError("UpdateItem: transaction conflict")

    def delete(self, key: Mapping[str, str], values: Mapping[str, Any], condition: str) -> bool:
        """Delete an item where the condition holds; tell whether it is gone by this, as far as is known."""
        arguments = {**self.delete_of(key, condition), "ExpressionAttributeValues": to_item(values)}
        return write_if(self.dynamodb.delete_item, arguments, lambda item: not item) is not None

    def update_of(
        self, key: Mapping[str, str], expression: str, values: Mapping[str, Any], condition: str | None
    ) -> dict[str, Any]:
        """Return the arguments of an update; each attribute in the expressions is written ``#name``."""
        arguments = {
            "TableName": self.name,
            "Key": to_item(key),
            "UpdateExpression": expression,
            **_conditional(condition),
            "ExpressionAttributeNames": names_in(expression, condition or ""),
        }
        return {**arguments, "ExpressionAttributeValues": to_item(values)} if values else arguments

    def put_of(self, values: Mapping[str, Any], condition: str | None = None) -> dict[str, Any]:
        """Return the arguments of a put; each attribute in the condition is written ``#name``."""
        return {"TableName": self.name, "Item": to_item(values), **_conditional(condition)}

    def delete_of(self, key: Mapping[str, str], condition: str | None = None) -> dict[str, Any]:
        """Return the arguments of a delete, or of a condition check; each attribute is written ``#name``."""
        return {"TableName": self.name, "Key": to_item(key), **_conditional(condition)}

    def change_each(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> bool:
        """Run PartiQL statements, each under its own condition; what is refused is left as it is.

        Tell whether each was carried out, or refused by its condition alone.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html

        Parameters
        ----------
        statements : Sequence[tuple[str, Sequence[Any]]]
            Text, with ``{table}`` for the table's name, and parameters; any number.
        """
        responses = []
        for start in range(0, len(statements), _MAX_STATEMENTS):
            answer = self.dynamodb.batch_execute_statement(
                Statements=[
                    {"Statement": text.format(table=self.name), "Parameters": [to_wire(value) for value in values]}
                    for text, values in statements[start : start + _MAX_STATEMENTS]
                ]
            )
            responses += answer["Responses"]
        return all(one.get("Error", {}).get("Code", _CONDITION_FAILED) == _CONDITION_FAILED for one in responses)

    def query(self, condition: str, values: Mapping[str, str], index: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the plain values of items in the order of their keys; read consistently where there is no index."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names_in(condition),
            ExpressionAttributeValues=to_item(values),
            **({"ConsistentRead": True} if index is None else {"IndexName": index}),
        )
        for page in pages:
            yield from map(from_item, page["Items"])


def assignments(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the expression of an update that sets attributes, and its values; None takes an attribute away."""
    given = {name: value for name, value in values.items() if value is not None}
    sets = ", ".join(f"#{name} = :{name}" for name in given)
    removes = ", ".join(f"#{name}" for name in values if name not in given)
    # Neither clause may be empty.
    expression = " ".join(f"{clause} {terms}" for clause, terms in (("SET", sets), ("REMOVE", removes)) if terms)
    return expression, {f":{name}": value for name, value in given.items()}


def _marked(expression: str) -> str:
    """Return an update's expression that leaves the write's token, too."""
    mark = f"SET #{WRITTEN_BY} = :{WRITTEN_BY}"
    marked, clauses = re.subn(r"\bSET ", f"{mark}, ", expression, count=1)
    return marked if clauses else f"{mark} {expression}".rstrip()


def _conditional(condition: str | None) -> dict[str, Any]:
    if condition is None:
        return {}
    return {"ConditionExpression": condition, "ExpressionAttributeNames": names_in(condition)}


def transact_write(dynamodb: Any, writes: Sequence[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
    """Write several items, all or none, again while transactions of others are in the way.

    The SDK gives each call a ``ClientRequestToken``, so that one that it sends twice is carried out once.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html

    Returns
    -------
    Sequence[dict[str, Any]]
        Nothing when they are written; when a condition does not hold, the reason of each write, in their order.

    Raises
    ------
    StoreBusyError
        When one was in the way each time. Nothing was written then.
    """
    for number in range(_TRIES):
        if number:
            time.sleep(_FIRST_PAUSE_SECONDS * 2**number * random.uniform(0.25, 0.75))  # noqa: S311 - spreads, hides nothing
        try:
            dynamodb.transact_write_items(TransactItems=list(writes))
        except ClientError as error:
            reasons = cancellation_reasons(error)
            codes = {reason.get("Code") for reason in reasons}
            if _CONDITION_FAILED in codes:
                return reasons
            if "TransactionConflict" not in codes:
                raise
        else:
            return ()
    raise StoreBusyError("TransactWriteItems: transaction conflict")


def refused(reasons: Sequence[Mapping[str, Any]], place: int) -> bool:
    """Tell whether it was the condition of the write at a place that did not hold."""
    return bool(reasons) and reasons[place].get("Code") == _CONDITION_FAILED
