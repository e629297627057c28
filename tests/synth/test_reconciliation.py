"""Reconciliation as it is deployed: its schedule, its keys, its permissions, its alarms; nothing of it by default."""

import json
import re

import pytest

from tests.synth.labels import BUCKET, QUEUE, TABLE, function, secret
from tests.synth.test_permissions import TRACES, own_log

VALUES = {
    "reconciliation": {
        "stripe": {"every": "1h", "types": ["charge.*"], "url": "https://hooks.example.com/stripe"},
        "github": {"every": "15m", "hook": "repos/acme/shop/hooks/7"},
    },
    "routing": {
        "subscribers": {
            "ledger": {
                "provider": "stripe",
                "match": {"eventType": ["charge.*", "payout.paid", {"prefix": "charge.d"}]},
            },
            "audit": {"provider": "github", "match": {"mode": ["live"]}},
        }
    },
}
FUNCTION = "webhook-reconcile-dev"
KEYS = {name: f"aws_secretsmanager_secret[webhook-api-key-{name}-dev]" for name in VALUES["reconciliation"]}


@pytest.fixture(scope="module")
def reconciling(synthesize):
    return synthesize(values=VALUES)


def test_by_default_there_is_nothing_of_it(stack_text):
    assert "reconcil" not in stack_text
    assert "api-key-" not in stack_text


def test_each_provider_has_a_schedule_of_its_own(reconciling):
    schedules = {}
    for target in reconciling.all("aws_cloudwatch_event_target"):
        if "input" in target.values:
            rule = reconciling.target(target["rule"])
            assert reconciling.meaning(target["arn"]) == f"{function(FUNCTION)}.arn"
            schedules[json.loads(target["input"])["provider"]] = rule["schedule_expression"]
    assert schedules == {"stripe": "rate(1 hour)", "github": "rate(15 minutes)"}


def test_the_function_knows_its_providers_and_no_secret(reconciling):
    deployed = reconciling.one("aws_lambda_function", FUNCTION)
    assert deployed["timeout"] == 900
    variables = deployed.block("environment")["variables"]
    assert re.fullmatch(r"\$\{aws_api_gateway_stage\.\w+\.invoke_url}", variables["BASE_URL"])
    known = json.loads(reconciling.meaning(variables["PROVIDERS"]))
    assert known == {
        "stripe": {
            "entry": "stripe",
            "apiSecretArn": f"{KEYS['stripe']}.name",
            "every": 3_600,
            "overlap": 7_200,
            "types": ["charge.*"],
            # What a subscriber's rule matches on besides
            "routed": ["payout.paid", "charge.d*"],
            "url": "https://hooks.example.com/stripe",
        },
        # Its list shows signatures.
        "github": {
            "entry": "github",
            "apiSecretArn": f"{KEYS['github']}.name",
            "secretArn": f"{secret('github')}.name",
            "every": 900,
            "overlap": 7_200,
            "types": ["*"],
            "hook": "repos/acme/shop/hooks/7",
        },
    }


def statements_of(template, role):
    (policy,) = template.pointing_at("aws_iam_role_policy", "role", template.one("aws_iam_role", role))
    return template.statements(policy["policy"])


def test_it_may_do_exactly_this(reconciling):
    said = statements_of(reconciling, FUNCTION)
    granted = {(action, resource) for one in said for action in one["actions"] for resource in one["resources"]}
    assert granted == TRACES | own_log(FUNCTION) | {
        ("secretsmanager:GetSecretValue", f"{KEYS['stripe']}.arn"),
        ("secretsmanager:GetSecretValue", f"{KEYS['github']}.arn"),
        ("secretsmanager:GetSecretValue", f"{secret('github')}.arn"),
        ("sqs:SendMessage", f"{QUEUE}.arn"),
        ("s3:PutObject", f"{BUCKET}.arn/raw/*"),
        ("s3:PutObject", f"{BUCKET}.arn/reconciliation/*"),
        ("dynamodb:BatchGetItem", f"{TABLE}.arn"),
        ("dynamodb:Query", f"{TABLE}.arn/index/byReceived"),
        ("dynamodb:PartiQLSelect", f"{TABLE}.arn/index/byEvent"),
        ("dynamodb:GetItem", f"{TABLE}.arn"),
        ("dynamodb:PutItem", f"{TABLE}.arn"),
    }
    # It writes to the items of its progress, and to no record.
    assert {tuple(one["actions"]): one["condition"][0]["values"] for one in said if "condition" in one} == {
        ("dynamodb:GetItem", "dynamodb:PutItem"): ["reconciliation *"]
    }


def test_nobody_else_may_read_the_api_keys(reconciling):
    readers = {
        role.name
        for role in reconciling.all("aws_iam_role")
        for policy in reconciling.pointing_at("aws_iam_role_policy", "role", role)
        for statement in reconciling.statements(policy["policy"])
        if any("api-key" in resource for resource in statement["resources"])
    }
    assert readers == {FUNCTION}
    outputs = reconciling.document["output"]
    assert {name for name, output in outputs.items() if "_api.arn" in json.dumps(output)} == {"api_secret_arns"}


def test_each_provider_has_alarms_of_its_own(reconciling):
    alarms = reconciling.by_name("aws_cloudwatch_metric_alarm")
    found = {
        name: (alarm["metric_name"], alarm["dimensions"], alarm["threshold"])
        for name, alarm in alarms.items()
        if re.search("recovered|reconciliation-failures|registration-problems", name)
    }
    assert found == {
        f"webhook-{id_}-{name}-dev": (metric, {"service": FUNCTION, "provider": name}, 0)
        for id_, metric in (
            ("recovered", "Recovered"),
            ("reconciliation-failures", "ReconciliationFailures"),
            ("registration-problems", "RegistrationProblems"),
        )
        for name in ("stripe", "github")
    }
    assert "webhook-reconcile-undelivered-dev" in alarms
    # What stays wrong keeps its alarm from one run to the next: 1 h and 15 min, and 5 min more.
    for id_, periods in {
        "recovered": (300, 300),
        "reconciliation-failures": (3_900, 1_200),
        "registration-problems": (3_900, 1_200),
    }.items():
        assert tuple(alarms[f"webhook-{id_}-{name}-dev"]["period"] for name in ("stripe", "github")) == periods


@pytest.mark.parametrize(("provider", "periods"), [("stripe", 36), ("github", 12)])
def test_runs_that_are_not_made_are_heard(reconciling, provider, periods):
    """In three times the time between two runs, in whole hours; missing data is no run."""
    alarm = reconciling.one("aws_cloudwatch_metric_alarm", f"webhook-not-reconciled-{provider}-dev")
    assert (alarm["treat_missing_data"], alarm["comparison_operator"]) == ("breaching", "LessThanThreshold")
    (counted,) = [one["metric"] for one in alarm["metric_query"] if "metric" in one]
    (counted,) = counted if isinstance(counted, list) else [counted]
    assert (counted["metric_name"], counted["dimensions"]) == (
        "WindowsClosed",
        {"service": FUNCTION, "provider": provider},
    )
    assert (alarm["threshold"], alarm["evaluation_periods"], counted["period"]) == (1, periods, 300)
