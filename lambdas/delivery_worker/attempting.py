"""One attempt: sign, send, classify, record, schedule the next one."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lambdas import VERSION
from lambdas.delivery.domain.attempt_result import HttpResult, classify
from lambdas.delivery.domain.due import MAX_HOPS
from lambdas.delivery.domain.holds import UNSIGNABLE
from lambdas.delivery.domain.lifecycle import after_attempt
from lambdas.delivery.domain.metrics import WorkerMetric
from lambdas.delivery.domain.model import Attempt, DeliveryState
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import RetrySchedule, schedule_of
from lambdas.delivery.sending.headers import HOPS_HEADER, HeaderRefusedError, request_headers
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.sending.signing import signature_headers
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.signing_keys import SigningKey, SigningKeyStore
from lambdas.delivery_worker.admission import ClaimedDelivery, Wait
from lambdas.delivery_worker.endpoint_health import EndpointHealth
from lambdas.delivery_worker.recording import Recorder
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times
from lambdas.shared.errors import UnavailableError

USER_AGENT = f"webhook-delivery/{VERSION}"
UNSIGNABLE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class AttemptMaker:
    """Makes attempts.

    Attributes
    ----------
    events, client, keys
        What it writes and sends with.
    endpoint_health : EndpointHealth
        Where it records how endpoints do.
    recorder : Recorder
        Records the attempt, and has the next one made.
    retry_schedule : RetrySchedule
        Of endpoints that name none.
    retention : Retention
        How long deliveries are kept.
    clock, jitter
        Seconds since the epoch; and a random number of at least 0 and less than 1.
    """

    events: Events
    client: HttpClient
    keys: SigningKeyStore
    endpoint_health: EndpointHealth
    recorder: Recorder
    retry_schedule: RetrySchedule
    retention: Retention
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random

    def make(self, claim: ClaimedDelivery, report: Report) -> None:
        """Make an attempt and record what came of it."""
        delivery, endpoint, event = claim.delivery, claim.endpoint, claim.event
        began = self.clock()
        signature = self._sign(claim, began)
        if signature is None:
            report.count(delivery.tenant_id, WorkerMetric.UNSIGNABLE)
            report.tell("delivery cannot be signed", delivery, event)
            until = int((began + UNSIGNABLE_SECONDS) * 1_000)
            self.recorder.park(delivery, Wait(until_ms=until, waiting_for=UNSIGNABLE), event, MAX_HOPS, report)
            return
        response = self._send(claim, signature)
        now = self.clock()
        result = classify(response, now)
        new = after_attempt(
            delivery,
            result,
            now,
            schedule=schedule_of(endpoint, self.retry_schedule),
            jitter=self.jitter(),
            retention=self.retention,
            final=response.status in endpoint.final_statuses,
        )
        attempt = Attempt(
            tenant_id=delivery.tenant_id,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            number=new.attempts,
            at=times.iso(began),
            duration_ms=round((now - began) * 1_000),
            status=response.status,
            outcome=result.outcome,
            expires_at=new.expires_at,
        )
        self.events.keep_until(event, new.expires_at)
        if not self.recorder.record(delivery, new, claim.hops, attempt, response.answer):
            report.count(delivery.tenant_id, WorkerMetric.LOST_CLAIMS)
            report.tell("attempt could not be recorded: another run had taken over", delivery, event)
            return
        report.attempted(attempt, new, event)
        self.endpoint_health.record(claim, result, report)
        if response.answer is not None:
            self.events.answers.erase_late(attempt)
        if new.state is DeliveryState.DLQ:
            self.recorder.announce(new)

    def _sign(self, claim: ClaimedDelivery, now: float) -> Mapping[str, str] | None:
        """Return the signature's headers; None when it cannot be made, which is no fault of the endpoint."""
        try:
            keys: Sequence[SigningKey] = self.keys.current() if claim.endpoint.asymmetric else ()
            return signature_headers(claim.endpoint, claim.event.event_id, claim.payload, now, keys)
        except (UnavailableError, ValueError):
            return None

    def _send(self, claim: ClaimedDelivery, signature: Mapping[str, str]) -> HttpResult:
        try:
            ours = {**signature, HOPS_HEADER: str(claim.event.hops + 1)}
            headers = request_headers(claim.endpoint.headers, ours, USER_AGENT)
        except HeaderRefusedError:
            return HttpResult(status=None, problem="header refused")
        response = self.client.post(claim.endpoint.url, headers, claim.payload)
        if response.answer is not None:
            # They are shown to nobody, and endpoints that send back what they got are common.
            response = replace(response, answer=response.answer.without(claim.endpoint.headers.values()))
        return response
