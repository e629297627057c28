"""The delivery stack's alarms, and that each watches what its function really counts."""

import json

import pytest

from lambdas.delivery.domain.due import HORIZON_SECONDS
from lambdas.delivery.domain.metrics import ApiMetric, AuthorizerMetric, SweeperMetric, WorkerMetric
from modules.delivery.alarms import DELIVERY_ALARMS, OLDEST_OVERDUE

PREFIX, SUFFIX = "webhook-delivery-", "-delivery"
FUNCTIONS = ("worker", "sweeper", "authorizer", "api", "operator", "docs", "receiver")
QUEUES = {
    # alarm                       metric                                 queue          statistic  threshold
    "queue-age":                 ("ApproximateAgeOfOldestMessage",      "queue",       "Maximum", 750),
    "queue-depth":               ("ApproximateNumberOfMessagesVisible", "queue",       "Maximum", 10_000),
    "dlq-not-empty":             ("ApproximateNumberOfMessagesVisible", "dlq",         "Maximum", 0),
    "sweeps-undelivered":        ("ApproximateNumberOfMessagesVisible", "sweeps-undelivered", "Maximum", 0),
    "subscriptions-undelivered": ("ApproximateNumberOfMessagesVisible", "undelivered", "Maximum", 0),
}  # fmt: skip
COUNTED = {
    # alarm                    function      metric
    "deliveries-given-up":   ("worker",     "DeadLettered"),
    "endpoints-disabled":    ("worker",     "EndpointsDisabled"),
    "pipeline-failures":     ("worker",     "PipelineFailures"),
    "lost-claims":           ("worker",     "LostClaims"),
    "unsignable":            ("worker",     "Unsignable"),
    "lost-messages":         ("sweeper",    "LostMessages"),
    "unfinished-sweeps":     ("sweeper",    "UnfinishedSweeps"),
    "oldest-overdue":        ("sweeper",    "OldestOverdue"),
    "loops-ended":           ("api",        "LoopsEnded"),
    "quotas-reached":        ("api",        "QuotasReached"),
    "authorizations-failed": ("authorizer", "AuthorizationsFailed"),
    "tokens-refused":        ("authorizer", "TokensRefused"),
}  # fmt: skip
# An authorizer can refuse only by failing, so that its errors say nothing.
RATED = tuple(name for name in FUNCTIONS if name != "authorizer")


@pytest.fixture(scope="module")
def alarms(delivery):
    return {
        name.removeprefix(PREFIX).removesuffix(SUFFIX): alarm
        for name, alarm in delivery.by_name("aws_cloudwatch_metric_alarm").items()
    }


def test_the_alarms_are_these(alarms):
    assert set(alarms) == {
        *QUEUES,
        *COUNTED,
        *(f"{name}-errors" for name in RATED),
        *(f"{name}-throttles" for name in FUNCTIONS),
        "api-4xx",
        "api-5xx",
        "worker-recursion",
    }


def test_every_alarm_notifies_the_topic_and_only_a_silent_sweeper_is_an_alarm(delivery, alarms):
    for name, alarm in alarms.items():
        topic = ["aws_sns_topic[webhook-delivery-alarms-delivery].arn"]
        assert delivery.meaning(alarm["alarm_actions"]) == delivery.meaning(alarm["ok_actions"]) == topic, name
        missing = "breaching" if name == OLDEST_OVERDUE.id else "notBreaching"
        assert alarm["treat_missing_data"] == missing, name
        assert alarm["alarm_description"].strip() != "", name


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_watched(delivery, alarms, name):
    metric, queue, statistic, threshold = QUEUES[name]
    alarm = alarms[name]

    assert (alarm["metric_name"], alarm["statistic"], alarm["threshold"]) == (metric, statistic, threshold)
    dimensions = {"QueueName": f"aws_sqs_queue[webhook-delivery-{queue}-delivery].name"}
    assert delivery.meaning(alarm["dimensions"]) == dimensions


def test_a_message_that_is_delayed_on_purpose_is_no_backlog(alarms):
    assert alarms["queue-age"]["threshold"] > HORIZON_SECONDS


@pytest.mark.parametrize("name", COUNTED)
def test_a_count_is_watched_where_its_function_writes_it(delivery, alarms, name):
    function, metric = COUNTED[name]
    alarm = alarms[name]
    variables = delivery.one("aws_lambda_function", f"webhook-delivery-{function}-delivery")["environment"]["variables"]

    assert (alarm["namespace"], alarm["metric_name"]) == (variables["POWERTOOLS_METRICS_NAMESPACE"], metric)
    assert alarm["dimensions"] == {"service": variables["POWERTOOLS_SERVICE_NAME"]}


def test_a_count_that_is_watched_is_one_that_the_function_makes():
    counts = {"worker": WorkerMetric, "sweeper": SweeperMetric, "api": ApiMetric, "authorizer": AuthorizerMetric}

    assert [name for name, (function, metric) in COUNTED.items() if metric not in set(counts[function])] == []


def test_the_tables_of_this_file_know_every_alarm_on_a_count():
    alarms = (*DELIVERY_ALARMS, OLDEST_OVERDUE)
    assert {alarm.id: (alarm.function, alarm.metric) for alarm in alarms} == COUNTED


def test_a_sweep_that_is_late_is_an_alarm_by_the_worst_of_the_sweeps(alarms):
    alarm = alarms["oldest-overdue"]

    assert (alarm["statistic"], alarm["threshold"], alarm["period"]) == ("Maximum", 900, 300)


def test_a_chain_that_lambda_stops_is_an_alarm(delivery, alarms):
    alarm = alarms["worker-recursion"]

    assert (alarm["namespace"], alarm["metric_name"]) == ("AWS/Lambda", "RecursiveInvocationsDropped")
    assert (alarm["statistic"], alarm["threshold"]) == ("Sum", 0)
    assert delivery.meaning(alarm["dimensions"]) == {
        "FunctionName": "aws_lambda_function[webhook-delivery-worker-delivery].function_name"
    }


def test_the_dashboard_shows_functions_queue_api_and_deliveries(delivery):
    text = delivery.meaning(delivery.one("aws_cloudwatch_dashboard")["dashboard_body"])
    shown = {metric[1] for w in json.loads(text)["widgets"] for metric in w["properties"]["metrics"]}

    counts = {metric for _, metric in COUNTED.values()} | {"Delivered", "FailedAttempts", "Parked", "FannedOut"}
    assert counts | {"Invocations", "Errors", "Throttles", "ApproximateAgeOfOldestMessage", "5XXError"} <= shown
    assert {"Delivered", "FailedAttempts", "Parked", "FannedOut"} <= set(WorkerMetric)
