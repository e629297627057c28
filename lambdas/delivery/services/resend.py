"""Has a delivery made again because somebody asked, and answers as the API does when that cannot be."""

from dataclasses import dataclass

from lambdas.delivery.domain.ids import ENDPOINT, EVENT, is_id, is_tenant_id
from lambdas.delivery.domain.lifecycle import EVENT_EXPIRED
from lambdas.delivery.domain.model import Delivery
from lambdas.delivery.http.problems import conflict, not_found
from lambdas.delivery.services.requeue import NOT_FOUND, Refusal, Requeue
from lambdas.delivery.store.deliveries import Deliveries


@dataclass(frozen=True, kw_only=True)
class SendingAgain:
    """Sends deliveries again.

    Attributes
    ----------
    requeue : Requeue
        What does it.
    deliveries : Deliveries
        What it did it to.
    """

    requeue: Requeue
    deliveries: Deliveries

    def __call__(self, tenant_id: str, event_id: str, endpoint_id: str, now: float) -> Delivery:
        """Send an event to an endpoint again, and return the delivery as it stands then.

        Raises
        ------
        ProblemError
            404 when there is no such delivery; 409 when it cannot be sent again, with the reason as the code.
        """
        if not (is_tenant_id(tenant_id) and is_id(EVENT, event_id) and is_id(ENDPOINT, endpoint_id)):
            raise not_found()
        outcome = self.requeue.requeue(tenant_id, event_id, endpoint_id, now)
        if isinstance(outcome, Refusal):
            if outcome.reason in (NOT_FOUND, EVENT_EXPIRED):
                raise not_found()
            raise conflict(outcome.reason.replace(" ", "_"), f"it cannot be sent again: {outcome.reason}")
        delivery = self.deliveries.read(tenant_id, event_id, endpoint_id)
        if delivery is None:
            raise not_found()
        return delivery
