"""The records of version 0.1.0, by their event: a duplicate of one of them is a duplicate still.

Their keys have what that version read from the event, so that no later version can say their key. They are in the index
`BY_EVENT_INDEX`, and later records are not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lambdas.inbound.envelope import RecordKey
from lambdas.inbound.record_items import BY_EVENT_INDEX, key_of_record
from lambdas.shared.dynamodb import from_item, to_wire

# DynamoDB answers for ten keys at a time; with fewer, an answer has one page.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-operators.html
_KEYS_OF_A_CALL = 10
# A stack that has no such records gets some only while its functions are updated.
_EMPTY_SECONDS = 60.0


class FirstRelease:
    """Finds records of version 0.1.0.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Table name.
    clock : Callable[[], float]
        Seconds, from any time on.
    """

    def __init__(self, dynamodb: Any, table: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._dynamodb = dynamodb
        # Nobody but Terraform writes the table's name.
        self._select = f'SELECT * FROM "{table}"."{BY_EVENT_INDEX}"'  # noqa: S608
        self._clock = clock
        self._empty_until = float("-inf")
        self._has_some = False

    def find(self, event_keys: Sequence[str]) -> dict[str, list[RecordKey]]:
        """Return the keys of the records that events have, by ``<provider>:<event id>``.

        The read is eventually consistent, as of any index: it misses records of the last moments.
        """
        found: dict[str, list[RecordKey]] = {}
        distinct = list(dict.fromkeys(event_keys))
        if not distinct or not self._any():
            return found
        for start in range(0, len(distinct), _KEYS_OF_A_CALL):
            chunk = distinct[start : start + _KEYS_OF_A_CALL]
            places = ", ".join("?" for _ in chunk)
            for entry in self._entries(f'{self._select} WHERE "eventKey" IN [{places}]', chunk):
                found.setdefault(entry["eventKey"], []).append(key_of_record(entry))
        return found

    def _any(self) -> bool:
        """Return whether there are any such records."""
        if not self._has_some and self._clock() > self._empty_until:
            answer = self._dynamodb.execute_statement(Statement=self._select, Limit=1)
            self._has_some = bool(answer["Items"])
            self._empty_until = self._clock() + _EMPTY_SECONDS
        return self._has_some

    def _entries(self, statement: str, event_keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {"Statement": statement, "Parameters": [to_wire(key) for key in event_keys]}
        while True:
            answer = self._dynamodb.execute_statement(**arguments)
            yield from (from_item(item) for item in answer["Items"])
            if "NextToken" not in answer:
                return
            arguments["NextToken"] = answer["NextToken"]
