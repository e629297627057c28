"""Every rule that runs on a plan: silent on a stack that is right; those of plans alone red on one mistake."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import pytest

from modules.rules.rule import Where, collect, rule
from modules.terraform_json.plan import read as read_plan
from tests.unit.audit_stack import ACCOUNT, TAGS, Stack, allow, good, only, plan_of, read, service
from tools.audit.rules import rules

RULES = {item.id: item for item in rules()}


@dataclass(frozen=True)
class Mistake:
    """A mistake, and the resource that a rule must name for it."""

    rule: str
    make: Callable[[Stack], object]
    address: str
    actions: dict[str, list[str]] = field(default_factory=dict)


def put(address: str, **values: object) -> Callable[[Stack], object]:
    return lambda stack: stack[address].update(values)


def drop(*addresses: str) -> Callable[[Stack], object]:
    return lambda stack: [stack.pop(address) for address in addresses]


def unset(address: str, attribute: str) -> Callable[[Stack], object]:
    return lambda stack: stack[address].pop(attribute)


def add(address: str, **values: object) -> Callable[[Stack], object]:
    return lambda stack: stack.update({address: values})


def say(document: str, *statements: dict[str, object]) -> Callable[[Stack], object]:
    return lambda stack: stack[f"data.aws_iam_policy_document.{document}"]["statement"].extend(statements)


def instead(document: str, *statements: dict[str, object]) -> Callable[[Stack], object]:
    return lambda stack: stack[f"data.aws_iam_policy_document.{document}"].update(statement=list(statements))


def trust(**more: object) -> dict[str, object]:
    return allow("Trust", ["sts:AssumeRole"], [], **more)


INGESTION = "aws_lambda_function.ingestion"
MAIN = "aws_sqs_queue.main"
MAIN_ARN = "${aws_sqs_queue.main.arn}"
DEAD = "aws_sqs_queue.dead"
AGE = "aws_cloudwatch_metric_alarm.age"
PROCESSING = "aws_iam_role_policy.processing"
ARCHIVE = "aws_s3_bucket.archive"
ROUTE = "aws_api_gateway_method.webhook"
TARGET = "aws_cloudwatch_event_target.stripe"
MAPPING = "aws_lambda_event_source_mapping.main"
EGRESS = {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}

MISTAKES = [
    # Queues
    Mistake("dead-letter-queue-kind", put(DEAD, fifo_queue=False), MAIN),
    Mistake("dead-letter-queue-kind", put(MAIN, fifo_queue=False), MAIN),
    Mistake("queue-fifo-throughput", unset(MAIN, "deduplication_scope"), MAIN),
    Mistake("queue-fifo-throughput", put(MAIN, fifo_throughput_limit="perQueue"), MAIN),
    Mistake("mapping-limit", unset(MAPPING, "scaling_config"), MAPPING),
    # Functions
    Mistake("function-role", put(INGESTION, role="arn:aws:iam::123456789012:role/admin"), INGESTION),
    Mistake("function-tracing", put(INGESTION, tracing_config=[{"mode": "PassThrough"}]), INGESTION),
    Mistake("function-network", unset(INGESTION, "vpc_config"), INGESTION),
    # The API
    # Only a provider that is verified by certificates has no secret.
    Mistake(
        "route-guarded", put(INGESTION, environment=[{"variables": {"PROVIDERS": '{"x":{"entry":"stripe"}}'}}]), ROUTE
    ),
    Mistake("route-guarded", instead("ingestion", allow("Archive", ["s3:PutObject"], [])), ROUTE),
    Mistake("route-guarded", put(ROUTE, authorization="CUSTOM", authorizer_id="abc123"), ROUTE),
    Mistake("route-throttled", drop("aws_api_gateway_method_settings.all"), ROUTE),
    Mistake(
        "route-throttled",
        put(
            "aws_api_gateway_method_settings.all",
            settings=[{"throttling_rate_limit": -1, "throttling_burst_limit": -1}],
        ),
        ROUTE,
    ),
    Mistake("route-api-key", drop("aws_api_gateway_usage_plan_key.key"), ROUTE),
    Mistake("route-api-key", put("aws_api_gateway_usage_plan.plan", api_stages=[]), ROUTE),
    Mistake("api-busy-answer", drop("aws_api_gateway_gateway_response.busy"), "aws_api_gateway_rest_api.api"),
    Mistake(
        "api-busy-answer",
        put("aws_api_gateway_gateway_response.busy", status_code="500"),
        "aws_api_gateway_rest_api.api",
    ),
    Mistake(
        "api-busy-answer",
        unset("aws_api_gateway_gateway_response.busy", "response_parameters"),
        "aws_api_gateway_rest_api.api",
    ),
    Mistake(
        "api-payload-log",
        put("aws_api_gateway_method_settings.all", settings=[{"data_trace_enabled": True}]),
        "aws_api_gateway_method_settings.all",
    ),
    Mistake(
        "entry-point-known",
        add("aws_lambda_function_url.url", function_name="webhook-ingestion-dev", authorization_type="NONE"),
        "aws_lambda_function_url.url",
    ),
    # Events
    Mistake("event-archive", drop("aws_cloudwatch_event_archive.archive"), "aws_cloudwatch_event_bus.bus"),
    Mistake("event-target-allowed", instead("queue_target"), TARGET),
    Mistake("event-target-allowed", instead("queue_undelivered"), TARGET),
    # Permissions
    Mistake("iam-sid", say("processing", allow("", ["sqs:SendMessage"], [MAIN_ARN])), PROCESSING),
    Mistake(
        "iam-resource",
        say("processing", allow("A", ["s3:GetObject"], ["arn:aws:s3:::somebody-elses/*"])),
        PROCESSING,
    ),
    Mistake(
        "iam-escalation", say("processing", allow("A", ["iam:PassRole"], ["${aws_iam_role.ingestion.arn}"])), PROCESSING
    ),
    Mistake(
        "iam-escalation",
        say("processing", allow("A", ["lambda:UpdateFunctionCode"], ["${aws_lambda_function.ingestion.arn}"])),
        PROCESSING,
    ),
    Mistake(
        "role-trust",
        instead("processing_trust", trust(principals=service("lambda.amazonaws.com"))),
        "aws_iam_role.processing",
    ),
    Mistake(
        "role-trust",
        instead(
            "processing_trust",
            trust(
                principals=service("events.amazonaws.com"),
                condition=only("aws:SourceAccount", ACCOUNT, "StringEqualsIfExists"),
            ),
        ),
        "aws_iam_role.processing",
    ),
    Mistake(
        "role-trust",
        instead(
            "processing_trust",
            trust(
                principals=[{"type": "AWS", "identifiers": ["arn:aws:iam::999999999999:root"]}],
                condition=only("aws:SourceAccount", ACCOUNT),
            ),
        ),
        "aws_iam_role.processing",
    ),
    Mistake("resource-policy", unset("aws_lambda_permission.webhook", "source_arn"), "aws_lambda_permission.webhook"),
    Mistake(
        "resource-policy",
        say(
            "archive",
            allow(
                "Everybody",
                ["s3:GetObject"],
                [f"${{{ARCHIVE}.arn}}/*"],
                principals=[{"type": "*", "identifiers": ["*"]}],
            ),
        ),
        "aws_s3_bucket_policy.archive",
    ),
    Mistake(
        "resource-policy",
        say(
            "queue_main",
            allow(
                "OtherAccount",
                ["sqs:SendMessage"],
                [MAIN_ARN],
                principals=[{"type": "AWS", "identifiers": ["999999999999"]}],
            ),
        ),
        "aws_sqs_queue_policy.main",
    ),
    Mistake(
        "resource-policy",
        put(
            MAIN,
            policy='{"Statement":[{"Sid":"Open","Effect":"Allow","Action":"sqs:SendMessage","Principal":"*",'
            '"Resource":"${aws_sqs_queue.main.arn}"}]}',
        ),
        MAIN,
    ),
    # Transport
    Mistake("queue-tls", drop("aws_sqs_queue_policy.main"), MAIN),
    # Secrets
    Mistake(
        "secret-in-plan",
        add("aws_secretsmanager_secret_version.stripe", secret_id="${aws_secretsmanager_secret.stripe.id}"),
        "aws_secretsmanager_secret_version.stripe",
    ),
    Mistake("secret-in-plan", put(INGESTION, environment=[{"variables": {"SIGNING": "whsec_" + "a" * 32}}]), INGESTION),
    # Alarms
    Mistake("alarm-notifies", put(AGE, alarm_actions=[]), AGE),
    Mistake("alarm-notifies", put(AGE, actions_enabled=False), AGE),
    Mistake("alarm-missing-data", unset(AGE, "treat_missing_data"), AGE),
    Mistake("alarm-function", drop("aws_cloudwatch_metric_alarm.ingestion-errors"), INGESTION),
    Mistake(
        "alarm-function", drop("aws_cloudwatch_metric_alarm.processing-throttles"), "aws_lambda_function.processing"
    ),
    Mistake("alarm-queue", drop(AGE), MAIN),
    Mistake("alarm-queue", drop("aws_cloudwatch_metric_alarm.dead"), DEAD),
    Mistake("alarm-api", drop("aws_cloudwatch_metric_alarm.api-5xx"), "aws_api_gateway_rest_api.api"),
    # Names and tags
    # Data
    Mistake("data-destroyed", lambda _: None, ARCHIVE, {ARCHIVE: ["delete"]}),
    Mistake("data-destroyed", lambda _: None, ARCHIVE, {ARCHIVE: ["forget"]}),
    Mistake(
        "data-destroyed",
        lambda _: None,
        "aws_dynamodb_table.records",
        {"aws_dynamodb_table.records": ["create", "delete"]},
    ),
    Mistake("destroy-complete", put(ARCHIVE, force_destroy=False), ARCHIVE),
    Mistake(
        "destroy-complete",
        unset("aws_secretsmanager_secret.stripe", "recovery_window_in_days"),
        "aws_secretsmanager_secret.stripe",
    ),
    Mistake(
        "destroy-complete",
        put("aws_dynamodb_table.records", deletion_protection_enabled=True),
        "aws_dynamodb_table.records",
    ),
    # Network
    Mistake(
        "network-ingress",
        put("aws_security_group.functions", ingress=[{**EGRESS, "cidr_blocks": ["0.0.0.0/0"]}]),
        "aws_security_group.functions",
    ),
    Mistake(
        "network-ingress",
        add("aws_vpc_security_group_ingress_rule.all", ip_protocol="-1", cidr_ipv4="0.0.0.0/0", tags=TAGS),
        "aws_vpc_security_group_ingress_rule.all",
    ),
    Mistake(
        "network-egress",
        put("aws_security_group.functions", egress=[{**EGRESS, "protocol": "-1", "from_port": 0, "to_port": 0}]),
        "aws_security_group.functions",
    ),
    Mistake(
        "network-egress",
        add("aws_security_group_rule.out", type="egress", protocol="tcp", from_port=0, to_port=443),
        "aws_security_group_rule.out",
    ),
]


@pytest.mark.parametrize("id_", RULES)
def test_a_rule_is_silent_on_a_stack_that_is_right(id_):
    assert RULES[id_].findings(read(good())) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{item.rule}-{number}" for number, item in enumerate(MISTAKES)])
def test_a_rule_names_the_resource_with_the_mistake(mistake):
    # Given a stack with one mistake
    stack = good()
    mistake.make(stack)

    # When
    findings = RULES[mistake.rule].findings(read_plan(plan_of(stack, mistake.actions)))

    # Then the rule names that resource
    assert mistake.address in {finding.address for finding in findings}
    assert {finding.check for finding in findings} == {mistake.rule}


def test_every_rule_of_plans_alone_has_been_seen_red():
    # The others are in tests/synth/mistakes.
    assert {mistake.rule for mistake in MISTAKES} >= {item.id for item in RULES.values() if item.where is Where.PLAN}


def test_a_provider_that_is_verified_by_certificates_needs_no_secret():
    stack = good()
    variables = stack[INGESTION]["environment"][0]["variables"]
    variables["PROVIDERS"] = json.dumps({**json.loads(variables["PROVIDERS"]), "paypal": {"entry": "paypal"}})

    assert RULES["route-guarded"].findings(read(stack)) == []


def test_two_environments_in_one_plan_have_names_of_their_own():
    # Given a second environment's queue in the plan, and one that has the tag of one and the name of the other
    stack = good()
    stack["aws_sqs_queue.other"] = {"name": "webhook-queue-prod", "tags": {**TAGS, "Environment": "prod"}}
    stack["aws_sqs_queue.mixed"] = {"name": "webhook-mixed-dev", "tags": {**TAGS, "Environment": "prod"}}

    found = RULES["name-suffix"].findings(read(stack))

    assert [item.address for item in found] == ["aws_sqs_queue.mixed"]


def test_a_shared_role_is_named_on_both_functions():
    stack = good()
    stack[INGESTION]["role"] = "${aws_iam_role.processing.arn}"

    found = RULES["function-role"].findings(read(stack))

    assert {item.address for item in found} == {INGESTION, "aws_lambda_function.processing"}


def test_a_finding_about_a_secret_does_not_tell_it():
    stack = good()
    stack[INGESTION]["environment"] = [{"variables": {"SIGNING": "whsec_" + "a" * 32}}]

    found = RULES["secret-in-plan"].findings(read(stack))

    assert all("whsec_" not in item.message for item in found)
    assert "environment.variables.SIGNING" in found[0].message


OLD_IDS = """event-target-dead-letter function-arm64 iam-action iam-managed-policy iam-readable iam-resource
mapping-concurrency mapping-partial-failures queue-dead-letter queue-dead-letter-retention queue-fifo-dead-letter
queue-visibility route-guarded tags tls-only"""


def test_exceptions_may_use_the_ids_that_rules_had():
    known = {id_ for item in RULES.values() for id_ in (item.id, *item.also)}

    assert set(OLD_IDS.split()) <= known


def another(plan):
    yield from ()


def test_two_rules_cannot_have_one_id():
    files = [ModuleType(name) for name in ("one", "two")]
    for file in files:
        file.another = rule("another", "Another", where=Where.PLAN, why="why", source="source")(another)

    with pytest.raises(ValueError, match="two rules have the id 'another'"):
        collect(files)


@pytest.mark.parametrize(
    "parts",
    [
        {"where": Where.PLAN, "why": "why", "source": ""},
        {"where": Where.PLAN, "source": "source"},
        {"where": Where.BOTH, "why": "why", "source": "source"},
    ],
    ids=["source", "reason", "remedy"],
)
def test_a_rule_that_lacks_a_part_is_refused(parts, request):
    with pytest.raises(ValueError, match=request.node.callspec.id):
        rule("new-rule", "A rule", **parts)
