"""A stack that somebody else builds on: whatever a subclass adds after ``super().__init__`` is part of the whole."""

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from modules.constructs.event_alarm import EventAlarm
from modules.constructs.gateway_responses import GatewayResponse
from modules.constructs.lambda_fleet import FleetMember
from modules.constructs.naming import Names
from modules.constructs.policy import Condition, Statement
from modules.constructs.route import Route
from modules.constructs.tags import tag_everything
from modules.constructs.webhook_function import FunctionSize
from modules.guards import Waiver
from modules.inbound.stack import WebhookStack
from modules.inbound.storage_layer import StorageLayer
from modules.settings.delivery import TenantRate
from modules.settings.environments import build_settings
from modules.synth import cdk
from tests.synth.bare import synthesize

ORDERS = Route(method="GET", path="/orders/{id}", authorization="AWS_IAM")


class OurStack(WebhookStack):
    """A user's stack, with a function, a route, and a method that needs no function."""

    def __init__(self, scope, id_, settings, bundles):
        super().__init__(scope, id_, settings, bundles)
        self.orders = self.add_function(
            FleetMember(name="orders", bundle=bundles / "status.zip", handler="lambdas.status.handler.handler")
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
    called, *_ = statements(ours, "api_operator_policy")

    assert any(resource.endswith("/v1/GET/orders/*") for resource in called["resources"])


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


def zip_of(path, *names, size=None, before=0):
    """Write a zip with empty files, of which one says that it is so large, after so many other bytes."""
    with path.open("wb") as file:
        file.truncate(before)
        file.seek(before)
        with zipfile.ZipFile(file, "w") as bundle:
            for name in names:
                bundle.writestr(name, "")
            if size:
                bundle.infolist()[0].file_size = size
    return path


@pytest.mark.parametrize("name", ["app/orders.py", "app/orders.pyc", "app/orders/__init__.py", "app/orders.abi3.so"])
def test_a_bundle_has_the_handlers_module_in_any_form_that_python_imports(bundles, tmp_path, name):
    stack = stack_of(bundles, WebhookStack, "standard")
    bundle = zip_of(tmp_path / "orders.zip", "app/__init__.py", name)

    stack.add_function(FleetMember(name="orders", bundle=bundle, handler="app.orders.answer"))


def test_a_bundle_that_lambda_cannot_use_is_refused_by_name(burst, tmp_path):
    zips = {
        "bundle of more: {} is no zip": HERE,
        "handler of more: 'orders.answer' is in no file of {}; allowed: a module in it": zip_of(
            tmp_path / "other.zip", "app/orders.py", "orders.txt"
        ),
        "bundle of more: {} holds 262,144,001 bytes; allowed: 262,144,000": zip_of(
            tmp_path / "unzipped.zip", "orders.py", size=262_144_001
        ),
        "bundle of more: {} has 52,428,": zip_of(tmp_path / "large.zip", "orders.py", before=52_428_750),
    }
    for message, bundle in zips.items():
        with pytest.raises(ValueError, match=re.escape(message.format(bundle))):
            burst.add_function(FleetMember(name="more", bundle=bundle, handler="orders.answer"))


def test_variables_that_are_longer_than_lambda_takes_are_refused_with_their_size(bundles):
    stack = stack_of(bundles, preset="standard")
    synthesized = synthesize(stack).one("aws_lambda_function", "webhook-orders-dev")["environment"]["variables"]
    room = 4_096 - len(json.dumps({**synthesized, "NOTE": ""}, separators=(",", ":")))
    name = stack.storage.table.name

    # Of a name that only Terraform will know no length is known; the text beside it counts.
    for fits in ("x" * room, name * 90, f"{name}{'x' * room}", f"${{upper({'x' * room})}}"):
        stack.orders.configure({"NOTE": fits})
    for too_long in ("x" * (room + 1), f"{name}{'x' * (room + 1)}", "x" * (room - 1) + '"', "x" * (room - 1) + "é"):
        said = "environment: the variables of webhook-orders-dev take 4,097 bytes as JSON, with NOTE; allowed: 4,096"
        with pytest.raises(ValueError, match=re.escape(said)):
            stack.orders.configure({"NOTE": too_long})


def test_executions_that_the_account_does_not_have_are_refused(bundles):
    stack = stack_of(bundles, preset="standard")

    with pytest.raises(ValueError, match=re.escape("reserved_concurrency: 751 for more and 150 for the others")):
        stack.add_function(more(bundles, reserved_concurrency=751))

    stack.add_function(more(bundles, reserved_concurrency=750))


def more(bundles, **values):
    return FleetMember(name="more", bundle=bundles / "status.zip", handler="lambdas.status.handler.handler", **values)


def test_routes_that_api_gateway_cannot_tell_apart_are_refused(bundles):
    stack = stack_of(bundles, preset="standard")
    before = len(stack.node.find_all())

    refused = {
        "path: '/orders/{order}/items' has {order} where '/orders/{id}' has {id}": "/orders/{order}/items",
        "path: '/orders/{proxy+}' has {proxy+} where '/orders/{id}' has {id}": "/orders/{proxy+}",
        # Of a difference in a character that ids of constructs do not have.
        "path: '/orders/id' cannot be told from '/orders/{id}'": "/orders/id",
    }
    for message, path in refused.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            stack.api.route(Route(method="GET", path=path), stack.orders)

    assert len(stack.node.find_all()) == before
    stack.api.route(Route(method="GET", path="/orders/{id}/items/{item}", authorization="AWS_IAM"), stack.orders)


def test_a_second_rate_takes_the_place_of_the_first(bundles):
    stack = stack_of(bundles, preset="standard")
    for rate in (5, 7):
        stack.api.throttle(ORDERS, rate)

    (settings,) = [
        each["settings"]
        for each in synthesize(stack).all("aws_api_gateway_method_settings")
        if each["method_path"] == "orders/{id}/GET"
    ]
    assert (settings["throttling_rate_limit"], settings["throttling_burst_limit"]) == (7, 14)


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
    "a consumer twice": (
        lambda stack: stack.queues.add_event_source(stack.orders, maximum_concurrency=5),
        "QueueLayer.add_event_source: function=WebhookFunction, maximum_concurrency=5 is there already, as "
        "'main_mapping'; allowed: one such call",
    ),
    "an alarm twice": (
        lambda stack: stack.monitoring.watch_queue("q"),
        "Monitoring.watch_queue: queue_name='q' is there already, as 'queue-age'; allowed: one such call, or another "
        "qualifier",
    ),
    "a dashboard twice": (
        lambda stack: stack.monitoring.build_dashboard(),
        "Monitoring.build_dashboard: what it makes is there already, as 'dashboard'; allowed: one such call",
    ),
    "a layer twice": (
        lambda stack: StorageLayer(
            stack, "storage", settings=stack.settings.storage, names=stack.names, account_id=stack.account_id
        ),
        "id_: 'storage' is there already; allowed: another one",
    ),
    "a policy twice": (
        lambda stack: stack.api.policy_of("payload_policy", "CallOrders", ORDERS),
        "id_: 'payload_policy' is there already; allowed: another one",
    ),
    "a rate of no route": (
        lambda stack: stack.api.throttle(replace(ORDERS, path="/order"), 5),
        "route: GET /order is none of this API",
    ),
    "a rate": (lambda stack: stack.api.throttle(ORDERS, 0), "rate: 0 is not allowed; allowed: 1 to 10000 requests/s"),
    "no actions": (
        lambda stack: stack.orders.allow("Read", [], ONE_ARN),
        "actions: [] is not allowed; allowed: one or",
    ),
    "no resources": (
        lambda stack: stack.orders.allow("Read", ["s3:GetObject"], ()),
        "resources: () is not allowed; allowed: one or more",
    ),
    "an action": (lambda stack: stack.orders.allow("Read", ["GetObject"], ONE_ARN), "actions: 'GetObject' is not"),
    "a resource": (
        lambda stack: stack.orders.allow("Read", ["s3:GetObject"], ["my-bucket"]),
        "resources: 'my-bucket' is not allowed; allowed: *, or an ARN",
    ),
    "a role's name": (
        lambda stack: stack.network.permit("webhook-orders-dev", stack.orders.statements),
        "role_arn: 'webhook-orders-dev' is not allowed; allowed: an ARN",
    ),
    "a concurrency of none": (
        lambda stack: stack.queues.add_event_source(stack.orders, maximum_concurrency=0),
        "maximum_concurrency: 0 is not allowed; allowed: 1 executions or more",
    ),
    "a queue's URL": (
        lambda stack: stack.monitoring.watch_queue("https://sqs.us-east-1.amazonaws.com/123456789012/q"),
        "queue_name: 'https://sqs.us-east-1.amazonaws.com/123456789012/q' is not allowed; allowed: 1 to 80",
    ),
    "a delay": (
        lambda stack: stack.monitoring.watch_queue("q", longest_delay=-1, qualifier="q"),
        "longest_delay: -1 is not allowed; allowed: 0 to 43200 s",
    ),
    "no queue": (lambda stack: stack.monitoring.watch_dead_letter_queue(""), "queue_name: '' is not allowed"),
    "an alarm's name": (
        lambda stack: stack.monitoring.watch_dead_letter_queue("q", "x" * 255),
        "x-dev' has 267 characters; allowed: up to 255",
    ),
    "an alarm's description": (
        lambda stack: stack.monitoring.watch_dead_letter_queue("q", "d", "y" * 1025),
        "y' is not allowed; allowed: 1 to 1,024 characters",
    ),
    "no title": (lambda stack: stack.monitoring.show_counts(" ", stack.orders, ["Held"]), "title: ' ' is not allowed"),
    "a quarantine of no days": (
        lambda stack: StorageLayer(
            stack,
            "more",
            settings=stack.settings.storage,
            names=Names("dev", "more"),
            account_id=stack.account_id,
            quarantine_days=0,
        ),
        "quarantine_days: 0 is not allowed; allowed: 1 to 90 days",
    ),
    "a tag of AWS's": (
        lambda stack: tag_everything(stack, {"aws:x": "1"}),
        "tags: 'aws:x' is not allowed; allowed: 1 to",
    ),
    "no metrics": (lambda stack: stack.monitoring.show_counts("t", stack.orders, []), "metrics: [] is not allowed"),
    "no pattern": (lambda stack: stack.api.authorize_by(stack.orders, pattern=""), "pattern: '' is not allowed"),
    "a domain": (
        lambda stack: stack.api.add_domain("https://hooks.example.com", "arn"),
        "name: 'https://hooks.example.com' is not allowed; allowed: a host name in lower case",
    ),
    "a certificate": (
        lambda stack: stack.api.add_domain("hooks.example.com", "arn:aws:iam::123456789012:server-certificate/x"),
        "certificate_arn: 'arn:aws:iam::123456789012:server-certificate/x' is not allowed",
    ),
    "what is no resource": (lambda stack: stack.api.freeze(stack.health, "health"), "resources: 'health' is not a T"),
    "a subscriber of nobody": (
        lambda stack: stack.routing.rule_of("ledger", "nobody"),
        "provider: 'nobody' is none of generic, generic-timestamped",
    ),
    "a rate beyond the stage's": (lambda stack: stack.api.throttle(ORDERS, 10_001), "rate: 10001 is not allowed"),
}
CONDITION = {"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["123456789012"]}
ALARM = {"id": "held", "function": "orders", "metric": "Held", "description": "orders are held"}
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
    "a greedy part before the end": (
        lambda: Route(method="GET", path="/{proxy+}/x"),
        "path: '/{proxy+}/x' is not allowed",
    ),
    "a parameter twice": (lambda: Route(method="GET", path="/{id}/x/{id}"), "path: '/{id}/x/{id}' names {id} twice"),
    "a long path": (
        lambda: Route(method="DELETE", path="/" + "x" * 83),
        "x' has 84 characters; allowed with DELETE: 83",
    ),
    "a header's name": (
        lambda: Route(method="GET", path="/x", required_headers=["X-A", "X B"]),
        "required_headers: 'X B' is not allowed",
    ),
    "a long handler": (lambda: FleetMember(**{**MEMBER, "handler": "a." + "b" * 127}), "bbb' is not allowed"),
    "a condition's test": (lambda: Condition(**{**CONDITION, "test": "Equals"}), "test: 'Equals' is not allowed"),
    "a condition's variable": (lambda: Condition(**{**CONDITION, "variable": "account"}), "variable: 'account' is not"),
    "a condition on nothing": (lambda: Condition(**{**CONDITION, "values": []}), "values: [] is not allowed"),
    "a service": (
        lambda: Statement(sid="S", actions=["sts:AssumeRole"], resources=[], services=["lambda"]),
        "services: 'lambda' is not allowed",
    ),
    "an alarm's id": (lambda: EventAlarm(**{**ALARM, "id": "Too Many"}), "id: 'Too Many' is not allowed"),
    "an alarm's metric": (lambda: EventAlarm(**{**ALARM, "metric": ""}), "metric: '' is not allowed"),
    "an alarm's threshold": (lambda: EventAlarm(**ALARM, threshold=-1), "threshold: -1 is not allowed"),
    "an answer's case": (
        lambda: GatewayResponse(response_type="TOO_BUSY", status=429, message="busy"),
        "response_type: 'TOO_BUSY' is not allowed; allowed: one of ACCESS_DENIED",
    ),
    "an answer's status": (
        lambda: GatewayResponse(response_type="THROTTLED", status=42, message="busy"),
        "status: 42 is not allowed; allowed: 100 to 599",
    ),
    "an answer's text": (
        lambda: GatewayResponse(response_type="THROTTLED", status=429, message='"busy"'),
        "message: '\"busy\"' is not allowed",
    ),
    "an answer's headers": (
        lambda: GatewayResponse(response_type="THROTTLED", status=429, message="busy", headers={"X Y": "z"}),
        "headers: 'X Y' is not allowed",
    ),
    "an answer's header": (
        lambda: GatewayResponse(response_type="THROTTLED", status=429, message="busy", headers={"X": "it's"}),
        'headers.X: "it\'s" is not allowed',
    ),
    "a tenant's rate": (lambda: TenantRate(rate=0, burst=5), "rate: 0 is not allowed; allowed: 1 to 10000 requests/s"),
    "a waiver's path": (lambda: Waiver(5, "open-route", "public"), "path: 5 is not a text"),
    "a waiver's reason": (lambda: Waiver("a/b", "open-route", None), "reason: None is not a text"),
    "a prefix": (lambda: Names("dev", "Pay_Ment"), "prefix: 'Pay_Ment' is not allowed"),
    "an environment": (lambda: Names(5), "environment: 5 is not a text"),
    "an environment that no name may end with": (lambda: Names("Prod!"), "environment: 'Prod!' is not allowed"),
    "a name of nothing": (lambda: Names("dev")(""), "resource: '' is not allowed"),
    "a long name": (
        lambda: Names("a" * 16, "b" * 25)("events", "c" * 32, limit=64),
        "aaa' has 82 characters; allowed: up to 64",
    ),
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
