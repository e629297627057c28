"""DynamoDB in memory, as a boto3 client: what the functions use of it, thirty times as fast as MiniStack.

`test_memory_dynamodb` runs the same random calls here and against MiniStack, and compares the answers. Items are never
changed in place: a write puts a new dictionary, so that reads and indexes share what they hand out.
"""

import functools
import itertools
import re
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
Key = tuple[str, str]
Names = Mapping[str, str]
Values = Mapping[str, Any]

TOKEN_SECONDS = 600.0
"""How long a transaction's token is known.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
MAX_STATEMENTS, MAX_KEYS, MAX_WRITES = 25, 100, 100
_LAST = chr(0x10FFFF)
_MISSING_KEY = "Requested resource not found"


def failure(operation: str, code: str, message: str = "", **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message or code}, **more}, operation)  # type: ignore[arg-type]


class _InvalidError(ValueError):
    """What DynamoDB answers with a `ValidationException`."""


class _ItemInvalidError(_InvalidError):
    """The same, because of what the item holds."""


# --- expressions: parsed once, and kept as functions ----------------------------------------------------------------

_TOKEN = re.compile(r"\s*([#:]?\w+|<>|<=|>=|[=<>(),.+\-\[\]])")
Operand = Callable[[Item, Names, Values], Any]
Path = tuple[str | int, ...]


def _number(value: Mapping[str, str]) -> int | Decimal:
    text = value["N"]
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def _in_wire(number: int | Decimal) -> dict[str, str]:
    text = format(number.normalize(), "f") if isinstance(number, Decimal) else str(number)
    return {"N": text}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return _number(value) if kind == "N" else content  # type: ignore[arg-type]


def _compare(operator: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        return operator == "<>"
    (kind,), (other,) = left, right
    if operator in ("=", "<>"):
        same = kind == other and (left == right or (kind == "N" and _number(left) == _number(right)))
        return same is (operator == "=")
    if kind != other or kind not in ("S", "N", "B"):
        return False
    one, two = _plain(left), _plain(right)
    return bool({"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[operator])


def _look(item: Item, path: Path, names: Names) -> Any:
    node: Any = {"M": item}
    for part in path:
        if isinstance(part, int):
            found = node.get("L", ())
            node = found[part] if part < len(found) else None
        else:
            node = node.get("M", {}).get(names.get(part, part))
        if node is None:
            return None
    return node


def _assign(item: Item, path: Path, names: Names, value: Any) -> Item:
    """Return a copy with a value at a path."""

    def within(node: Any, rest: Path) -> Any:
        if not rest:
            return value
        part, kind = rest[0], "L" if isinstance(rest[0], int) else "M"
        if node is None or kind not in node:
            raise _ItemInvalidError("The document path provided in the update expression is invalid for update")
        if isinstance(part, int):
            content = list(node["L"])
            content[part : part + 1] = [within(content[part] if part < len(content) else None, rest[1:])]
            return {"L": content}
        name = names.get(part, part)
        return {"M": {**node["M"], name: within(node["M"].get(name), rest[1:])}}

    return within({"M": item}, path)["M"]  # type: ignore[no-any-return]


class _Parser:
    """Reads one expression; `used` are the placeholders that stand in it."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s+", "", text):
            raise _InvalidError(f"Syntax error in {text!r}")
        self.used = frozenset(token for token in self.tokens if token[0] in "#:")
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.next
        if not token or (expected and token.upper() not in expected):
            raise _InvalidError(f"Syntax error; token: {token!r}")
        self.at += 1
        return token

    def accepts(self, *expected: str) -> bool:
        if self.next.upper() in expected:
            self.at += 1
            return True
        return False

    def path(self) -> Path:
        parts: list[str | int] = [self.take()]
        while self.next in (".", "["):
            if self.accepts("."):
                parts.append(self.take())
            else:
                self.take("[")
                parts.append(int(self.take()))
                self.take("]")
        return tuple(parts)

    def operand(self) -> Operand:
        token = self.next
        if token.startswith(":"):
            self.take()
            return lambda item, names, values: values[token]
        if self.tokens[self.at + 1 : self.at + 2] == ["("]:
            return self.function()
        path = self.path()
        if len(path) == 1:
            (name,) = path
            return lambda item, names, values: item.get(names.get(name, name))  # type: ignore[arg-type]
        return lambda item, names, values: _look(item, path, names)

    def function(self) -> Operand:
        name = self.take()
        self.take("(")
        arguments = [self.operand()]
        while self.accepts(","):
            arguments.append(self.operand())
        self.take(")")
        if name not in _FUNCTIONS:
            raise _InvalidError(f"Invalid function name; function: {name}")
        function = _FUNCTIONS[name]
        return lambda *of: function(*(argument(*of) for argument in arguments))

    # Conditions

    def condition(self) -> Operand:
        found = [self.conjunction()]
        while self.accepts("OR"):
            found.append(self.conjunction())
        return found[0] if len(found) == 1 else lambda *of: any(one(*of) for one in found)

    def conjunction(self) -> Operand:
        found = [self.comparison()]
        while self.accepts("AND"):
            found.append(self.comparison())
        return found[0] if len(found) == 1 else lambda *of: all(one(*of) for one in found)

    def comparison(self) -> Operand:
        if self.accepts("NOT"):
            negated = self.comparison()
            return lambda *of: not negated(*of)
        if self.accepts("("):
            inner = self.condition()
            self.take(")")
            return inner
        left = self.operand()
        operator = self.next.upper()
        if operator in ("=", "<>", "<", "<=", ">", ">="):
            self.take()
            right = self.operand()
            return lambda *of: _compare(operator, left(*of), right(*of))
        if self.accepts("BETWEEN"):
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return lambda *of: _compare(">=", left(*of), low(*of)) and _compare("<=", left(*of), high(*of))
        if self.accepts("IN"):
            self.take("(")
            choices = [self.operand()]
            while self.accepts(","):
                choices.append(self.operand())
            self.take(")")
            return lambda *of: any(_compare("=", left(*of), choice(*of)) for choice in choices)
        return left

    # Updates

    def update(self) -> Callable[[Item, Names, Values], tuple[Item, set[str]]]:
        steps: list[tuple[str, Path, Operand | None]] = []
        while self.next:
            clause = self.take("SET", "REMOVE", "ADD", "DELETE").upper()
            while True:
                path = self.path()
                if clause == "SET":
                    self.take("=")
                    steps.append((clause, path, self.sum()))
                else:
                    steps.append((clause, path, None if clause == "REMOVE" else self.operand()))
                if not self.accepts(","):
                    break

        def apply(item: Item, names: Names, values: Values) -> tuple[Item, set[str]]:
            new = dict(item)
            for clause, path, operand in steps:
                value = None if operand is None else operand(item, names, values)
                if clause == "SET":
                    value = _existing(value)
                elif clause != "REMOVE":
                    value = _merged(clause, _look(item, path, names), value)
                if len(path) > 1:
                    new = _assign(new, path, names, value)
                    continue
                name = names.get(path[0], path[0])  # type: ignore[arg-type,call-overload]
                if value is None:
                    new.pop(name, None)
                else:
                    new[name] = value
            return new, {names.get(path[0], path[0]) for _, path, _ in steps}  # type: ignore[arg-type,call-overload]

        return apply

    def sum(self) -> Operand:
        left = self.operand()
        if self.next not in ("+", "-"):
            return left
        sign = 1 if self.take() == "+" else -1
        right = self.operand()
        return lambda *of: _in_wire(_number(_existing(left(*of))) + sign * _number(_existing(right(*of))))


