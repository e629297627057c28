"""Lambda entry point of the delivery worker: a batch from the delivery queue in, a partial batch response out.

Environment: ``ENDPOINTS_TABLE``, ``EVENTS_TABLE``, ``QUEUE_URL``, ``QUEUE_ARN``, ``SCHEDULE_GROUP``,
``SCHEDULE_ROLE_ARN``; and, each with a default, ``RETRY_SCHEDULE``, ``ENDPOINT_RULES``, ``ATTEMPT_TIMEOUT``,
``DISABLE_AFTER_HOURS``, ``DELIVERED_TTL_DAYS``, ``DEAD_TTL_DAYS``, ``TENANT_METRICS`` (``on`` or ``off``),
``SIGNING_KEYS_SECRET_ARN`` (without it, no endpoint gets asymmetric signatures). Powertools' variables besides.

Calls: on the events table ``GetItem``, ``BatchGetItem``, ``PutItem``, ``UpdateItem``, and ``Query`` on its index
``byState``; on the table of endpoints ``GetItem``, ``BatchGetItem``, ``Query``, ``UpdateItem``; ``sqs:SendMessage``
besides what the event source mapping needs; ``scheduler:CreateSchedule`` in its group, and ``iam:PassRole`` on the
schedules' role; ``secretsmanager:GetSecretValue`` on the keys. The bundle is a native one: ``cryptography``. The
schedules' role needs ``sqs:SendMessage`` on the queue. Time-out 60 s, at least 512 MB: ten TLS connections at once.
The event source mapping's batch size is 10 at most, one thread each, with ``ReportBatchItemFailures``.
"""

import os
import time
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS, schedule_named
from lambdas.delivery.queue.delivery_queue import DeliveryQueue, Waits
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.sending.urls import PUBLIC_HTTPS, EndpointRules
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.signing_keys import SigningKeys
from lambdas.delivery_worker.attempting import Delivering, Settings
from lambdas.delivery_worker.batch import Worker
from lambdas.delivery_worker.bus_events import TakingIn
from lambdas.delivery_worker.endpoint_health import Standing
from lambdas.delivery_worker.event_expiry import Settling
from lambdas.delivery_worker.fan_out import FanningOut
from lambdas.delivery_worker.reporting import PER_TENANT, Report
from lambdas.delivery_worker.resume import Waking
from lambdas.shared.aws import client, setting
from lambdas.shared.observability import logger, metrics, tracer


def _build() -> Worker:
    dynamodb, sqs = client("dynamodb"), client("sqs")
    health = HealthStore(dynamodb, setting("ENDPOINTS_TABLE"))
    deliveries = Deliveries(dynamodb, setting("EVENTS_TABLE"))
    events = Events(dynamodb, setting("EVENTS_TABLE"))
    endpoints = Endpoints(dynamodb, setting("ENDPOINTS_TABLE"))
    queue = DeliveryQueue(sqs, setting("QUEUE_URL"))
    waits = Waits(
        queue, client("scheduler"), setting("QUEUE_ARN"), setting("SCHEDULE_GROUP"), setting("SCHEDULE_ROLE_ARN")
    )
    retention = Retention(
        delivered_days=int(os.environ.get("DELIVERED_TTL_DAYS", "30")),
        dead_days=int(os.environ.get("DEAD_TTL_DAYS", "14")),
    )
    return Worker(
        fanning_out=FanningOut(
            deliveries=deliveries, endpoints=endpoints, events=events, queue=queue, retention=retention
        ),
        delivering=Delivering(
            deliveries=deliveries,
            endpoints=endpoints,
            health=health,
            events=events,
            waits=waits,
            client=HttpClient(
                rules=EndpointRules.named(os.environ.get("ENDPOINT_RULES", PUBLIC_HTTPS)),
                seconds=float(os.environ.get("ATTEMPT_TIMEOUT", "15")),
            ),
            keys=SigningKeys(client("secretsmanager"), os.environ.get("SIGNING_KEYS_SECRET_ARN") or None),
            standing=Standing(
                endpoints=endpoints,
                health=health,
                events=events,
                queue=queue,
                disable_after_hours=float(os.environ.get("DISABLE_AFTER_HOURS", "120")),
                retention=retention,
            ),
            settling=Settling(deliveries=deliveries, endpoints=endpoints, events=events),
            settings=Settings(
                schedule=schedule_named(os.environ.get("RETRY_SCHEDULE", STANDARD_WEBHOOKS.name)),
                retention=retention,
            ),
        ),
        taking_in=TakingIn(events=events, queue=queue, retention=retention),
        waking=Waking(deliveries=deliveries, endpoints=endpoints, queue=queue, waits=waits),
        queue=queue,
        clock=time.time,
    )


_worker = _build()
_tenant_metrics = os.environ.get("TENANT_METRICS", "on") != "off"


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
        metrics.add_metric(name="AttemptDuration", unit=MetricUnit.Milliseconds, value=milliseconds)
    if not _tenant_metrics:
        return
    for tenant_id in sorted({tenant for tenant, what in report.counts if what in PER_TENANT}):
        own = EphemeralMetrics()
        own.add_dimension(name="tenant", value=tenant_id)
        for what in PER_TENANT:
            if number := report.counts[tenant_id, what]:
                own.add_metric(name=what, unit=MetricUnit.Count, value=number)
        own.flush_metrics()
