"""The alarms: on metrics that exist, at the right moment, to the topic."""

import json
import operator as op
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from itertools import accumulate, chain

import pytest

from tests.synth.labels import API, DLQ, FUNCTIONS, QUEUE, TOPIC, function
from tools import ROOT


def evaluate(expression, **metrics):
    """Return what CloudWatch's metric math makes of an expression: ``IF(condition, then, else)`` and arithmetic.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    match = re.fullmatch(r"IF\(([^,]+), ([^,]+), ([^,]+)\)", expression)
    assert match, f"{expression} is not of the form IF(…, …, …)"
    condition, then, otherwise = (part.replace(" OR ", " or ").replace(" AND ", " and ") for part in match.groups())
    return eval(f"({then}) if ({condition}) else ({otherwise})", {"__builtins__": {}}, metrics)


# alarm                                 namespace, metric, dimensions, statistic, threshold
METRICS = {
    "webhook-queue-age-dev": (
        "AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": f"{QUEUE}.name"}, "Maximum", 600,
    ),
    "webhook-queue-depth-dev": (
        "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": f"{QUEUE}.name"}, "Maximum", 10_000,
    ),
    "webhook-dlq-not-empty-dev": (
        "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": f"{DLQ}.name"}, "Maximum", 0,
    ),
    "webhook-api-5xx-dev": (
        "AWS/ApiGateway", "5XXError", {"ApiName": f"{API}.name", "Stage": "v1"}, "Sum", 0,
    ),
    "webhook-api-4xx-dev": (
        "AWS/ApiGateway", "4XXError", {"ApiName": f"{API}.name", "Stage": "v1"}, "Sum", 100,
    ),
    "webhook-dead-lettered-dev": ("Webhooks", "DeadLettered", {"service": "webhook-dead-letter-dev"}, "Sum", 0),
    "webhook-processing-failures-dev": (
        "Webhooks", "ProcessingFailures", {"service": "webhook-processing-dev"}, "Sum", 0,
    ),
    "webhook-conflicting-duplicates-dev": (
        "Webhooks", "ConflictingDuplicates", {"service": "webhook-processing-dev"}, "Sum", 0,
    ),
    "webhook-refused-400-dev": ("Webhooks", "Refused400", {"service": "webhook-ingestion-dev"}, "Sum", 0),
    "webhook-refused-413-dev": ("Webhooks", "Refused413", {"service": "webhook-ingestion-dev"}, "Sum", 0),
    "webhook-refused-503-dev": ("Webhooks", "Refused503", {"service": "webhook-ingestion-dev"}, "Sum", 0),
    **{
        f"webhook-provider-refused-{provider.replace('-', '_')}-dev": (
            "Webhooks", "Refused", {"service": "webhook-ingestion-dev", "provider": provider}, "Sum", 5,
        )
        for provider in ("stripe", "github", "standard-webhooks", "generic")
    },
    "webhook-refused-signatures-dev": ("Webhooks", "Refused401", {"service": "webhook-ingestion-dev"}, "Sum", 20),
    **{
        f"{name.removesuffix('-dev')}-throttles-dev": (
            "AWS/Lambda", "Throttles", {"FunctionName": f"{function(name)}.function_name"}, "Sum", 0,
        )
        for name in FUNCTIONS
    },
}  # fmt: skip
ERROR_RATES = {f"{name.removesuffix('-dev')}-errors-dev": name for name in FUNCTIONS}
OWN_METRICS = [alarm for alarm, (namespace, *_) in METRICS.items() if namespace == "Webhooks"]


def test_the_alarms_are_these(template):
    assert set(template.by_name("aws_cloudwatch_metric_alarm")) == {*METRICS, *ERROR_RATES}


@pytest.mark.parametrize("name", METRICS)
def test_an_alarm_watches_its_metric(template, name):
    alarm = template.one("aws_cloudwatch_metric_alarm", name)

    namespace, metric, dimensions, statistic, threshold = METRICS[name]
    assert (alarm["namespace"], alarm["metric_name"]) == (namespace, metric)
    assert template.meaning(alarm["dimensions"]) == dimensions
    assert (alarm["statistic"], alarm["threshold"]) == (statistic, threshold)


@pytest.mark.parametrize("name", [*METRICS, *ERROR_RATES])
def test_an_alarm_notifies_the_topic_and_silence_is_no_alarm(template, name):
    alarm = template.one("aws_cloudwatch_metric_alarm", name)

    assert template.meaning(alarm["alarm_actions"]) == [f"{TOPIC}.arn"]
    assert template.meaning(alarm["ok_actions"]) == [f"{TOPIC}.arn"]
    assert alarm["treat_missing_data"] == "notBreaching"
    assert alarm["comparison_operator"] == "GreaterThanThreshold"
    assert alarm.get("actions_enabled", True) is True
    assert alarm["alarm_description"].strip() != ""


EMIT = """
import sys
from lambdas.shared.observability import metrics
metrics.add_metric(name="Probe", unit="Count", value=1)
if sys.argv[1:]:
    metrics.add_dimensions(service=metrics.service, provider=sys.argv[1])
