"""Lambda: requests, duration, custom metrics, traces, and what runs by a schedule."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from tools.estimate.cost.case import Case
from tools.estimate.cost.rules.api_gateway import traced
from tools.estimate.cost.rules.reconciliation import reconciliation, runs_every
from tools.estimate.cost.rules.rule import Line, Paid, PricingRule
from tools.estimate.cost.rules.statement import is_statement, statement
from tools.estimate.synthesized import Resource


def _function(resource: Resource, case: Case) -> Iterable[Line]:
    ingestion = case.path.ingestion
    if ingestion is not None and resource.address == ingestion.address and case.ingested is not None:
        batch, direct = case.ingest_batch, case.path.ingest_queue is not None
        why = f"webhooks / {batch:.2f} in a batch of the ingest queue" if direct else "one for each webhook"
        yield from _run(resource, case, case.webhooks / batch, case.ingestion_s() * batch, why)
        yield from _metrics(resource, case, _by_provider(case.ingested.metrics, case.stack.variables(resource)))
        if (case.path.method is None or direct) and _is_traced(resource):
            yield _traces(resource, case, case.workload.rate / batch, "batches" if direct else "requests")
    elif resource.address == case.path.processing.address:
        why = f"webhooks / {case.batch:.2f} in a batch, of at most {case.path.mapping.get('batch_size', 10)}"
        yield from _run(resource, case, case.batches, case.processing_s(case.batch), why)
        yield from _metrics(resource, case, case.processed.metrics)
        if _is_traced(resource):
            yield _traces(resource, case, case.workload.rate / case.batch, "batches")
    elif is_statement(resource):
        yield from statement(resource, case)
    elif runs_every(resource, case):
        yield from reconciliation(resource, case)
    else:
        why = "only operators and dead letters call it: assumed 0"
        yield from _run(resource, case, 0, 0, why)


def _run(resource: Resource, case: Case, invocations: float, seconds: float, why: str) -> Iterable[Line]:
    memory = int(resource.get("memory_size", 128))
    architecture = resource.get("architectures", ["x86_64"])[0]
    yield Line(
        resource=resource.address,
        service="Lambda",
        what=f"invocations of {_name(resource)}",
        quantity=invocations,
        price=case.price("lambda-request"),
        formula=why,
    )
    yield Line(
        resource=resource.address,
        service="Lambda",
        what=f"duration of {_name(resource)}",
        quantity=invocations * seconds * memory / 1024,
        price=case.price(f"lambda-gb-second-{architecture}"),
        formula=f"invocations x {seconds * 1000:.1f} ms x {memory} MB",
    )


def _by_provider(metrics: Iterable[str], variables: Mapping[str, str]) -> Iterable[str]:
    """Return ingestion's metrics, with one for each deployed provider: the sample is of one of them."""
    for name in metrics:
        found = re.fullmatch(r"(.+,provider=)\S+( \S+)", name)
        yield from (
            [f"{found[1]}{provider}{found[2]}" for provider in json.loads(variables["PROVIDERS"])] if found else [name]
        )


def _metrics(resource: Resource, case: Case, metrics: Iterable[str]) -> Iterable[Line]:
    found = sorted(metrics)
    by_name = Counter(name.rsplit(" ", maxsplit=1)[-1] for name in found)
    if found:
        yield Line(
            resource=resource.address,
            service="CloudWatch",
            what=f"custom metrics of {_name(resource)}",
            quantity=len(found),
            price=case.price("custom-metric"),
            paid=Paid.BUSY,
            formula=", ".join(name if times == 1 else f"{name} x {times}" for name, times in by_name.items()),
        )


def _is_traced(resource: Resource) -> bool:
    return bool(resource.block("tracing_config").get("mode") == "Active")


def _traces(resource: Resource, case: Case, rate: float, what: str) -> Line:
    sampled = traced(rate, case)
    return Line(
        resource=resource.address,
        service="X-Ray",
        what=f"traces of {what}",
        quantity=sampled * case.month_s,
        price=case.price("x-ray-trace"),
        formula=f"1/s and 5 % of the rest of {rate:.4g}/s = {sampled:.4g}/s",
    )


def _name(resource: Resource) -> str:
    return str(resource.get("handler", resource.label)).split(".")[1]


RULES: dict[str, PricingRule] = {"aws_lambda_function": _function}
