"""CloudWatch, Secrets Manager and SNS: logs, alarms, dashboards, secrets, notifications."""

import json
import math
import re
from collections.abc import Iterable

from tools.estimate.cost.case import DAYS_PER_MONTH, GB, Case
from tools.estimate.cost.rules.rule import Line, NoPriceError, Paid, PricingRule
from tools.estimate.synthesized import Resource

_SERVICE = "CloudWatch"
# Typical lengths of what API Gateway writes for a variable of the access log, in bytes.
_LENGTHS = {
    "requestId": 36,
    "requestTimeEpoch": 13,
    "path": 30,
    "resourcePath": 19,
    "sourceIp": 13,
    "xrayTraceId": 35,
    "httpMethod": 4,
}
_OTHER_LENGTH = 3


def _log_group(resource: Resource, case: Case) -> Iterable[Line]:
    bytes_, formula = _logged(resource, case)
    if not bytes_:
        return
    days = float(resource.get("retention_in_days", 0))
    months = days / DAYS_PER_MONTH if days else case.workload.months
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what=f"log of {_owner(resource, case)}",
        quantity=case.webhooks * bytes_ / GB,
        price=case.price("logs-ingested"),
        formula=formula,
    )
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="logs kept",
        quantity=case.webhooks * bytes_ / GB * months * case.assume.stored_log_share,
        price=case.price("logs-stored"),
        formula=f"the same x {months:.3g} months x {case.assume.stored_log_share:.0%} once compressed",
    )


def _logged(resource: Resource, case: Case) -> tuple[float, str]:
    """Return the bytes that one webhook adds to a log group, and why."""
    for function in case.stack.all("aws_lambda_function"):
        if resource.address not in {found.address for found in _groups_of(function, case)}:
            continue
        platform = _platform_log_bytes(function, case)
        if case.path.ingestion and function.address == case.path.ingestion.address and case.ingested:
            printed = case.ingested.log_bytes
            return printed + platform, f"webhooks x ({printed} bytes observed + {platform} of the platform)"
        if function.address == case.path.processing.address:
            share = platform / case.batch
            return (
                case.processed.log_bytes + share,
                f"webhooks x ({case.processed.log_bytes:.0f} bytes observed + {share:.0f} of the platform)",
            )
        return 0, ""
    for stage in case.stack.all("aws_api_gateway_stage"):
        settings = stage.block("access_log_settings")
        if resource.address in {found.address for found in case.stack.referred(settings.get("destination_arn", ""))}:
            length = access_log_bytes(str(settings["format"]))
            return length, f"webhooks x {length} bytes of its format"
        if str(resource.get("name")).startswith("API-Gateway-Execution-Logs_"):
            return _execution_log(case)
    raise NoPriceError(f"{resource.address}: nothing in the stack is known to write to this log group")


def _platform_log_bytes(function: Resource, case: Case) -> int:
    """Return what Lambda itself logs of an invocation that does not fail.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    logging = function.block("logging_config")
    if logging.get("log_format") != "JSON":
        return case.assume.platform_log_bytes
    return 0 if logging.get("system_log_level") == "WARN" else case.assume.platform_log_json_bytes


def _execution_log(case: Case) -> tuple[float, str]:
    levels = {each.block("settings").get("logging_level") for each in case.stack.all("aws_api_gateway_method_settings")}
    if levels <= {"ERROR", "OFF"}:
        return 0, ""
    each = case.assume.execution_log_bytes
    return each, f"webhooks x {each} bytes, at level INFO"


def _groups_of(function: Resource, case: Case) -> list[Resource]:
    return [group for group in case.stack.all("aws_cloudwatch_log_group") if _names(group, function)]


def _names(group: Resource, function: Resource) -> bool:
    return str(group.get("name")) == f"/aws/lambda/{function.get('function_name')}"


def access_log_bytes(format_: str) -> int:
    """Return the typical length of a line of the access log."""
    filled = re.sub(r"\$context\.([\w.]+)", lambda match: "x" * _LENGTHS.get(match[1], _OTHER_LENGTH), format_)
    return len(filled.encode()) + 1


def _owner(resource: Resource, case: Case) -> str:
    for function in case.stack.all("aws_lambda_function"):
        if _names(resource, function):
            return str(function.get("handler", function.label)).split(".")[1]
    return "requests" if "Execution" not in str(resource.get("name")) else "API Gateway's executions"


def _alarm(resource: Resource, case: Case) -> Iterable[Line]:
    queries = resource.blocks("metric_query")
    metrics = sum(1 for query in queries if query.get("metric")) or 1
    periods = [int(query["metric"].get("period", 300)) for query in queries if isinstance(query.get("metric"), dict)]
    if min([*periods, int(resource.get("period", 300))]) < 60:
        raise NoPriceError(f"{resource.address}: no price for an alarm of high resolution")
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="alarms" if metrics == 1 else "alarms on several metrics",
        quantity=metrics,
        price=case.price("alarm-metric"),
        formula="1 for each metric that an alarm watches",
        paid=Paid.IDLE,
    )


def _dashboard(resource: Resource, case: Case) -> Iterable[Line]:
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="dashboard",
        quantity=1,
        price=case.price("dashboard"),
        formula="1, although an account's first three are free",
        paid=Paid.IDLE,
    )


def _secret(resource: Resource, case: Case) -> Iterable[Line]:
    yield Line(
        resource=resource.address,
        service="Secrets Manager",
        what="secrets kept",
        quantity=1,
        price=case.price("secret"),
        formula="1 for each provider, and 1 for each API key",
        paid=Paid.IDLE,
    )
    reader = case.path.ingestion or case.path.processing
    referred = case.stack.referred(json.dumps(case.stack.variables(reader)))
    read = {found.address for found in referred if found.type == resource.type}
    if resource.address not in read:
        return
    environments = max(1, math.ceil(case.workload.rate * case.ingestion_s()))
    each_second = min(case.workload.rate / len(read), environments / case.assume.secret_cache_s)
    yield Line(
        resource=resource.address,
        service="Secrets Manager",
        what="secrets read",
        quantity=each_second * case.month_s,
        price=case.price("secret-request"),
        formula=f"{environments} warm environment(s), each every {case.assume.secret_cache_s:.0f} s at most",
    )


def _topic(resource: Resource, case: Case) -> Iterable[Line]:
    yield Line(
        resource=resource.address,
        service="SNS",
        what="alarm notifications",
        quantity=case.assume.alarms_per_month,
        price=case.price("sns-publish"),
        formula="assumed; delivery, such as SMS, is extra",
        paid=Paid.IDLE,
    )


RULES: dict[str, PricingRule] = {
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_cloudwatch_dashboard": _dashboard,
    "aws_secretsmanager_secret": _secret,
    "aws_sns_topic": _topic,
}
