"""The stand-in for DynamoDB answers as MiniStack does, call by call, whatever is asked."""

import random
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.shared.dynamodb import to_item
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB
from tests.lambdas.support import create_table

CALLS = 350
# Of each kind there is what holds, what does not, and what is refused.
CONDITIONS = (
    "attribute_not_exists(#event)",
    "attribute_exists(#event)",
    "#number = :number",
    "#number <> :number",
    "#number < :number OR #text = :text",
    "#number BETWEEN :zero AND :number",
    "#number IN (:zero, :number) AND NOT #text = :text",
    "(attribute_not_exists(#owner) OR #owner <= :text) AND #number >= :zero",
    "begins_with(#text, :text)",
    "contains(#names, :text)",
    "contains(#list, :text)",
    "size(#list) > :zero",
    "size(#text) <= :number",
    "#list[0].#text = :text",
    "#map.#inner = :number",
    "attribute_exists(#map.#inner)",
    "#missing <> :text",
    "#missing = :text",
    "#text > :number",
)
UPDATES = (
    "SET #number = :number",
    "SET #number = #number + :number",
    "SET #number = #number - :number, #text = :text",
    "SET #number = if_not_exists(#number, :zero) + :number",
    "SET #owner = :text, #at = :text REMOVE #list",
    "REMOVE #at, #owner",
    "SET #list = list_append(if_not_exists(#list, :empty), :list)",
    "SET #list[0] = :map",
    "SET #map.#inner = :number",
    "ADD #number :number",
    "ADD #names :names",
    "DELETE #names :names",
    "SET #kind = :text, #at = :text ADD #count :number REMOVE #missing",
    "SET #event = :text",
    "SET #at = :blank",
    "SET #map = :map, #number = :number",
)
KEYS = ("#kind = :text", "#kind = :text AND #at > :text", "#kind = :text AND #at BETWEEN :low AND :high",
        "#kind = :text AND begins_with(#at, :low)", "#kind = :text AND #at <= :high")  # fmt: skip
BASE_KEYS = ("#event = :event", "#event = :event AND #item > :low", "#event = :event AND begins_with(#item, :low)")
SETS = (
    '"number" = ? SET "text" = ?',
    '"number" = ?, "text" = ?',
    '"list" = list_append("list", ?) REMOVE "owner"',
    '"at" = ?',
)
WHERES = ('"number" = ?', '"text" <> ? AND "number" IS NOT MISSING', '"owner" IS MISSING', '"number" < ?')


