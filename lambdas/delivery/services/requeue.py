"""Sending again on request: one delivery, or all that wait for an endpoint that was activated.

What the API calls. A requeue is done when it returns: the delivery is at the start of a new series, and its message is
in the queue. When it raises, or the process dies on the way, the same call made again completes it.
"""

from dataclasses import dataclass

from lambdas.delivery.domain.lifecycle import EVENT_EXPIRED, obstacle, requeued
from lambdas.delivery.domain.retention import Retention, gone
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver, Waken
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore

NOT_FOUND = "not found"
UNDER_WAY = "attempt under way"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a delivery is not sent again.

    Attributes
    ----------
    reason : str
        ``not found``, ``endpoint deleted``, ``endpoint disabled``, ``payload erased``, ``event expired`` or ``attempt
        under way``; the last one passes by itself.
    """

    reason: str


@dataclass(frozen=True, kw_only=True)
class Requeue:
    """Sends deliveries again.

    Attributes
    ----------
    deliveries, endpoints, events, queue
        What it reads and writes.
    retention : Retention
        How long what is sent again is kept.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    queue: DeliveryQueue
    retention: Retention

    def requeue(self, tenant_id: str, event_id: str, endpoint_id: str, now: float) -> Deliver | Refusal:
        """Send an event to an endpoint again, whatever became of it there: a new series of attempts begins at once.

        Parameters
        ----------
        now : float
            Seconds since the epoch.

        Returns
        -------
        Deliver | Refusal
            The message that is in the queue, or why there is none.
        """
        seen = self.deliveries.read(tenant_id, event_id, endpoint_id)
        if seen is None or gone(now, seen.expires_at):
            return Refusal(reason=NOT_FOUND)
        event, payload = self.events.read(tenant_id, event_id)
        endpoint, _ = self.endpoints.read(tenant_id, endpoint_id)
        why = obstacle(event, payload, endpoint, now)
        if event is None or why is not None:
            return Refusal(reason=why or EVENT_EXPIRED)
        if now * 1_000 < seen.lease_until:
            return Refusal(reason=UNDER_WAY)
        new = requeued(seen, now, self.retention)
        # Before the delivery can need it for longer than it is kept now.
        self.events.keep_until(event, new.expires_at)
        if not self.deliveries.change(seen, new):
            return Refusal(reason=UNDER_WAY)
        message = Deliver(tenant_id=tenant_id, event_id=event_id, endpoint_id=endpoint_id, turn=new.turn)
        self.queue.send(message)
        self.deliveries.mark_armed(new)
        return message


def wake_waiting(queue: DeliveryQueue, health: HealthStore, tenant_id: str, endpoint_id: str) -> None:
    """Bring forward what waits for an endpoint; call it after the endpoint was set to ``ACTIVE``.

    Its breaker is closed and its failures are forgotten first. The work is the worker's, in pages, however much it is:
    what returns here is that the message is in the queue.
    """
    health.reset(tenant_id, endpoint_id)
    queue.send(Waken(tenant_id=tenant_id, endpoint_id=endpoint_id))
