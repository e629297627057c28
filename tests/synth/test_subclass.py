"""A stack that somebody else builds on: whatever a subclass adds after ``super().__init__`` is part of the whole."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from modules.constructs.lambda_fleet import FleetMember
from modules.constructs.naming import Names
from modules.constructs.route import Route
from modules.constructs.webhook_function import FunctionSize
from modules.inbound.stack import WebhookStack
from modules.inbound.storage_layer import StorageLayer
from modules.settings.environments import build_settings
from modules.synth import cdk
from tests.synth.bare import synthesize

ORDERS = Route(method="GET", path="/orders/{id}", authorization="AWS_IAM")


class OurStack(WebhookStack):
    """A user's stack, with a function, a route, and a method that needs no function."""

    def __init__(self, scope, id_, settings, bundles):
        super().__init__(scope, id_, settings, bundles)
        self.orders = self.add_function(
            FleetMember(name="orders", bundle=bundles / "status.zip", handler="orders.handler")
        )
        self.storage.grant_query_records(self.orders)
        self.api.route(ORDERS, self.orders)
        self.health = cdk.ApiGatewayMethod(
            self,
            "health",
            rest_api_id=self.api.api.id,
            resource_id=self.api.api.root_resource_id,
            http_method="GET",
            authorization="AWS_IAM",
        )
        cdk.ApiGatewayIntegration(
            self,
            "health_integration",
            rest_api_id=self.api.api.id,
            resource_id=self.api.api.root_resource_id,
            http_method=self.health.http_method,
            type="MOCK",
        )


def stack_of(bundles, kind=OurStack, preset="burst"):
    return kind(cdk.Testing.app(), "webhooks-dev", build_settings("dev", {"preset": preset}), bundles)


@pytest.fixture(scope="module")
def burst(bundles):
    """A stack to which nothing can be added that is wrong."""
    return stack_of(bundles)


@pytest.fixture(scope="module")
def ours(bundles):
    return synthesize(stack_of(bundles))


def statements(template, name):
    """Return the statements of a policy document, with names for references."""
    (document,) = [each for each in template.data() if each.id.startswith(name)]
    return template.meaning(document["statement"])


def definition(template):
    return template.one("aws_api_gateway_deployment")["triggers"]["definition"]


def test_its_routes_are_deployed(ours):
    waited_for = {template_id.split(".")[1] for template_id in ours.one("aws_api_gateway_deployment")["depends_on"]}

    for kind in ("aws_api_gateway_method", "aws_api_gateway_integration"):
        assert {resource.id for resource in ours.all(kind)} <= waited_for


def test_its_routes_make_a_new_deployment(ours, bundles):
    assert definition(ours) != definition(synthesize(stack_of(bundles, WebhookStack)))


def test_an_override_of_a_method_makes_a_new_deployment(ours, bundles):
    stack = stack_of(bundles)
    stack.health.add_override("api_key_required", True)

    assert definition(synthesize(stack)) != definition(ours)


def test_operators_may_call_its_routes(ours):
    (statement,) = statements(ours, "api_operator_policy")

    assert any(resource.endswith("/v1/GET/orders/*") for resource in statement["resources"])


def test_its_function_is_in_the_network_and_let_through_for_what_it_may_do(ours):
    function = ours.one("aws_lambda_function", "webhook-orders-dev")
    assert function["vpc_config"] == ours.one("aws_lambda_function", "webhook-status-dev")["vpc_config"]

    mine = [
        statement["actions"]
        for statement in statements(ours, "network_dynamodb_policy")
        if "webhook-orders-dev" in json.dumps(statement["condition"])
    ]

    assert mine == [["dynamodb:Query"], ["dynamodb:BatchGetItem"]]


def test_its_function_has_alarms_and_a_graph(ours):
    alarms = ours.by_name("aws_cloudwatch_metric_alarm")
    assert {"webhook-orders-errors-dev", "webhook-orders-throttles-dev"} <= set(alarms)

    body = json.loads(ours.one("aws_cloudwatch_dashboard")["dashboard_body"])

    assert "orders" in [widget["properties"]["title"] for widget in body["widgets"]]


def test_a_function_that_is_there_already_is_refused(bundles):
    stack = stack_of(bundles, preset="standard")

    with pytest.raises(ValueError, match="'orders' is a function of this fleet already"):
        stack.add_function(FleetMember(name="orders", bundle=bundles / "status.zip", handler="a.b"))


def test_a_route_of_ones_own_may_have_a_rate_of_its_own(bundles):
    stack = stack_of(bundles, preset="standard")
    stack.api.throttle(ORDERS, 7)

    (settings,) = [
        each["settings"]
        for each in synthesize(stack).all("aws_api_gateway_method_settings")
        if each["method_path"] == "orders/{id}/GET"
    ]

    assert (settings["throttling_rate_limit"], settings["throttling_burst_limit"]) == (7, 14)
    assert settings["data_trace_enabled"] is False


