"""Names and tags: every resource says which environment it is of."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource

TAGS = ("Environment", "Service", "ManagedBy")
# A name that AWS gives, or that is part of another resource: an alias of a function, a path of an API, a record of a
# domain.
_NAMED_BY_ANOTHER = frozenset(
    {
        "aws_api_gateway_gateway_response",
        "aws_api_gateway_method_settings",
        "aws_api_gateway_model",
        "aws_api_gateway_resource",
        "aws_api_gateway_stage",
        "aws_lambda_alias",
        "aws_lambda_permission",
        "aws_route53_record",
        "aws_route53_zone",
        "aws_vpc_endpoint",
    }
)
# API Gateway gives this log group its name: an API's id and a stage.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
_NAMED_BY_AWS = "API-Gateway-Execution-Logs_"


@rule(
    "missing-tag",
    "Every resource that takes tags has Environment, that of the stack, Service and ManagedBy.",
    where=Where.BOTH,
    remedy="Call modules.constructs.tags.tag_everything on the stack, and override none of the three.",
    source="TAG-1; this project's modules/constructs/tags.py",
    also=("tags",),
)
def _missing_tags(stack: Document) -> Iterator[Found]:
    for resource in stack.resources():
        if "tags" not in resource.arguments:
            continue
        if isinstance(resource.get("tags"), str):
            yield resource, "its tags are an expression, so that they cannot be read"
        elif missing := [name for name in TAGS if not resource.tags.get(name)]:
            yield resource, f"it has no tag {', '.join(missing)}"
        elif (environment := stack.literal(resource.environment)) not in stack.environments:
            yield resource, f"its tag Environment is {environment}, in the stack of {stack.environment}"


@rule(
    "name-suffix",
    "Every name ends in -<environment>, and after it .fifo for a FIFO queue. The log group of API Gateway's "
    "execution log is exempt: AWS names it.",
    where=Where.BOTH,
    remedy="Make the name with modules.constructs.naming.Names, so that two environments live in one account.",
    source="NAME-1; this project's modules/constructs/naming.py",
)
def _names_without_suffix(stack: Document) -> Iterator[Found]:
    for resource in stack.resources():
        suffixes = tuple(f"-{environment}" for environment in stack.environments_of(resource))
        for attribute, name in _names(stack, resource):
            if not name:
                yield resource, f"it has no {attribute}, so that one is made up for it"
            elif not name.removesuffix(".fifo").endswith(suffixes) and not name.startswith(_NAMED_BY_AWS):
                wanted = " or ".join(map(repr, suffixes)) or "an environment"
                yield resource, f"{attribute} is {stack.plain(name)!r} and does not end in {wanted}"


def _names(stack: Document, resource: Resource) -> Iterator[tuple[str, str]]:
    attribute = resource.kind.name
    if resource.type not in _NAMED_BY_ANOTHER and attribute in resource.arguments:
        yield attribute, stack.name(resource)
    if "Name" in resource.tags:
        yield "the tag Name", stack.literal(resource.tags["Name"])
