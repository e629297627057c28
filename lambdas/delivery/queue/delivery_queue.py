"""The delivery queue, for sending. A message is a hint: the due index has what it is about, and finds a lost one."""

import math
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.delivery.domain.due import MAX_HOPS
from lambdas.delivery.queue.messages import SentMessage, write
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
MAX_DELAY_SECONDS = 900
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
BATCH = 10
LINEAGE: ContextVar[int] = ContextVar("lineage", default=0)
"""How far the invocation is in a chain, see `FanOut.lineage`; 0 outside of one."""


class DeliveryQueue:
    """The delivery queue.

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

    def send(self, message: SentMessage, delay: float = 0.0) -> None:
        """Send a message, in its tenant's group, unless its chain is too long; one that fails is left to the index.

        Parameters
        ----------
        delay : float
            Seconds until it can be received, rounded up.
        """
        if message.hops > MAX_HOPS:
            return
        try:
            self._sqs.send_message(QueueUrl=self._url, **_entry(message, delay))
        except (ClientError, BotoCoreError) as error:
            logger.error("message could not be sent", tenant=message.tenant_id, reason=describe(error))

    def send_all(self, messages: Sequence[tuple[SentMessage, float]]) -> list[bool]:
        """Send messages, each with its delay; tell of each whether it is in the queue, as far as is known."""
        sent = []
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            entries = [{"Id": str(number), **_entry(*one)} for number, one in enumerate(batch)]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                logger.error("messages could not be sent", reason=describe(error))
                answer = {}
            successful = {one["Id"] for one in answer.get("Successful", ())}
            sent += [str(number) in successful for number in range(len(batch))]
        return sent


def _entry(message: SentMessage, delay: float) -> dict[str, Any]:
    return {
        "MessageBody": write(replace(message, lineage=LINEAGE.get() + 1)),
        "MessageGroupId": message.tenant_id,
        "DelaySeconds": min(max(math.ceil(delay), 0), MAX_DELAY_SECONDS),
    }
