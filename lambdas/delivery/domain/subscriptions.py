"""Which events an endpoint gets: patterns of event types, and filters on fields of the payload."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Any

from lambdas.delivery.domain.model import Endpoint, Event

MAX_PATTERNS = 50
MAX_FILTERS = 10
MAX_FILTER_VALUES = 50
MAX_PATH_CHARS = 256
MAX_VALUE_CHARS = 1_024

# The specification's full-stop delimited list, and what providers besides use in types: hyphens, slashes, colons.
EVENT_TYPE = re.compile(r"[A-Za-z0-9_\-/:]+(\.[A-Za-z0-9_\-/:]+)*", re.ASCII)
MAX_EVENT_TYPE_CHARS = 128
_PATTERN = re.compile(r"\*|[A-Za-z0-9_\-/:]+(\.[A-Za-z0-9_\-/:]+)*(\.\*)?", re.ASCII)
_PATH = re.compile(r"[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*")


class SubscriptionRefusedError(ValueError):
    """A pattern or a filter that means nothing; the text names the field and the value."""


def check_patterns(patterns: Sequence[str]) -> None:
    """Check the event types that an endpoint is to get.

    Raises
    ------
    SubscriptionRefusedError
        When there are no patterns or too many, or one is neither ``*``, nor ``invoice.*``, nor a type.
    """
    if not 1 <= len(patterns) <= MAX_PATTERNS:
        raise SubscriptionRefusedError(f"eventTypes: {len(patterns)} patterns, expected 1 to {MAX_PATTERNS}")
    for pattern in patterns:
        if len(pattern) > MAX_EVENT_TYPE_CHARS + 2 or not _PATTERN.fullmatch(pattern):
            raise SubscriptionRefusedError(f"eventTypes: {pattern!r:.80} is neither *, nor a type, nor a type and .*")


def check_filters(filters: Mapping[str, Sequence[str]]) -> None:
    """Check the filters of an endpoint.

    Raises
    ------
    SubscriptionRefusedError
        When there are too many, a path is malformed, or a value is not the JSON text of a string, number, true, false
        or null.
    """
    if len(filters) > MAX_FILTERS:
        raise SubscriptionRefusedError(f"filters: {len(filters)} paths, expected at most {MAX_FILTERS}")
    for path, values in filters.items():
        if len(path) > MAX_PATH_CHARS or not _PATH.fullmatch(path):
            raise SubscriptionRefusedError(f"filters: {path!r:.80} is not a dotted path")
        if not 1 <= len(values) <= MAX_FILTER_VALUES:
            raise SubscriptionRefusedError(f"filters: {path!r:.80} has {len(values)} values, expected 1 to 50")
        for value in values:
            if len(value) > MAX_VALUE_CHARS or _scalar(_parse(value)) is None:
                raise SubscriptionRefusedError(
                    f"filters: {path!r:.80} has {value!r:.80}, expected the JSON text of a string, number, true, false "
                    "or null"
                )


def matches_type(patterns: Sequence[str], event_type: str) -> bool:
    """Tell whether one of the patterns matches; ``invoice.*`` matches what is below ``invoice``, and not it."""
    return any(
        pattern in ("*", event_type) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )


def wants(endpoint: Endpoint, event: Event, payload: bytes) -> bool:
    """Tell whether an endpoint is to get an event, its state aside."""
    if event.only is not None:
        return endpoint.endpoint_id == event.only
    if endpoint.endpoint_id == event.not_for or not matches_type(endpoint.event_types, event.event_type):
        return False
    return not endpoint.filters or passes(endpoint.filters, payload)


def passes(filters: Mapping[str, Sequence[str]], payload: bytes) -> bool:
    """Tell whether at every path there stands one of its values.

    Values are compared as JSON means them, by kind first: ``1`` is neither ``true`` nor ``"1"``, and numbers are equal
    when they are the same number, however they are written and however large or fine they are. A payload that cannot be
    read passes no filter.
    """
    document = _parse(payload)
    return all(
        (found := _scalar(_at(document, path))) is not None and any(found == _scalar(_parse(value)) for value in values)
        for path, values in filters.items()
    )


_NOTHING = object()


def _parse(text: str | bytes) -> Any:
    try:
        # Decimal keeps every digit, has no limit of 4,300 of them, and overflows no float.
        return json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=lambda _: _NOTHING)
    except (ValueError, RecursionError, DecimalException):
        return _NOTHING


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return _NOTHING
        document = document[name]
    return document


def _scalar(value: Any) -> tuple[str, Any] | None:
    """Return a value with its kind, since to Python true is 1; None for what is not a scalar."""
    if value is None or isinstance(value, str | bool | Decimal):
        return type(value).__name__, value
    return None