def _existing(value: Any) -> Any:
    if value is None:
        raise _ItemInvalidError("The provided expression refers to an attribute that does not exist in the item")
    return value


def _size(value: Any) -> Any:
    if value is None:
        return None
    ((kind, content),) = value.items()
    return {"N": str(len(content.encode() if kind == "S" else content))}


def _contains(value: Any, part: Any) -> bool:
    if value is None or part is None:
        return False
    ((kind, content),) = value.items()
    if kind == "L":
        return any(_compare("=", one, part) for one in content)
    return (kind in part or kind in {f"{one}S" for one in part}) and _plain(part) in content


def _begins(value: Any, prefix: Any) -> bool:
    return value is not None and value.keys() == prefix.keys() and bool(_plain(value).startswith(_plain(prefix)))


def _merged(clause: str, old: Any, value: Any) -> Any:
    """Return what ADD or DELETE makes of a value."""
    ((kind, content),) = value.items()
    if kind == "N":
        return _in_wire((_number(old) if old else 0) + _number(value))
    there = set(old[kind]) if old else set()
    left = there | set(content) if clause == "ADD" else there - set(content)
    return {kind: sorted(left)} if left else None


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "attribute_exists": lambda value: value is not None,
    "attribute_not_exists": lambda value: value is None,
    "size": _size,
    "contains": _contains,
    "begins_with": _begins,
    "if_not_exists": lambda value, other: other if value is None else value,
    "list_append": lambda value, more: {"L": [*_existing(value)["L"], *_existing(more)["L"]]},
}


