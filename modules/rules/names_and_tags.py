"""Names and tags: every resource says which environment it is of, and has a name of its own."""

import json
from collections.abc import Hashable, Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import REFERENCE, Document, Resource

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
# Kinds of which an account has one of a name in a region; rules, one on a bus. `_ONCE_ANYWHERE`: one in all regions.
_ONCE = frozenset(
    {
        "aws_api_gateway_rest_api",
        "aws_cloudwatch_composite_alarm",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_event_archive",
        "aws_cloudwatch_event_bus",
        "aws_cloudwatch_event_rule",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_metric_alarm",
        "aws_db_instance",
        "aws_dynamodb_table",
        "aws_lambda_function",
        "aws_rds_cluster",
        "aws_secretsmanager_secret",
        "aws_sns_topic",
        "aws_sqs_queue",
    }
)
_ONCE_ANYWHERE = frozenset({"aws_iam_policy", "aws_iam_role", "aws_s3_bucket"})
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


@rule(
    "equal-names",
    "No two resources of one kind in an app have the same name, where AWS has one of a name: in an account and region, "
    "and for buckets, roles and policies in all regions.",
    where=Where.SYNTH,
    remedy="Give one of the two another name, such as that of modules.constructs.naming.Names with another prefix: AWS "
    "refuses the second, or changes the first into it.",
    source="NAME-1; this project's modules/constructs/naming.py",
)
def _equal_names(stack: Document) -> Iterator[Found]:
    known = {
        key: resource
        for other in stack.beside
        for resource in other.resources()
        if (key := _what_aws_knows(other, resource))
    }
    for resource in stack.resources():
        if (key := _what_aws_knows(stack, resource)) is None:
            continue
        if (other := known.setdefault(key, resource)) is not resource:
            name = stack.plain(stack.name(resource))
            yield resource, f"{resource.kind.name} is {name!r}, as that of {other.path}"


def _what_aws_knows(stack: Document, resource: Resource) -> Hashable | None:
    """Return what AWS tells a resource from others by; None where its name does not, or is known after the apply only.

    Two providers that are configured alike lead to one account.
    """
    if resource.type not in _ONCE | _ONCE_ANYWHERE:
        return None
    name = REFERENCE.sub(
        lambda match: f"<{match[2]}>" if match[1].startswith("data.aws_caller_identity.") else match[0],
        stack.name(resource),
    )
    if not name or "${" in name:
        return None
    provider = dict(stack.configured.get(resource.get("provider", "aws"), {}))
    region = resource.get("region", provider.pop("region", None))
    account = {key: value for key, value in provider.items() if key not in ("alias", "default_tags")}
    return (
        resource.type,
        name,
        stack.literal(resource.get("event_bus_name", "")),
        None if resource.type in _ONCE_ANYWHERE else str(region),
        json.dumps(account, sort_keys=True),
    )
