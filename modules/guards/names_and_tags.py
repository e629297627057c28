"""Names and tags: every resource says which environment it is of."""

from collections.abc import Iterator, Mapping

from modules.guards.guard import Finding, Guard
from modules.terraform_json.document import Configuration, Resource, name_attribute

TAGS = ("Environment", "Service", "ManagedBy")
# A name that is not the resource's own: an alias is part of a function, a model of an API, a record of a domain.
_NAMED_BY_ANOTHER = frozenset({"aws_api_gateway_model", "aws_lambda_alias", "aws_route53_record", "aws_route53_zone"})
# API Gateway gives this log group its name: an API's id and a stage.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
_NAMED_BY_AWS = "API-Gateway-Execution-Logs_"


def _missing_tags(configuration: Configuration) -> Iterator[Finding]:
    for resource in configuration.resources():
        if not configuration.takes(resource, "tags"):
            continue
        tags = resource.get("tags", {})
        if not isinstance(tags, Mapping):
            yield Finding(resource.path, "its tags are an expression, so that they cannot be read at synth")
            continue
        missing = [name for name in TAGS if not tags.get(name)]
        if missing:
            yield Finding(resource.path, f"it has no tag {', '.join(missing)}")
        elif configuration.literal(tags["Environment"]) != configuration.environment:
            yield Finding(
                resource.path,
                f"its tag Environment is {tags['Environment']}, in the stack of {configuration.environment}",
            )


def _names_without_suffix(configuration: Configuration) -> Iterator[Finding]:
    suffix = f"-{configuration.environment}"
    for resource in configuration.resources():
        for attribute, name in _names(configuration, resource):
            if not name:
                yield Finding(resource.path, f"it has no {attribute}, so that one is made up for it")
            elif not name.removesuffix(".fifo").endswith(suffix) and not name.startswith(_NAMED_BY_AWS):
                yield Finding(resource.path, f"{attribute} is {name!r} and does not end in {suffix!r}")


def _names(configuration: Configuration, resource: Resource) -> Iterator[tuple[str, str]]:
    attribute = name_attribute(resource.type)
    if resource.type not in _NAMED_BY_ANOTHER and configuration.takes(resource, attribute):
        yield attribute, configuration.name(resource)
    tags = resource.get("tags", {})
    if isinstance(tags, Mapping) and "Name" in tags:
        yield "the tag Name", configuration.literal(tags["Name"])


GUARDS = (
    Guard(
        id="missing-tag",
        rule="Every resource that takes tags has Environment, that of the stack, Service and ManagedBy.",
        remedy="Call modules.constructs.tags.tag_everything on the stack, and override none of the three.",
        source="this project's modules/constructs/tags.py",
        check=_missing_tags,
    ),
    Guard(
        id="name-suffix",
        rule="Every name ends in -<environment>, and after it .fifo for a FIFO queue. The log group of API Gateway's "
        "execution log is exempt: AWS names it.",
        remedy="Make the name with modules.constructs.naming.Names, so that two environments live in one account.",
        source="this project's modules/constructs/naming.py",
        check=_names_without_suffix,
    ),
)
