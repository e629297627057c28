"""What can be reached from outside, and what guards it."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document
from tools.audit.model.routes import routes

# Each of these is an entry point that the page's list does not show.
_OTHER_ENTRY_POINTS = (
    "aws_apigatewayv2_api",
    "aws_appsync_graphql_api",
    "aws_cloudfront_distribution",
    "aws_eip",
    "aws_elb",
    "aws_instance",
    "aws_internet_gateway",
    "aws_iot_topic_rule",
    "aws_lambda_function_url",
    "aws_lb",
    "aws_transfer_server",
)


@rule(
    "route-guarded",
    "What guards a route is of this stack: its authorizer, and the secrets that its function verifies signatures with",
    where=Where.PLAN,
    why="A function that may not read a secret refuses every webhook. Nobody reviews an authorizer from elsewhere.",
    source="API-4, SIG-1; https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
)
def route_is_guarded_here(plan: Document) -> Iterator[Found]:
    """Yield public routes whose function cannot read a secret, and routes whose authorizer is not in the plan."""
    for route in routes(plan):
        name = f"{route.method} {route.path}"
        for item in route.verifications if route.public else ():
            if item.secret is None and not item.keyless:
                yield route.resource, f"{name}: provider {item.provider} has no secret of this stack"
            elif item.secret and not item.readable:
                yield route.resource, f"{name}: its function may not read {item.secret.label}"
        if not route.public and route.authorization != "AWS_IAM" and route.authorizer is None:
            yield route.resource, f"{name} asks for {route.authorization}, and its authorizer is not in the plan"


@rule(
    "route-throttled",
    "Every route has a throttle of its stage",
    where=Where.PLAN,
    why="Without one, whoever sends most takes the whole account's requests, and the bill.",
    source="API-3; https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html",
)
def route_is_throttled(plan: Document) -> Iterator[Found]:
    """Yield routes without a limit."""
    for route in routes(plan):
        if route.throttle is None:
            yield route.resource, f"{route.method} {route.path} has no throttle"


@rule(
    "route-api-key",
    "A route that asks for an API key has a usage plan with a key",
    where=Where.PLAN,
    why="Without a usage plan of its stage no key is ever accepted, and every webhook is refused.",
    source="API-3; https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
)
def api_key_belongs_to_a_usage_plan(plan: Document) -> Iterator[Found]:
    """Yield routes whose API has no usage plan, or one without a key."""
    for route in routes(plan):
        if not route.api_key:
            continue
        plans = [
            item
            for item in plan.all("aws_api_gateway_usage_plan")
            if any(plan.find(stage.get("api_id")) is route.api for stage in item.blocks("api_stages"))
        ]
        keys = [plan.find(key.get("usage_plan_id")) for key in plan.all("aws_api_gateway_usage_plan_key")]
        if not any(item in keys for item in plans):
            yield route.resource, f"{route.method} {route.path} asks for an API key that no usage plan gives"


@rule(
    "api-busy-answer",
    "A function at its limit is answered 429 with Retry-After",
    where=Where.PLAN,
    why="API Gateway answers 500 by default, which some senders take as final, and no alarm can tell from a defect.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
def busy_is_429(plan: Document) -> Iterator[Found]:
    """Yield APIs without the gateway response, which may be a 503 before a queue, where no execution can be lacking."""
    writes_to_queues = any(item.get("type") == "AWS" for item in plan.all("aws_api_gateway_integration"))
    answers = [
        item
        for item in plan.all("aws_api_gateway_gateway_response")
        if item.get("response_type") == "INTEGRATION_FAILURE"
        and str(item.get("status_code")) in ("429", *(["503"] if writes_to_queues else []))
        and "gatewayresponse.header.Retry-After" in item.get("response_parameters", {})
    ]
    for api in plan.all("aws_api_gateway_rest_api"):
        if not any(plan.find(item.get("rest_api_id")) is api for item in answers):
            yield api, "INTEGRATION_FAILURE is not answered 429 with Retry-After"


@rule(
    "api-payload-log",
    "API Gateway logs no payloads",
    where=Where.PLAN,
    why="Its data trace writes whole requests, signatures and card holders' data included, into the execution log.",
    source="SIG-2; https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
)
def payloads_are_not_logged(plan: Document) -> Iterator[Found]:
    """Yield method settings with data trace."""
    for item in plan.all("aws_api_gateway_method_settings"):
        if item.get("settings.data_trace_enabled", False):
            yield item, "data trace is on"


@rule(
    "entry-point-known",
    "Nothing is reachable from outside but routes of a REST API",
    where=Where.PLAN,
    why="The page lists the routes of REST APIs. Another kind of entry point would be missing on the page.",
    source="API-1; this project's audit",
)
def no_other_entry_point(plan: Document) -> Iterator[Found]:
    """Yield resources that are another kind of entry point."""
    for item in plan.all(*_OTHER_ENTRY_POINTS):
        yield item, f"{item.label} can be reached from outside, and the audit cannot say what guards it"
