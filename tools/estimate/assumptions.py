"""What the stack does not say and nobody could observe here: each with its unit and its source."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


def _assume(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Assumptions of the bill and of the simulation, which print them. None was measured on AWS."""

    hours_per_month: float = _assume(730.0, "hours in a month, as AWS's own calculator has it")
    cpu_ms_per_call: float = _assume(
        2.1,
        "CPU on a whole core of one call to AWS and what leads to it: measured with these functions over TLS against a "
        "local endpoint, CPython 3.13 on x86-64, 2026-11-24: 2.4 ms with 1 call, 8.1 with 4, 66 with 31",
    )
    cpu_ms_per_invocation: float = _assume(0.3, "CPU of an invocation besides its calls; from the same measurement")
    cpu_ms_per_counted_record: float = _assume(
        0.13,
        "CPU on a whole core of counting one record for the daily statement: bench/statement.py on x86-64, over TLS",
    )
    full_core_mb: float = _assume(
        1769.0,
        "memory at which a function has one core: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html",
    )
    sqs_ms: float = _assume(8.0, "round trip of SendMessage within the region; typical, not measured")
    s3_ms: float = _assume(25.0, "round trip of PutObject of some KB; typical, not measured")
    dynamodb_ms: float = _assume(5.0, "round trip of one DynamoDB request; typical, not measured")
    eventbridge_ms: float = _assume(20.0, "round trip of PutEvents; typical, not measured")
    provider_api_ms: float = _assume(300.0, "round trip of a page of a provider's list of events; not measured")
    cold_start_ms: float = _assume(
        600.0, "a new execution environment: its start, and the function's imports at 512 MB; not measured on AWS"
    )
    poll_ms: float = _assume(10.0, "time of an event source mapping between two batches; not measured")
    pollers: int = _assume(
        5,
        "batches that a mapping reads at once: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
    )
    long_poll_s: float = _assume(20.0, "time of one long poll of an empty queue")
    platform_log_bytes: int = _assume(420, "START, END and REPORT of one invocation, traced, as text")
    platform_log_json_bytes: int = _assume(
        570,
        "platform.start and platform.report of one invocation, traced, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html",
    )
    execution_log_bytes: int = _assume(3000, "API Gateway's execution log of one request, at level INFO only")
    answer_header_bytes: int = _assume(500, "headers of an HTTP answer, TLS records included")
    stored_log_share: float = _assume(
        0.15, "share of a log's bytes after compression: https://aws.amazon.com/cloudwatch/pricing/"
    )
    traces_per_second: float = _assume(
        1.0,
        "X-Ray's default rule samples the first of each second: https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html",
    )
    traced_share: float = _assume(0.05, "share of the other requests that it samples")
    secret_cache_s: float = _assume(300.0, "for which lambdas/inbound/secrets.py keeps a secret")
    key_cache_s: float = _assume(
        300.0,
        "time between DynamoDB's requests to KMS for a table's key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
    )
    alarms_per_month: int = _assume(100, "notifications of alarms")
    capacity_use: float = _assume(0.7, "use of provisioned capacity, the default target of auto scaling")

    def printed(self) -> Iterator[tuple[str, Any, str]]:
        """Yield each assumption's name, value and source."""
        for each in fields(self):
            yield each.name, getattr(self, each.name), each.metadata["doc"]

    def latency_ms(self, operation: str) -> float:
        """Return the round trip of an operation as `tools.estimate.observed` names it."""
        if operation.endswith("Message"):
            return self.sqs_ms
        if operation.endswith("Object"):
            return self.s3_ms
        if operation == "PutEvents":
            return self.eventbridge_ms
        return self.dynamodb_ms

    def invocation_s(self, calls: list[str], memory_mb: int) -> float:
        """Return how long a warm invocation takes that makes these calls one after the other."""
        cpu = self.cpu_ms_per_invocation + self.cpu_ms_per_call * len(calls)
        slower = max(1.0, self.full_core_mb / memory_mb)
        return (cpu * slower + sum(self.latency_ms(call) for call in calls)) / 1000


ASSUMPTIONS = Assumptions()
