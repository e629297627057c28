"""Alarms: what must be watched, and that somebody is told."""

from collections.abc import Iterator

from modules.rules.queues import mapped, redrives
from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource
from tools.audit.model.alarms import Alarm, alarms


@rule(
    "alarm-notifies",
    "Every alarm tells somebody",
    where=Where.PLAN,
    why="An alarm without an action turns red where nobody looks.",
    source="MON-1; https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
)
def alarm_tells_somebody(plan: Document) -> Iterator[Found]:
    """Yield alarms without an action, or with actions that are off."""
    for alarm in alarms(plan):
        if not alarm.notifies:
            yield alarm.resource, "notifies nobody"
        elif not alarm.enabled:
            yield alarm.resource, "its actions are off"


@rule(
    "alarm-missing-data",
    "Every alarm says what no data means",
    where=Where.PLAN,
    why="By default an alarm without data neither goes off nor ends: without traffic, it shows an old state.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data",
)
def missing_data_is_decided(plan: Document) -> Iterator[Found]:
    """Yield alarms that leave missing data undecided."""
    for alarm in alarms(plan):
        if alarm.missing_data not in ("breaching", "notBreaching"):
            yield alarm.resource, f"treat_missing_data is {alarm.missing_data!r}"


@rule(
    "alarm-function",
    "Every function has an alarm on its errors and one on its throttles",
    where=Where.PLAN,
    why="A function that fails loses nothing at first, and everything once its messages expire.",
    source="MON-1; https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def functions_are_watched(plan: Document) -> Iterator[Found]:
    """Yield functions that lack one of the alarms."""
    for function in plan.all("aws_lambda_function"):
        yield from _unwatched(plan, function, "AWS/Lambda Errors", "AWS/Lambda Throttles")


@rule(
    "alarm-queue",
    "Every queue that a function receives from has an alarm on its depth, and a main queue one on its age",
    where=Where.PLAN,
    why="A backlog is how a broken consumer shows first.",
    source="MON-1; https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-available-cloudwatch-metrics.html",
)
def queues_are_watched(plan: Document) -> Iterator[Found]:
    """Yield queues that lack one of the alarms."""
    dead = {each.dead_letter for each in redrives(plan)}
    consumed = {queue for _, queue in mapped(plan)}
    for queue in plan.all("aws_sqs_queue"):
        if queue in consumed or queue in dead:
            yield from _unwatched(plan, queue, "AWS/SQS ApproximateNumberOfMessagesVisible")
        if queue in consumed and queue not in dead:
            yield from _unwatched(plan, queue, "AWS/SQS ApproximateAgeOfOldestMessage")


@rule(
    "alarm-api",
    "Every API has an alarm on its 5xx answers",
    where=Where.PLAN,
    why="What API Gateway itself answers is in no function's metrics.",
    source="MON-1; https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html",
)
def apis_are_watched(plan: Document) -> Iterator[Found]:
    """Yield APIs without the alarm."""
    for api in plan.all("aws_api_gateway_rest_api"):
        yield from _unwatched(plan, api, "AWS/ApiGateway 5XXError")


def _unwatched(plan: Document, item: Resource, *metrics: str) -> Iterator[Found]:
    watching: list[Alarm] = alarms(plan)
    for metric in metrics:
        if not any(alarm.watches(metric, item.name) for alarm in watching):
            yield item, f"no alarm reads {metric} of {item.label}"