class Calls:
    """Random calls of a small world: three partitions of three items."""

    def __init__(self, seed: int, table: str) -> None:
        self.chance = random.Random(seed)
        self.table = table

    def key(self) -> dict[str, Any]:
        return to_item({"event": f"e{self.chance.randint(0, 2)}", "item": f"i{self.chance.randint(0, 2)}"})

    def value(self, name: str) -> Any:
        chance = self.chance
        return {
            "number": chance.choice([0, 1, 2, 2]),
            "zero": 0,
            "text": chance.choice(["a", "ab", "b"]),
            "names": set(chance.sample(["a", "ab", "b"], chance.randint(1, 2))),
            "list": [chance.choice(["a", {"text": "a"}])],
            "empty": [],
            "map": chance.choice([{"inner": 2}, {"text": "a"}]),
            "blank": "",
            "low": chance.choice(["a", "i", "i1"]),
            "high": chance.choice(["ab", "b"]),
            "event": f"e{chance.randint(0, 2)}",
        }[name]

    def item(self) -> dict[str, Any]:
        names = [one for one in ("number", "text", "names", "list", "map") if self.chance.random() < 0.7]
        values = {name: self.value(name) for name in names}
        if self.chance.random() < 0.7:
            values |= {"kind": self.value("text"), "at": self.value("text")}
        return {**self.key(), **to_item(values)}

    def with_values(self, **expressions: str | None) -> dict[str, Any]:
        given = {name: one for name, one in expressions.items() if one is not None}
        text = " ".join(given.values())
        names = {one: one[1:] for one in re.findall(r"#\w+", text)}
        values = {one: self.value(one[1:]) for one in re.findall(r":\w+", text)}
        if self.chance.random() < 0.02:
            values[":unused"] = 1
        more: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        if values:
            more["ExpressionAttributeValues"] = to_item(values)
        return {**given, **more}

    def condition(self, share: float = 0.6) -> str | None:
        return self.chance.choice(CONDITIONS) if self.chance.random() < share else None

    def returned(self, condition: str | None) -> dict[str, str]:
        if condition is None or self.chance.random() < 0.5:
            return {}
        return {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

    def put(self) -> dict[str, Any]:
        condition = self.condition()
        more = self.with_values(ConditionExpression=condition) | self.returned(condition)
        return {"TableName": self.table, "Item": self.item(), **more}

    def update(self, updates: Sequence[str] = UPDATES) -> dict[str, Any]:
        condition = self.condition()
        more = self.with_values(UpdateExpression=self.chance.choice(updates), ConditionExpression=condition)
        return {"TableName": self.table, "Key": self.key(), **more, **self.returned(condition)}

    def delete(self) -> dict[str, Any]:
        condition = self.condition()
        more = self.with_values(ConditionExpression=condition) | self.returned(condition)
        return {"TableName": self.table, "Key": self.key(), **more}

    def query(self) -> dict[str, Any]:
        if self.chance.random() < 0.1:
            more = self.with_values(KeyConditionExpression="#owner = :text")
            return {"TableName": self.table, "IndexName": "byOwner", **more}
        index = self.chance.random() < 0.6
        more = self.with_values(
            KeyConditionExpression=self.chance.choice(KEYS if index else BASE_KEYS),
            FilterExpression="#number = :number" if self.chance.random() < 0.2 else None,
        )
        if index:
            more["IndexName"] = "byKind"
        if self.chance.random() < 0.3:
            more["ScanIndexForward"] = False
        return {"TableName": self.table, **more}

    def statement(self, key: dict[str, Any]) -> dict[str, Any]:
        if self.chance.random() < 0.4:
            item = {**self.item(), **key}
            names = ", ".join(f"'{name}': ?" for name in item)
            return {"Statement": f'INSERT INTO "{self.table}" VALUE {{{names}}}', "Parameters": list(item.values())}
        sets, where = self.chance.choice(SETS), self.chance.choice(WHERES)
        text = f'UPDATE "{self.table}" SET {sets} WHERE "event" = ? AND "item" = ? AND {where}'
        names = re.findall(r'"(\w+)"(?:, | = list_append\("list", | = | <> | < )\?', text.split(" SET ", 1)[1])
        values = [key[name] if name in key else to_item({"v": self.value("text" if name == "at" else name)})["v"]
                  for name in names]  # fmt: skip
        return {"Statement": text, "Parameters": values, **self.returned("" if self.chance.random() < 0.5 else None)}

    def next(self) -> tuple[str, dict[str, Any]]:
        operation = self.chance.choices(
            ("put_item", "update_item", "delete_item", "get_item", "batch_get_item", "query", "transact_write_items",
             "batch_execute_statement"),
            (20, 40, 5, 5, 5, 20, 15, 15),
        )[0]  # fmt: skip
        if operation in ("put_item", "update_item", "delete_item"):
            returned = ("NONE", "ALL_OLD", "ALL_NEW") if operation == "update_item" else ("NONE", "ALL_OLD")
            request = {"put_item": self.put, "update_item": self.update, "delete_item": self.delete}[operation]()
            return operation, {**request, "ReturnValues": self.chance.choice(returned)}
        if operation == "get_item":
            return operation, {"TableName": self.table, "Key": self.key(), "ConsistentRead": True}
        if operation == "batch_get_item":
            keys = [self.key() for _ in range(self.chance.randint(1, 3))]
            return operation, {"RequestItems": {self.table: {"Keys": keys, "ConsistentRead": True}}}
        if operation == "query":
            return operation, self.query()
        if operation == "transact_write_items":
            kinds = self.chance.choices(("Put", "Update", "Delete", "ConditionCheck"), k=self.chance.randint(1, 3))
            return operation, {"TransactItems": [{kind: self.write(kind)} for kind in kinds]}
        # The local AWS does not refuse two statements of one item.
        keys = {str(key): key for key in (self.key() for _ in range(3))}
        return operation, {"Statements": [self.statement(key) for key in keys.values()]}

    def write(self, kind: str) -> dict[str, Any]:
        if kind == "ConditionCheck":
            condition = self.condition(1.0)
            return {"TableName": self.table, "Key": self.key(), **self.with_values(ConditionExpression=condition)}
        if kind == "Update":
            # What is refused whatever the item is, is refused before the conditions count, or after them.
            return self.update([one for one in UPDATES if ":blank" not in one and "#event" not in one])
        return self.put() if kind == "Put" else self.delete()


def outcome(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """Return what an operation answers, or refuses, without what only AWS's own says."""
    try:
        if operation == "query":
            found = [item for page in client.get_paginator("query").paginate(**request) for item in page["Items"]]
            # An index without a sort key has no order.
            return sorted(found, key=str) if request.get("IndexName") == "byOwner" else found
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        reasons = [(one["Code"], one.get("Item")) for one in error.response.get("CancellationReasons", ())]
        return error.response["Error"]["Code"], error.response.get("Item") or None, reasons
    if operation == "batch_execute_statement":
        return [(one.get("Error", {}).get("Code"), one.get("Error", {}).get("Item")) for one in answer["Responses"]]
    if operation == "batch_get_item":
        return sorted(answer["Responses"].popitem()[1], key=str)
    return {name: answer[name] for name in ("Item", "Attributes") if name in answer}


def comparable(value: Any) -> Any:
    """Return a value with sets in order and empty answers left out."""
    if isinstance(value, dict):
        return {
            name: sorted(one) if name == "SS" else comparable(one) for name, one in sorted(value.items()) if one != {}
        }
    return [comparable(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("seed", range(3))
def test_the_stand_in_answers_as_the_local_aws_does(clients, seed):
    table = f"memory-{uuid.uuid4().hex[:8]}"
    memory = MemoryDynamoDB(lambda: 0.0)
    for client in (memory, clients.dynamodb):
        create_table(client, table, ("event", "item"), {"byKind": ("kind", "at"), "byOwner": ("owner",)})
    calls, kinds = Counter(), Counter()
    chosen = Calls(seed, table)
    for number in range(CALLS):
        operation, request = chosen.next()
        if operation == "transact_write_items" and number % 2:
            # What the SDK does when an answer is lost: the same token, and what was done is not done again.
            request["ClientRequestToken"] = f"{table}-{number}"
            first = [outcome(one, operation, request) == {} for one in (memory, clients.dynamodb)]
            assert first[0] == first[1]
        ours, theirs = (comparable(outcome(one, operation, request)) for one in (memory, clients.dynamodb))
        assert ours == theirs, (number, operation, request)
        calls[operation] += 1
        kinds[ours[0] if isinstance(ours, list) and ours and isinstance(ours[0], str) else "answered"] += 1
        if operation == "batch_execute_statement" and isinstance(ours[0], list):
            kinds.update(code for code, _ in ours if code)
    # Each operation was made, and each way to end was taken.
    assert len(calls) == 8
    assert {"answered", "ConditionalCheckFailedException", "TransactionCanceledException", "DuplicateItem"} <= set(
        kinds
    )


def test_an_index_is_behind_its_table_for_as_long_as_it_is_told():
    now = [0.0]
    memory = MemoryDynamoDB(lambda: now[0], lambda: 5.0)
    create_table(memory, "t", ("event", "item"), {"byKind": ("kind", "at")})
    found = {"ExpressionAttributeNames": {"#kind": "kind"}, "ExpressionAttributeValues": to_item({":kind": "a"})}
    query = {"TableName": "t", "IndexName": "byKind", "KeyConditionExpression": "#kind = :kind", **found}

    memory.put_item(TableName="t", Item=to_item({"event": "e", "item": "i", "kind": "a", "at": "1"}))
    assert memory.query(**query)["Items"] == []
    now[0] = 5.0
    assert len(memory.query(**query)["Items"]) == 1
    memory.delete_item(TableName="t", Key=to_item({"event": "e", "item": "i"}))
    assert len(memory.query(**query)["Items"]) == 1
    now[0] = 10.0
    assert memory.query(**query)["Items"] == []


def test_two_statements_of_one_item_are_refused_as_aws_refuses_them():
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
    memory = MemoryDynamoDB(lambda: 0.0)
    create_table(memory, "t", ("event", "item"), {})
    key = list(to_item({"v": 1, "event": "e", "item": "i"}).values())
    statement = {"Statement": 'UPDATE "t" SET "v" = ? WHERE "event" = ? AND "item" = ?', "Parameters": key}
    with pytest.raises(ClientError, match="ValidationException"):
        memory.batch_execute_statement(Statements=[statement, statement])
