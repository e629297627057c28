"""Functions and what feeds them: concurrency, partial batch responses, logs, architecture."""

from collections import defaultdict
from collections.abc import Iterator

from modules.guards.guard import Finding, Guard
from modules.terraform_json.document import Configuration, Resource, listed, number

_NONE_RESERVED = -1


def _is_of_a_queue(configuration: Configuration, mapping: Resource) -> bool:
    source = mapping.get("event_source_arn")
    return configuration.find("aws_sqs_queue", source) is not None or ":sqs:" in str(source)


def _more_than_reserved(configuration: Configuration) -> Iterator[Finding]:
    """Compare with the sum of a function's mappings, since they share the reservation."""
    mappings: dict[Resource, list[Resource]] = defaultdict(list)
    for mapping in configuration.all("aws_lambda_event_source_mapping"):
        function = configuration.find("aws_lambda_function", mapping.get("function_name"))
        if function and _is_of_a_queue(configuration, mapping):
            mappings[function].append(mapping)
    for function, its in mappings.items():
        reserved = number(function.get("reserved_concurrent_executions"), _NONE_RESERVED)
        if reserved == _NONE_RESERVED:
            continue
        asked = [number(each.block("scaling_config").get("maximum_concurrency"), 0) for each in its]
        for mapping, most in zip(its, asked, strict=True):
            if most is None or reserved is None:
                yield Finding(
                    mapping.path, f"its maximum_concurrency and what {function.path} reserves must be numbers"
                )
            elif most == 0:
                yield Finding(
                    mapping.path,
                    f"it has no maximum_concurrency, and {function.path} reserves {reserved:.0f} executions",
                )
        total = sum(most or 0 for most in asked)
        if reserved is not None and total > reserved:
            for mapping in its:
                yield Finding(
                    mapping.path,
                    f"maximum_concurrency of all mappings of {function.path} is {total:.0f} executions, and "
                    f"{reserved:.0f} are reserved",
                )


def _all_or_nothing(configuration: Configuration) -> Iterator[Finding]:
    for mapping in configuration.all("aws_lambda_event_source_mapping"):
        types = listed(mapping.get("function_response_types"))
        if "ReportBatchItemFailures" not in types:
            yield Finding(mapping.path, f"function_response_types is {types}, without ReportBatchItemFailures")


def _no_log_of_its_own(configuration: Configuration) -> Iterator[Finding]:
    names = {configuration.name(group) for group in configuration.all("aws_cloudwatch_log_group")}
    users: dict[str, list[Resource]] = defaultdict(list)
    for function in configuration.all("aws_lambda_function"):
        configured = function.block("logging_config").get("log_group")
        group = configured or f"/aws/lambda/{configuration.name(function)}"
        users[configuration.literal(group)].append(function)
    for name, functions in users.items():
        for function in functions:
            if name not in names:
                yield Finding(function.path, f"the stack has no log group {name!r}, so that Lambda would create it")
            elif len(functions) > 1:
                others = ", ".join(each.path for each in functions if each is not function)
                yield Finding(function.path, f"it shares the log group {name!r} with {others}")


def _kept_for_ever(configuration: Configuration) -> Iterator[Finding]:
    for group in configuration.all("aws_cloudwatch_log_group"):
        days = number(group.get("retention_in_days"), 0)
        if not days:
            said = group.get("retention_in_days", "not set")
            yield Finding(group.path, f"retention_in_days is {said}, so that the log is kept for ever")


def _on_x86(configuration: Configuration) -> Iterator[Finding]:
    for function in configuration.all("aws_lambda_function"):
        architectures = listed(function.get("architectures", ["x86_64"]))
        if architectures != ["arm64"]:
            yield Finding(function.path, f"architectures is {architectures}")


_LOGS = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"

GUARDS = (
    Guard(
        id="mapping-concurrency",
        rule="The event source mappings of a function ask for no more executions at once than it reserves.",
        remedy="Lower maximum_concurrency or raise the reservation: receives that are throttled count towards the dead "
        "letter queue.",
        source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
        check=_more_than_reserved,
    ),
    Guard(
        id="partial-batch-responses",
        rule="An event source mapping takes partial batch responses.",
        remedy="Add ReportBatchItemFailures to function_response_types: one bad message takes its neighbours along.",
        source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
        check=_all_or_nothing,
    ),
    Guard(
        id="function-log-group",
        rule="A function has a log group of its own in the stack.",
        remedy="Add a log group /aws/lambda/<function name>: one that Lambda creates keeps logs for ever, and destroy "
        "leaves it behind.",
        source=_LOGS,
        check=_no_log_of_its_own,
    ),
    Guard(
        id="log-retention",
        rule="A log group has a retention.",
        remedy="Set retention_in_days to a number of days that CloudWatch knows, such as 7.",
        source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
        check=_kept_for_ever,
    ),
    Guard(
        id="function-architecture",
        rule="A function runs on arm64.",
        remedy="Set architectures to arm64: the bundles are built for it, and do not load on x86.",
        source="https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html",
        check=_on_x86,
    ),
)