metrics.flush_metrics()
"""


@pytest.mark.parametrize("name", OWN_METRICS)
def test_a_metric_of_our_own_is_written_where_its_alarm_looks(template, name):
    alarm = template.one("aws_cloudwatch_metric_alarm", name)
    variables = template.one("aws_lambda_function", alarm["dimensions"]["service"])["environment"]["variables"]
    told = {variable: value for variable, value in variables.items() if variable.startswith("POWERTOOLS_")}

    provider = [value for name, value in alarm["dimensions"].items() if name == "provider"]

    process = subprocess.run(
        [sys.executable, "-c", EMIT, *provider], cwd=ROOT, env=told, capture_output=True, text=True, check=True
    )

    line = json.loads(process.stdout)
    (written,) = line["_aws"]["CloudWatchMetrics"]
    assert written["Namespace"] == alarm["namespace"]
    assert {name: line[name] for name in written["Dimensions"][-1]} == alarm["dimensions"]


@pytest.mark.parametrize("name", ERROR_RATES)
def test_a_functions_error_rate_is_watched(template, name):
    alarm = template.one("aws_cloudwatch_metric_alarm", name)
    queries = {query["id"]: query for query in alarm["metric_query"]}
    watched = {id_: template.meaning(query["metric"]) for id_, query in queries.items() if "metric" in query}

    assert alarm["threshold"] == 1
    assert watched == {
        id_: {
            "namespace": "AWS/Lambda",
            "metric_name": metric,
            "dimensions": {"FunctionName": f"{function(ERROR_RATES[name])}.function_name"},
            "period": 300,
            "stat": "Sum",
        }
        for id_, metric in (("errors", "Errors"), ("invocations", "Invocations"))
    }
    assert [id_ for id_, query in queries.items() if query.get("return_data")] == ["rate"]


@pytest.mark.parametrize(
    ("failures", "invocations", "alarms"),
    [
        (0, 1, False),
        (0, 100_000, False),
        (1, 1, False),        # one failure at night
        (1, 19, False),
        (4, 4, False),
        (4, 19, False),
        (5, 5, True),         # too many to be an accident, however few invocations
        (1, 20, True),
        (1, 99, True),
        (1, 100, False),      # 1 % is still borne
        (2, 100, True),
        (10, 1_000, False),
        (11, 1_000, True),
    ],
)  # fmt: skip
def test_the_error_rate_alarms_over_one_percent_and_not_at_a_single_failure(template, failures, invocations, alarms):
    alarm = template.one("aws_cloudwatch_metric_alarm", "webhook-ingestion-errors-dev")
    (rate,) = [query["expression"] for query in alarm["metric_query"] if "expression" in query]

    value = evaluate(rate, errors=failures, invocations=invocations)

    assert (value > alarm["threshold"]) == alarms, f"{rate} is {value}"


def test_refusals_of_a_provider_are_those_of_an_hour(template):
    alarm = template.one("aws_cloudwatch_metric_alarm", "webhook-provider-refused-stripe-dev")

    assert (alarm["period"], alarm["evaluation_periods"]) == (3_600, 1)
    assert alarm["alarm_description"] == "more than 5 webhooks of stripe were refused in an hour"


def test_the_thresholds_are_settings(synthesize):
    chosen = {"error_rate": 5, "minimum_invocations": 50, "backlog_age": 60, "backlog_depth": 7, "refused_requests": 8}
    chosen["refused_of_provider"] = 9
    alarms = synthesize(values={"monitoring": chosen}).by_name("aws_cloudwatch_metric_alarm")

    (rate,) = [q["expression"] for q in alarms["webhook-status-errors-dev"]["metric_query"] if "expression" in q]

    assert alarms["webhook-status-errors-dev"]["threshold"] == 5
    assert (evaluate(rate, errors=4, invocations=49), evaluate(rate, errors=4, invocations=50)) == (0, 8)
    assert alarms["webhook-queue-age-dev"]["threshold"] == 60
    assert alarms["webhook-queue-depth-dev"]["threshold"] == 7
    assert alarms["webhook-api-4xx-dev"]["threshold"] == 8
    assert alarms["webhook-provider-refused-stripe-dev"]["threshold"] == 9


# --- silence --------------------------------------------------------------------------------------------------------
# MiniStack evaluates no metric math, so that nothing here was tried on CloudWatch: `metric_math` is what its pages say.

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
WORKDAYS = {"every": "6h", "except_hours": "22-6", "except_weekdays": ["sat", "sun"]}


@dataclass(frozen=True, eq=False)
class Series:
    """A value for each period, None where there is none."""

    values: tuple

    def combined(self, operation, other):
        others = other.values if isinstance(other, Series) else [other] * len(self.values)
        pairs = zip(self.values, others, strict=True)
        return Series(tuple(None if None in pair else operation(*pair) for pair in pairs))

    __hash__ = object.__hash__
    __gt__ = partialmethod(combined, op.gt)
    __ge__ = partialmethod(combined, op.ge)
    __lt__ = partialmethod(combined, op.lt)
    __eq__ = partialmethod(combined, op.eq)
    __and__ = partialmethod(combined, op.and_)
    __or__ = partialmethod(combined, op.or_)
    __sub__ = partialmethod(combined, op.sub)
    __truediv__ = partialmethod(combined, op.truediv)


def metric_math(expression, begins, **series):
    """Return what an expression makes of series with periods that begin at some times.

    HOUR, DAY and EPOCH have a value in every period. IF has none where its condition, or what it takes, has none.
    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """

    def fill(given, filler):
        repeated = accumulate(given.values, lambda last, value: last if value is None else value)
        return Series(tuple(repeated if filler == "REPEAT" else (filler if v is None else v for v in given.values)))

    def if_(condition, then, otherwise=None):
        taken = (each.values if isinstance(each, Series) else [each] * len(begins) for each in (then, otherwise))
        triples = zip(condition.values, *taken, strict=True)
        return Series(tuple(None if truth is None else yes if truth else no for truth, yes, no in triples))

    def at(read):
        return lambda _: Series(tuple(map(read, begins)))

    functions = {
        "FILL": fill,
        "IF": if_,
        "HOUR": at(lambda begin: begin.hour),
        "DAY": at(datetime.isoweekday),
        "EPOCH": at(datetime.timestamp),
    }
    python = expression.replace(" OR ", " | ").replace(" AND ", " & ")
    return eval(python, {"__builtins__": {}, "REPEAT": "REPEAT", **functions, **series})


def counts(begins, period, at):
    """Return how many of some times are in each period: no value where none is."""
    return Series(tuple(sum(begin <= each < begin + period for each in at) or None for begin in begins))


@pytest.fixture(scope="module")
def expecting(synthesize):
    """A stack that expects something of three providers."""
    values = {"stripe": "2h", "standard-webhooks": "2d", "generic": WORKDAYS}
    return synthesize(values={"monitoring": {"expect_every": values}})


def alarms_at(alarm, now, accepted):
    """Tell whether a silence alarm goes off, if each of some times had an accepted event."""
    queries = {query["id"]: query for query in alarm["metric_query"]}
    (expression,) = [query["expression"] for query in queries.values() if query.get("return_data")]
    period = timedelta(seconds=queries["accepted"]["metric"]["period"])
    begins = [now - period * number for number in range(alarm["evaluation_periods"], 0, -1)]
    watched = metric_math(expression, begins, accepted=counts(begins, period, accepted)).values
    assert alarm["comparison_operator"] == "LessThanThreshold"
    assert None not in watched
    return all(value < alarm["threshold"] for value in watched)


@pytest.mark.parametrize(("provider", "period", "periods"), [("stripe", 300, 24), ("standard-webhooks", 3_600, 48)])
def test_a_silent_provider_is_heard_and_missing_data_is_silence(expecting, provider, period, periods):
    alarm = expecting.one("aws_cloudwatch_metric_alarm", f"webhook-silent-{provider.replace('-', '_')}-dev")
    queries = {query["id"]: query for query in alarm["metric_query"]}

    assert queries["accepted"]["metric"] == {
        "namespace": "Webhooks",
        "metric_name": "Accepted",
        "dimensions": {"service": "webhook-ingestion-dev", "provider": provider},
        "period": period,
        "stat": "Sum",
    }
    assert alarm["evaluation_periods"] == periods
    assert alarm["treat_missing_data"] == "breaching"
    assert expecting.meaning(alarm["alarm_actions"]) == expecting.meaning(alarm["ok_actions"]) == [f"{TOPIC}.arn"]
    duration = timedelta(seconds=period * periods)
    assert not alarms_at(alarm, MONDAY, [MONDAY - duration])
    assert not alarms_at(alarm, MONDAY, [MONDAY - timedelta(minutes=1)])
    assert alarms_at(alarm, MONDAY, [MONDAY - duration - timedelta(seconds=1)])
    assert alarms_at(alarm, MONDAY, [])


@pytest.mark.parametrize(
    ("day", "hour", "accepted", "alarms"),
    [
        (0, 11, [], False),      # Monday: it counts from 6:00
        (0, 12, [], True),
        (0, 22, [], True),
        (0, 23, [], False),      # at night
        (1, 5, [], False),
        (1, 11, [], False),
        (1, 12, [], True),
        (4, 12, [], True),       # Friday
        (5, 12, [], False),      # Saturday
        (6, 20, [], False),
        (0, 13, [(0, 6)], True),
        (0, 13, [(0, 7)], False),
        (0, 12, [(0, 5)], True),
    ],
)  # fmt: skip
def test_excepted_hours_and_weekdays_interrupt_a_silence(expecting, day, hour, accepted, alarms):
    alarm = expecting.one("aws_cloudwatch_metric_alarm", "webhook-silent-generic-dev")
    at = [MONDAY + timedelta(days=of_day, hours=of_hour) for of_day, of_hour in accepted]

    assert alarms_at(alarm, MONDAY + timedelta(days=day, hours=hour), at) == alarms


def test_the_alarm_says_what_was_expected(expecting):
    alarms = expecting.by_name("aws_cloudwatch_metric_alarm")

    assert alarms["webhook-silent-stripe-dev"]["alarm_description"] == "nothing of stripe was accepted for 2h"
    assert alarms["webhook-silent-generic-dev"]["alarm_description"] == (
        "nothing of generic was accepted for 6h, not counting 22-6, sat, sun in UTC"
    )


def test_no_silence_is_alarmed_on_unless_something_is_expected(template):
    assert not [name for name in template.by_name("aws_cloudwatch_metric_alarm") if "silent" in name]


# --- the dashboard --------------------------------------------------------------------------------------------------


def graph(template, title):
    widgets = json.loads(template.meaning(template.one("aws_cloudwatch_dashboard")["dashboard_body"]))["widgets"]
    (found,) = [w["properties"] for w in widgets if w["properties"]["title"] == title]
    return found["metrics"]


def test_the_dashboard_shows_for_how_long_each_provider_was_silent(template):
    lines = graph(template, "hours since the last accepted")
    begins = [MONDAY + timedelta(hours=hour) for hour in range(6)]
    github = counts(begins, timedelta(hours=1), [MONDAY + timedelta(hours=1, minutes=5), MONDAY + timedelta(hours=4)])

    # When GitHub sends something at 1:05 and 4:00, and nobody else does
    series, shown = {}, {}
    for line in lines:
        options = line[-1]
        if "expression" in options:
            series[options["id"]] = metric_math(options["expression"], begins, **series)
        else:
            assert line[:4] == ["Webhooks", "Accepted", "service", "webhook-ingestion-dev"]
            series[options["id"]] = github if line[4:6] == ["provider", "github"] else Series((None,) * 6)
        if options.get("visible", True):
            shown[options["label"]] = series[options["id"]].values

    assert shown["github"] == (None, 0, 1, 2, 0, 1)
    assert {name: values for name, values in shown.items() if name != "github"} == dict.fromkeys(
        ["stripe", "standard-webhooks", "generic"], (None,) * 6
    )


def test_the_dashboard_shows_what_is_refused_by_reason(template):
    ((search,),) = graph(template, "refused by reason")

    assert search["expression"] == (
        'SEARCH(\'{Webhooks,service,provider,reason} MetricName="Refused" service="webhook-ingestion-dev"\', '
        "'Sum', 300)"
    )


def test_the_dashboard_shows_every_function_the_queue_the_api_and_our_own_metrics(template):
    widgets = json.loads(template.meaning(template.one("aws_cloudwatch_dashboard")["dashboard_body"]))["widgets"]
    shown = {
        tuple(part for part in metric if isinstance(part, str))
        for w in widgets
        for metric in w["properties"]["metrics"]
    }

    function_metrics = {
        ("AWS/Lambda", metric, "FunctionName", f"{function(name)}.function_name")
        for name in FUNCTIONS
        for metric in ("Invocations", "Errors", "Throttles")
    }
    own = {("Webhooks", METRICS[a][1], *chain(*METRICS[a][2].items())) for a in OWN_METRICS}
    assert function_metrics | own <= shown
    for name in ("stripe", "github", "standard-webhooks", "generic"):
        assert ("Webhooks", "Accepted", "service", "webhook-ingestion-dev", "provider", name) in shown
    assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", f"{QUEUE}.name") in shown
    assert ("AWS/ApiGateway", "5XXError", "ApiName", f"{API}.name", "Stage", "v1") in shown


def test_no_widget_lies_on_another(template):
    widgets = json.loads(template.one("aws_cloudwatch_dashboard")["dashboard_body"])["widgets"]
    cells = [
        (column, row)
        for w in widgets
        for column in range(w["x"], w["x"] + w["width"])
        for row in range(w["y"], w["y"] + w["height"])
    ]

    assert sorted(set(cells)) == sorted(cells)
    assert max(column for column, _ in cells) < 24
