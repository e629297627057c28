"""Fields that depend on more than one place of a document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.fields import LIVE, TEST, Field, JsonField
from lambdas.shared.request import WebhookRequest


@dataclass(frozen=True)
class FieldOfOnlyItem:
    """A value in the only object of an array; there is no value if the array has several objects.

    Attributes
    ----------
    array : str
        Member of the document with the array.
    field : Field
        Where the value is in the object.
    """

    array: str
    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the value of the field in the object, if there is exactly one object."""
        items = document.get(self.array)
        if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], dict):
            return None
        return self.field.read(request, items[0])


@dataclass(frozen=True)
class ModeOfItems:
    """Whether money is real, by all objects of an array.

    Attributes
    ----------
    array : str
        Member of the document with the array.
    field : Field
        Where the mode is in each object.
    """

    array: str
    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return ``test`` if one of them says that, and ``live`` if all of them do."""
        items = document.get(self.array)
        given = items if isinstance(items, list) else []
        modes = {self.field.read(request, item) if isinstance(item, dict) else None for item in given}
        return TEST if TEST in modes else LIVE if modes == {LIVE} else None


@dataclass(frozen=True)
class FieldWhere:
    """A value that counts only if another place of the document has a given value.

    Attributes
    ----------
    path, value : str
        The other place, as a dotted path, and its required value.
    field : Field
        Where the value is.
    """

    path: str
    value: str
    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the value of the field, if the other place has the required value."""
        if JsonField(self.path).read(request, document) != self.value:
            return None
        return self.field.read(request, document)
