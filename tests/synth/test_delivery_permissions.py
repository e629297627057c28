"""Who may do what in the delivery stack: the whole of it, as tables. What is not in them is not granted."""

import re
from fnmatch import fnmatch

import pytest

from lambdas.delivery.http.routes import ROUTES
from lambdas.delivery.store.items import PUBLIC_KEYS_ID
from lambdas.delivery_api.environment import ApiEnvironment
from lambdas.delivery_authorizer.environment import AuthorizerEnvironment
from lambdas.delivery_docs.environment import DocsEnvironment
from lambdas.delivery_operator.environment import OperatorEnvironment
from lambdas.delivery_receiver.environment import ReceiverEnvironment
from lambdas.delivery_sweeper.environment import SweeperEnvironment
from lambdas.delivery_worker.environment import WorkerEnvironment

NAME = "webhook-delivery-{}-delivery".format
TENANTS, ENDPOINTS, EVENTS = (
    f"aws_dynamodb_table[{NAME(name)}].arn" for name in ("tenant-identity", "tenant-webhook-config", "events")
)
QUEUE = f"aws_sqs_queue[{NAME('queue')}].arn"
DEAD_LETTERS = f"aws_sqs_queue[{NAME('dlq')}].arn"
SECRET = f"aws_secretsmanager_secret[{NAME('signing-keys')}].arn"
API_GATEWAY = "apigateway.amazonaws.com"
ARCHIVED = "arn:data.aws_partition[subscriptions_partition].partition:s3:::{}/raw/*"
GATEWAY = "arn:data.aws_partition[plans_partition].partition:apigateway:us-east-1::"
EXECUTION = f"aws_api_gateway_rest_api[{NAME('api')}].execution_arn"


def items(table, *actions):
    return {(f"dynamodb:{action}", table) for action in actions}


