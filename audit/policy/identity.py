"""Names and tags: two environments live in one account without a clash, and every resource says whose it is."""

from collections.abc import Iterator

from tools.audit.model.kinds import KINDS
from tools.audit.model.plan import REFERENCE, Plan, Violation
from tools.audit.rules import rule

REQUIRED_TAGS = ("Environment", "Service", "ManagedBy")
# Names that AWS gives, or that are unique only within a resource that has the suffix itself.
_NOT_OURS = (
    "aws_api_gateway_gateway_response",
    "aws_api_gateway_method_settings",
    "aws_api_gateway_resource",
    "aws_api_gateway_stage",
    "aws_lambda_permission",
    "aws_vpc_endpoint",
)


@rule(
    "tags",
    f"Every resource that takes tags has {', '.join(REQUIRED_TAGS)}",
    why="Bills are divided and clean-ups are made by tags.",
    source="TAG-1",
)
def is_tagged(plan: Plan) -> Iterator[Violation]:
    """Yield resources that lack a tag."""
    for item in plan.resources:
        if "tags_all" not in item.values and "tags" not in item.values:
            continue
        tags = {**item.get("tags", {}), **item.get("tags_all", {})}
        missing = [tag for tag in REQUIRED_TAGS if not tags.get(tag)]
        if missing:
            yield item.breaks(f"lacks the tags {', '.join(missing)}")


@rule(
    "name-suffix",
    "Every name ends in the environment",
    why="A second environment of the account would otherwise take the first one's resources for its own, or fail.",
    source="NAME-1",
)
def name_ends_in_the_environment(plan: Plan) -> Iterator[Violation]:
    """Yield resources whose name lacks the suffix."""
    for item in plan.resources:
        kind = KINDS.get(item.type)
        name = item.values.get(kind.name if kind else "name")
        if not isinstance(name, str) or item.type in _NOT_OURS:
            continue
        # The id of another resource in it, as in API Gateway's log groups, makes a name unique as well.
        unique = any(not target.data for target in plan.targets(name))
        environments = [item.environment] if item.environment else plan.environments
        suffixes = tuple(f"-{environment}" for environment in environments)
        if not REFERENCE.sub("", name).removesuffix(".fifo").endswith(suffixes) and not unique:
            yield item.breaks(f"its name {plan.plain(name)} does not end in {' or '.join(suffixes) or 'a suffix'}")
