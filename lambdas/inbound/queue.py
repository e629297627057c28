"""Sending envelopes to the main queue."""

import hashlib
from typing import Any

from lambdas.inbound.envelope import Envelope

BY_TRANSACTION = "transaction"


class MainQueue:
    """The main queue, for its senders.

    Every message has a message group. On a standard queue, the group is the provider and turns on fair queueing, so
    that a burst of one provider does not delay the events of others. A FIFO queue keeps the order within a group.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html

    Parameters
    ----------
    sqs
        A boto3 SQS client, or `lambdas.inbound.aws_calls.services.Sqs`.
    url : str
        Queue URL; only that of a FIFO queue ends in ``.fifo``.
    group_by : str
        ``provider`` or ``transaction``.
    """

    def __init__(self, sqs: Any, url: str, group_by: str) -> None:
        self._sqs = sqs
        self._url = url
        self._group_by = group_by

    def send(self, envelope: Envelope, message: str) -> None:
        """Send one message; when this returns, it is durable.

        Parameters
        ----------
        envelope : Envelope
            The content of the message.
        message : str
            Its `Envelope.to_message`.

        Raises
        ------
        Exception
            The client's error, when it may not be.
        """
        arguments = {"QueueUrl": self._url, "MessageBody": message, "MessageGroupId": self._group(envelope)}
        if self._url.endswith(".fifo"):
            arguments["MessageDeduplicationId"] = deduplication_id(envelope)
        self._sqs.send_message(**arguments)

    def _group(self, envelope: Envelope) -> str:
        event = envelope.event
        if self._group_by != BY_TRANSACTION:
            return event.provider
        # A transaction id may be longer than the 128 characters of a group, and contain others than a group may.
        return hashlib.sha256(f"{event.provider}\0{event.transaction_id}".encode()).hexdigest()


def deduplication_id(envelope: Envelope) -> str:
    """Return the id by which a FIFO queue finds a duplicate of a message of the last five minutes.

    Besides the event's id it contains the payload's digest, because processing reports another payload; the occurrence,
    because another one is another event; and the id and the record of a replay, because an operator asked for it.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
    """
    event = envelope.event
    replay = envelope.replay.replay_id if envelope.replay else ""
    record = envelope.record.sort if envelope.record else ""
    parts = (event.key, envelope.sha256, event.occurrence or "", event.content or "", replay, record)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
