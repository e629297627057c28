"""A stack that somebody else builds on: whatever a subclass adds after ``super().__init__`` is part of the whole."""

import json

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

    assert mine == [["dynamodb:Query"]]


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

    with pytest.raises(ValueError, match="webhook-orders-dev: its policy has another statement with the sid QueryRec"):
        other.grant_query_records(stack.orders)


def test_a_second_storage_layer_has_names_of_its_own(bundles):
    stack = stack_of(bundles, preset="standard")
    StorageLayer(
        stack, "other", settings=stack.settings.storage, names=Names("dev", "other"), account_id=stack.account_id
    )

    names = {bucket.name for bucket in synthesize(stack).all("aws_s3_bucket")}

    assert names == {"webhook-archive-<account_id>-dev", "other-archive-<account_id>-dev"}