def test_a_bundle_that_is_not_there_is_refused(bundles):
    stack = stack_of(bundles, preset="standard")

    with pytest.raises(FileNotFoundError, match=r"bundle of more: .*absent\.zip is not there"):
        stack.add_function(FleetMember(name="more", bundle=bundles / "absent.zip", handler="a.b"))


def test_a_grant_twice_is_a_grant(bundles):
    stack = stack_of(bundles, preset="standard")
    before = len(stack.orders.statements)

    stack.storage.grant_query_records(stack.orders)

    assert len(stack.orders.statements) == before


def policy_of(stack):
    """Return the statements of the function orders, with names for references."""
    return {each["sid"]: each for each in statements(synthesize(stack), "fleet_orders_permissions")}


def test_the_same_grant_on_another_layer_is_one_on_both(bundles):
    stack = stack_of(bundles, preset="standard")
    other = StorageLayer(
        stack, "other", settings=stack.settings.storage, names=Names("dev", "other"), account_id=stack.account_id
    )
    other.grant_query_records(stack.orders)
    other.grant_query_records(stack.orders)

    allowed = policy_of(stack)["ReadFoundRecords"]["resources"]

    assert len(allowed) == 2
    assert len(policy_of(stack)["FindRecords"]["resources"]) == 4


def test_every_grant_of_a_layer_goes_together_with_every_other(bundles):
    stack = stack_of(bundles, preset="standard")
    for name in dir(StorageLayer):
        if name.startswith("grant_"):
            getattr(stack.storage, name)(stack.orders)

    policy = policy_of(stack)

    assert len(policy["FindRecords"]["resources"]) == 6, "the table, and an index for each way to find a record"
    assert {"WriteRecords", "MarkRecords", "ArchivePayloads"} < set(policy)


def test_a_statement_that_allows_something_else_under_a_sid_is_refused(bundles):
    stack = stack_of(bundles, preset="standard")

    with pytest.raises(ValueError, match="webhook-orders-dev: its policy has another statement with the sid FindRec"):
        stack.orders.allow("FindRecords", ["dynamodb:Scan"], [stack.storage.table.arn])