@functools.lru_cache(maxsize=4_096)
def _condition(text: str | None) -> tuple[Operand, frozenset[str]]:
    if text is None:
        return (lambda item, names, values: True), frozenset()
    parser = _Parser(text)
    found = parser.condition()
    if parser.next:
        raise _InvalidError(f"Syntax error; token: {parser.next!r}")
    return found, parser.used


@functools.lru_cache(maxsize=4_096)
def _update(text: str) -> tuple[Callable[[Item, Names, Values], tuple[Item, set[str]]], frozenset[str]]:
    parser = _Parser(text)
    return parser.update(), parser.used


@dataclass(frozen=True, kw_only=True)
class _Span:
    """What a key condition asks for: placeholders of the partition, and of the ends of the range."""

    hash_name: str
    hash_value: str
    range_name: str | None
    operator: str
    low: str
    high: str
    used: frozenset[str]


_KEY_CONDITION = re.compile(
    r"\s*(?P<hash>#?\w+) = (?P<key>:\w+)"
    r"( AND (?:(?P<range>#?\w+) (?P<op>=|<=|<|>=|>|BETWEEN) (?P<low>:\w+)(?: AND (?P<high>:\w+))?"
    r"|begins_with\((?P<prefixed>#?\w+), (?P<prefix>:\w+)\)))?\s*"
)


@functools.lru_cache(maxsize=1_024)
def _span(text: str) -> _Span:
    found = _KEY_CONDITION.fullmatch(text)
    if found is None:
        raise _InvalidError(f"KeyConditionExpression {text!r} is not one that the stand-in reads")
    prefixed = found["prefixed"]
    return _Span(
        hash_name=found["hash"],
        hash_value=found["key"],
        range_name=prefixed or found["range"],
        operator="begins_with" if prefixed else found["op"] or "",
        low=found["prefix"] or found["low"] or "",
        high=found["high"] or "",
        used=frozenset(re.findall(r"[#:]\w+", text)),
    )


# --- tables and indexes ---------------------------------------------------------------------------------------------


