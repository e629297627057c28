"""The delivery queue, and the schedules of deliveries that are due later.

Waits of up to 15 minutes are SQS delays, which keep to the second; longer ones are one-time schedules of EventBridge
Scheduler, which keep to the minute, cost nothing until they fire, and delete themselves. Neither holds a message in
flight, of which a queue may have 120,000, for all tenants together.
Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import hashlib
import math
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from lambdas.delivery.domain.lifecycle import due_ms
from lambdas.delivery.domain.model import Delivery
from lambdas.delivery.queue.messages import Deliver, Due, FanOut, ResumeEndpoint, write

MAX_DELAY_SECONDS = 900


class DeliveryQueue:
    """The delivery queue, for sending.

    Parameters
    ----------
    sqs
        A boto3 SQS client.
    url : str
        Queue URL.
    """

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, message: FanOut | Deliver | ResumeEndpoint, delay_seconds: int = 0) -> None:
        """Send a message, in its tenant's group; when this returns, it is durable."""
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=write(message),
            MessageGroupId=message.tenant_id,
            DelaySeconds=delay_seconds,
        )


class DeliveryScheduler:
    """Puts the message of a delivery into the queue when the delivery is due.

    Parameters
    ----------
    queue : DeliveryQueue
        The queue.
    scheduler
        A boto3 EventBridge Scheduler client.
    queue_arn, group, role_arn : str
        The queue, the schedules' group, and the role by which Scheduler may send to the queue.
    """

    def __init__(self, queue: DeliveryQueue, scheduler: Any, queue_arn: str, group: str, role_arn: str) -> None:
        self._queue = queue
        self._scheduler = scheduler
        self._queue_arn = queue_arn
        self._group = group
        self._role_arn = role_arn

    def schedule(self, delivery: Delivery, now: float) -> None:
        """Schedule the message of a delivery for the time when it is due; a second one does no harm."""
        seconds = max(due_ms(delivery) / 1_000 - now, 0.0)
        message = Deliver.of(delivery)
        if seconds <= MAX_DELAY_SECONDS:
            self._queue.send(message, min(math.ceil(seconds), MAX_DELAY_SECONDS))
        else:
            self._schedule(message, math.ceil(now + seconds))

    def _schedule(self, message: Deliver, at: int) -> None:
        try:
            self._scheduler.create_schedule(
                GroupName=self._group,
                Name=schedule_name(message),
                ScheduleExpression=f"at({datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._queue_arn,
                    "RoleArn": self._role_arn,
                    "Input": write(Due(deliver=message)),
                },
            )
        except ClientError as error:
            # There is a schedule for this version already, and its time follows from the version.
            if error.response["Error"]["Code"] != "ConflictException":
                raise


def schedule_name(message: Deliver) -> str:
    """Return the name of the schedule of a version: 64 characters, which is all that a name may have."""
    text = f"{message.tenant_id}\0{message.event_id}\0{message.endpoint_id}\0{message.version}"
    return hashlib.sha256(text.encode()).hexdigest()
