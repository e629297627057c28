"""Queues, and which function receives from them."""

import json
from dataclasses import dataclass

from tools.audit.model.functions import Function, function_of
from tools.audit.model.plan import Plan, Resource


@dataclass(frozen=True, eq=False)
class Queue:
    """An SQS queue.

    Attributes
    ----------
    visibility_timeout, retention : int
        In seconds.
    dead_letter_queue : Resource | None
        Where messages go after too many receives.
    """

    resource: Resource
    fifo: bool
    visibility_timeout: int
    retention: int
    dead_letter_queue: Resource | None


@dataclass(frozen=True, eq=False)
class Mapping:
    """An event source mapping from a queue to a function.

    Attributes
    ----------
    maximum_concurrency : int | None
        Invocations at once; None when the mapping sets no limit.
    batch_window : int
        Seconds that a batch is waited for.
    """

    resource: Resource
    queue: Queue
    function: Function | None
    maximum_concurrency: int | None
    batch_window: int
    reports_failures: bool


def queues(plan: Plan) -> list[Queue]:
    """Return the queues."""
    return [_queue(plan, item) for item in plan.all("aws_sqs_queue")]


def dead_letter_queues(plan: Plan) -> list[Queue]:
    """Return the queues to which another queue of the plan gives what it could not deliver."""
    targets = [queue.dead_letter_queue for queue in queues(plan)]
    return [queue for queue in queues(plan) if queue.resource in targets]


def mappings(plan: Plan) -> list[Mapping]:
    """Return the event source mappings that receive from a queue."""
    found = []
    for item in plan.all("aws_lambda_event_source_mapping"):
        queue = plan.target(item.get("event_source_arn"), "aws_sqs_queue")
        if queue:
            found.append(
                Mapping(
                    resource=item,
                    queue=_queue(plan, queue),
                    function=function_of(plan, item.get("function_name")),
                    maximum_concurrency=item.get("scaling_config.maximum_concurrency"),
                    batch_window=item.get("maximum_batching_window_in_seconds", 0),
                    reports_failures="ReportBatchItemFailures" in item.get("function_response_types", []),
                )
            )
    return found


def _queue(plan: Plan, item: Resource) -> Queue:
    separate = [each for each in plan.all("aws_sqs_queue_redrive_policy") if plan.target(each.get("queue_url")) is item]
    # Of a deployed queue the attribute is there too, with what AWS said, which refers to nothing.
    redrive = next((policy for each in (*separate, item) if (policy := each.get("redrive_policy"))), "{}")
    return Queue(
        resource=item,
        fifo=item.get("fifo_queue", False),
        visibility_timeout=item.get("visibility_timeout_seconds", 30),
        retention=item.get("message_retention_seconds", 345_600),
        dead_letter_queue=plan.target(json.loads(redrive).get("deadLetterTargetArn"), "aws_sqs_queue"),
    )
