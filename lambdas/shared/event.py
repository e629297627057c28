"""One provider event in the form that is stored, routed and queried, whoever sent it."""

from dataclasses import dataclass

from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object
from lambdas.shared.providers.entry import Provider
from lambdas.shared.providers.fields import first_of
from lambdas.shared.request import WebhookRequest

UNKNOWN_TYPE = "unknown"
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
MAX_EVENT_TYPE_CHARS = 128


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """A verified event.

    Attributes
    ----------
    provider : str
        The name under which the provider is deployed.
    event_id : str
        The provider's id of the event; with `provider` it is the identity under which duplicates are found.
    event_type : str
        The provider's own name for what happened; ``unknown`` where it gives none.
    transaction_id : str
        What ties together the events of one payment.
    occurred_at : str | None
        When it happened, by the provider's clock, as ISO 8601 in UTC; None where the provider does not say.
    """

    provider: str
    event_id: str
    event_type: str
    transaction_id: str
    occurred_at: str | None

    @property
    def key(self) -> str:
        """The identity of the event over all providers."""
        return f"{self.provider}:{self.event_id}"

    @property
    def sort_key(self) -> str:
        """The sort key of its record: made of the event alone, so that every redelivery meets the same record."""
        return f"{self.occurred_at or '-'}#{self.key}"


def read_event(name: str, provider: Provider, request: WebhookRequest) -> WebhookEvent:
    """Read a request whose signature has been verified.

    Parameters
    ----------
    name : str
        The name under which the provider is deployed.

    Raises
    ------
    MalformedWebhookError
        When the body is not a JSON object, or holds no event id.
    """
    document = parse_object(request.body)
    event_id = first_of(provider.event_id, request, document)
    if event_id is None:
        raise MalformedWebhookError("no_event_id")
    event_type = first_of(provider.event_type, request, document) or UNKNOWN_TYPE
    occurred = first_of(provider.occurred_at, request, document)
    seconds = times.parse(occurred) if occurred else None
    return WebhookEvent(
        provider=name,
        event_id=event_id,
        event_type=event_type if len(event_type) <= MAX_EVENT_TYPE_CHARS else UNKNOWN_TYPE,
        transaction_id=first_of(provider.transaction_id, request, document) or f"{name}:{event_id}"[:256],
        occurred_at=None if seconds is None else times.iso(seconds),
    )
