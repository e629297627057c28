"""The daily statement as it is deployed: its schedule, what it may read, its alarms; nothing of it by default."""

import json

import pytest

from modules.constructs.naming import DELIVERY_PREFIX, Names
from modules.settings.environments import build_settings
from tests.synth.labels import BUCKET, TABLE, function
from tests.synth.test_permissions import TRACES, own_log
from tests.synth.test_reconciliation import VALUES as RECONCILING
from tests.synth.test_reconciliation import statements_of

FUNCTION = "webhook-statement-dev"
WHOLE = {
    **RECONCILING,
    "quarantine": {"enabled": True, "days": 30},
    "delivery": {"subscriptions": {"stripe": {"acct_1": "globex", "acct_2": ["acme", "globex"]}, "github": "globex"}},
}


@pytest.fixture(scope="module")
def stating(synthesize):
    return synthesize(values=WHOLE)


def variables(template):
    return template.one("aws_lambda_function", FUNCTION).block("environment")["variables"]


@pytest.mark.parametrize(
    ("values", "states"),
    [({}, False), (RECONCILING, True), ({**RECONCILING, "statement": False}, False), ({"statement": True}, True)],
)
def test_it_is_made_where_a_provider_is_reconciled_and_where_it_is_asked_for(values, states):
    assert build_settings("dev", values).states is states


def test_by_default_there_is_nothing_of_it(stack_text):
    assert "webhook-statement" not in stack_text
    assert "statements/" not in stack_text


def test_it_runs_every_hour_and_for_as_long_as_lambda_allows(stating):
    (target,) = [
        one
        for one in stating.all("aws_cloudwatch_event_target")
        if stating.meaning(one["arn"]) == f"{function(FUNCTION)}.arn"
    ]
    assert stating.target(target["rule"])["schedule_expression"] == "rate(1 hour)"
    deployed = stating.one("aws_lambda_function", FUNCTION)
    assert (deployed["timeout"], deployed["memory_size"]) == (900, 1_769)


def test_it_knows_its_providers_tenants_and_how_far_to_look_back(stating):
    given = variables(stating)
    assert json.loads(given["PROVIDERS"]) == {
        "stripe": 3_600,
        "github": 900,
        "standard-webhooks": None,
        "generic": None,
    }
    assert json.loads(given["TENANTS"]) == {
        "stripe": {"globex": ["acct_1", "acct_2"], "acme": ["acct_2"]},
        "github": {"globex": None},
    }
    assert given["DELIVERY_WORKER"] == Names("dev", DELIVERY_PREFIX)("worker") == "webhook-delivery-worker-dev"
    assert given["INGESTION"] == "webhook-ingestion-dev"
    assert (given["LOOK_BACK_DAYS"], given["QUARANTINES"]) == ("30", "on")


def test_alone_it_knows_less_and_asks_for_less(synthesize):
    alone = synthesize(values={"statement": True, "network": {"vpc": True}})
    given = variables(alone)
    assert not {"INGESTION", "DELIVERY_WORKER", "TENANTS"} & set(given)
    assert (given["LOOK_BACK_DAYS"], given["QUARANTINES"]) == ("14", "off")
    said = statements_of(alone, FUNCTION)
    assert {action.split(":")[0] for one in said for action in one["actions"]} & {"cloudwatch"} == set()
    listed = [one["condition"][0]["values"] for one in said if one["actions"] == ["s3:ListBucket"]]
    assert listed == [["statements/*"]]


def test_tenants_that_do_not_fit_are_left_out(synthesize):
    subscriptions = {
        "stripe": {f"acct_{number}": [f"tenant-{number:04}-{one}" for one in range(3)] for number in range(40)}
    }
    given = variables(synthesize(values={"statement": True, "delivery": {"subscriptions": subscriptions}}))
    assert "TENANTS" not in given
    assert "DELIVERY_WORKER" not in given


def test_it_may_do_exactly_this(stating):
    said = statements_of(stating, FUNCTION)
    granted = {(action, resource) for one in said for action in one["actions"] for resource in one["resources"]}
    assert granted == TRACES | own_log(FUNCTION) | {
        ("dynamodb:BatchGetItem", f"{TABLE}.arn"),
        ("dynamodb:Query", f"{TABLE}.arn/index/byReceived"),
        ("s3:ListBucket", f"{BUCKET}.arn"),
        ("s3:GetObject", f"{BUCKET}.arn/statements/*"),
        ("s3:GetObject", f"{BUCKET}.arn/reconciliation/*"),
        ("s3:PutObject", f"{BUCKET}.arn/statements/*"),
        # CloudWatch has no narrower resource.
        ("cloudwatch:GetMetricData", "*"),
        ("cloudwatch:ListMetrics", "*"),
    }
    # It lists what is below its own prefix and these, and of the quarantine it reads nothing but names.
    assert [one["condition"][0]["values"] for one in said if one["actions"] == ["s3:ListBucket"]] == [
        ["statements/*"],
        ["reconciliation/*"],
        ["quarantine/*"],
    ]


def test_nobody_else_may_write_statements(stating):
    writers = {
        role.name
        for role in stating.all("aws_iam_role")
        for policy in stating.pointing_at("aws_iam_role_policy", "role", role)
        for one in stating.statements(policy["policy"])
        for resource in one["resources"]
        if "s3:PutObject" in one["actions"] and resource in {f"{BUCKET}.arn/*", f"{BUCKET}.arn/statements/*"}
    }
    assert writers == {FUNCTION}


def test_a_difference_a_failure_and_a_statement_that_is_missing_are_heard(stating):
    alarms = stating.by_name("aws_cloudwatch_metric_alarm")
    # What fails in each run keeps its alarm from one hour to the next.
    for id_, metric, period in (
        ("statement-differences", "StatementDifferences", 300),
        ("statement-failures", "StatementFailures", 3_900),
    ):
        alarm = alarms[f"webhook-{id_}-dev"]
        assert (alarm["metric_name"], alarm["dimensions"], alarm["threshold"]) == (metric, {"service": FUNCTION}, 0)
        assert alarm["period"] == period
    missing = alarms["webhook-statement-missing-dev"]
    assert (missing["treat_missing_data"], missing["comparison_operator"]) == ("breaching", "LessThanThreshold")
    (counted,) = [one["metric"] for one in missing["metric_query"] if "metric" in one]
    (counted,) = counted if isinstance(counted, list) else [counted]
    assert (counted["metric_name"], counted["dimensions"]) == ("StatementsWritten", {"service": FUNCTION})
    # 30 hours: a day, and some runs.
    assert missing["evaluation_periods"] * counted["period"] == 30 * 3_600
    assert "webhook-statements-undelivered-dev" in alarms


def test_operators_may_read_statements_where_there_are_any(stating, template):
    said = json.dumps(stating.document["data"])
    assert said.count("ReadStatements") == 2  # the function's and the operators'
    assert "ReadStatements" not in json.dumps(template.document["data"])
