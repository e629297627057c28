"""Functions and what feeds them: concurrency, partial batch responses, logs, architecture."""

from collections import defaultdict
from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource, listed, number

_NONE_RESERVED = -1
_LOGS = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"


def _is_of_a_queue(stack: Document, mapping: Resource) -> bool:
    source = mapping.get("event_source_arn")
    return stack.find(source, "aws_sqs_queue") is not None or ":sqs:" in str(source)


@rule(
    "mapping-concurrency",
    "The event source mappings of a function ask for no more executions at once than it reserves.",
    where=Where.BOTH,
    remedy="Lower maximum_concurrency or raise the reservation: receives that are throttled count towards the dead "
    "letter queue.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
)
def _more_than_reserved(stack: Document) -> Iterator[Found]:
    """Compare with the sum of a function's mappings, since they share the reservation."""
    mappings: dict[Resource, list[Resource]] = defaultdict(list)
    for mapping in stack.all("aws_lambda_event_source_mapping"):
        function = stack.find(mapping.get("function_name"), "aws_lambda_function")
        if function and _is_of_a_queue(stack, mapping):
            mappings[function].append(mapping)
    for function, its in mappings.items():
        reserved = number(function.get("reserved_concurrent_executions"), _NONE_RESERVED)
        if reserved == _NONE_RESERVED:
            continue
        asked = [number(each.block("scaling_config").get("maximum_concurrency"), 0) for each in its]
        for mapping, most in zip(its, asked, strict=True):
            if most is None or reserved is None:
                yield mapping, f"its maximum_concurrency and what {function.path} reserves must be numbers"
            elif most == 0:
                yield (
                    mapping,
                    f"it has no maximum_concurrency, and {function.path} reserves {reserved:.0f} executions",
                )
        total = sum(most or 0 for most in asked)
        if reserved is not None and total > reserved:
            for mapping in its:
                yield (
                    mapping,
                    f"maximum_concurrency of all mappings of {function.path} is {total:.0f} executions, and "
                    f"{reserved:.0f} are reserved",
                )


@rule(
    "partial-batch-responses",
    "An event source mapping takes partial batch responses.",
    where=Where.BOTH,
    remedy="Add ReportBatchItemFailures to function_response_types: one bad message takes its neighbours along.",
    source="Q-2; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
    also=("mapping-partial-failures",),
)
def _all_or_nothing(stack: Document) -> Iterator[Found]:
    for mapping in stack.all("aws_lambda_event_source_mapping"):
        types = listed(mapping.get("function_response_types"))
        if "ReportBatchItemFailures" not in types:
            yield mapping, f"function_response_types is {types}, without ReportBatchItemFailures"


@rule(
    "function-log-group",
    "A function has a log group of its own in the stack.",
    where=Where.BOTH,
    remedy="Add a log group /aws/lambda/<function name>: one that Lambda creates keeps logs for ever, and destroy "
    "leaves it behind.",
    source=f"FN-2; {_LOGS}",
)
def _no_log_of_its_own(stack: Document) -> Iterator[Found]:
    names = {stack.name(group) for group in stack.all("aws_cloudwatch_log_group")}
    users: dict[str, list[Resource]] = defaultdict(list)
    for function in stack.all("aws_lambda_function"):
        configured = function.block("logging_config").get("log_group")
        group = configured or f"/aws/lambda/{stack.name(function)}"
        users[stack.literal(group)].append(function)
    for name, functions in users.items():
        for function in functions:
            if name not in names:
                yield function, f"the stack has no log group {name!r}, so that Lambda would create it"
            elif len(functions) > 1:
                others = ", ".join(each.path for each in functions if each is not function)
                yield function, f"it shares the log group {name!r} with {others}"


@rule(
    "log-retention",
    "A log group has a retention.",
    where=Where.BOTH,
    remedy="Set retention_in_days to a number of days that CloudWatch knows, such as 7.",
    source="FN-2; https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
)
def _kept_for_ever(stack: Document) -> Iterator[Found]:
    for group in stack.all("aws_cloudwatch_log_group"):
        days = number(group.get("retention_in_days"), 0)
        if not days:
            said = group.get("retention_in_days", "not set")
            yield group, f"retention_in_days is {said}, so that the log is kept for ever"


@rule(
    "function-architecture",
    "A function runs on arm64.",
    where=Where.BOTH,
    remedy="Set architectures to arm64: the bundles are built for it, and do not load on x86.",
    source="FN-2; https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html",
    also=("function-arm64",),
)
def _on_x86(stack: Document) -> Iterator[Found]:
    for function in stack.all("aws_lambda_function"):
        architectures = listed(function.get("architectures", ["x86_64"]))
        if architectures != ["arm64"]:
            yield function, f"architectures is {architectures}"
