"""A DynamoDB table as the stores of delivery use it: conditional updates told by their outcome."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.dynamodb import cancellation_reasons, condition_failed, from_item, names_in, to_item
from lambdas.shared.errors import TellableError

_MAX_ROUNDS = 5
# A transaction of another writer is under way on the same item; the condition decides as soon as that one is over.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
_CONFLICT = "TransactionConflictException"


class TableBusyError(TellableError):
    """DynamoDB gave no answer for some keys, or writers kept meeting, however often it was asked."""


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
        """Return an item's plain values, read consistently; None when there is none."""
        answer = self.dynamodb.get_item(TableName=self.name, Key=to_item(key), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Return the items of up to a hundred keys that exist, read consistently, in any order.

        Raises
        ------
        TableBusyError
            When DynamoDB leaves some unanswered.
        """
        left: Any = {self.name: {"Keys": [to_item(key) for key in keys], "ConsistentRead": True}}
        found = []
        for _ in range(_MAX_ROUNDS):
            answer = self.dynamodb.batch_get_item(RequestItems=left)
            found += [from_item(item) for item in answer["Responses"].get(self.name, [])]
            left = answer.get("UnprocessedKeys")
            if not left:
                return found
        raise TableBusyError("BatchGetItem: unprocessed keys")

    def put_new(self, values: Mapping[str, Any], key: str) -> bool:
        """Write an item unless there is one, and tell whether there was none.

        Parameters
        ----------
        key : str
            An attribute that every item has.
        """
        try:
            self.dynamodb.put_item(
                TableName=self.name,
                Item=to_item(values),
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": key},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def update(
        self,
        key: Mapping[str, str],
        expression: str,
        values: Mapping[str, Any],
        condition: str | None = None,
        answer: str = "ALL_NEW",
    ) -> dict[str, Any] | None:
        """Update an item and return its values; None when the condition does not hold.

        Parameters
        ----------
        answer : str
            Which values: ``ALL_NEW`` or ``ALL_OLD``.

        Raises
        ------
        TableBusyError
            When it stays in a transaction of another writer.
        """
        arguments = {**self.update_of(key, expression, values, condition), "ReturnValues": answer}
        for _ in range(_MAX_ROUNDS):
            try:
                return from_item(self.dynamodb.update_item(**arguments).get("Attributes", {}))
            except ClientError as error:
                if condition_failed(error):
                    return None
                if error.response["Error"]["Code"] != _CONFLICT:
                    raise
        raise TableBusyError("UpdateItem: transaction conflict")

    def update_of(
        self, key: Mapping[str, str], expression: str, values: Mapping[str, Any], condition: str | None
    ) -> dict[str, Any]:
        """Return the arguments of an update; each attribute in the expressions is written ``#name``."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "Key": to_item(key),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names_in(expression, condition or ""),
        }
        if values:
            arguments["ExpressionAttributeValues"] = to_item(values)
        if condition is not None:
            arguments["ConditionExpression"] = condition
        return arguments

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> bool:
        """Carry out all writes or none; tell whether every condition held.

        Raises
        ------
        TableBusyError
            When it keeps meeting other writers.
        """
        return not transact(self.dynamodb, writes, _MAX_ROUNDS)


def transact(
    dynamodb: Any, writes: Sequence[Mapping[str, Any]], rounds: int, between: Callable[[int], None] = lambda _: None
) -> Sequence[dict[str, Any]]:
    """Carry out writes of several items, all or none, again while transactions of others are in the way.

    Parameters
    ----------
    between : Callable[[int], None]
        Called with the number of each round that met another transaction, from 0.

    Returns
    -------
    Sequence[dict[str, Any]]
        Nothing when they are written; when a condition does not hold, the reason of each write, in their order.

    Raises
    ------
    TableBusyError
        When there was one in the way in every round. Nothing was written then.
    """
    for number in range(rounds):
        try:
            dynamodb.transact_write_items(TransactItems=list(writes))
        except ClientError as error:
            reasons = cancellation_reasons(error)
            codes = {reason.get("Code") for reason in reasons}
            if "ConditionalCheckFailed" in codes:
                return reasons
            if "TransactionConflict" not in codes:
                raise
            between(number)
        else:
            return ()
    raise TableBusyError("TransactWriteItems: transaction conflict")
