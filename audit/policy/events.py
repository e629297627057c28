"""The event bus: nothing that was published is lost."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource
from modules.terraform_json.statements import PolicyKind, policies


@rule(
    "event-archive",
    "Every event bus has an archive",
    where=Where.PLAN,
    why="An event that no rule matches is gone, and so is one whose target was wrong.",
    source="EV-1; https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive-event.html",
)
def bus_has_an_archive(plan: Document) -> Iterator[Found]:
    """Yield buses without an archive."""
    archived = [plan.find(item.get("event_source_arn")) for item in plan.all("aws_cloudwatch_event_archive")]
    for bus in plan.all("aws_cloudwatch_event_bus"):
        if bus not in archived:
            yield bus, "has no archive"


@rule(
    "event-target-allowed",
    "EventBridge may send to the queue of every target, and to its dead letter queue",
    where=Where.PLAN,
    why="Without the queue's own policy every delivery fails, and nothing else says so.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
)
def eventbridge_may_send(plan: Document) -> Iterator[Found]:
    """Yield targets with a queue that does not let EventBridge send."""
    for target in plan.all("aws_cloudwatch_event_target"):
        for arn in (target.get("arn"), target.get("dead_letter_config.arn")):
            queue = plan.find(arn, "aws_sqs_queue")
            if queue and not _lets_eventbridge_send(plan, queue):
                yield target, f"the policy of {queue.label} does not let EventBridge send to it"


def _lets_eventbridge_send(plan: Document, queue: Resource) -> bool:
    return any(
        statement.allows
        and ("Service", "events.amazonaws.com") in statement.principals
        and "sqs:SendMessage" in statement.actions
        for policy in policies(plan)
        if policy.kind is PolicyKind.RESOURCE and policy.owner is queue
        for statement in policy.statements
    )
