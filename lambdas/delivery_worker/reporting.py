"""The worker's log lines, and its metrics at the end of a batch. They hold no payload, secret, header or URL.

Metrics come twice. With the dimension ``service`` alone they are few and alarms watch them. `PER_TENANT` come
besides with ``service`` and ``tenant``, and once more with ``provider`` for events of the inbound stack: each tenant,
and each provider of a tenant, that has traffic in a month is then so many custom metrics that CloudWatch bills, so
that a stack of many small tenants switches them off with ``TENANT_METRICS=off``. Endpoints,
events and outcomes are never dimensions; they stand in the log lines, where Logs Insights counts them.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import Attempt, Delivery, DeliveryState, Event

PER_TENANT = (WorkerMetric.DELIVERED, WorkerMetric.FAILED_ATTEMPTS, WorkerMetric.DEAD_LETTERED)


@dataclass(kw_only=True)
class Report:
    """Collects counts of one batch from its threads, and passes log lines on.

    Attributes
    ----------
    log : Callable[..., Any]
        Called with a message, and fields by name.
    log_error : Callable[..., Any] | None
        The same for faults of the pipeline; `log` when None.
    counts : Counter[tuple[str, WorkerMetric]]
        By tenant.
    by_provider : Counter[tuple[str, str, WorkerMetric]]
        By tenant and provider, of inbound events.
    attempt_ms : list[int]
        How long each attempt took.
    """

    log: Callable[..., Any]
    log_error: Callable[..., Any] | None = None
    counts: Counter[tuple[str, WorkerMetric]] = field(default_factory=Counter)
    by_provider: Counter[tuple[str, str, WorkerMetric]] = field(default_factory=Counter)
    attempt_ms: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, what: str, **fields: Any) -> None:
        """Log and count a fault of the pipeline."""
        (self.log_error or self.log)(what, **fields)
        self.count("-", WorkerMetric.PIPELINE_FAILURES)

    def count(self, tenant_id: str, what: WorkerMetric, number: int = 1, event: Event | None = None) -> None:
        """Count something of a tenant, and of the provider that the event came from."""
        with self._lock:
            self.counts[tenant_id, what] += number
            if event is not None and event.provider is not None:
                self.by_provider[tenant_id, event.provider, what] += number

    def attempted(self, attempt: Attempt, delivery: Delivery, event: Event) -> None:
        """Log and count an attempt that was recorded, and what became of its delivery."""
        with self._lock:
            self.attempt_ms.append(attempt.duration_ms)
        delivered = delivery.state is DeliveryState.DELIVERED
        what = WorkerMetric.DELIVERED if delivered else WorkerMetric.FAILED_ATTEMPTS
        self.count(delivery.tenant_id, what, event=event)
        self.tell(
            "delivered" if delivered else "attempt failed",
            delivery,
            event,
            outcome=attempt.outcome,
            attempt=attempt.number,
            duration_ms=attempt.duration_ms,
            next_attempt_at=delivery.next_attempt_at,
        )
        if delivery.state is DeliveryState.DLQ:
            self.given_up(delivery, event)

    def given_up(self, delivery: Delivery, event: Event | None) -> None:
        """Log and count a delivery that was given up."""
        self.count(delivery.tenant_id, WorkerMetric.DEAD_LETTERED, event=event)
        self.tell("delivery given up", delivery, event, reason=delivery.reason)

    def tell(self, what: str, delivery: Delivery, event: Event | None, **fields: str | int | None) -> None:
        """Log something about a delivery."""
        self.log(
            what,
            correlation_id=None if event is None else event.correlation_id,
            tenant=delivery.tenant_id,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            **fields,
        )

    def totals(self) -> dict[WorkerMetric, int]:
        """Return the counts over all tenants, zeros included, so that an alarm has data."""
        sums: Counter[WorkerMetric] = Counter()
        for (_, what), number in self.counts.items():
            sums[what] += number
        return {what: sums[what] for what in WorkerMetric}
