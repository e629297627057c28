"""Sending envelopes to the main queue."""

from typing import Any


class MainQueue:
    """The main queue, as its senders see it.

    Every message carries the provider as its message group: on a standard queue that turns on fair queueing, so that
    one provider's burst does not hold up another's events.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html

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

    def send(self, message: str, group: str) -> None:
        """Send one message; when this returns, it is durable.

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            When it may not be.
        """
        self._sqs.send_message(QueueUrl=self._url, MessageBody=message, MessageGroupId=group)
