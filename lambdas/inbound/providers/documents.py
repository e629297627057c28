"""Body formats: how the body of a verified webhook becomes documents, one for each event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import unquote_to_bytes

from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object
from lambdas.shared.request import WebhookRequest

MAX_ITEMS = 100


class BodyFormat(Protocol):
    """A format of bodies with events.

    Attributes
    ----------
    several : bool
        Whether a body may have several events.
    """

    several: ClassVar[bool]

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """Return the documents of a request, one for each event.

        Raises
        ------
        MalformedWebhookError
            When the body has another format, or contains no event.
        """


@dataclass(frozen=True)
class JsonBody:
    """One JSON object with one event."""

    several: ClassVar[bool] = False

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        return [parse_object(request.body)]


@dataclass(frozen=True, kw_only=True)
class JsonOrForm:
    """One JSON object with one event: the body, or the only field of a form. The body tells which, not a header.

    Attributes
    ----------
    field : str
        Name of the form's field.
    """

    several: ClassVar[bool] = False
    field: str

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        name = f"{self.field}=".encode()
        if not request.body.startswith(name):
            return [parse_object(request.body)]
        value = request.body.removeprefix(name)
        if b"&" in value:
            raise MalformedWebhookError("not_one_field")
        return [parse_object(unquote_to_bytes(value.replace(b"+", b" ")))]


@dataclass(frozen=True, kw_only=True)
class JsonItems:
    """A JSON object with an array of items, one for each event.

    Attributes
    ----------
    array : str
        Member of the object with the array.
    item : str | None
        Member of each element with the event; None if the element is the event.
    most : int
        Largest number of events that is read.
    """

    several: ClassVar[bool] = True
    array: str
    item: str | None = None
    most: int = MAX_ITEMS

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        items = parse_object(request.body).get(self.array)
        if not isinstance(items, list) or not 1 <= len(items) <= self.most:
            raise MalformedWebhookError("no_items")
        documents = [self._event(element) for element in items]
        if not all(isinstance(document, dict) for document in documents):
            raise MalformedWebhookError("no_items")
        return [document for document in documents if isinstance(document, dict)]

    def _event(self, element: object) -> object:
        return element.get(self.item) if self.item is not None and isinstance(element, dict) else element
