"""The audit of a stack with direct integrations: a function verifies what API Gateway writes to the ingest queue."""

import pytest

from modules.constructs.ingest_template import send_message
from modules.rules.verifiers import DIRECT
from tests.unit.audit_stack import TAGS, good, read
from tools.audit.model.routes import routes
from tools.audit.model.words import guards
from tools.audit.rules import rules

RULES = {item.id: item for item in rules()}
ROUTE = "aws_api_gateway_method.webhook"
INTEGRATION = "aws_api_gateway_integration.webhook"
BUSY = "aws_api_gateway_gateway_response.busy"
INGESTION = "aws_lambda_function.ingestion"
API = "aws_api_gateway_rest_api.api"
READER = "aws_lambda_event_source_mapping.ingest"
QUEUE = (
    "arn:aws:apigateway:us-east-1:sqs:path/${data.aws_caller_identity.account.account_id}/${aws_sqs_queue.ingest.name}"
)


def direct():
    """Return the stack that is right, with an ingest queue before ingestion."""
    stack = good()
    stack["aws_sqs_queue.ingest"] = {"name": "webhook-ingest-dev", "tags": TAGS}
    templates = {"application/json": send_message("stripe")}
    stack[INTEGRATION].update(type="AWS", passthrough_behavior="NEVER", uri=QUEUE, request_templates=templates)
    stack[INGESTION]["handler"] = DIRECT
    stack[READER] = reader("ingestion")
    stack[BUSY]["status_code"] = "503"
    return stack


def reader(function):
    return {
        "event_source_arn": "${aws_sqs_queue.ingest.arn}",
        "function_name": f"${{aws_lambda_function.{function}.arn}}",
        "function_response_types": ["ReportBatchItemFailures"],
    }


def addresses(rule, stack):
    return [finding.address for finding in RULES[rule].findings(read(stack))]


@pytest.mark.parametrize(
    "rule", ["open-route", "route-guarded", "route-throttled", "api-busy-answer", "entry-point-known"]
)
def test_an_integration_with_a_queue_is_right_if_its_reader_verifies(rule):
    assert addresses(rule, direct()) == []


def test_the_page_says_who_verifies_behind_the_queue():
    (route,) = routes(read(direct()))

    assert route.function.address == "aws_lambda_function.ingestion"
    assert any("verifies the signature with the secret of stripe" in guard for guard in guards(route))


def with_a_call_of_the_senders_own(stack):
    del stack[INTEGRATION]["passthrough_behavior"]


def with_a_second_reader(stack):
    stack["aws_lambda_event_source_mapping.second"] = reader("ingestion")


@pytest.mark.parametrize("change", [with_a_call_of_the_senders_own, with_a_second_reader])
def test_the_page_says_that_nothing_tells_who_calls(change):
    stack = direct()
    change(stack)

    (route,) = routes(read(stack))
    assert guards(route)[-1] == "NOTHING that tells who calls"


def test_a_route_that_api_gateway_answers_by_itself_needs_no_guard():
    stack = good()
    stack[INTEGRATION].update(type="MOCK")
    del stack[INTEGRATION]["uri"]

    (route,) = routes(read(stack))
    assert addresses("open-route", stack) == []
    assert "API Gateway answers by itself, with nothing behind it" in guards(route)
    # and one that goes nowhere is found
    stack[INTEGRATION]["type"] = "HTTP"
    assert addresses("open-route", stack) == [ROUTE]


@pytest.mark.parametrize(("make", "found"), [(direct, []), (good, [API])], ids=["a queue", "a function"])
def test_503_is_for_what_has_no_executions_to_lack(make, found):
    stack = make()
    stack[BUSY]["status_code"] = "503"

    assert addresses("api-busy-answer", stack) == found
