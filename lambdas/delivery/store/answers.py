"""What endpoints answered: read with the attempt, and erased with the payload, which an endpoint may have sent back.

An answer is an item of its own, beside its attempt: attempts are in an index that copies them whole. Headers and body
are one attribute, compressed, since DynamoDB bills a write by the kilobyte, and twice in a transaction.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.model import Attempt
from lambdas.delivery.domain.retention import gone
from lambdas.delivery.store.items import (
    EVENT_ITEM,
    EVENT_KEY,
    EXPIRES_AT,
    ITEM_KEY,
    attempt_from_item,
    attempt_item,
    event_from_item,
    event_key,
    key_of_event,
)
from lambdas.delivery.store.tables import Table

_PREFIX = "answer#"


def answer_item(endpoint_id: str, number: int) -> str:
    """Return the sort key of the answer to an attempt."""
    return f"{_PREFIX}{endpoint_id}#{number:06}"


def answer_to_item(attempt: Attempt, answer: Answer) -> dict[str, Any]:
    """Return the item of the answer to an attempt as plain values."""
    # JSON text holds no line end, so that the first one is the end of it.
    content = json.dumps(answer.headers).encode() + b"\n" + answer.body
    return {
        EVENT_KEY: event_key(attempt.tenant_id, attempt.event_id),
        ITEM_KEY: answer_item(attempt.endpoint_id, attempt.number),
        "content": zlib.compress(content),
        "complete": answer.complete,
        EXPIRES_AT: attempt.expires_at,
    }


def answer_from_item(values: Mapping[str, Any]) -> Answer | None:
    """Return the answer that an item is; None for one that was erased."""
    if "content" not in values:
        return None
    headers, _, body = zlib.decompress(bytes(values["content"])).partition(b"\n")
    return Answer(
        headers=tuple((name, value) for name, value in json.loads(headers)), body=body, complete=values["complete"]
    )


class Answers:
    """Reads and erases answers. They are written with their attempts, see `lambdas.delivery.store.deliveries`.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of events.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def find(
        self, tenant_id: str, event_id: str, endpoint_id: str, number: int, now: float
    ) -> tuple[Attempt, Answer | None] | None:
        """Return an attempt and what the endpoint answered; None when the tenant has none such, or it has expired.

        There is no answer where no response came, nor once the event's payload was erased, whether or not the answer
        is gone already.
        """
        items = [EVENT_ITEM, attempt_item(endpoint_id, number), answer_item(endpoint_id, number)]
        found = {
            values[ITEM_KEY]: values
            for values in self._table.get_all([key_of_event(tenant_id, event_id, item) for item in items])
            if not gone(now, values[EXPIRES_AT])
        }
        event, attempt, answer = (found.get(item) for item in items)
        if event is None or attempt is None:
            return None
        readable = answer is not None and event_from_item(event).erased_at is None
        return attempt_from_item(attempt), answer_from_item(answer) if answer and readable else None

    def erase(self, tenant_id: str, event_id: str) -> None:
        """Erase all answers to attempts of an event, one after the other; made again, it goes on where it stopped."""
        condition = f"#{EVENT_KEY} = :event AND begins_with(#{ITEM_KEY}, :answers)"
        values = {":event": event_key(tenant_id, event_id), ":answers": _PREFIX}
        for one in self._table.query(condition, values):
            self._table.dynamodb.delete_item(**self._table.delete_of(key_of_event(tenant_id, event_id, one[ITEM_KEY])))

    def erase_late(self, attempt: Attempt) -> None:
        """Erase the answer to an attempt that was recorded after its event's payload had been erased.

        An attempt that is under way then is recorded when `erase` may have been through. What was written before the
        event is read here is either found by `erase` or erased here.
        """
        event = self._table.get(key_of_event(attempt.tenant_id, attempt.event_id, EVENT_ITEM))
        if event is None or event_from_item(event).erased_at is not None:
            key = key_of_event(attempt.tenant_id, attempt.event_id, answer_item(attempt.endpoint_id, attempt.number))
            self._table.update(key, "REMOVE #content", {}, f"attribute_exists(#{EVENT_KEY})")
