"""Queues: no message is lost, and none is received again while it is still being processed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource, is_true, number

# The provider's defaults, in seconds.
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/sqs_queue
_VISIBILITY_TIMEOUT = 30
_RETENTION = 345_600
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/lambda_function
_FUNCTION_TIMEOUT = 3
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
TIMEOUTS_IN_VISIBILITY = 6
_DEAD_LETTER_QUEUES = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"
)


@dataclass(frozen=True)
class Redrive:
    """Where a queue's dead letters go: ``target`` as text, ``dead_letter`` where it is a queue of this stack.

    ``receives`` is what the policy says of it, whatever that is; None where it says nothing.
    """

    source: Resource
    target: str
    dead_letter: Resource | None
    receives: Any


def redrives(stack: Document) -> Iterator[Redrive]:
    """Yield what the queues, and redrive policies that are resources of their own, say."""
    said = [(queue, queue.get("redrive_policy")) for queue in stack.all("aws_sqs_queue")]
    for separate in stack.all("aws_sqs_queue_redrive_policy"):
        if queue := stack.find(separate.get("queue_url"), "aws_sqs_queue"):
            said.append((queue, separate.get("redrive_policy")))
    for queue, policy in said:
        if policy:
            document = _read(policy)
            target = str(document.get("deadLetterTargetArn", ""))
            yield Redrive(queue, target, stack.find(target, "aws_sqs_queue"), document.get("maxReceiveCount"))


def _read(policy: str) -> dict[str, Any]:
    """Return a redrive policy, or an empty one where it cannot be read."""
    try:
        document = json.loads(policy)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def is_fifo(stack: Document, queue: Resource) -> bool:
    """Tell whether a queue is FIFO."""
    said = queue.get("fifo_queue")
    return said not in (False, "false") and (is_true(said) or stack.name(queue).endswith(".fifo"))


def _kind(fifo: bool) -> str:
    return "FIFO" if fifo else "standard"


@rule(
    "dead-letter-queue-kind",
    "The dead letter queue of a FIFO queue is FIFO, that of a standard queue is standard.",
    where=Where.BOTH,
    remedy="Make both queues FIFO or both standard: AWS refuses the pair, but not before it is applied.",
    source=_DEAD_LETTER_QUEUES,
    also=("queue-fifo-dead-letter",),
)
def _other_kind(stack: Document) -> Iterator[Found]:
    for redrive in redrives(stack):
        if not redrive.target:
            yield redrive.source, "redrive_policy is no JSON that can be read"
            continue
        if redrive.dead_letter is not None:
            fifo = is_fifo(stack, redrive.dead_letter)
            name = redrive.dead_letter.path
        elif "${" in redrive.target:
            continue
        else:
            fifo, name = redrive.target.endswith(".fifo"), redrive.target
        source_fifo = is_fifo(stack, redrive.source)
        if fifo != source_fifo:
            yield (
                redrive.source,
                f"it is a {_kind(source_fifo)} queue, and its dead letter queue {name} is a {_kind(fifo)} queue",
            )


@rule(
    "redrive-receives",
    "A redrive policy says after how many receives a message is given up: 1 to 1,000.",
    where=Where.SYNTH,
    remedy="Give the redrive_policy a maxReceiveCount: AWS refuses one without, but not before it is applied.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
)
def _received_without_end(stack: Document) -> Iterator[Found]:
    for redrive in redrives(stack):
        if not redrive.target:
            continue
        if redrive.receives is None:
            yield redrive.source, "its redrive_policy has no maxReceiveCount"
        elif not re.fullmatch(r"[1-9][0-9]{0,2}|1000", str(redrive.receives), re.ASCII):
            yield redrive.source, f"maxReceiveCount is {redrive.receives!r}, which is no whole number from 1 to 1000"


@rule(
    "dead-letter-retention",
    "A dead letter queue keeps messages longer than its source.",
    where=Where.BOTH,
    remedy="Keep dead letters for 1209600 s (14 days), and messages of the source for less: the time in the source "
    "counts.",
    source=_DEAD_LETTER_QUEUES,
    also=("queue-dead-letter-retention",),
)
def _kept_too_short(stack: Document) -> Iterator[Found]:
    for redrive in redrives(stack):
        if redrive.dead_letter is None:
            continue
        source = number(redrive.source.get("message_retention_seconds"), _RETENTION)
        kept = number(redrive.dead_letter.get("message_retention_seconds"), _RETENTION)
        if source is None or kept is None:
            yield redrive.dead_letter, "message_retention_seconds is not known"
        elif kept <= source:
            yield (
                redrive.dead_letter,
                f"message_retention_seconds is {kept:.0f} s, and that of its source {redrive.source.path} is "
                f"{source:.0f} s",
            )


def mapped(stack: Document) -> Iterator[tuple[Resource, Resource]]:
    """Yield each event source mapping of a queue of this stack, with the queue."""
    for mapping in stack.all("aws_lambda_event_source_mapping"):
        if queue := stack.find(mapping.get("event_source_arn"), "aws_sqs_queue"):
            yield mapping, queue


@rule(
    "dead-letter-queue-missing",
    "A queue that feeds a function has a dead letter queue, unless it is one.",
    where=Where.BOTH,
    remedy="Give the queue a redrive_policy; otherwise a message that fails goes round until it expires.",
    source=f"Q-1; {_DEAD_LETTER_QUEUES}",
    also=("queue-dead-letter",),
)
def _without_dead_letter_queue(stack: Document) -> Iterator[Found]:
    found = list(redrives(stack))
    with_one = {redrive.source for redrive in found}
    # What is a dead letter queue itself is the end of the line.
    with_one |= {redrive.dead_letter for redrive in found if redrive.dead_letter}
    for target in stack.all("aws_cloudwatch_event_target"):
        if queue := stack.find(target.block("dead_letter_config").get("arn"), "aws_sqs_queue"):
            with_one.add(queue)
    for mapping, queue in mapped(stack):
        if queue not in with_one:
            yield queue, f"it feeds a function through {mapping.path} and has no redrive_policy"


@rule(
    "visibility-timeout",
    "A queue's visibility timeout is at least six times its function's time-out, and the batch window on top.",
    where=Where.BOTH,
    remedy="Raise the visibility timeout or lower the time-out: a message would come again while it is processed.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    also=("queue-visibility",),
)
def _visible_too_soon(stack: Document) -> Iterator[Found]:
    for mapping, queue in mapped(stack):
        function = stack.find(mapping.get("function_name"), "aws_lambda_function")
        if function is None:
            continue
        visibility = number(queue.get("visibility_timeout_seconds"), _VISIBILITY_TIMEOUT)
        timeout = number(function.get("timeout"), _FUNCTION_TIMEOUT)
        window = number(mapping.get("maximum_batching_window_in_seconds"), 0)
        if visibility is None or timeout is None or window is None:
            yield queue, f"the times of {queue.path}, {function.path} and {mapping.path} must be numbers"
        elif visibility < (least := TIMEOUTS_IN_VISIBILITY * timeout + window):
            yield (
                queue,
                f"visibility_timeout_seconds is {visibility:.0f} s, less than {least:.0f} s: six times "
                f"the time-out of {function.path}, {timeout:.0f} s, and a batch window of {window:.0f} s",
            )


@rule(
    "event-target-dead-letter-queue",
    "Every target of an event rule has a dead letter queue, and that is a standard queue.",
    where=Where.BOTH,
    remedy="Give the target a dead_letter_config with the ARN of a standard queue, also where the target is FIFO.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
    also=("event-target-dead-letter",),
)
def _undelivered_is_lost(stack: Document) -> Iterator[Found]:
    for target in stack.all("aws_cloudwatch_event_target"):
        arn = target.block("dead_letter_config").get("arn")
        queue = stack.find(arn, "aws_sqs_queue")
        if not arn:
            yield target, "it has no dead_letter_config: what cannot be delivered is gone"
        elif is_fifo(stack, queue) if queue else str(arn).endswith(".fifo"):
            name = queue.path if queue else arn
            yield target, f"its dead letter queue {name} is a FIFO queue"
