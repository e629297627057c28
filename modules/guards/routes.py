"""Routes: nobody reaches a function whose caller nothing has checked."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lambdas.shared.providers.registry import REGISTRY
from modules.guards.configuration import Configuration, Resource
from modules.guards.guard import Finding, Guard


def _verifies_providers(variables: Mapping[str, Any]) -> str:
    """Say why ingestion would verify nothing; nothing where it verifies every webhook."""
    try:
        deployed = json.loads(str(variables.get("PROVIDERS")))
    except ValueError:
        return "its variable PROVIDERS is missing or no JSON"
    if not isinstance(deployed, dict) or not deployed:
        return "its variable PROVIDERS names no provider"
    for name, provider in deployed.items():
        entry = REGISTRY.get(str(provider.get("entry"))) if isinstance(provider, dict) else None
        if entry is None or getattr(entry, "scheme", None) is None:
            return f"its provider {name!r} has no entry with a signature scheme in the registry"
    return ""


def _verifies_endpoints(variables: Mapping[str, Any]) -> str:
    """Say why the receiver would verify nothing; nothing where it knows the endpoints' secrets."""
    return "" if variables.get("ENDPOINTS_TABLE") else "its variable ENDPOINTS_TABLE is missing"


# The handlers that verify a signature before they do anything else, with what each needs to do so. A function that
# only has the variables of such a handler verifies nothing, so that both count.
_VERIFIERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "lambdas.ingestion.handler.handler": _verifies_providers,
    "lambdas.delivery_receiver.handler.handler": _verifies_endpoints,
}


def _why_unverified(function: Resource | None) -> str:
    if function is None:
        return "no function of the stack that verifies signatures answers it"
    verifies = _VERIFIERS.get(str(function.get("handler")))
    if verifies is None:
        return f"{function.path} answers it, whose handler {function.get('handler')} verifies no signature"
    variables = function.block("environment").get("variables")
    why = verifies(variables if isinstance(variables, Mapping) else {})
    return f"{function.path} answers it, but {why}" if why else ""


def _open_routes(configuration: Configuration) -> Iterator[Finding]:
    yield from _open_rest_routes(configuration)
    yield from _open_http_routes(configuration)
    for url in configuration.all("aws_lambda_function_url"):
        if url.get("authorization_type") != "AWS_IAM":
            why = _why_unverified(configuration.find("aws_lambda_function", url.get("function_name")))
            if why:
                yield Finding(url.path, f"authorization_type is {url.get('authorization_type')}, and {why}")
    for api in configuration.all("aws_api_gateway_rest_api", "aws_apigatewayv2_api"):
        if api.get("body"):
            yield Finding(api.path, "its routes stand in a body, in which nobody can see who may call them")


def _open_rest_routes(configuration: Configuration) -> Iterator[Finding]:
    integrations = {
        _place(configuration, each): each.get("uri") for each in configuration.all("aws_api_gateway_integration")
    }
    for method in configuration.all("aws_api_gateway_method"):
        function = configuration.find("aws_lambda_function", integrations.get(_place(configuration, method)))
        yield from _unless_checked(method, method.get("authorization", "NONE"), function)


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
        function = configuration.find("aws_lambda_function", uri)
        yield from _unless_checked(route, route.get("authorization_type", "NONE"), function)


def _unless_checked(route: Resource, authorization: str, function: Resource | None) -> Iterator[Finding]:
    if authorization == "AWS_IAM":
        return
    if authorization in ("CUSTOM", "COGNITO_USER_POOLS", "JWT"):
        if not route.get("authorizer_id"):
            yield Finding(route.path, f"authorization is {authorization}, and it has no authorizer")
        return
    if why := _why_unverified(function):
        yield Finding(route.path, f"authorization is {authorization}, and {why}")


GUARDS = (
    Guard(
        id="open-route",
        rule="Every route asks for IAM, has an authorizer, or is answered by a function that verifies signatures; an "
        "API key is none of these.",
        remedy="Set authorization to AWS_IAM, give it an authorizer, or have ingestion or the receiver answer "
        "it. Waive what is public "
        "on purpose, with the reason.",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
        check=_open_routes,
    ),
)
