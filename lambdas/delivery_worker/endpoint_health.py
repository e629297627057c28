"""How an endpoint is doing, after each attempt: breaker, slow-down, and disabling it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.delivery.domain.attempt_result import AttemptResult
from lambdas.delivery.domain.endpoint_disabling import FAILING, GONE, failed_for_too_long
from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import Endpoint, EndpointState
from lambdas.delivery.domain.operational_events import disabled, failing, is_failing, is_reserved, recovered
from lambdas.delivery.domain.retry_schedules import own_seconds
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.services.release import resume_deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery_worker.admission import ClaimedDelivery
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times
from lambdas.shared.errors import describe


@dataclass(frozen=True, kw_only=True)
class EndpointHealth:
    """Records how attempts went, and disables endpoints.

    Attributes
    ----------
    endpoints, health, due, queue, announcer
        What it writes.
    disable_after_hours : float
        Hours of nothing but failures after which an endpoint is disabled; one with a list of waits of its own gets as
        long as that takes.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    endpoints: Endpoints
    health: HealthStore
    due: DueStore
    queue: DeliveryQueue
    announcer: Announcer
    disable_after_hours: float
    clock: Callable[[], float] = time.time

    def record(self, claim: ClaimedDelivery, result: AttemptResult, report: Report) -> None:
        """Take an attempt into account, after it was recorded."""
        endpoint, seen = claim.endpoint, claim.health
        now_ms = int(self.clock() * 1_000)
        after, tells = seen, not is_reserved(claim.event.event_type)
        # The delivery is recorded and goes on: what fails here must not bring its message back.
        try:
            if result.delivered:
                if seen.told_since is not None and tells:
                    self.announcer.announce(recovered(endpoint, seen.told_since), now_ms / 1_000)
                    self.health.end_trouble(endpoint.tenant_id, endpoint.endpoint_id, seen.told_since)
                # The breaker may have opened since the attempt began.
                if self.health.succeeded(endpoint.tenant_id, endpoint.endpoint_id, seen):
                    resume_deliveries(
                        self.due,
                        self.queue,
                        endpoint.tenant_id,
                        endpoint.endpoint_id,
                        now_ms=now_ms,
                        hops=claim.hops + 1,
                    )
                return
            after = self.health.failed(endpoint.tenant_id, endpoint.endpoint_id, now_ms, claim.probe_until)
            if result.slow_for is not None:
                until = now_ms + int(result.slow_for * 1_000)
                self.health.slow_down(endpoint.tenant_id, endpoint.endpoint_id, until)
            if is_failing(after, now_ms) and tells:
                if after.told_since is None:
                    self.health.tell(endpoint.tenant_id, endpoint.endpoint_id, after.failing_since or now_ms)
                self.announcer.announce(failing(endpoint, after), now_ms / 1_000)
        except Exception as error:
            report.log(
                "endpoint's health could not be noted",
                tenant=endpoint.tenant_id,
                endpoint_id=endpoint.endpoint_id,
                reason=describe(error),
            )
        if result.gone:
            self.disable(endpoint, GONE, report)
        elif failed_for_too_long(after, now_ms, max(self.disable_after_hours, own_seconds(endpoint) / 3_600)):
            self.disable(endpoint, FAILING, report)

    def disable(self, endpoint: Endpoint, reason: str, report: Report) -> None:
        """Announce that an endpoint is disabled, then disable it: a process that dies between does both again."""
        if endpoint.state is EndpointState.DISABLED or endpoint.by_operator:
            return
        now = self.clock()
        self.health.tell(endpoint.tenant_id, endpoint.endpoint_id, int(now * 1_000))
        self.announcer.announce(disabled(endpoint, reason), now)
        if self.endpoints.disable(endpoint, reason, times.iso(now)):
            report.count(endpoint.tenant_id, WorkerMetric.ENDPOINTS_DISABLED)
            report.log("endpoint disabled", tenant=endpoint.tenant_id, endpoint_id=endpoint.endpoint_id, reason=reason)
