"""What DynamoDB bills for a write, from the item before and after it.

Tables are as ``DescribeTable`` describes them, items in DynamoDB's wire form as botocore returns them.
Rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
"""

from collections.abc import Callable, Mapping
from typing import Any

Item = Mapping[str, Any]
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
# DynamoDB adds this to each item, in the table and in each index, when it bills storage.
STORED_OVERHEAD_BYTES = 100


def key_names(keyed: Mapping[str, Any]) -> list[str]:
    """Return the partition and sort key of a table or an index."""
    return [part["AttributeName"] for part in keyed["KeySchema"]]


def write_units(table: Mapping[str, Any], before: Item | None, after: Item | None) -> tuple[int, int]:
    """Return the write units of a table, and of its indexes.

    A write that its condition refuses leaves the item as it was, and costs as much as the item has.
    """
    indexes = (_index_units(table, index, before, after) for index in table.get("GlobalSecondaryIndexes", ()))
    return max(_units(before), _units(after), 1), sum(indexes)


def stored_bytes(table: Mapping[str, Any], item: Item | None) -> int:
    """Return the bytes of storage that are billed for an item and its entries in indexes."""
    entries = (_index_entry(table, index, item) for index in table.get("GlobalSecondaryIndexes", ()))
    return sum(size(one) + STORED_OVERHEAD_BYTES for one in (item, *entries) if one)


def size(item: Item) -> int:
    """Return an item's size in bytes, in DynamoDB's own count."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _units(item: Item | None) -> int:
    return -(-size(item or {}) // WRITE_UNIT_BYTES)


def _index_units(table: Mapping[str, Any], index: Mapping[str, Any], before: Item | None, after: Item | None) -> int:
    was, now = _index_entry(table, index, before), _index_entry(table, index, after)
    if was == now:
        return 0
    if was and now and any(was[key] != now[key] for key in key_names(index)):
        # One entry is deleted, another one is put.
        return _units(was) + _units(now)
    return max(_units(was), _units(now))


def _index_entry(table: Mapping[str, Any], index: Mapping[str, Any], item: Item | None) -> Item | None:
    """Return what an index holds of an item; None where the item lacks a key of the index."""
    keys, projection = key_names(index), index["Projection"]
    if item is None or any(key not in item for key in keys):
        return None
    if projection["ProjectionType"] == "ALL":
        return item
    names = {*key_names(table), *keys, *projection.get("NonKeyAttributes", ())}
    return {name: value for name, value in item.items() if name in names}


def _size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    measures: dict[str, Callable[[], int]] = {
        "S": lambda: len(held.encode()),
        "N": lambda: len(held.lstrip("-0.")) // 2 + 2,
        "B": lambda: len(held),
        "SS": lambda: sum(len(one.encode()) for one in held),
        "L": lambda: 3 + sum(1 + _size(one) for one in held),
        "M": lambda: 3 + sum(1 + len(name.encode()) + _size(one) for name, one in held.items()),
        "BOOL": lambda: 1,
        "NULL": lambda: 1,
    }
    return measures[kind]()
