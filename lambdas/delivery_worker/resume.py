"""What is held up for an endpoint that is active again goes on at once, and not only with the next sweep."""

from dataclasses import dataclass

from lambdas.delivery.queue.messages import ResumeEndpoint
from lambdas.delivery.services.release import Release
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times


@dataclass(frozen=True, kw_only=True)
class ResumeConsumer:
    """Resumes endpoints.

    Attributes
    ----------
    release : Release
        Releases a page.
    """

    release: Release

    def run(self, message: ResumeEndpoint, now: float, report: Report) -> None:
        """Release a page of what is held up, if the hold is due; the sweeper releases the following ones."""
        hold = self.release.due.read_hold(message.tenant_id, message.endpoint_id)
        if hold is None or hold.due_at > times.iso(now):
            return
        if number := self.release.run(hold, now, message.hops):
            report.log(
                "deliveries released",
                tenant=message.tenant_id,
                endpoint_id=message.endpoint_id,
                deliveries=number,
            )
