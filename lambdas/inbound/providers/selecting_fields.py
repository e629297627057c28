"""Fields that look at more than one place of a document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.fields import Field, JsonField
from lambdas.shared.request import WebhookRequest


@dataclass(frozen=True)
class FieldOfOnlyItem:
    """A value in the one object that an array holds; of several objects none speaks for the event.

    Attributes
    ----------
    array : str
        Member of the document that is the array.
    field : Field
        Where the value lies in its object.
    """

    array: str
    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return what the field finds in the object, when there is exactly one."""
        items = document.get(self.array)
        if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], dict):
            return None
        return self.field.read(request, items[0])


@dataclass(frozen=True)
class FieldWhere:
    """A value that counts only where another place of the document says so.

    Attributes
    ----------
    path, value : str
        The other place, as a dotted path, and what must stand there.
    field : Field
        Where the value lies.
    """

    path: str
    value: str
    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return what the field finds, when the other place says so."""
        if JsonField(self.path).read(request, document) != self.value:
            return None
        return self.field.read(request, document)
