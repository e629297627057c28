"""Counts the calls that this process makes to AWS, and what AWS would bill for them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from lambdas.inbound.aws_calls.caller import Caller
from lambdas.inbound.aws_calls.connection import HttpResponse
from lambdas.inbound.aws_calls.errors import AwsRefusedError
from tools.estimate.observed.units import READ_UNIT_BYTES, key_names, size, stored_bytes, write_units
from tools.estimate.observed.usage import Usage

# Takes whether AWS accepted the call.
Done = Callable[[bool], None]

_METADATA = "x-amz-meta-"
# The name before each parameter of a PartiQL statement.
_PARAMETER = re.compile(r"""["'](\w+)["'][^"'?]*\?""")
_STATEMENT = re.compile(r"""\s*(?:INSERT\s+INTO|UPDATE)\s+"?([\w.-]+)""", re.IGNORECASE)
_TRANSACTION_FACTOR = 2


class CallCounter:
    """Watches botocore's clients, and `lambdas.inbound.aws_calls`.

    Attributes
    ----------
    usage : Usage
        What was counted.
    messages : list[dict[str, Any]]
        The requests of ``SendMessage``.
    unknown : list[str]
        Calls that nobody knows here how to count. They are not free: a usage with them says nothing.

    Parameters
    ----------
    dynamodb
        A client that is not watched. It reads each item before and after a write, from which the units follow.
    """

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self._tables: dict[str, Mapping[str, Any]] = {}
        self.restart()

    def restart(self) -> None:
        """Count from zero."""
        self.usage = Usage()
        self.messages: list[dict[str, Any]] = []
        self.unknown: list[str] = []

    def watch_botocore(self, session: Any) -> None:
        """Count the calls of all clients that a boto3 session makes from now on."""

        def before(model: Any, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
            body = params["body"]
            # botocore makes a file of an object's body.
            content = body.getvalue() if isinstance(body, BytesIO) else body
            context["counted"] = self.begin(model.name, params["headers"], content)

        def after(http_response: Any, context: dict[str, Any], **_: Any) -> None:
            context["counted"](http_response.status_code < 300)

        session.events.register("before-call", before)
        session.events.register("after-call", after)

    def watch_aws_calls(self) -> None:
        """Count the calls of our own client."""
        call = Caller.call

        def counted(caller: Caller, operation: str, *request: Any) -> HttpResponse:
            _method, _path, headers, body = request
            done = self.begin(operation, headers, body)
            try:
                answer = call(caller, operation, *request)
            except AwsRefusedError:
                done(False)
                raise
            done(True)
            return answer

        Caller.call = counted  # type: ignore[method-assign, assignment]

    def begin(self, operation: str, headers: Mapping[str, str], body: bytes) -> Done:
        """Count a call that is about to be made; what is returned counts what only its end tells.

        Parameters
        ----------
        operation : str
            AWS's name of it.
        headers, body
            What the HTTP request has before it is signed.
        """
        self.usage.in_order.append(operation)
        if operation == "PutObject":
            metadata = ((name, value) for name, value in headers.items() if name.lower().startswith(_METADATA))
            stored = len(body) + sum(len(name) - len(_METADATA) + len(value) for name, value in metadata)
            return lambda accepted: self.usage.objects.extend([stored] * accepted)
        is_json = any(name.lower() == "x-amz-target" for name in headers)
        request = json.loads(body) if is_json else {}
        match operation:
            case "GetSecretValue":
                pass
            case "SendMessage":
                self.messages.append(request)
                self.usage.message_bytes.append(len(request["MessageBody"].encode()))
                self.usage.grouped_messages += "MessageGroupId" in request
            case "PutEvents":
                self.usage.event_bytes += [_event_bytes(entry) for entry in request["Entries"]]
            case "GetItem":
                self._read(request["TableName"], [request["Key"]], request)
            case "BatchGetItem":
                for table, asked in request["RequestItems"].items():
                    self._read(table, asked["Keys"], asked)
            case "Query":
                # Of a partition in which there is next to nothing.
                self.usage.read_units += 1 if request.get("ConsistentRead") else 0.5
            case "ExecuteStatement" if request["Statement"].startswith("SELECT"):
                # Half a unit for each key of an index in which there is next to nothing.
                self.usage.read_units += max(1, len(request.get("Parameters", ()))) / 2
            case _:
                return self._write(operation, request)
        return lambda _: None

    def _read(self, table: str, keys: Sequence[dict[str, Any]], asked: Mapping[str, Any]) -> None:
        for item in self._items([(table, key) for key in keys]):
            units = max(1, -(-size(item or {}) // READ_UNIT_BYTES))
            self.usage.read_units += units if asked.get("ConsistentRead") else units / 2

    def _write(self, operation: str, request: dict[str, Any]) -> Done:
        try:
            written = [(table, self._key(table, values)) for table, values in _written(operation, request)]
        except (LookupError, ValueError) as error:
            self.unknown.append(f"{operation} ({error})")
            return lambda _: None
        before = self._items(written)
        factor = _TRANSACTION_FACTOR if operation == "TransactWriteItems" else 1

        def count(_: bool) -> None:
            for (table, _key), was, now in zip(written, before, self._items(written), strict=True):
                described = self._table(table)
                units, index_units = write_units(described, was, now)
                self.usage.table_write_units += factor * units
                self.usage.index_write_units += factor * index_units
                self.usage.stored_item_bytes += stored_bytes(described, now) - stored_bytes(described, was)

        return count

    def _key(self, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in key_names(self._table(table))}

    def _table(self, name: str) -> Mapping[str, Any]:
        if name not in self._tables:
            self._tables[name] = self._dynamodb.describe_table(TableName=name)["Table"]
        return self._tables[name]

    def _items(self, places: Sequence[tuple[str, dict[str, Any]]]) -> list[Mapping[str, Any] | None]:
        """Return the items that tables have under keys."""
        keys: dict[str, list[dict[str, Any]]] = {}
        for table, key in places:
            keys.setdefault(table, []).append(key)
        found = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": of} for table, of in keys.items()})
        items = found["Responses"]
        return [next((item for item in items[table] if key.items() <= item.items()), None) for table, key in places]


def _event_bytes(entry: Mapping[str, str]) -> int:
    return sum(len(entry.get(name, "").encode()) for name in ("Source", "DetailType", "Detail"))


def _written(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield, for each item that a request writes, its table and the attributes that it names, the key among them.

    Raises
    ------
    LookupError, ValueError
        When the request is not known here.
    """
    match operation:
        case "PutItem" | "UpdateItem":
            yield request["TableName"], request.get("Item") or request["Key"]
        case "TransactWriteItems":
            for item in request["TransactItems"]:
                for write in item.values():
                    yield write["TableName"], write.get("Item") or write["Key"]
        case "BatchExecuteStatement":
            for statement in request["Statements"]:
                yield _written_by(statement)
        case _:
            raise LookupError("of which nothing is known here")


def _written_by(statement: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the table of a PartiQL ``INSERT`` or ``UPDATE``, and the attributes that it compares or sets.

    Raises
    ------
    LookupError
        When it is another statement.
    ValueError
        When not every parameter has a name before it.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
    """
    match = _STATEMENT.match(statement["Statement"])
    if match is None:
        raise LookupError(statement["Statement"])
    names = _PARAMETER.findall(statement["Statement"])
    return match[1], dict(zip(names, statement["Parameters"], strict=True))