HERE = Path(__file__)
ONE_ARN = ["arn:aws:s3:::b/*"]
WRONG = {
    "a function of the bindings": (
        lambda stack: stack.monitoring.watch_function(stack.orders.function),
        "function: LambdaFunction is not a WebhookFunction",
    ),
    "nothing": (lambda stack: stack.monitoring.watch_recursion(None), "function: None is not a WebhookFunction"),
    "a grant to a role": (
        lambda stack: stack.queues.grant_send(stack.orders.role),
        "function: IamRole is not a WebhookFunction",
    ),
    "a grant to a name": (
        lambda stack: stack.secrets.grant_read("orders"),
        "function: 'orders' is not a WebhookFunction",
    ),
    "a queue": (lambda stack: stack.monitoring.watch_queue(stack.queues.main), "queue_name: SqsQueue is not a text"),
    "metrics": (
        lambda stack: stack.monitoring.show_counts("t", stack.orders, "Held"),
        "metrics: 'Held' is not a list of texts",
    ),
    "a role and not its ARN": (
        lambda stack: stack.network.permit(stack.orders.role, stack.orders.statements),
        "role_arn: IamRole is not a text",
    ),
    "a concurrency": (
        lambda stack: stack.queues.add_event_source(stack.orders, maximum_concurrency="5"),
        "maximum_concurrency: '5' is not a whole number",
    ),
    "a waiver": (lambda stack: stack.guards.waive("name-suffix"), "waiver: 'name-suffix' is not a Waiver"),
    "a number in the environment": (lambda stack: stack.orders.configure({"N1": 5}), "environment: N1 is 5 and not a"),
    "a variable of Lambda's": (
        lambda stack: stack.orders.configure({"AWS_REGION": "eu-west-1"}),
        "environment: 'AWS_REGION' is not allowed",
    ),
    "a variable that is no name": (lambda stack: stack.orders.configure({"A-B": "x"}), "environment: 'A-B' is not"),
    "variables": (lambda stack: stack.orders.configure("N=5"), "environment: 'N=5' is not a"),
    "one action": (
        lambda stack: stack.orders.allow("Read", "s3:GetObject", ONE_ARN),
        "actions: 's3:GetObject' is not a list of texts",
    ),
    "one resource": (
        lambda stack: stack.orders.allow("Read", ["s3:GetObject"], ONE_ARN[0]),
        "resources: 'arn:aws:s3:::b/*' is not a list of texts",
    ),
    "a sid": (lambda stack: stack.orders.allow("read it", ["s3:GetObject"], ONE_ARN), "sid: 'read it' is not allowed"),
    "a member": (lambda stack: stack.add_function("more"), "member: 'more' is not a FleetMember"),
    "a route": (lambda stack: stack.api.route("/more", stack.orders), "route: '/more' is not a Route"),
    "a route twice": (lambda stack: stack.api.route(ORDERS, stack.orders), "GET /orders/{id}: is a route of this API"),
    "a rate of no route": (
        lambda stack: stack.api.throttle(replace(ORDERS, path="/order"), 5),
        "route: GET /order is none of this API",
    ),
    "a rate": (lambda stack: stack.api.throttle(ORDERS, 0), "rate: 0 is not allowed; allowed: 1 to 10000 requests/s"),
    "a rate beyond the stage's": (lambda stack: stack.api.throttle(ORDERS, 10_001), "rate: 10001 is not allowed"),
}
MEMBER = {"name": "more", "bundle": HERE, "handler": "orders.handler"}
WRONG_VALUES = {
    "a member's name": (lambda: FleetMember(**{**MEMBER, "name": "My Function"}), "name: 'My Function' is not"),
    "a member's bundle": (lambda: FleetMember(**{**MEMBER, "bundle": "x.zip"}), "bundle: 'x.zip' is not a Path"),
    "a member's handler": (lambda: FleetMember(**{**MEMBER, "handler": "orders"}), "handler: 'orders' is not allowed"),
    "a reservation": (lambda: FleetMember(**MEMBER, reserved_concurrency=-5), "reserved_concurrency: -5 is not"),
    "a size": (lambda: FleetMember(**MEMBER, size={"memory": 512}), "size: {'memory': 512} is not a FunctionSize"),
    "a memory": (lambda: FunctionSize(memory=1, timeout=3), "memory: 1 is not allowed; allowed: 128 to 10240 MB"),
    "a time-out": (lambda: FunctionSize(memory=128, timeout=901), "timeout: 901 is not allowed; allowed: 1 to 900 s"),
    "a method": (lambda: Route(method="get", path="/x"), "method: 'get' is not allowed"),
    # The function's permission names the method, and API Gateway calls it as the method that came.
    "any method": (lambda: Route(method="ANY", path="/x"), "method: 'ANY' is not allowed"),
    "an authorization": (lambda: Route(method="GET", path="/x", authorization="IAM"), "authorization: 'IAM' is not"),
    "a header": (lambda: Route(method="GET", path="/x", required_headers="X"), "required_headers: 'X' is not a list"),
    **{
        f"the path {path}": (lambda path=path: Route(method="GET", path=path), f"path: {path!r} is not allowed")
        for path in ("", "/", "x", "/x/", "/x//y", "/x y", "/{id", "/{order-id}")
    },
    "a prefix": (lambda: Names("dev", "Pay_Ment"), "prefix: 'Pay_Ment' is not allowed"),
    "an environment": (lambda: Names(5), "environment: 5 is not a text"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_refused_by_name(burst, call, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call(burst)


@pytest.mark.parametrize(("make", "message"), WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
def test_a_wrong_value_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_settings_and_bundles_are_refused_by_name(bundles):
    with pytest.raises(TypeError, match=re.escape("settings: {'preset': 'burst'} is not a Settings")):
        WebhookStack(cdk.Testing.app(), "webhooks-dev", {"preset": "burst"}, bundles)
    with pytest.raises(TypeError, match="bundles: '/tmp' is not a Path"):
        WebhookStack(cdk.Testing.app(), "webhooks-dev", build_settings("dev", {}), "/tmp")


class InTheCloud(WebhookStack):
    """A user's stack whose state is in HCP Terraform."""

    def configure_backend(self, id_, part):
        from cdktf import CloudBackend, NamedCloudWorkspace

        CloudBackend(self, hostname="app.terraform.io", organization="acme", workspaces=NamedCloudWorkspace(id_))


def test_the_state_may_be_in_hcp_terraform(bundles):
    document = json.loads(cdk.Testing.synth(stack_of(bundles, InTheCloud, "standard"), True))

    assert document["terraform"]["cloud"]["organization"] == "acme"
    assert "backend" not in document["terraform"]


def test_tags_of_ones_own_are_on_every_resource(bundles):
    settings = build_settings("dev", {"tags": {"CostCenter": "42"}})
    template = synthesize(WebhookStack(cdk.Testing.app(), "webhooks-dev", settings, bundles))

    tags = [resource.tags for resource in template.resources() if resource.tags]

    assert {each["CostCenter"] for each in tags} == {"42"}
    assert {each["Environment"] for each in tags} == {"dev"}


def test_a_module_of_the_bindings_may_be_read_from_their_package():
    import cdktf_cdktf_provider_aws as aws

    assert aws.kms_key.KmsKey.__name__ == "KmsKey"
    with pytest.raises(AttributeError, match="has no attribute 'no_such_thing'"):
        _ = aws.no_such_thing


def test_a_second_storage_layer_has_names_of_its_own(bundles):
    stack = stack_of(bundles, preset="standard")
    StorageLayer(
        stack, "other", settings=stack.settings.storage, names=Names("dev", "other"), account_id=stack.account_id
    )

    names = {bucket.name for bucket in synthesize(stack).all("aws_s3_bucket")}

    assert names == {"webhook-archive-<account_id>-dev", "other-archive-<account_id>-dev"}
