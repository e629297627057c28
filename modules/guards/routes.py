"""Routes: nobody reaches a function whose caller nothing has checked."""

from collections.abc import Iterator

from modules.guards.guard import Finding, Guard
from modules.guards.inboxes import why_unverified_inbox
from modules.guards.verifiers import why_unverified
from modules.terraform_json.document import Configuration, Resource


def _open_routes(configuration: Configuration) -> Iterator[Finding]:
    yield from _open_rest_routes(configuration)
    yield from _open_http_routes(configuration)
    for url in configuration.all("aws_lambda_function_url"):
        if url.get("authorization_type") != "AWS_IAM":
            why = why_unverified(configuration.find("aws_lambda_function", url.get("function_name")))
            if why:
                yield Finding(url.path, f"authorization_type is {url.get('authorization_type')}, and {why}")
    for api in configuration.all("aws_api_gateway_rest_api", "aws_apigatewayv2_api"):
        if api.get("body"):
            yield Finding(api.path, "its routes stand in a body, in which nobody can see who may call them")


def _open_rest_routes(configuration: Configuration) -> Iterator[Finding]:
    integrations = {_place(configuration, each): each for each in configuration.all("aws_api_gateway_integration")}
    for method in configuration.all("aws_api_gateway_method"):
        why = _why_rest_unverified(configuration, integrations.get(_place(configuration, method)))
        yield from _unless_checked(method, method.get("authorization", "NONE"), why)


def _why_rest_unverified(configuration: Configuration, integration: Resource | None) -> str:
    kind = integration.get("type") if integration else None
    if integration is None or kind not in ("AWS", "MOCK"):
        return why_unverified(configuration.find("aws_lambda_function", integration and integration.get("uri")))
    # A mock answers by itself: nobody reaches anything through it.
    return why_unverified_inbox(configuration, integration) if kind == "AWS" else ""


def _place(configuration: Configuration, of: Resource) -> tuple[str, ...]:
    """Return what a method and its integration have in common."""
    return tuple(configuration.literal(of.get(name)) for name in ("resource_id", "http_method"))


def _open_http_routes(configuration: Configuration) -> Iterator[Finding]:
    for route in configuration.all("aws_apigatewayv2_route"):
        integration = next(
            (
                target
                for target, _ in configuration.referred_to(route.get("target"))
                if target.type == "aws_apigatewayv2_integration"
            ),
            None,
        )
        uri = integration.get("integration_uri") if integration else None
        why = why_unverified(configuration.find("aws_lambda_function", uri))
        yield from _unless_checked(route, route.get("authorization_type", "NONE"), why)


def _unless_checked(route: Resource, authorization: str, why: str) -> Iterator[Finding]:
    if authorization == "AWS_IAM":
        return
    if authorization in ("CUSTOM", "COGNITO_USER_POOLS", "JWT"):
        if not route.get("authorizer_id"):
            yield Finding(route.path, f"authorization is {authorization}, and it has no authorizer")
        return
    if why:
        yield Finding(route.path, f"authorization is {authorization}, and {why}")


GUARDS = (
    Guard(
        id="open-route",
        rule="Every route asks for IAM, has an authorizer, or is answered by a function that verifies signatures, "
        "be it behind an inbox that nothing else receives from; an API key is none of these.",
        remedy="Set authorization to AWS_IAM, give it an authorizer, or have ingestion or the receiver answer "
        "it. Waive what is public "
        "on purpose, with the reason.",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
        check=_open_routes,
    ),
)
