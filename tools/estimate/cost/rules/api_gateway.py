"""API Gateway and the function URL: requests, what goes out, traces, detailed metrics."""

from collections.abc import Iterable

from tools.estimate.cost.case import GB, Case
from tools.estimate.cost.rules.rule import Line, Paid, PricingRule
from tools.estimate.synthesized import Resource

# What API Gateway reports for each method once detailed metrics are on.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
_DETAILED = ("4XXError", "5XXError", "Count", "IntegrationLatency", "Latency")
_SERVICE = "API Gateway"
# {"correlationId":"..."}, which is all that API Gateway knows by itself.
_DIRECT_ANSWER_BYTES = 56


def _rest_api(resource: Resource, case: Case) -> Iterable[Line]:
    if case.path.method is None:
        return
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="REST API requests",
        quantity=case.webhooks,
        price=case.price("api-gateway-rest-request"),
        formula=f"{case.workload.rate:g}/s x {case.month_s:,.0f} s",
    )
    yield from _answers(resource, case)


def _answers(resource: Resource, case: Case) -> Iterable[Line]:
    observed = case.ingested.answer_bytes if case.ingested else 0
    answer = _DIRECT_ANSWER_BYTES if case.path.ingest_queue else observed
    header = case.assume.answer_header_bytes
    yield Line(
        resource=resource.address,
        service="Data transfer",
        what="answers to senders",
        quantity=case.webhooks * (answer + header) / GB,
        price=case.price("transfer-out"),
        formula=f"webhooks x ({answer} bytes + {header} of headers); what comes in is free",
    )


def traced(rate: float, case: Case) -> float:
    """Return how many of so many requests a second X-Ray's default rule samples."""
    first = min(rate, case.assume.traces_per_second)
    return first + (rate - first) * case.assume.traced_share


def _stage(resource: Resource, case: Case) -> Iterable[Line]:
    if resource.get("xray_tracing_enabled") and case.path.method is not None:
        sampled = traced(case.workload.rate, case)
        yield Line(
            resource=resource.address,
            service="X-Ray",
            what="traces of requests",
            quantity=sampled * case.month_s,
            price=case.price("x-ray-trace"),
            formula=f"1/s and 5 % of the rest of {case.workload.rate:g}/s = {sampled:g}/s",
        )


def _method_settings(resource: Resource, case: Case) -> Iterable[Line]:
    if resource.block("settings").get("metrics_enabled") and case.path.method is not None:
        yield Line(
            resource=resource.address,
            service="CloudWatch",
            what="detailed metrics of the API's methods",
            quantity=len(_DETAILED),
            price=case.price("custom-metric"),
            paid=Paid.BUSY,
            formula=f"{len(_DETAILED)} metrics x 1 method that webhooks come by",
        )


def _function_url(resource: Resource, case: Case) -> Iterable[Line]:
    if resource.address == case.path.entry_point.address:
        yield from _answers(resource, case)


RULES: dict[str, PricingRule] = {
    "aws_api_gateway_rest_api": _rest_api,
    "aws_api_gateway_stage": _stage,
    "aws_api_gateway_method_settings": _method_settings,
    "aws_lambda_function_url": _function_url,
}
