"""What guards direct integrations, which write to an ingest queue: each mistake lets in what nobody verifies.

They are edits of the synthesized JSON, as in ``test_guards.py``, of a stack with direct integrations.
"""

import pytest

from modules.constructs.ingest_template import send_message
from modules.settings.environments import build_settings
from modules.synth import cdk
from tests.synth.edits import Edit, map_queue

VALUES = {"providers": ["stripe", "generic"], "api": {"ingest": "direct", "max_body_bytes": 180_000}}
ROUTE = "api/post_webhook_stripe_method"
ROUTES = {ROUTE, "api/post_webhook_generic_method", "api/post_webhook_method"}
INTEGRATION = "api/direct/post_webhook_stripe_integration"


@pytest.fixture(scope="module")
def direct(bundles):
    from modules.inbound.stack import WebhookStack

    return Edit.of(WebhookStack(cdk.Testing.app(), "webhooks-dev", build_settings("dev", VALUES), bundles))


@pytest.fixture
def edit(direct):
    return direct.fresh()


def test_the_direct_stack_trips_no_guard(edit):
    assert edit.findings() == []
    assert edit.findings_on_a_plan() == []


def into_the_main_queue(edit):
    uri = edit.at(INTEGRATION)["uri"]
    edit.at(INTEGRATION)["uri"] = uri.replace(edit.ref("inbox/queue", "name"), edit.ref("queues/main", "name"))


def into_a_queue_that_is_spelt_out(edit):
    edit.at(INTEGRATION)["uri"] = "arn:aws:apigateway:us-east-1:sqs:path/123456789012/webhook-queue-dev"


def into_a_queue_of_somebody_else(edit):
    edit.at(INTEGRATION)["uri"] = "arn:aws:apigateway:us-east-1:sqs:path/123456789012/other"


def into_another_service(edit):
    edit.at(INTEGRATION)["uri"] = "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem"


def with_any_action_of_sqs(edit):
    edit.at(INTEGRATION)["uri"] = edit.at(INTEGRATION)["uri"].replace(":sqs:path/", ":sqs:action/")


def passing_bodies_through(edit):
    edit.at(INTEGRATION)["passthrough_behavior"] = "WHEN_NO_MATCH"


def saying_nothing_of_bodies(edit):
    del edit.at(INTEGRATION)["passthrough_behavior"]


def with_a_template_that_believes_the_sender(edit):
    template = send_message("stripe").replace("$context.requestTimeEpoch", "$input.params('X-Time')")
    edit.at(INTEGRATION)["request_templates"]["application/json"] = template


def with_a_template_of_no_deployed_provider(edit):
    edit.at(INTEGRATION)["request_templates"]["text/plain"] = send_message("nobody")


def without_a_template(edit):
    edit.at(INTEGRATION)["request_templates"] = {}


ONE_ROUTE = {
    into_the_main_queue: "it writes to webhooks-dev/queues/main, and webhooks-dev/fleet/processing/function receives",
    into_a_queue_that_is_spelt_out: "webhooks-dev/fleet/processing/function receives from it",
    into_a_queue_of_somebody_else: "calls AWS with what anybody sends",
    into_another_service: "calls AWS with what anybody sends",
    with_any_action_of_sqs: "calls AWS with what anybody sends",
    passing_bodies_through: "is WHEN_NO_MATCH, so that a body may be a call",
    saying_nothing_of_bodies: "is not set, so that a body may be a call",
    with_a_template_that_believes_the_sender: "cannot read what a template of",
    with_a_template_of_no_deployed_provider: "cannot read what a template of",
    without_a_template: "cannot read what a template of",
}


@pytest.mark.parametrize("mistake", ONE_ROUTE, ids=lambda mistake: mistake.__name__)
def test_an_integration_that_lets_in_what_nobody_verifies(edit, mistake):
    mistake(edit)

    assert [(guard, path) for guard, path, _ in edit.findings()] == [("open-route", ROUTE)]
    ((_, _, problem),) = edit.findings()
    assert ONE_ROUTE[mistake] in problem
    assert {(each.check, each.address) for each in edit.findings_on_a_plan()} == {
        ("open-route", address) for address in edit.carriers(ROUTE)
    }


def read_by_nobody(edit):
    edit.remove("inbox/mapping")


def read_by_another_function(edit):
    edit.at("inbox/mapping")["function_name"] = edit.ref("fleet/status/function")


def read_by_the_handler_for_http(edit):
    edit.at("fleet/ingestion/function")["handler"] = "lambdas.ingestion.handler.handler"


def read_by_another_function_too(edit):
    map_queue(edit, "inbox/queue", "fleet/status/function")


def given_up_to_a_function_that_trusts_it(edit):
    map_queue(edit, "inbox/dead_letter", "fleet/dead_letter/function")


def read_by_ingestion_without_providers(edit):
    edit.variables("ingestion", PROVIDERS="{}")


def read_by_a_pipe(edit):
    edit.add(
        "aws_pipes_pipe", "pipe", name="webhook-pipe-dev", source=edit.ref("inbox/queue"), target="t", role_arn="r"
    )


ALL_ROUTES = (
    read_by_nobody,
    read_by_another_function,
    read_by_the_handler_for_http,
    read_by_another_function_too,
    given_up_to_a_function_that_trusts_it,
    read_by_ingestion_without_providers,
    read_by_a_pipe,
)


@pytest.mark.parametrize("mistake", ALL_ROUTES, ids=lambda mistake: mistake.__name__)
def test_an_ingest_queue_that_something_else_reads(edit, mistake):
    mistake(edit)

    assert {path for guard, path, _ in edit.findings() if guard == "open-route"} == ROUTES
    assert {each.address for each in edit.findings_on_a_plan() if each.check == "open-route"} == {
        address for route in ROUTES for address in edit.carriers(route)
    }


def test_a_mock_reaches_nothing(edit):
    assert edit.at("api/direct/post_webhook_provider_integration")["type"] == "MOCK"
    edit.at("api/direct/post_webhook_provider_integration")["type"] = "HTTP"

    assert [path for _, path, _ in edit.findings()] == ["api/post_webhook_provider_method"]
    assert len(edit.findings_on_a_plan()) == 1
