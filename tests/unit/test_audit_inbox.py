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


def reader(function, queue="inbox"):
    return {
        "event_source_arn": f"${{aws_sqs_queue.{queue}.arn}}",
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


def passed_through(stack):
    stack[DOOR]["passthrough_behavior"] = "WHEN_NO_MATCH"


def passed_through_by_default(stack):
    del stack[DOOR]["passthrough_behavior"]


def read_by_nobody(stack):
    del stack[READER]


def read_by_a_function_that_verifies_nothing(stack):
    stack[READER] = reader("processing")


def read_by_another_function_too(stack):
    stack["aws_lambda_event_source_mapping.second"] = reader("processing")


def into_the_main_queue(stack):
    stack[DOOR]["uri"] = QUEUE.replace("aws_sqs_queue.inbox", "aws_sqs_queue.main")


def into_another_service(stack):
    stack[DOOR]["uri"] = "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem"


MISTAKES = (
    passed_through,
    passed_through_by_default,
    read_by_nobody,
    read_by_a_function_that_verifies_nothing,
    read_by_another_function_too,
    into_the_main_queue,
    into_another_service,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_door_behind_which_nobody_verifies_is_found(mistake):
    stack = direct()
    mistake(stack)

    assert addresses("open-route", stack) == [ROUTE]


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
