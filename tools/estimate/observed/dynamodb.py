"""DynamoDB's requests, answered from tables in memory, and counted in its units.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from tools.estimate.observed.partiql import NotAWriteError, as_request
from tools.estimate.observed.table import READ_UNIT_BYTES, Table, size, units_of, updated
from tools.estimate.observed.usage import Usage

_TRANSACTION_FACTOR = 2


class RefusedError(Exception):
    """A condition did not hold; ``body`` is DynamoDB's answer."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["__type"])
        self.body = body


class UncountedError(Exception):
    """A request holds what is not counted here."""


class CountedTables:
    """Answers requests, and adds what they cost to a usage.

    Parameters
    ----------
    tables : Mapping[str, Table]
        Tables by their names.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = dict(tables)
        self._usage = Usage()

    def answers(self, usage: Usage) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """Return what answers each operation, and adds to a usage."""
        self._usage = usage
        return {
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get_item,
            "TransactWriteItems": self._transact_write_items,
            "BatchWriteItem": self._batch_write_item,
            "BatchExecuteStatement": self._batch_execute_statement,
        }

    def stored_bytes(self) -> int:
        """Return what storage is billed for."""
        return sum(table.stored_bytes() for table in self._tables.values())

    def forget(self) -> None:
        """Empty all tables."""
        for table in self._tables.values():
            table.items.clear()

    def _put_item(self, request: dict[str, Any], factor: int = 1) -> dict[str, Any]:
        table = self._tables[request["TableName"]]
        before = table.items.get(table.key_of(request["Item"]))
        if before is not None and "attribute_not_exists" in request.get("ConditionExpression", ""):
            # A write that a condition refuses costs what it would have cost in the table.
            self._usage.table_write_units += factor * units_of(size(before))
            raise RefusedError({"__type": "ConditionalCheckFailedException", "Item": before})
        self._count_write(table, before, request["Item"], factor)
        return {}

    def _update_item(self, request: dict[str, Any], factor: int = 1) -> dict[str, Any]:
        table = self._tables[request["TableName"]]
        before = table.items.get(table.key_of(request["Key"]))
        self._count_write(table, before, updated(before or {}, request), factor)
        return {}

    def _count_write(self, table: Table, before: dict[str, Any] | None, after: dict[str, Any], factor: int) -> None:
        units, index_units = table.write(before, after)
        self._usage.table_write_units += factor * units
        self._usage.index_write_units += factor * index_units

    def _get_item(self, request: dict[str, Any]) -> dict[str, Any]:
        table = self._tables[request["TableName"]]
        item = table.items.get(table.key_of(request["Key"]))
        self._count_read(item, consistent=bool(request.get("ConsistentRead")))
        return {"Item": item} if item else {}

    def _batch_get_item(self, request: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for name, asked in request["RequestItems"].items():
            table = self._tables[name]
            for key in asked["Keys"]:
                item = table.items.get(table.key_of(key))
                self._count_read(item, consistent=bool(asked.get("ConsistentRead")))
                found.setdefault(name, []).extend([item] if item else [])
        return {"Responses": found, "UnprocessedKeys": {}}

    def _count_read(self, item: dict[str, Any] | None, *, consistent: bool) -> None:
        units = max(1, -(-size(item or {}) // READ_UNIT_BYTES))
        self._usage.read_units += units if consistent else units / 2

    def _transact_write_items(self, request: dict[str, Any]) -> dict[str, Any]:
        for item in request["TransactItems"]:
            if "Put" in item:
                self._put_item(item["Put"], _TRANSACTION_FACTOR)
            elif "Update" in item:
                self._update_item(item["Update"], _TRANSACTION_FACTOR)
            else:
                raise UncountedError(f"TransactWriteItems with {', '.join(item)}")
        return {}

    def _batch_execute_statement(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Responses": [self._execute_statement(statement) for statement in request["Statements"]]}

    def _execute_statement(self, statement: dict[str, Any]) -> dict[str, Any]:
        try:
            operation, write = as_request(statement)
        except NotAWriteError as error:
            raise UncountedError(f"BatchExecuteStatement, {error}") from error
        try:
            if operation == "PutItem":
                self._put_item(write)
            else:
                table = self._tables[write["TableName"]]
                self._update_item({**write, "Key": {name: write["Key"][name] for name in table.keys}})
        except RefusedError:
            return {"Error": {"Code": "DuplicateItem"}}
        return {}

    def _batch_write_item(self, request: dict[str, Any]) -> dict[str, Any]:
        for name, writes in request["RequestItems"].items():
            for write in writes:
                self._put_item({"TableName": name, "Item": write["PutRequest"]["Item"]})
        return {"UnprocessedItems": {}}