GRANTS = {
    "worker": items(ENDPOINTS, "GetItem", "BatchGetItem", "Query", "UpdateItem")
    | items(EVENTS, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "PartiQLUpdate")
    | items(f"{EVENTS}/index/byDue", "Query")
    | {
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:DeleteMessage", QUEUE),
        ("sqs:GetQueueAttributes", QUEUE),
        ("sqs:SendMessage", QUEUE),
        ("secretsmanager:GetSecretValue", SECRET),
        ("events:PutEvents", f"aws_cloudwatch_event_bus[{NAME('operations')}].arn"),
        ("s3:GetObject", ARCHIVED.format("webhook-archive-123456789012-prod")),
    },
    "sweeper": items(ENDPOINTS, "BatchGetItem")
    | items(EVENTS, "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "PartiQLUpdate")
    | items(f"{EVENTS}/index/byDue", "Query")
    | items(f"{EVENTS}/index/byState", "Query")
    | {("sqs:SendMessage", QUEUE)},
    "authorizer": items(TENANTS, "GetItem"),
    "api": items(ENDPOINTS, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    | items(EVENTS, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    | items(f"{EVENTS}/index/byState", "Query")
    | items(TENANTS, "GetItem")
    | {("sqs:SendMessage", QUEUE)},
    "operator": items(TENANTS, "GetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
    | items(f"{TENANTS}/index/byTenant", "Query")
    | items(ENDPOINTS, "GetItem", "BatchGetItem", "Query", "UpdateItem", "DeleteItem")
    | items(EVENTS, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    | items(f"{EVENTS}/index/byState", "Query")
    | items(f"{EVENTS}/index/byDue", "Query")
    | {
        (f"sqs:{action}", DEAD_LETTERS)
        for action in (
            "StartMessageMoveTask",
            "ListMessageMoveTasks",
            "ReceiveMessage",
            "DeleteMessage",
            "GetQueueAttributes",
        )
    }
    | {
        ("sqs:SendMessage", QUEUE),
        ("secretsmanager:GetSecretValue", SECRET),
        ("secretsmanager:PutSecretValue", SECRET),
        ("apigateway:GET", f"{GATEWAY}/apikeys"),
        ("apigateway:POST", f"{GATEWAY}/apikeys"),
        ("apigateway:GET", f"{GATEWAY}/usageplans"),
        ("apigateway:POST", f"{GATEWAY}/usageplans/aws_api_gateway_usage_plan[{NAME('tenants-standard')}].id/keys"),
    },
    "docs": items(TENANTS, "GetItem"),
    "receiver": items(ENDPOINTS, "BatchGetItem"),
}
CONDITIONS = {
    **{
        (function, "ReadPublicKeys"): [
            {"test": "ForAllValues:StringLike", "variable": "dynamodb:LeadingKeys", "values": [PUBLIC_KEYS_ID]}
        ]
        for function in ("api", "docs")
    },
    ("operator", "ForgetTokens"): [
        {"test": "ForAllValues:StringLike", "variable": "dynamodb:LeadingKeys", "values": ["token#*"]}
    ],
}
TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}


def own_log(function):
    log = f"aws_cloudwatch_log_group[/aws/lambda/{NAME(function)}].arn:*"
    return {("logs:CreateLogStream", log), ("logs:PutLogEvents", log)}


def statements_of_role(template, name):
    role = template.one("aws_iam_role", NAME(name))
    policies = template.pointing_at("aws_iam_role_policy", "role", role)
    return [statement for policy in policies for statement in template.statements(policy["policy"])]


def allowed(statements):
    assert {statement["effect"] for statement in statements} == {"Allow"}
    return {(action, resource) for each in statements for action in each["actions"] for resource in each["resources"]}


@pytest.mark.parametrize("function", GRANTS)
def test_a_function_may_do_exactly_what_its_table_says(delivery, function):
    statements = statements_of_role(delivery, function)

    assert allowed(statements) == GRANTS[function] | TRACES | own_log(function)
    conditions = {(function, each["sid"]): each["condition"] for each in statements if each.get("condition")}
    assert conditions == {key: value for key, value in CONDITIONS.items() if key[0] == function}


def worker_of(template):
    """Return what the worker of a stack in the environment dev may read of S3, and its variables."""
    role = template.one("aws_iam_role", "webhook-delivery-worker-dev")
    (policy,) = template.pointing_at("aws_iam_role_policy", "role", role)
    granted = {each for each in allowed(template.statements(policy["policy"])) if each[0].startswith("s3:")}
    return granted, template.one("aws_lambda_function", "webhook-delivery-worker-dev")["environment"]["variables"]


def test_beside_an_inbound_stack_the_worker_reads_the_payloads_of_its_archive(synthesize_delivery, template):
    granted, variables = worker_of(synthesize_delivery(subscriptions={"stripe": "acme"}, max_event_bytes=2_000))

    bucket = template.meaning(template.one("aws_s3_bucket")["bucket"])
    assert granted == {("s3:GetObject", ARCHIVED.format(bucket))}
    assert (variables["ORIGINAL_PAYLOADS"], variables["MAX_EVENT_BYTES"]) == ("on", "2000")


@pytest.mark.parametrize(
    "values",
    [{}, {"subscriptions": {"stripe": "acme"}, "subscription_payload": "reference"}],
    ids=["none", "reference"],
)
def test_without_payloads_to_send_the_worker_reads_no_bucket(synthesize_delivery, values):
    granted, variables = worker_of(synthesize_delivery(**values))

    assert (granted, variables["ORIGINAL_PAYLOADS"]) == (set(), "off")


def test_the_table_knows_every_role(delivery):
    roles = {
        name.removeprefix("webhook-delivery-").removesuffix("-delivery") for name in delivery.by_name("aws_iam_role")
    }

    assert roles == {*GRANTS, "api-logs"}


def test_who_may_invoke_each_function_and_for_what(delivery):
    called = {"delivery_api": "api", "delivery_operator": "operator", "delivery_docs": "docs"}
    expected = {
        (
            NAME(called[route.function]),
            API_GATEWAY,
            f"{EXECUTION}/*/{route.method}{re.sub(r'{[^}]*}', '*', route.path)}",
        )
        for route in ROUTES
    }
    expected |= {
        (
            NAME("authorizer"),
            API_GATEWAY,
            f"{EXECUTION}/authorizers/aws_api_gateway_authorizer[{NAME('authorizer')}].id",
        ),
        (NAME("receiver"), API_GATEWAY, f"{EXECUTION}/*/POST/receiver/*/*"),
        (NAME("sweeper"), "events.amazonaws.com", f"aws_cloudwatch_event_rule[{NAME('sweeps')}].arn"),
    }

    permissions = delivery.all("aws_lambda_permission")

    assert {
        (delivery.target(p["function_name"]).name, p["principal"], delivery.meaning(p["source_arn"]))
        for p in permissions
    } == expected
    assert {p["action"] for p in permissions} == {"lambda:InvokeFunction"}


def test_operators_may_call_their_own_routes_and_see_the_backlog_only(delivery):
    statement, backlog = delivery.statements("data.aws_iam_policy_document." + operator_policy(delivery))

    assert (backlog["actions"], backlog["resources"]) == (["sqs:GetQueueAttributes"], [QUEUE, DEAD_LETTERS])

    assert statement["actions"] == ["execute-api:Invoke"]
    assert set(statement["resources"]) == {
        f"{EXECUTION}/live/{route.method}{re.sub(r'{[^}]*}', '*', route.path)}"
        for route in ROUTES
        if route.authorization == "AWS_IAM"
    } - {f"{EXECUTION}/live/{apart}" for apart in APART.values()}


# With a token or a link one reads payloads in a tenant's name, and with a token of the kind full one erases them.
APART = {
    "erase_policy_json": "DELETE/operator/tenants/*/events/*/payload",
    "token_policy_json": "POST/operator/tenants/*/tokens",
    "portal_policy_json": "POST/operator/tenants/*/portal-links",
}


@pytest.mark.parametrize("output", APART)
def test_payloads_are_erased_and_tokens_and_links_made_with_policies_of_their_own(delivery, output):
    (statement,) = delivery.statements(delivery.document["output"][output]["value"])
    operators, _ = delivery.statements("data.aws_iam_policy_document." + operator_policy(delivery))
    apart = f"{EXECUTION}/live/{APART[output]}"

    assert (statement["actions"], statement["resources"]) == (["execute-api:Invoke"], [apart])
    # A wildcard of IAM matches slashes too.
    assert not any(fnmatch(apart, allowed) for allowed in operators["resources"])


def operator_policy(template):
    (document,) = [each for each in template.all("data.aws_iam_policy_document") if each.name == "api_operator_policy"]
    return document.id


ENVIRONMENTS = {
    "worker": WorkerEnvironment,
    "sweeper": SweeperEnvironment,
    "authorizer": AuthorizerEnvironment,
    "api": ApiEnvironment,
    "operator": OperatorEnvironment,
    "docs": DocsEnvironment,
    "receiver": ReceiverEnvironment,
}


@pytest.mark.parametrize("function", GRANTS)
def test_a_function_is_passed_the_variables_that_it_reads_and_no_others(delivery, function):
    variables = delivery.one("aws_lambda_function", NAME(function))["environment"]["variables"]

    assert {name for name in variables if not name.startswith("POWERTOOLS_")} == ENVIRONMENTS[function].names()
