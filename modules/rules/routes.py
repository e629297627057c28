"""Routes: something checks who calls before a function does its work."""

from collections.abc import Iterator

from modules.rules.ingest_queues import why_unverified_queue
from modules.rules.rule import Found, Where, rule
from modules.rules.verifiers import why_unverified
from modules.terraform_json.document import Document, Resource


@rule(
    "open-route",
    "Every route asks for IAM, has an authorizer, or is answered by a function that verifies signatures, directly or "
    "behind an ingest queue that nothing else receives from. An API key is not enough.",
    where=Where.BOTH,
    remedy="Set authorization to AWS_IAM, give it an authorizer, or have ingestion or the receiver answer it. Waive a "
    "route that is public on purpose, with the reason.",
    source="API-4, SIG-1; https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
    also=("route-guarded",),
)
def _open_routes(stack: Document) -> Iterator[Found]:
    yield from _open_rest_routes(stack)
    yield from _open_http_routes(stack)
    for url in stack.all("aws_lambda_function_url"):
        if url.get("authorization_type") != "AWS_IAM":
            why = why_unverified(stack.find(url.get("function_name"), "aws_lambda_function"))
            if why:
                yield url, f"authorization_type is {url.get('authorization_type')}, and {why}"
    for api in stack.all("aws_api_gateway_rest_api", "aws_apigatewayv2_api"):
        if api.get("body"):
            yield api, "its routes are in a body, where nobody can see who may call them"


def _open_rest_routes(stack: Document) -> Iterator[Found]:
    integrations = {_place(stack, each): each for each in stack.all("aws_api_gateway_integration")}
    for method in stack.all("aws_api_gateway_method"):
        why = _why_rest_unverified(stack, integrations.get(_place(stack, method)))
        yield from _unless_checked(method, method.get("authorization", "NONE"), why)


def _why_rest_unverified(stack: Document, integration: Resource | None) -> str:
    kind = integration.get("type") if integration else None
    if integration is None or kind not in ("AWS", "MOCK"):
        return why_unverified(stack.find(integration and integration.get("uri"), "aws_lambda_function"))
    # A mock answers by itself: nobody reaches anything through it.
    return why_unverified_queue(stack, integration) if kind == "AWS" else ""


def _place(stack: Document, of: Resource) -> tuple[str, ...]:
    """Return what a method and its integration have in common."""
    return tuple(stack.literal(of.get(name)) for name in ("resource_id", "http_method"))


def _open_http_routes(stack: Document) -> Iterator[Found]:
    for route in stack.all("aws_apigatewayv2_route"):
        integration = next(
            (
                target
                for target, _ in stack.referred_to(route.get("target"))
                if target.type == "aws_apigatewayv2_integration"
            ),
            None,
        )
        uri = integration.get("integration_uri") if integration else None
        why = why_unverified(stack.find(uri, "aws_lambda_function"))
        yield from _unless_checked(route, route.get("authorization_type", "NONE"), why)


def _unless_checked(route: Resource, authorization: str, why: str) -> Iterator[Found]:
    if authorization == "AWS_IAM":
        return
    if authorization in ("CUSTOM", "COGNITO_USER_POOLS", "JWT"):
        if not route.get("authorizer_id"):
            yield route, f"authorization is {authorization}, and it has no authorizer"
        return
    if why:
        yield route, f"authorization is {authorization}, and {why}"
