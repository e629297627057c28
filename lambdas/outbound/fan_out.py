"""Hands accepted events to the delivery queue."""

from typing import Any

from lambdas.outbound.messages import FanOut, write


class FanOutQueue:
    """Sends to the delivery queue.

    Parameters
    ----------
    sqs
        A boto3 SQS client.
    queue_url : str
        The delivery queue.
    """

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, tenant_id: str, event_id: str) -> None:
        """Send an event to be fanned out; when this returns, SQS has it on several machines."""
        self._sqs.send_message(
            QueueUrl=self._queue_url,
            MessageBody=write(FanOut(tenant_id=tenant_id, event_id=event_id)),
            MessageGroupId=tenant_id,
        )
