"""The event bus: nothing that was published is lost."""

from collections.abc import Iterator

from tools.audit.model.plan import Plan, Resource, Violation
from tools.audit.model.policies import PolicyKind, policies
from tools.audit.rules import rule


@rule(
    "event-archive",
    "Every event bus has an archive",
    why="An event that no rule matches is gone, and so is one whose target was wrong.",
    source="EV-1; https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive-event.html",
)
def bus_has_an_archive(plan: Plan) -> Iterator[Violation]:
    """Yield buses without an archive."""
    archived = [plan.target(item.get("event_source_arn")) for item in plan.all("aws_cloudwatch_event_archive")]
    for bus in plan.all("aws_cloudwatch_event_bus"):
        if bus not in archived:
            yield bus.breaks("has no archive")


@rule(
    "event-target-dead-letter",
    "Every target of a rule has a dead letter queue, and that is a standard queue",
    why="EventBridge gives an undeliverable event up after its retries; it sends to no FIFO dead letter queue.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
)
def target_has_a_dead_letter_queue(plan: Plan) -> Iterator[Violation]:
    """Yield targets without a dead letter queue, or with a FIFO one."""
    for target in plan.all("aws_cloudwatch_event_target"):
        queue = _dead_letter_queue(plan, target)
        if not target.get("dead_letter_config.arn"):
            yield target.breaks("has no dead letter queue")
        elif queue and queue.get("fifo_queue", False):
            yield target.breaks(f"has the FIFO {queue.label} for dead letters, to which EventBridge cannot send")


@rule(
    "event-target-allowed",
    "EventBridge may send to the queue of every target, and to its dead letter queue",
    why="Without the queue's own policy every delivery fails, and nothing else says so.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
)
def eventbridge_may_send(plan: Plan) -> Iterator[Violation]:
    """Yield targets one of whose queues does not let EventBridge send."""
    for target in plan.all("aws_cloudwatch_event_target"):
        for queue in (plan.target(target.get("arn"), "aws_sqs_queue"), _dead_letter_queue(plan, target)):
            if queue and not _lets_eventbridge_send(plan, queue):
                yield target.breaks(f"the policy of {queue.label} does not let EventBridge send to it")


def _dead_letter_queue(plan: Plan, target: Resource) -> Resource | None:
    return plan.target(target.get("dead_letter_config.arn"), "aws_sqs_queue")


def _lets_eventbridge_send(plan: Plan, queue: Resource) -> bool:
    return any(
        statement.allows
        and ("Service", "events.amazonaws.com") in statement.principals
        and "sqs:SendMessage" in statement.actions
        for policy in policies(plan)
        if policy.kind is PolicyKind.RESOURCE and policy.owner is queue
        for statement in policy.statements
    )