@dataclass
class _Index:
    """A secondary index: sparse, sorted, and as far behind its table as the client's `lag` says.

    `range_key` is empty if it has none.
    """

    hash_key: str
    range_key: str
    projected: frozenset[str] | None
    images: dict[Key, Item] = field(default_factory=dict)
    sorted: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    pending: deque[tuple[float, Key, Item | None]] = field(default_factory=deque)

    def place(self, item: Item | None) -> tuple[str, str] | None:
        if item is None or self.hash_key not in item or (self.range_key and self.range_key not in item):
            return None
        return item[self.hash_key]["S"], item[self.range_key]["S"] if self.range_key else ""

    def write(self, key: Key, item: Item | None, visible_at: float) -> None:
        # Writes to the index keep their order.
        if self.pending:
            visible_at = max(visible_at, self.pending[-1][0])
        self.pending.append((visible_at, key, item))

    def catch_up(self, now: float) -> None:
        while self.pending and self.pending[0][0] <= now:
            _, key, item = self.pending.popleft()
            old, new = self.place(self.images.get(key)), self.place(item)
            if old is not None and old != new:
                entries = self.sorted[old[0]]
                del entries[bisect_left(entries, (old[1], *key))]
                del self.images[key]
            if new is not None and item is not None:
                if old != new:
                    insort(self.sorted.setdefault(new[0], []), (new[1], *key))
                if self.projected is not None:
                    item = {name: value for name, value in item.items() if name in self.projected}
                self.images[key] = item


@dataclass
class _Table:
    keys: tuple[str, ...]
    indexes: dict[str, _Index]
    partitions: dict[str, dict[str, Item]] = field(default_factory=dict)

    def key_of(self, item: Item) -> Key:
        try:
            key = tuple(item[name]["S"] for name in self.keys)
        except KeyError:
            raise _InvalidError("One or more parameter values were invalid: a key is missing, or is no text") from None
        if not all(key):
            raise _InvalidError("One or more parameter values are not valid: a key is empty")
        return key[0], key[1] if len(key) > 1 else ""

    def get(self, key: Key) -> Item | None:
        return self.partitions.get(key[0], {}).get(key[1])


