"""Lambda authorizers: API Gateway can ask them, and asks for each caller."""

from collections.abc import Iterator

from modules.guards.guard import Finding, Guard
from modules.terraform_json.document import Configuration, Resource, number

_API_GATEWAY = "apigateway.amazonaws.com"
# The provider's defaults. https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/api_gateway_authorizer
_TYPE, _CACHE_SECONDS = "TOKEN", 300


def _not_invocable(configuration: Configuration) -> Iterator[Finding]:
    for authorizer in configuration.all("aws_api_gateway_authorizer"):
        function = configuration.find("aws_lambda_function", authorizer.get("authorizer_uri"))
        if function is None or authorizer.get("authorizer_credentials"):
            continue
        sources = [
            str(permission.get("source_arn", ""))
            for permission in configuration.all("aws_lambda_permission")
            if permission.get("principal") == _API_GATEWAY
            and configuration.find("aws_lambda_function", permission.get("function_name")) is function
        ]
        if not any(_covers(configuration, source, authorizer) for source in sources):
            yield Finding(authorizer.path, f"no permission lets API Gateway invoke {function.path} for it")


def _covers(configuration: Configuration, source: str, authorizer: Resource) -> bool:
    """Tell whether a permission's source is this authorizer, or anything."""
    if "/authorizers/" not in source:
        return not source
    named = configuration.find("aws_api_gateway_authorizer", source.rpartition("/authorizers/")[2])
    return named is authorizer or source.endswith("/authorizers/*")


def _same_answer_for_everybody(configuration: Configuration) -> Iterator[Finding]:
    for authorizer in configuration.all("aws_api_gateway_authorizer"):
        cached = number(authorizer.get("authorizer_result_ttl_in_seconds"), _CACHE_SECONDS)
        is_request = authorizer.get("type", _TYPE) == "REQUEST"
        if is_request and cached != 0 and not authorizer.get("identity_source"):
            yield Finding(authorizer.path, "it keeps answers and has no identity_source by which callers differ")


_SOURCE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html"

GUARDS = (
    Guard(
        id="authorizer-permission",
        rule="API Gateway may invoke the function behind each Lambda authorizer.",
        remedy="Add it with ApiLayer.authorize_by, or give the function a permission for <execution ARN>/authorizers/"
        "<id>: without one, every request is answered 500.",
        source=_SOURCE,
        check=_not_invocable,
    ),
    Guard(
        id="authorizer-cache",
        rule="A REQUEST authorizer whose answers are kept has an identity source.",
        remedy="Set identity_source to what callers differ by, such as method.request.header.Authorization, or "
        "authorizer_result_ttl_in_seconds to 0.",
        source=_SOURCE,
        check=_same_answer_for_everybody,
    ),
)
