"""Functions: how they run, and where they write."""

from collections.abc import Iterator

from tools.audit.model.functions import functions
from tools.audit.model.plan import Plan, Violation
from tools.audit.rules import rule


@rule(
    "function-arm64",
    "Functions run on arm64",
    why="The bundles hold arm64 code: on x86_64 the function fails when it starts.",
    source="FN-2; https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html",
)
def runs_on_arm64(plan: Plan) -> Iterator[Violation]:
    """Yield functions of another architecture."""
    for function in functions(plan):
        if function.architectures != ("arm64",):
            yield function.resource.breaks(f"runs on {', '.join(function.architectures)}")


@rule(
    "function-role",
    "Every function has a role of its own",
    why="A shared role gives each function what any of them needs.",
    source="FN-1; https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
)
def has_a_role_of_its_own(plan: Plan) -> Iterator[Violation]:
    """Yield functions whose role is not of this stack, or another function's too."""
    roles = [function.role for function in functions(plan)]
    for function in functions(plan):
        if function.role is None:
            yield function.resource.breaks("runs as a role that is not of this stack, so that nobody reviews it here")
        elif roles.count(function.role) > 1:
            yield function.resource.breaks(f"shares {function.role.label} with another function")


@rule(
    "function-log-group",
    "Every function writes to a log group of this stack",
    why="Lambda creates a missing one by itself: it keeps everything for ever, and stays behind after a destroy.",
    source="FN-2; https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
)
def writes_to_its_own_log_group(plan: Plan) -> Iterator[Violation]:
    """Yield functions whose log group is not in the plan."""
    names = {group.name for group in plan.all("aws_cloudwatch_log_group")}
    for function in functions(plan):
        name = function.resource.get("logging_config.log_group") or f"/aws/lambda/{function.resource.name}"
        if name not in names:
            yield function.resource.breaks(f"writes to the log group {name}, which the plan does not have")


@rule(
    "log-retention",
    "Every log group has a retention",
    why="Without one, logs are kept and paid for for ever.",
    source="FN-2; https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
)
def logs_expire(plan: Plan) -> Iterator[Violation]:
    """Yield log groups that keep for ever."""
    for group in plan.all("aws_cloudwatch_log_group"):
        if not group.get("retention_in_days"):
            yield group.breaks("keeps everything for ever")


@rule(
    "function-tracing",
    "Every function is traced",
    why="A webhook is followed from the request to the last function by its trace.",
    source="FN-2; https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
)
def is_traced(plan: Plan) -> Iterator[Violation]:
    """Yield functions without active tracing."""
    for function in functions(plan):
        if function.tracing != "Active":
            yield function.resource.breaks(f"tracing is {function.tracing}, not Active")
