"""Takes events in: durable before they are acknowledged, and once for each idempotency key.

Event, payload and key are written in one transaction, and then the message that has the event fanned out is sent. Who
dies in between leaves an event that nobody was promised; the same key sent again finds it and sends the message.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.delivery.domain.ids import EVENT, new_id
from lambdas.delivery.domain.model import Event
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.http.problems import conflict
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import FanOut
from lambdas.delivery.store.items import (
    EVENT_ITEM,
    EVENT_KEY,
    EXPIRES_AT,
    ITEM_KEY,
    event_key,
    from_event,
    from_payload,
    idempotency_key,
    to_event,
)
from lambdas.delivery.store.transactions import write_together
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger

IDEMPOTENCY_SECONDS = 24 * 3_600
KEY_ITEM = "key"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """An event that a tenant hands in.

    Attributes
    ----------
    tenant_id : str
        Whose.
    event_type : str
        The payload's type.
    payload : bytes
        Exactly what was sent.
    correlation_id : str
        Follows it.
    key : str | None
        Idempotency key.
    only : str | None
        The one endpoint that it is for.
    """

    tenant_id: str
    event_type: str
    payload: bytes
    correlation_id: str
    key: str | None = None
    only: str | None = None


class Intake:
    """Accepts events.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of events.
    queue : DeliveryQueue
        Where accepted events go.
    retention : Retention
        How long they are kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    pause : Callable[[float], None]
        Waits for seconds.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        *,
        queue: DeliveryQueue,
        retention: Retention,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._queue = queue
        self._retention = retention
        self._clock = clock
        self._pause = pause

    def accept(self, submission: Submission) -> Event:
        """Make an event durable and have it fanned out; return it, or the one that its key stands for already.

        Raises
        ------
        ProblemError
            409 when the key was used for another body within 24 hours; 503 when others with the same key keep getting
            in the way. Nothing was promised then.
        """
        now = self._clock()
        digest = hashlib.sha256(submission.payload).hexdigest()
        event = Event(
            tenant_id=submission.tenant_id,
            event_id=new_id(EVENT, now),
            event_type=submission.event_type,
            created_at=times.iso(now),
            size=len(submission.payload),
            sha256=digest,
            correlation_id=submission.correlation_id,
            only=submission.only,
            expires_at=self._retention.created(now),
        )
        held = self._write(event, submission, now)
        if held is None:
            self._send(event, submission.key)
            return event
        if held["sha256"] != digest:
            raise conflict("idempotency_key_reused", "this Idempotency-Key was used with another body within 24 hours")
        first = self._read(submission.tenant_id, held["eventId"])
        if not held.get("queued"):
            self._send(first, submission.key)
        return first

    def _send(self, event: Event, key: str | None) -> None:
        self._queue.send(FanOut(tenant_id=event.tenant_id, event_id=event.event_id))
        if key is None:
            return
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key_of(event.tenant_id, key),
                UpdateExpression="SET #queued = :true",
                ConditionExpression="#eventId = :eventId",
                ExpressionAttributeNames={"#queued": "queued", "#eventId": "eventId"},
                ExpressionAttributeValues=to_item({":true": True, ":eventId": event.event_id}),
            )
        except ClientError as error:
            # The event is durable and queued. Without this note the same key queues it again, which changes nothing.
            logger.warning("an idempotency key could not be marked", error=describe(error))

    def _write(self, event: Event, submission: Submission, now: float) -> dict[str, Any] | None:
        """Write an event with its payload and key; return the item that holds the key when it is taken."""
        puts = [
            self._put(from_event(event)),
            self._put(from_payload(event, submission.payload)),
        ]
        if submission.key is not None:
            puts.append(self._put_key(event, submission.key, now))
        reasons = write_together(self._dynamodb, puts, self._pause)
        return from_item(reasons[-1]["Item"]) if reasons else None

    def _put(self, values: dict[str, Any]) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table,
                "Item": to_item(values),
                "ConditionExpression": "attribute_not_exists(#event)",
                "ExpressionAttributeNames": {"#event": EVENT_KEY},
            }
        }

    def _put_key(self, event: Event, key: str, now: float) -> dict[str, Any]:
        """Return the write of a key, which takes the place of one that has expired and is still there."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    **_key_of(event.tenant_id, key),
                    **to_item(
                        {
                            "eventId": event.event_id,
                            "sha256": event.sha256,
                            EXPIRES_AT: int(now) + IDEMPOTENCY_SECONDS,
                        }
                    ),
                },
                "ConditionExpression": "attribute_not_exists(#event) OR #expiresAt <= :now",
                "ExpressionAttributeNames": {"#event": EVENT_KEY, "#expiresAt": EXPIRES_AT},
                "ExpressionAttributeValues": to_item({":now": int(now)}),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _read(self, tenant_id: str, event_id: str) -> Event:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key=to_item({EVENT_KEY: event_key(tenant_id, event_id), ITEM_KEY: EVENT_ITEM}),
            ConsistentRead=True,
        )
        return to_event(from_item(answer["Item"]))


def _key_of(tenant_id: str, key: str) -> dict[str, Any]:
    return to_item({EVENT_KEY: idempotency_key(tenant_id, key), ITEM_KEY: KEY_ITEM})
