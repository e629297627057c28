"""What the worker tells: log lines at once, and counts at the end of a batch. No payload, secret, header or URL.

Metrics come twice. With the dimension ``service`` alone they are few and alarms watch them. `PER_TENANT` come
besides with ``service`` and ``tenant``: each tenant that has traffic in a month is then so many custom metrics that
CloudWatch bills, so that a stack of many small tenants switches them off with ``TENANT_METRICS=off``. Endpoints,
events and outcomes are never dimensions; they stand in the log lines, where Logs Insights counts them.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Count(StrEnum):
    """What is counted."""

    DELIVERED = "Delivered"
    FAILED_ATTEMPTS = "FailedAttempts"
    DEAD_LETTERED = "DeadLettered"
    PARKED = "Parked"
    FANNED_OUT = "FannedOut"
    ENDPOINTS_DISABLED = "EndpointsDisabled"
    LOST_CLAIMS = "LostClaims"
    """Attempts that could not be recorded, because another worker had taken over: the receiver may get it again."""
    PIPELINE_FAILURES = "PipelineFailures"
    """Messages that come back: our fault, never an endpoint's."""


PER_TENANT = (Count.DELIVERED, Count.FAILED_ATTEMPTS, Count.DEAD_LETTERED)


@dataclass(kw_only=True)
class Report:
    """Collects counts of one batch from its threads, and passes log lines on.

    Attributes
    ----------
    log : Callable[..., Any]
        Called with a message, and fields by name.
    log_error : Callable[..., Any] | None
        The same for faults of the pipeline; `log` where there is none.
    counts : Counter[tuple[str, Count]]
        By tenant.
    attempt_ms : list[int]
        How long each attempt took.
    """

    log: Callable[..., Any]
    log_error: Callable[..., Any] | None = None
    counts: Counter[tuple[str, Count]] = field(default_factory=Counter)
    attempt_ms: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, what: str, **fields: Any) -> None:
        """Tell of a fault of the pipeline, and count it."""
        (self.log_error or self.log)(what, **fields)
        self.count("-", Count.PIPELINE_FAILURES)

    def count(self, tenant_id: str, what: Count, number: int = 1) -> None:
        """Count something of a tenant."""
        with self._lock:
            self.counts[tenant_id, what] += number

    def took(self, milliseconds: int) -> None:
        """Note how long an attempt took."""
        with self._lock:
            self.attempt_ms.append(milliseconds)

    def totals(self) -> dict[Count, int]:
        """Return the counts over all tenants, zeros included, so that an alarm has data."""
        sums: Counter[Count] = Counter()
        for (_, what), number in self.counts.items():
            sums[what] += number
        return {what: sums[what] for what in Count}
