"""Rules of the audit on a stack whose door is direct: silent where a function verifies what API Gateway takes in."""

import pytest

from modules.constructs.ingest_template import send_message
from tests.unit.audit_stack import TAGS, good, read
from tools.audit.model.routes import routes
from tools.audit.model.words import guards
from tools.audit.rules import rules

RULES = {item.id: item for item in rules()}
ROUTE = "aws_api_gateway_method.webhook"
DOOR = "aws_api_gateway_integration.webhook"
BUSY = "aws_api_gateway_gateway_response.busy"
INGESTION = "aws_lambda_function.ingestion"
API = "aws_api_gateway_rest_api.api"
READER = "aws_lambda_event_source_mapping.inbox"
QUEUE = (
    "arn:aws:apigateway:us-east-1:sqs:path/${data.aws_caller_identity.account.account_id}/${aws_sqs_queue.inbox.name}"
)


def direct():
    """Return the stack that is right, with an inbox before ingestion."""
    stack = good()
    stack["aws_sqs_queue.inbox"] = {"name": "webhook-inbox-dev", "tags": TAGS}
    templates = {"application/json": send_message("stripe")}
    stack[DOOR].update(type="AWS", passthrough_behavior="NEVER", uri=QUEUE, request_templates=templates)
    stack[INGESTION]["handler"] = "lambdas.ingestion.direct.handler"
    stack[READER] = reader("ingestion")
    stack[BUSY]["status_code"] = "503"
    return stack


def reader(function):
    return {
        "event_source_arn": "${aws_sqs_queue.inbox.arn}",
        "function_name": f"${{aws_lambda_function.{function}.arn}}",
        "function_response_types": ["ReportBatchItemFailures"],
    }


def addresses(rule, stack):
    return [finding.address for finding in RULES[rule].findings(read(stack))]


@pytest.mark.parametrize(
    "rule", ["open-route", "route-guarded", "route-throttled", "api-busy-answer", "entry-point-known"]
)
def test_a_door_before_a_queue_whose_reader_verifies_is_right(rule):
    assert addresses(rule, direct()) == []


def test_the_page_says_who_verifies_behind_the_queue():
    (route,) = routes(read(direct()))

    assert route.function.address == "aws_lambda_function.ingestion"
    assert any("verifies the signature with the secret of stripe" in guard for guard in guards(route))


def with_a_call_of_the_senders_own(stack):
    del stack[DOOR]["passthrough_behavior"]


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
    stack[DOOR].update(type="MOCK")
    del stack[DOOR]["uri"]

    (route,) = routes(read(stack))
    assert addresses("open-route", stack) == []
    assert "API Gateway answers by itself, with nothing behind it" in guards(route)
    # and one that goes nowhere is found
    stack[DOOR]["type"] = "HTTP"
    assert addresses("open-route", stack) == [ROUTE]


@pytest.mark.parametrize(("make", "found"), [(direct, []), (good, [API])], ids=["a queue", "a function"])
def test_503_is_for_what_has_no_executions_to_lack(make, found):
    stack = make()
    stack[BUSY]["status_code"] = "503"

    assert addresses("api-busy-answer", stack) == found
