"""Fields: where a value is in a verified webhook."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from lambdas.shared.request import WebhookRequest

# Identifiers become table keys, object keys and log fields, so they are printable ASCII without blanks. With 256, a
# sort key of time, provider and event id has less than DynamoDB's 1,024 bytes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_IDENTIFIER_CHARS = 256
MAX_DECIMAL_CHARS = 30
LIVE, TEST = "live", "test"
"""Modes: real money, and play money."""
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,8})?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,38}", re.ASCII)
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)


def is_identifier(value: object) -> bool:
    """Return whether a value can be an event id, a transaction id or an event type."""
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None


def is_whole(value: object) -> bool:
    """Return whether a value is the text of a whole number."""
    return isinstance(value, str) and _WHOLE.fullmatch(value) is not None


def short_digest(data: bytes) -> str:
    """Return 32 hex digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path, or None. A path does not lead into arrays."""
    value: Any = document
    for key in _keys(path):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


@cache
def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


class Field(Protocol):
    """A place in a webhook."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the value there; None if there is no valid one."""


@dataclass(frozen=True)
class JsonField:
    """A value in the JSON body, by dotted path.

    Attributes
    ----------
    path : str
        Keys from the root, joined with dots. A path does not lead into arrays.
    """

    path: str

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the string or whole number at the path."""
        del request
        value = value_at(document, self.path)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_IDENTIFIER_CHARS:
            value = str(value)
        return value if is_identifier(value) else None


@dataclass(frozen=True)
class DecimalField:
    """A number in the document, by dotted path, as the provider writes it.

    Attributes
    ----------
    path : str
        Keys from the root, joined with dots.
    """

    path: str

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the number at the path as text; in the document it may be a text or a number."""
        del request
        value = value_at(document, self.path)
        if isinstance(value, Decimal):
            # Digits alone, where `str` may write an exponent. A larger number would have too many of them.
            value = f"{value:f}" if abs(value.adjusted()) < MAX_DECIMAL_CHARS else None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**MAX_DECIMAL_CHARS else None
        return value if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


@dataclass(frozen=True)
class HeaderField:
    """The value of a header. Use it for an id only if the scheme signs that header."""

    name: str

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the header's first value."""
        del document
        value = request.header(self.name)
        return value if is_identifier(value) else None


@dataclass(frozen=True)
class ModeField:
    """What says whether money is real: a text, or true or false, by dotted path.

    Attributes
    ----------
    path : str
        Keys from the root, joined with dots.
    live, test : str
        What is written there, in lower case.
    """

    path: str
    live: str = "true"
    test: str = "false"

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return `LIVE` or `TEST`."""
        del request
        value = value_at(document, self.path)
        if not isinstance(value, str | bool):
            return None
        said = str(value).lower()
        if said == self.live:
            return LIVE
        return TEST if said == self.test else None


@dataclass(frozen=True)
class Unsigned:
    """A field of which the provider does not sign the value: whoever has a delivery can send it with another one.

    Attributes
    ----------
    field : Field
        The field.
    """

    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the value of the field."""
        return self.field.read(request, document)


@dataclass(frozen=True)
class BodyDigest:
    """The SHA-256 of the body: the id of an event if the provider signs none."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return ``sha256:`` and 64 hex digits."""
        del document
        return "sha256:" + hashlib.sha256(request.body).hexdigest()


@dataclass(frozen=True)
class ValueDigest:
    """A digest of the value at a dotted path, however it is written: of one event among others, or in an envelope.

    Attributes
    ----------
    path : str
        Keys from the root, joined with dots. A path does not lead into arrays.
    """

    path: str

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return 32 hex digits."""
        del request
        return short_digest(json.dumps(value_at(document, self.path), sort_keys=True, default=str).encode())


@dataclass(frozen=True)
class JoinedFields:
    """Several fields joined with a separator. Absent fields are left out; the first one is required."""

    fields: tuple[Field, ...]
    separator: str = "."

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the joined identifier."""
        values = [field.read(request, document) for field in self.fields]
        if values[0] is None:
            return None
        joined = self.separator.join(value for value in values if value is not None)
        return joined if is_identifier(joined) else None


def first_of(fields: Sequence[Field], request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
    """Return the value of the first field that has one."""
    for field in fields:
        if (value := field.read(request, document)) is not None:
            return value
    return None
