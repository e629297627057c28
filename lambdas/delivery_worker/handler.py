"""Lambda entry point of the delivery worker: a batch from the delivery queue in, a partial batch response out.

The bundle is a native one: ``cryptography``. Time-out 60 s, at least 512 MB: ten TLS connections at once. The event
source mapping's batch size is 10 at most, one thread each, with ``ReportBatchItemFailures``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from lambdas.delivery.domain.metrics import ATTEMPT_DURATION
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import schedule_named
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.sending.urls import EndpointRules
from lambdas.delivery.store.signing_keys import SigningKeyStore
from lambdas.delivery_worker.batch import Worker
from lambdas.delivery_worker.environment import WorkerEnvironment
from lambdas.delivery_worker.inbound_payloads import InboundPayloads
from lambdas.delivery_worker.operator_bus import OperatorBus
from lambdas.delivery_worker.reporting import PER_TENANT, Report
from lambdas.delivery_worker.wiring import build_worker
from lambdas.shared.aws import client
from lambdas.shared.observability import logger, metrics, tracer


def _build(environment: WorkerEnvironment) -> Worker:
    return build_worker(
        dynamodb=client("dynamodb"),
        endpoints_table=environment.endpoints_table,
        events_table=environment.events_table,
        queue=DeliveryQueue(client("sqs"), environment.queue_url),
        client=HttpClient(
            rules=EndpointRules.named(environment.endpoint_rules, environment.refused_hosts),
            seconds=environment.attempt_timeout,
        ),
        keys=SigningKeyStore(client("secretsmanager"), environment.signing_keys_secret_arn),
        operator_bus=OperatorBus(client("events"), environment.operations_bus),
        retry_schedule=schedule_named(environment.retry_schedule),
        retention=Retention(delivered_days=environment.delivered_ttl_days, dead_days=environment.dead_ttl_days),
        disable_after_hours=environment.disable_after_hours,
        inbound_payloads=InboundPayloads(s3=client("s3"), max_bytes=environment.max_event_bytes)
        if environment.original_payloads
        else None,
    )


_environment = WorkerEnvironment.from_environment()
_worker = _build(_environment)


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch and name the messages that must come back."""
    report = Report(log=logger.info, log_error=logger.error)
    failures = _worker.run(event["Records"], context.get_remaining_time_in_millis() / 1000, report)
    _emit(report)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}


def _emit(report: Report) -> None:
    for what, number in report.totals().items():
        metrics.add_metric(name=what, unit=MetricUnit.Count, value=number)
    for milliseconds in report.attempt_ms:
        metrics.add_metric(name=ATTEMPT_DURATION, unit=MetricUnit.Milliseconds, value=milliseconds)
    if not _environment.tenant_metrics:
        return
    _emit_own(("tenant",), report.counts)
    _emit_own(("tenant", "provider"), report.by_provider)


def _emit_own(names: Sequence[str], counts: Mapping[tuple[Any, ...], int]) -> None:
    """Write what is counted by the values of dimensions."""
    for values in sorted({key[:-1] for key in counts if key[-1] in PER_TENANT}):
        own = EphemeralMetrics()
        for name, value in zip(names, values, strict=True):
            own.add_dimension(name=name, value=value)
        for what in PER_TENANT:
            if number := counts[(*values, what)]:
                own.add_metric(name=what, unit=MetricUnit.Count, value=number)
        own.flush_metrics()
