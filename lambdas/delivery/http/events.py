"""One event as tenants and operators see it, with all that became of it."""

from typing import Any, Self

from pydantic import Field

from lambdas.delivery.domain.errors import NotFoundError
from lambdas.delivery.domain.ids import EVENT, is_id
from lambdas.delivery.domain.model import Event
from lambdas.delivery.http.attempts import AttemptResponse
from lambdas.delivery.http.rest import Call
from lambdas.delivery.http.schemas import DeliveryResponse, ResponseModel
from lambdas.delivery.store.listing import Listing

EVENT_PATH = "/events/{eventId}"


class EventResponse(ResponseModel):
    """An event."""

    event_id: str
    type: str
    created_at: str
    size: int = Field(description="Bytes of the payload.")
    sha256: str = Field(description="Of the payload, hex.")
    erased_at: str | None = Field(description="When its payload was erased on request.")

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the response for an event."""
        return cls(
            event_id=event.event_id,
            type=event.event_type,
            created_at=event.created_at,
            size=event.size,
            sha256=event.sha256,
            erased_at=event.erased_at,
        )


class EventDetailResponse(EventResponse):
    """An event with its deliveries and attempts."""

    deliveries: list[DeliveryResponse]
    attempts: list[AttemptResponse]
    attempts_complete: bool = Field(description="Whether these are all attempts.")


SHOW: dict[str, Any] = {
    "summary": "Show an event, its deliveries and every attempt",
    "answer": EventDetailResponse,
    "refusals": (404,),
}
"""What is declared of one event, besides its path and what serves it."""


def show_event(listing: Listing, tenant_id: str, call: Call, now: float) -> EventDetailResponse:
    """Return the response for the event that a path names.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = listing.find(tenant_id, event_id_of(call), now)
    if found is None:
        raise NotFoundError
    return EventDetailResponse(
        **EventResponse.of(found.event).model_dump(),
        deliveries=[DeliveryResponse.model_validate(delivery) for delivery in found.deliveries],
        attempts=[AttemptResponse.model_validate(attempt) for attempt in found.attempts],
        attempts_complete=found.complete,
    )


def event_id_of(call: Call) -> str:
    """Return the event's id from the path.

    Raises
    ------
    NotFoundError
        For a text that cannot be an event's id.
    """
    event_id = call.path["eventId"]
    if not is_id(EVENT, event_id):
        raise NotFoundError
    return event_id
