"""Queues as this project makes them: encrypted, TLS only, standard or FIFO, dead letters in one of the same kind."""

from collections.abc import Sequence
from typing import Annotated, Any

from modules.constructs.policy import Condition, Statement, deny_plain_http, policy_document
from modules.settings.checked import checked
from modules.settings.formats import ARN, QUEUE, RECEIVES
from modules.settings.rules import INGEST_MESSAGE_BYTES
from modules.settings.sections import QueueSettings
from modules.settings.validation import SettingRule
from modules.synth.cdk import Construct, SqsQueue, SqsQueuePolicy, SqsQueueRedriveAllowPolicy, SqsQueueRedrivePolicy
from modules.synth.json_text import json_text

# The longest that SQS keeps a message. A standard dead letter queue counts from when the message was first sent.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
DEAD_LETTER_RETENTION_SECONDS = 1_209_600
# Six times the longest time-out that the settings allow.
_DEAD_LETTER_VISIBILITY_SECONDS = 300
# What a function that is fed from a queue must be allowed on it.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
# Moving messages takes the rights to receive and delete them.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
REDRIVE = ("sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks", *CONSUME)


@checked
def working_queue(
    scope: Construct,
    id_: str,
    name: str,
    settings: QueueSettings,
    *,
    max_message_size: Annotated[int | None, SettingRule(unit="bytes", low=1_024, high=INGEST_MESSAGE_BYTES)] = None,
) -> SqsQueue:
    """Create a queue for messages that are worked on; `redrive` says where they go after their last receive.

    Parameters
    ----------
    name : str
        Name in AWS; a FIFO queue's gets the suffix ``.fifo``.
    max_message_size : int | None
        Bytes, 1,024 to 262,144; the provider's default, which is as much, where nobody but this project writes to it.
    """
    return SqsQueue(
        scope,
        id_,
        **_kind(name, settings.fifo),
        message_retention_seconds=settings.retention,
        max_message_size=max_message_size,
        visibility_timeout_seconds=settings.visibility_timeout,
        sqs_managed_sse_enabled=True,
    )


@checked
def dead_letter_queue(scope: Construct, id_: str, name: str, *, fifo: bool) -> SqsQueue:
    """Create a queue that keeps messages for 14 days, the longest that SQS does."""
    return SqsQueue(
        scope,
        id_,
        **_kind(name, fifo),
        message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
        visibility_timeout_seconds=_DEAD_LETTER_VISIBILITY_SECONDS,
        sqs_managed_sse_enabled=True,
    )


@checked
def redrive(
    scope: Construct,
    id_: str,
    source: SqsQueue,
    dead_letter: SqsQueue,
    *,
    receives: Annotated[int, RECEIVES],
) -> None:
    """Send a queue's messages to a dead letter queue after so many receives; let no other queue send any there.

    The policy is a resource of its own, so that both queues are made at once: the provider waits for half a minute
    after each. No event source mapping waits for it. SQS counts receives all the same, and a message that had too many
    before the policy was there goes to the dead letter queue at the next one.

    Parameters
    ----------
    dead_letter : SqsQueue
        Must be FIFO where the source is: AWS refuses any other when it is applied.
    """
    SqsQueueRedrivePolicy(
        scope,
        id_,
        queue_url=source.id,
        redrive_policy=json_text({"deadLetterTargetArn": dead_letter.arn, "maxReceiveCount": receives}),
    )
    SqsQueueRedriveAllowPolicy(
        scope,
        f"{id_}_allow",
        queue_url=dead_letter.id,
        redrive_allow_policy=json_text({"redrivePermission": "byQueue", "sourceQueueArns": [source.arn]}),
    )


@checked
def protect_queue(scope: Construct, id_: str, queue: SqsQueue, allowed: Sequence[Statement] = ()) -> None:
    """Refuse plain HTTP on a queue; allow what the statements say to other services."""
    document = policy_document(scope, f"{id_}_document", [*allowed, deny_plain_http(["sqs:*"], [queue.arn])])
    SqsQueuePolicy(scope, id_, queue_url=queue.id, policy=document.json)


@checked
def from_rules(rule_arns: Annotated[Sequence[str], ARN], queue: SqsQueue) -> Statement:
    """Return the statement that lets some rules, and nothing else of EventBridge, send to a queue.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    return Statement(
        sid="RuleSends",
        actions=["sqs:SendMessage"],
        resources=[queue.arn],
        services=["events.amazonaws.com"],
        conditions=[Condition(test="ArnEquals", variable="aws:SourceArn", values=rule_arns)],
    )


def _kind(name: str, fifo: bool) -> dict[str, Any]:
    """Return the arguments that make a queue standard, or FIFO in high throughput mode.

    Senders give a deduplication id themselves; deduplication by content is on for those that cannot, such as
    EventBridge. High throughput needs both scopes to be the message group's.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
    """
    name += ".fifo" if fifo else ""
    QUEUE.check("name", name, tokens=True)
    if not fifo:
        return {"name": name}
    return {
        "name": name,
        "fifo_queue": True,
        "content_based_deduplication": True,
        "deduplication_scope": "messageGroup",
        "fifo_throughput_limit": "perMessageGroupId",
    }