class MemoryDynamoDB:
    """A client of a DynamoDB of its own.

    Parameters
    ----------
    clock
        Seconds since the epoch.
    lag
        Returns the seconds that an index is behind its table with a write.

    Attributes
    ----------
    watchers
        Called with table, key, old and new item of each write; None for an item that is not there.
    """

    def __init__(self, clock: Callable[[], float], lag: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._lag = lag
        self.tables: dict[str, _Table] = {}
        self.watchers: list[Callable[[str, Key, Item | None, Item | None], None]] = []
        self._tokens: dict[str, tuple[float, Any]] = {}
        self._numbers = itertools.count()

    def create_table(self, **request: Any) -> dict[str, Any]:
        keys = tuple(one["AttributeName"] for one in request["KeySchema"])
        indexes = {}
        for one in request.get("GlobalSecondaryIndexes", ()):
            hash_key, range_key = (*(key["AttributeName"] for key in one["KeySchema"]), "")[:2]
            projection = one["Projection"]
            names = {*keys, hash_key, range_key, *projection.get("NonKeyAttributes", ())}
            indexes[one["IndexName"]] = _Index(
                hash_key, range_key, None if projection["ProjectionType"] == "ALL" else frozenset(names)
            )
        self.tables[request["TableName"]] = _Table(keys, indexes)
        return {}

    def expire(self, table: str, attribute: str, before: float) -> int:
        """Delete what expired before a time, as TTL does within days."""
        found = [
            (partition, item)
            for partition, items in self._table("TimeToLive", table).partitions.items()
            for item, values in items.items()
            if attribute in values and float(values[attribute]["N"]) <= before
        ]
        for key in found:
            self._write(table, key, None)
        return len(found)

    # Reads

    def get_item(self, **request: Any) -> dict[str, Any]:
        table = self._table("GetItem", request["TableName"])
        item = table.get(self._valid("GetItem", lambda: table.key_of(request["Key"])))
        return {} if item is None else {"Item": _chosen(item, request)}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        responses: dict[str, list[Item]] = {}
        number = 0
        for name, asked in request["RequestItems"].items():
            table = self._table("BatchGetItem", name)
            keys = [self._valid("BatchGetItem", partial(table.key_of, one)) for one in asked["Keys"]]
            number += len(keys)
            if not keys or len(set(keys)) < len(keys) or number > MAX_KEYS:
                raise failure("BatchGetItem", "ValidationException", "keys: none, too many, or twice the same")
            found = (table.get(key) for key in keys)
            responses[name] = [_chosen(item, {**request, **asked}) for item in found if item is not None]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        return self._valid("Query", lambda: self._query(request))  # type: ignore[no-any-return]

    def execute_statement(self, **request: Any) -> dict[str, Any]:
        """Run a PartiQL select of all entries of an index, or of those with one of some keys."""
        found = _SELECT.fullmatch(request["Statement"])
        if found is None:
            raise failure("ExecuteStatement", "ValidationException", request["Statement"])
        index = self._table("ExecuteStatement", found["table"]).indexes[found["index"]]
        index.catch_up(self._clock())
        wanted = [value["S"] for value in request["Parameters"]] if found["key"] else sorted(index.sorted)
        items = [index.images[one[1:]] for key in wanted for one in index.sorted.get(key, ())]
        return {"Items": items[: request.get("Limit")]}

    def scan(self, **request: Any) -> dict[str, Any]:
        table = self._table("Scan", request["TableName"])
        items = [item for partition in table.partitions.values() for item in partition.values()]
        return {"Items": items, "Count": len(items)}

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator(getattr(self, operation))

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        table = self._table("Query", request["TableName"])
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        span = _span(request["KeyConditionExpression"])
        wanted = values[span.hash_value]["S"]
        keep, used = _condition(request.get("FilterExpression"))
        _require_used(names, values, span.used | used)
        index: _Index | None = None
        if "IndexName" in request:
            if request.get("ConsistentRead"):
                raise _InvalidError("Consistent reads are not supported on global secondary indexes")
            index = table.indexes[request["IndexName"]]
            index.catch_up(self._clock())
            entries: list[tuple[str, str, str]] = index.sorted.get(wanted, [])
            hash_key, range_key = index.hash_key, index.range_key
        else:
            entries = [(item, wanted, item) for item in sorted(table.partitions.get(wanted, ()))]
            hash_key, range_key = (*table.keys, "")[:2]
        if names.get(span.hash_name, span.hash_name) != hash_key:
            raise _InvalidError("Query condition missed key schema element")
        first, last = 0, len(entries)
        if span.range_name is not None:
            if names.get(span.range_name, span.range_name) != range_key:
                raise _InvalidError("Query condition missed key schema element")
            first, last = _bounds(entries, span, values)
        forward = request.get("ScanIndexForward", True)
        start = request.get("ExclusiveStartKey")
        if start is not None:
            key = table.key_of(start)
            at = key[1] if index is None else start[range_key]["S"] if range_key else ""
            place = (at, *key)
            if forward:
                first = max(first, bisect_right(entries, place))
            else:
                last = min(last, bisect_left(entries, place))
        limit = request.get("Limit", last - first)
        taken = entries[first : min(last, first + limit)] if forward else entries[max(first, last - limit) : last][::-1]
        found = [index.images[one[1:]] if index is not None else table.partitions[one[1]][one[2]] for one in taken]
        answer = {
            "Items": [_chosen(item, request) for item in found if keep(item, names, values)],
            "ScannedCount": len(found),
        }
        answer["Count"] = len(answer["Items"])
        if len(taken) == limit and taken and "Limit" in request:
            answer["LastEvaluatedKey"] = {
                name: found[-1][name]
                for name in dict.fromkeys([*table.keys, *((hash_key, range_key) if index else ())])
                if name
            }
        if request.get("Select") == "COUNT":
            del answer["Items"]
        return answer

    # Writes

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._one("PutItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._one("UpdateItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._one("DeleteItem", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        operation, token, writes = "TransactWriteItems", request.get("ClientRequestToken"), request["TransactItems"]
        if token is not None and token in self._tokens:
            at, before = self._tokens[token]
            if self._clock() - at < TOKEN_SECONDS:
                if before != writes:
                    raise failure(operation, "IdempotentParameterMismatchException")
                return {}
        if not 1 <= len(writes) <= MAX_WRITES:
            raise failure(operation, "ValidationException", "TransactItems: 1 to 100 expected")
        reasons, planned, keys = [], [], set()
        for one in writes:
            ((kind, arguments),) = one.items()
            reason, place, new = self._valid(operation, partial(self._plan, operation, kind, arguments))
            if place in keys:
                raise failure(operation, "ValidationException", "Transaction request cannot include two of one item")
            keys.add(place)
            reasons.append(reason)
            if kind != "ConditionCheck":
                planned.append((*place, new))
        if any(reason["Code"] != "None" for reason in reasons):
            raise failure(operation, "TransactionCanceledException", CancellationReasons=reasons)
        for name, key, new in planned:
            self._write(name, key, new)
        if token is not None:
            self._tokens[token] = (self._clock(), writes)
        return {}

    def _plan(
        self, operation: str, kind: str, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, Key], Item | None]:
        """Return of one write of a transaction the reason not to make it, its place, and what comes there."""
        table = self._table(operation, arguments["TableName"])
        key = table.key_of(arguments.get("Item") or arguments["Key"])
        old = table.get(key)
        reason: dict[str, Any] = {"Code": "None"}
        held, new = True, None
        try:
            held, new = self._next(table, kind, arguments, old)
        except _ItemInvalidError as error:
            reason = {"Code": "ValidationError", "Message": str(error)}
        if not held:
            reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            if arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None:
                reason["Item"] = old
        return reason, (arguments["TableName"], key), new

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        """Run PartiQL inserts and updates of single items, each for itself."""
        operation, statements = "BatchExecuteStatement", request["Statements"]
        if not 1 <= len(statements) <= MAX_STATEMENTS or any(len(one["Statement"]) > 8_192 for one in statements):
            raise failure(operation, "ValidationException", "Statements: too many, or too long")
        updates = [self._valid(operation, partial(self._read_statement, one)) for one in statements]
        keys = [(one["TableName"], repr(one["Key"])) for one in updates]
        if len(set(keys)) < len(keys):
            raise failure(operation, "ValidationException", "Multiple statements on one item")
        responses = []
        for update in updates:
            response = {"TableName": update["TableName"]}
            inserts = "Item" in update
            try:
                answer = self._one("PutItem" if inserts else operation, update)
                if "Attributes" in answer:
                    response["Item"] = answer["Attributes"]
            except ClientError as error:
                code = error.response["Error"]["Code"].replace("ValidationException", "ValidationError")
                code = code.removesuffix("Exception")
                if inserts and code == "ConditionalCheckFailed":
                    code = "DuplicateItem"
                response["Error"] = {**error.response["Error"], "Code": code}
                if "Item" in error.response:
                    response["Error"]["Item"] = error.response["Item"]
            responses.append(response)
        return {"Responses": responses}

    def _read_statement(self, statement: Mapping[str, Any]) -> dict[str, Any]:
        """Return a PartiQL UPDATE as the arguments of UpdateItem, or an INSERT as those of PutItem."""
        if found := _INSERT.fullmatch(statement["Statement"]):
            return self._read_insert(found, statement.get("Parameters", ()))
        name, sets, where, returning = _partiql(statement["Statement"])
        table = self._table("BatchExecuteStatement", name)
        values = {f":p{number}": value for number, value in enumerate(statement.get("Parameters", ()))}
        if len(values) != (sets + where).count(":p"):
            raise _InvalidError("Number of parameters in request and statement don't match.")
        key, conditions = {}, []
        for one in re.split(r"\s+AND\s+", where, flags=re.IGNORECASE):
            equal = re.fullmatch(r"#(\w+)\s*=\s*(:p\d+)", one.strip())
            if equal and equal[1] in table.keys:
                key[equal[1]] = values[equal[2]]
            else:
                conditions.append(one.strip())
        condition = " AND ".join([*conditions, f"attribute_exists(#{table.keys[0]})"])
        used = set(re.findall(r":p\d+", f"{sets} {condition}"))
        return {
            "TableName": name,
            "Key": key,
            "UpdateExpression": sets,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{one}": one for one in re.findall(r"#(\w+)", f"{sets} {condition}")},
            "ExpressionAttributeValues": {one: value for one, value in values.items() if one in used},
            "ReturnValues": returning,
            "ReturnValuesOnConditionCheckFailure": statement.get("ReturnValuesOnConditionCheckFailure", "NONE"),
        }

    def _read_insert(self, found: re.Match[str], values: Sequence[Any]) -> dict[str, Any]:
        table = self._table("BatchExecuteStatement", found["table"])
        names = re.findall(r"'(\w+)'\s*:\s*\?", found["values"])
        if len(names) != len(values):
            raise _InvalidError("Number of parameters in request and statement don't match.")
        item = dict(zip(names, values, strict=True))
        table.key_of(item)
        return {
            "TableName": found["table"],
            "Key": {name: item[name] for name in table.keys},
            "Item": item,
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": table.keys[0]},
        }

    def _one(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        table = self._table(operation, request["TableName"])
        kind = {"PutItem": "Put", "DeleteItem": "Delete"}.get(operation, "Update")
        try:
            key = table.key_of(request["Item"] if kind == "Put" else request["Key"])
            old = table.get(key)
            held, new = self._next(table, kind, request, old)
        except _InvalidError as error:
            raise failure(operation, "ValidationException", str(error)) from error
        if not held:
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None
            raise failure(operation, "ConditionalCheckFailedException", **({"Item": old} if wanted else {}))
        self._write(request["TableName"], key, new)
        match request.get("ReturnValues", "NONE"):
            case "ALL_NEW":
                return {"Attributes": new}
            case "ALL_OLD":
                return {} if old is None else {"Attributes": old}
        return {}

    def _next(self, table: _Table, kind: str, request: dict[str, Any], old: Item | None) -> tuple[bool, Item | None]:
        """Tell whether a write's condition holds, and return what it makes of the item."""
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        holds, used = _condition(request.get("ConditionExpression"))
        update = None
        if kind == "Update":
            update, more = _update(request["UpdateExpression"])
            used |= more
        _require_used(names, values, used)
        if not holds(old or {}, names, values):
            return False, None
        if update is None:
            return True, request["Item"] if kind == "Put" else None
        new, changed = update(old or request["Key"], names, values)
        if not changed.isdisjoint(table.keys):
            raise _InvalidError("Cannot update attribute. This attribute is part of the key")
        return True, new

    def _write(self, name: str, key: Key, new: Item | None) -> None:
        table = self.tables[name]
        old = table.get(key)
        if new is not None:
            for index in table.indexes.values():
                if any(one in new and not new[one].get("S") for one in (index.hash_key, index.range_key) if one):
                    raise failure("Write", "ValidationException", "an index key is empty, or is no text")
            table.partitions.setdefault(key[0], {})[key[1]] = new
        elif old is not None:
            del table.partitions[key[0]][key[1]]
            if not table.partitions[key[0]]:
                del table.partitions[key[0]]
        for index in table.indexes.values():
            if index.place(old) is not None or index.place(new) is not None:
                index.write(key, new, self._clock() + self._lag())
        for watcher in self.watchers:
            watcher(name, key, old, new)

    def _table(self, operation: str, name: str) -> _Table:
        if name not in self.tables:
            raise failure(operation, "ResourceNotFoundException", _MISSING_KEY)
        return self.tables[name]

    @staticmethod
    def _valid(operation: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except _InvalidError as error:
            raise failure(operation, "ValidationException", str(error)) from error


@dataclass(frozen=True)
class Paginator:
    """Pages of a call, each a call of its own."""

    call: Callable[..., dict[str, Any]]

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.call(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _require_used(names: Names, values: Values, used: frozenset[str]) -> None:
    if len(names) + len(values) != len(used) or not (used >= names.keys() and used >= values.keys()):
        raise _InvalidError("a name or a value is unused in the expressions, or is missing")


def _chosen(item: Item, request: Mapping[str, Any]) -> Item:
    """Return what a projection expression of top-level names leaves of an item."""
    if "ProjectionExpression" not in request:
        return item
    names = request.get("ExpressionAttributeNames", {})
    wanted = {names.get(one.strip(), one.strip()) for one in request["ProjectionExpression"].split(",")}
    return {name: value for name, value in item.items() if name in wanted}


def _bounds(entries: list[tuple[str, str, str]], span: _Span, values: Values) -> tuple[int, int]:
    low = values[span.low]["S"]
    if span.high and low > values[span.high]["S"]:
        raise _InvalidError("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")
    start, end = bisect_left(entries, (low,)), bisect_right(entries, (low, _LAST))
    to = bisect_right(entries, (values[span.high]["S"] if span.high else low + _LAST, _LAST))
    return {
        "=": (start, end),
        "<": (0, start),
        "<=": (0, end),
        ">": (end, len(entries)),
        ">=": (start, len(entries)),
        "begins_with": (start, to),
        "BETWEEN": (start, to),
    }[span.operator]


_PARTIQL = re.compile(
    r'\s*UPDATE\s+"?(?P<table>[\w.-]+)"?\s+(?P<sets>.*?)\s+WHERE\s+(?P<where>.*?)'
    r"(?:\s+RETURNING\s+(?P<returning>ALL\s+NEW|ALL\s+OLD)\s+\*)?\s*",
    re.IGNORECASE | re.DOTALL,
)


_SELECT = re.compile(r'SELECT \* FROM "(?P<table>[\w.-]+)"\."(?P<index>\w+)"(?: WHERE "(?P<key>\w+)" IN \[[?, ]+\])?')
_INSERT = re.compile(
    r'\s*INSERT\s+INTO\s+"?(?P<table>[\w.-]+)"?\s+VALUE\s+\{(?P<values>.*)\}\s*', re.IGNORECASE | re.DOTALL
)


@functools.lru_cache(maxsize=1_024)
def _partiql(text: str) -> tuple[str, str, str, str]:
    """Return table, update expression, conditions and return values of a PartiQL UPDATE."""
    found = _PARTIQL.fullmatch(text)
    if found is None:
        raise _InvalidError(f"PartiQL {text!r} is not one that the stand-in reads")
    numbers = itertools.count()

    def written(part: str) -> str:
        part = re.sub(r"\?", lambda _: f":p{next(numbers)}", part)
        part = re.sub(r'"(\w+)"', r"#\1", part)
        part = re.sub(
            r"(?<![#:\w])(\w+)(?!\w|\()",
            lambda one: one[0] if one[0].upper() in _PARTIQL_WORDS else f"#{one[0]}",
            part,
        )
        part = re.sub(r"(#\w+)\s+IS\s+NOT\s+MISSING", r"attribute_exists(\1)", part, flags=re.IGNORECASE)
        return re.sub(r"(#\w+)\s+IS\s+MISSING", r"attribute_not_exists(\1)", part, flags=re.IGNORECASE)

    sets = written(found["sets"])
    # PartiQL repeats SET; an update expression has a comma instead.
    first, *others = re.split(r"\bSET\b", sets, flags=re.IGNORECASE)[1:]
    removes = [re.split(r"\bREMOVE\b", one, flags=re.IGNORECASE) for one in (first, *others)]
    expression = "SET " + ", ".join(one[0].strip() for one in removes)
    if gone := [name.strip() for one in removes for name in one[1:]]:
        expression += " REMOVE " + ", ".join(gone)
    returning = re.sub(r"\s+", "_", found["returning"] or "NONE").upper()
    return found["table"], expression, written(found["where"]), returning


_PARTIQL_WORDS = frozenset({"SET", "REMOVE", "AND", "OR", "NOT", "IS", "MISSING", "BETWEEN", "IN"})
