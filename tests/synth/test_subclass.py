"""A stack that somebody else builds on: whatever a subclass adds after ``super().__init__`` is part of the whole."""

import json
import re

import pytest

from modules.constructs.lambda_fleet import FleetMember
from modules.constructs.naming import Names
from modules.constructs.route import Route
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


def test_a_bundle_that_is_not_there_is_refused(bundles):
    stack = stack_of(bundles, preset="standard")

    with pytest.raises(FileNotFoundError, match=r"bundle of more: .*absent\.zip is not there"):
        stack.add_function(FleetMember(name="more", bundle=bundles / "absent.zip", handler="a.b"))


def test_a_grant_twice_is_a_grant(bundles):
    stack = stack_of(bundles, preset="standard")
    before = len(stack.orders.statements)

    stack.storage.grant_query_records(stack.orders)

    assert len(stack.orders.statements) == before


def test_the_same_grant_on_something_else_is_refused(bundles):
    stack = stack_of(bundles, preset="standard")
    other = StorageLayer(
        stack,
        "other",
        settings=stack.settings.storage,
        names=Names("dev", "other"),
        account_id=stack.account_id,
    )

    with pytest.raises(ValueError, match="webhook-orders-dev: its policy has another statement with the sid FindRec"):
        other.grant_query_records(stack.orders)


WRONG = {
    "a function of the bindings": (
        lambda stack: stack.monitoring.watch_function(stack.orders.function),
        "function: LambdaFunction is not a WebhookFunction",
    ),
    "a number in the environment": (lambda stack: stack.orders.configure({"N1": 5}), "environment: N1 is 5 and not a"),
    "a variable of Lambda's": (
        lambda stack: stack.orders.configure({"AWS_REGION": "eu-west-1"}),
        "environment: 'AWS_REGION' is not allowed",
    ),
    "a variable that is no name": (lambda stack: stack.orders.configure({"A-B": "x"}), "environment: 'A-B' is not"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_refused_by_name(bundles, call, message):
    stack = stack_of(bundles, preset="standard")

    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call(stack)


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
