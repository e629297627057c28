"""How the body of a verified webhook becomes documents, of which each is one event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object
from lambdas.shared.request import WebhookRequest

MAX_ITEMS = 100


class BodyFormat(Protocol):
    """A way of carrying events in a body."""

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """Return the documents of a request, one for each event.

        Raises
        ------
        MalformedWebhookError
            When there is none, or the body is of another format.
        """


@dataclass(frozen=True)
class JsonBody:
    """One JSON object, which is one event."""

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        return [parse_object(request.body)]


@dataclass(frozen=True, kw_only=True)
class JsonItems:
    """A JSON object with an array of items, each of which is one event.

    Attributes
    ----------
    array : str
        Member of the object that holds the array.
    item : str
        Member of each element that holds the event.
    """

    array: str
    item: str

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        items = parse_object(request.body).get(self.array)
        if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
            raise MalformedWebhookError("no_items")
        documents = [element.get(self.item) if isinstance(element, dict) else None for element in items]
        if not all(isinstance(document, dict) for document in documents):
            raise MalformedWebhookError("no_items")
        return [document for document in documents if isinstance(document, dict)]
