"""Sending the messages of a dead letter queue back to the queues that they came from."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

_RUNNING = "RUNNING"


class RedriveUnderWayError(Exception):
    """SQS moves the messages of the queue already, and takes one move at a time."""


@dataclass(frozen=True, kw_only=True)
class Redriven:
    """A redrive.

    Attributes
    ----------
    messages : int
        How many messages wait in the dead letter queue, as SQS counts: about.
    under_way : bool
        Whether SQS moves them. It goes on by itself.
    """

    messages: int
    under_way: bool


def redrive(sqs: Any, queue_url: str, *, dry_run: bool) -> Redriven:
    """Have SQS move all messages of a dead letter queue, or only say how many are left and whether it moves them.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html

    Raises
    ------
    RedriveUnderWayError
        When SQS moves them already.
    """
    names = ["QueueArn", "ApproximateNumberOfMessages"]
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    messages, arn = int(found["ApproximateNumberOfMessages"]), found["QueueArn"]
    under_way = _is_under_way(sqs, arn)
    if not dry_run:
        if under_way:
            raise RedriveUnderWayError
        try:
            # The count may be behind, so that it is tried even if it is 0.
            sqs.start_message_move_task(SourceArn=arn)
        except ClientError as error:
            # SQS documents no code for a move that another one came before.
            if _is_under_way(sqs, arn):
                raise RedriveUnderWayError from error
            raise
    return Redriven(messages=messages, under_way=under_way or not dry_run)


def _is_under_way(sqs: Any, arn: str) -> bool:
    return any(task["Status"] == _RUNNING for task in sqs.list_message_move_tasks(SourceArn=arn)["Results"])
