"""Lambda authorizers: API Gateway can ask them, and asks for each caller."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource, number

_API_GATEWAY = "apigateway.amazonaws.com"
# The provider's defaults. https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/api_gateway_authorizer
_TYPE, _CACHE_SECONDS = "TOKEN", 300
_SOURCE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html"


@rule(
    "authorizer-permission",
    "API Gateway may invoke the function behind each Lambda authorizer.",
    where=Where.SYNTH,
    remedy="Add it with ApiLayer.authorize_by, or give the function a permission for <execution ARN>/authorizers/"
    "<id>: without one, every request is answered 500.",
    source=_SOURCE,
)
def _not_invocable(stack: Document) -> Iterator[Found]:
    for authorizer in stack.all("aws_api_gateway_authorizer"):
        function = stack.find(authorizer.get("authorizer_uri"), "aws_lambda_function")
        if function is None or authorizer.get("authorizer_credentials"):
            continue
        sources = [
            str(permission.get("source_arn", ""))
            for permission in stack.all("aws_lambda_permission")
            if permission.get("principal") == _API_GATEWAY
            and stack.find(permission.get("function_name"), "aws_lambda_function") is function
        ]
        if not any(_covers(stack, source, authorizer) for source in sources):
            yield authorizer, f"no permission lets API Gateway invoke {function.path} for it"


def _covers(stack: Document, source: str, authorizer: Resource) -> bool:
    """Tell whether a permission's source is this authorizer, or anything."""
    if "/authorizers/" not in source:
        return not source
    named = stack.find(source.rpartition("/authorizers/")[2], "aws_api_gateway_authorizer")
    return named is authorizer or source.endswith("/authorizers/*")


@rule(
    "authorizer-cache",
    "A REQUEST authorizer that caches its answers has an identity source.",
    where=Where.SYNTH,
    remedy="Set identity_source to what callers differ by, such as method.request.header.Authorization, or "
    "authorizer_result_ttl_in_seconds to 0.",
    source=_SOURCE,
)
def _same_answer_for_everybody(stack: Document) -> Iterator[Found]:
    for authorizer in stack.all("aws_api_gateway_authorizer"):
        cached = number(authorizer.get("authorizer_result_ttl_in_seconds"), _CACHE_SECONDS)
        is_request = authorizer.get("type", _TYPE) == "REQUEST"
        if is_request and cached != 0 and not authorizer.get("identity_source"):
            yield authorizer, "it keeps answers and has no identity_source by which callers differ"
