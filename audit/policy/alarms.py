"""Alarms: what must be watched, and that somebody hears of it."""

from collections.abc import Iterator

from tools.audit.model.alarms import Alarm, alarms
from tools.audit.model.functions import functions
from tools.audit.model.plan import Plan, Resource, Violation
from tools.audit.model.queues import dead_letter_queues, mappings
from tools.audit.model.routes import apis
from tools.audit.rules import rule


@rule(
    "alarm-notifies",
    "Every alarm tells somebody",
    why="An alarm without an action turns red where nobody looks.",
    source="MON-1; https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
)
def alarm_tells_somebody(plan: Plan) -> Iterator[Violation]:
    """Yield alarms without an action, or with actions that are off."""
    for alarm in alarms(plan):
        if not alarm.notifies:
            yield alarm.resource.breaks("notifies nobody")
        elif not alarm.enabled:
            yield alarm.resource.breaks("its actions are off")


@rule(
    "alarm-missing-data",
    "Every alarm says what no data means",
    why="By default an alarm without data neither rings nor ends: at night, without traffic, it shows yesterday.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data",
)
def missing_data_is_decided(plan: Plan) -> Iterator[Violation]:
    """Yield alarms that leave missing data undecided."""
    for alarm in alarms(plan):
        if alarm.missing_data not in ("breaching", "notBreaching"):
            yield alarm.resource.breaks(f"treat_missing_data is {alarm.missing_data!r}")


@rule(
    "alarm-function",
    "Every function has an alarm on its errors and one on its throttles",
    why="A function that fails loses nothing at first, and everything once its messages expire.",
    source="MON-1; https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def functions_are_watched(plan: Plan) -> Iterator[Violation]:
    """Yield functions that lack one of the alarms."""
    for function in functions(plan):
        yield from _unwatched(plan, function.resource, "AWS/Lambda Errors", "AWS/Lambda Throttles")


@rule(
    "alarm-queue",
    "Every queue that a function receives from has an alarm on its depth, and a main queue one on its age",
    why="A backlog is how a broken consumer shows first.",
    source="MON-1; https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-available-cloudwatch-metrics.html",
)
def queues_are_watched(plan: Plan) -> Iterator[Violation]:
    """Yield queues that lack one of the alarms."""
    dead = [queue.resource for queue in dead_letter_queues(plan)]
    consumed = [mapping.queue.resource for mapping in mappings(plan)]
    for queue in plan.all("aws_sqs_queue"):
        if queue in consumed or queue in dead:
            yield from _unwatched(plan, queue, "AWS/SQS ApproximateNumberOfMessagesVisible")
        if queue in consumed and queue not in dead:
            yield from _unwatched(plan, queue, "AWS/SQS ApproximateAgeOfOldestMessage")


@rule(
    "alarm-api",
    "Every API has an alarm on its 5xx answers",
    why="What API Gateway itself answers is in no function's metrics.",
    source="MON-1; https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html",
)
def apis_are_watched(plan: Plan) -> Iterator[Violation]:
    """Yield APIs without the alarm."""
    for api in apis(plan):
        yield from _unwatched(plan, api, "AWS/ApiGateway 5XXError")


def _unwatched(plan: Plan, item: Resource, *metrics: str) -> Iterator[Violation]:
    watching: list[Alarm] = alarms(plan)
    for metric in metrics:
        if not any(alarm.watches(metric, item.name) for alarm in watching):
            yield item.breaks(f"no alarm reads {metric} of {item.label}")
