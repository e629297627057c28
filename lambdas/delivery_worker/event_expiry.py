"""An event expires with the last of its deliveries once all of them have come to their end, and its payload with it.

How long its deliveries will take is not known when an event is accepted, so that it is kept for the longest way of all.
Most events need weeks less. Attempts, which hold nothing of the payload, keep the time that they were made with.
"""

from dataclasses import dataclass

from lambdas.delivery.domain.model import Delivery, Event
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events


@dataclass(frozen=True, kw_only=True)
class EventExpiry:
    """Lets events expire earlier.

    Attributes
    ----------
    deliveries, endpoints, events
        What it reads and writes.
    """

    deliveries: Deliveries
    endpoints: Endpoints
    events: Events

    def run(self, event: Event, done: Delivery) -> None:
        """Let an event expire with the last of its deliveries, once each has come to its end.

        A delivery that goes on after all, as one that somebody requeues at the same moment, has the event kept for
        longer again with its next attempt. One to an endpoint that was deleted needs it no more.

        Parameters
        ----------
        done : Delivery
            One of its deliveries that has come to its end, and is recorded so.
        """
        if event.expires_at <= done.expires_at:
            return
        endpoint_ids = [endpoint.endpoint_id for endpoint in self.endpoints.all_of(event.tenant_id)]
        found = [done, *self.deliveries.to_each(event.tenant_id, event.event_id, endpoint_ids)]
        if all(delivery.state.final for delivery in found):
            self.events.keep_no_longer(event, max(delivery.expires_at for delivery in found))
