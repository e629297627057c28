"""Deliveries that are held up for their endpoint go on, a page of them at a time."""

from dataclasses import dataclass

from lambdas.delivery.domain.due import MAX_HOPS, next_look
from lambdas.delivery.domain.holds import PAGE_SECONDS, RECHECK_SECONDS, Hold, allowance
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver, ResumeEndpoint
from lambdas.delivery.store.due import FORGET_SECONDS, TOUCH_SECONDS, DueEntry, DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.shared import times

_LATEST = "~"
"""Behind every time."""


def deliver_message(entry: DueEntry, hops: int) -> Deliver:
    """Return the message for a delivery as the due index has it."""
    return Deliver(
        tenant_id=entry.tenant_id,
        event_id=entry.event_id,
        endpoint_id=entry.endpoint_id,
        version=entry.version,
        hops=hops,
    )


def resume_deliveries(
    due: DueStore, queue: DeliveryQueue, tenant_id: str, endpoint_id: str, *, now_ms: int, hops: int = 1
) -> None:
    """Have what is held up for an endpoint go on at once, if anything is and that was not asked for before.

    Parameters
    ----------
    hops : int
        Of the message, see `lambdas.delivery.domain.due`.
    """
    if due.release_soon(tenant_id, endpoint_id, now_ms):
        queue.send(ResumeEndpoint(tenant_id=tenant_id, endpoint_id=endpoint_id, hops=hops))


@dataclass(frozen=True, kw_only=True)
class Release:
    """Releases pages.

    Attributes
    ----------
    due, endpoints, queue
        What it reads and writes.
    """

    due: DueStore
    endpoints: Endpoints
    queue: DeliveryQueue

    def run(self, hold: Hold, now: float, hops: int) -> int:
        """Release a page of the deliveries of a hold from its time on, at the pace of a whole page a minute.

        Returns
        -------
        int
            How many were released. A process that dies on the way leaves those to the index, and the others to the next
            page.
        """
        start = max(now, times.parse(hold.due_at) or now)
        now_ms = round(start * 1_000)
        endpoint, health = self.endpoints.read(hold.tenant_id, hold.endpoint_id)
        allowed = allowance(hold, endpoint, health, now_ms)
        found = self.due.held(hold, times.iso(start) if allowed.only_expired else _LATEST, allowed.number)
        next_ms = allowed.next_ms
        empty = not found and (allowed.number > 0 if not allowed.only_expired else not self.due.held(hold, _LATEST, 1))
        if empty:
            # The index may not show yet what was held up a moment ago.
            quiet_ms = now_ms - hold.touched_ms
            if quiet_ms > FORGET_SECONDS * 1_000:
                self.due.forget_hold(hold)
                return 0
            if not allowed.only_expired:
                next_ms = now_ms + 1_000 * (PAGE_SECONDS if quiet_ms < TOUCH_SECONDS * 1_000 else RECHECK_SECONDS)
        elif allowed.only_expired and len(found) == allowed.number:
            next_ms = now_ms + PAGE_SECONDS * 1_000
        # A probe that succeeds lets the others go on at once, and so does whoever activates the endpoint.
        if not self.due.take_hold(hold, next_ms, paced=len(found) > 1 and not allowed.only_expired):
            return 0
        dues = [start + number * PAGE_SECONDS / allowed.number for number in range(len(found))]
        self.due.release(
            [
                (entry, times.iso(due), next_look(due, now) if hops < MAX_HOPS else times.iso(due))
                for entry, due in zip(found, dues, strict=True)
            ]
        )
        if hops < MAX_HOPS:
            self.queue.send_all(
                [(deliver_message(entry, hops + 1), due - now) for entry, due in zip(found, dues, strict=True)]
            )
        return len(found)
