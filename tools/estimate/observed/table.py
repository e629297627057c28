"""DynamoDB as far as its bill needs it: items, their sizes, and the units of a write.

Rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
# What DynamoDB adds to each item, in the table and in each index, when it bills storage.
STORED_OVERHEAD_BYTES = 100

_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b")
_COMMA = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True, kw_only=True)
class Index:
    """A secondary index.

    Attributes
    ----------
    keys : tuple[str, ...]
        Its key attributes; an item that lacks one is not in it.
    projected : tuple[str, ...] | None
        What it holds besides keys; None for everything.
    """

    keys: tuple[str, ...]
    projected: tuple[str, ...] | None

    def entry(self, item: Item, table_keys: tuple[str, ...]) -> Item | None:
        """Return what the index holds of an item, or None."""
        if any(key not in item for key in self.keys):
            return None
        if self.projected is None:
            return dict(item)
        return {name: item[name] for name in {*table_keys, *self.keys, *self.projected} if name in item}


@dataclass(kw_only=True)
class Table:
    """A table with what was put into it.

    Attributes
    ----------
    keys : tuple[str, ...]
        Partition and sort key.
    indexes : list[Index]
        Secondary indexes.
    """

    keys: tuple[str, ...]
    indexes: list[Index] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)

    @classmethod
    def declared(cls, values: Mapping[str, Any]) -> "Table":
        """Return an empty table as a stack declares it."""
        return cls(
            keys=tuple(values[name] for name in ("hash_key", "range_key") if name in values),
            indexes=[
                Index(
                    keys=tuple(index[name] for name in ("hash_key", "range_key") if name in index),
                    projected=None
                    if index["projection_type"] == "ALL"
                    else tuple(index.get("non_key_attributes") or ()),
                )
                for index in values.get("global_secondary_index", [])
            ],
        )

    def key_of(self, item: Item) -> str:
        """Return what tells an item from others."""
        return repr([item.get(key) for key in self.keys])

    def write(self, before: Item | None, after: Item | None) -> tuple[int, int]:
        """Keep an item, or delete it, and return the write units of table and indexes."""
        item = after or before or {}
        if after is None:
            self.items.pop(self.key_of(item), None)
        else:
            self.items[self.key_of(item)] = after
        units = max(units_of(size(before or {})), units_of(size(after or {})), 1)
        return units, sum(self._index_units(index, before, after) for index in self.indexes)

    def _index_units(self, index: Index, before: Item | None, after: Item | None) -> int:
        was = index.entry(before, self.keys) if before else None
        now = index.entry(after, self.keys) if after else None
        if was == now:
            return 0
        if was and now and any(was[key] != now[key] for key in index.keys):
            return units_of(size(was)) + units_of(size(now))
        return max(units_of(size(was or {})), units_of(size(now or {})))

    def stored_bytes(self) -> int:
        """Return what storage is billed for."""
        held = [
            entry
            for item in self.items.values()
            for entry in (item, *(index.entry(item, self.keys) for index in self.indexes))
            if entry
        ]
        return sum(size(entry) + STORED_OVERHEAD_BYTES for entry in held)


def units_of(bytes_: int) -> int:
    """Return the write units of an item's size; none for no item."""
    return -(-bytes_ // WRITE_UNIT_BYTES)


def size(item: Mapping[str, Any]) -> int:
    """Return an item's size in bytes, in DynamoDB's own count."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    (kind, held), *_ = value.items()
    measures: dict[str, Callable[[], int]] = {
        "S": lambda: len(held.encode()),
        "N": lambda: len(held.lstrip("-0.")) // 2 + 2,
        "B": lambda: len(held) * 3 // 4,
        "SS": lambda: sum(len(one.encode()) for one in held),
        "L": lambda: 3 + sum(1 + _size(one) for one in held),
        "M": lambda: 3 + sum(1 + len(name.encode()) + _size(one) for name, one in held.items()),
        "BOOL": lambda: 1,
        "NULL": lambda: 1,
    }
    return measures[kind]()


def updated(item: Item, request: Mapping[str, Any]) -> Item:
    """Return an item after ``UpdateItem``, as far as the size of what it says matters.

    Conditions are not evaluated: the observed functions run without a rival.
    """
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    after: Item = {**item, **request["Key"]}
    for clause, actions in _clauses(request.get("UpdateExpression", "")):
        for action in _COMMA.split(actions):
            name = names.get(re.findall(r"#?\w+", action)[0], re.findall(r"#?\w+", action)[0])
            if clause == "REMOVE":
                after.pop(name, None)
            elif clause == "SET":
                after[name] = _operand(action.split("=", 1)[1].strip(), after, names, values)
            else:
                after.setdefault(name, values[re.findall(r":\w+", action)[0]])
    return after


def _clauses(expression: str) -> Iterator[tuple[str, str]]:
    parts = _CLAUSE.split(expression)[1:]
    yield from zip(parts[::2], parts[1::2], strict=True)


def _operand(text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    if text.startswith("if_not_exists("):
        name, other = _arguments(text)
        return item.get(names.get(name, name), _operand(other, item, names, values))
    if text.startswith("list_append("):
        first, second = (_operand(one, item, names, values) for one in _arguments(text))
        return {"L": [*first.get("L", []), *second.get("L", [])]}
    if text.startswith(":"):
        return values[text]
    return item.get(names.get(text, text), {"L": []})


def _arguments(call: str) -> tuple[str, str]:
    inner = call[call.index("(") + 1 : call.rindex(")")]
    depth = 0
    for place, character in enumerate(inner):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            return inner[:place].strip(), inner[place + 1 :].strip()
    raise ValueError(f"two arguments are expected in {call!r}")
