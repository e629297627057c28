"""What a rule may match on beside the provider: members of an event's detail, in the form that EventBridge takes.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.inbound.providers.fields import LIVE, TEST, is_identifier
from modules.settings.validation import SettingsError

# Beyond these, EventBridge matches no number.
_MAX_NUMBER = 5_000_000_000
# A rule takes a pattern of 2,048 characters, of which the provider takes some.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_MAX_CHARS = 1_900
_COMPARISONS = ("<", "<=", "=", ">", ">=")


def _is_number(value: Any) -> bool:
    return type(value) is int and abs(value) <= _MAX_NUMBER


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 256


# Member to what it can be.
MEMBERS: Mapping[str, Callable[[Any], bool]] = {
    "eventType": is_identifier,
    "mode": lambda value: value in (LIVE, TEST),
    "account": is_identifier,
    "amount": _is_number,
    "exponent": _is_number,
    "currency": lambda value: isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) is not None,
    "occurredAt": _is_text,
    "outOfOrder": lambda value: value is True,
    "recovered": lambda value: value is True,
    "unsigned": lambda value: value in ("mode", "account", "account,mode"),
    "sameBytesAs": is_identifier,
}


def check_match(field: str, match: Any) -> None:
    """Check what a rule matches on.

    Parameters
    ----------
    field : str
        The setting, for errors.

    Raises
    ------
    SettingsError
        With the member and the value.
    """
    if not isinstance(match, Mapping) or not match:
        raise SettingsError(f"{field}: {match!r} is not a group of members; known: {', '.join(MEMBERS)}")
    for member, values in match.items():
        if member not in MEMBERS:
            raise SettingsError(
                f"{field}: {member!r} is no member that a rule can match on; known: {', '.join(MEMBERS)}"
            )
        if not isinstance(values, list | tuple) or not values:
            raise SettingsError(f"{field}.{member}: {values!r} is not a list of values")
        for value in values:
            allowed = _is_filter(value, MEMBERS[member]) if isinstance(value, Mapping) else MEMBERS[member](value)
            if not allowed:
                raise SettingsError(
                    f"{field}.{member}: {value!r} is not allowed; allowed: a value that events have there, or a filter "
                    "of EventBridge: prefix, anything-but, exists or numeric"
                )
    if (chars := len(json.dumps(match, separators=(",", ":")))) > _MAX_CHARS:
        raise SettingsError(
            f"{field}: {chars:,} characters are too many for the pattern of a rule; allowed: {_MAX_CHARS:,}"
        )


def _is_filter(given: Mapping[str, Any], is_value: Callable[[Any], bool]) -> bool:
    """Return whether a value is one filter, of a kind that goes with the member."""
    if len(given) != 1:
        return False
    [(kind, value)] = given.items()
    if kind == "exists":
        return isinstance(value, bool)
    if kind == "anything-but":
        return bool(value) and all(map(is_value, value if isinstance(value, list | tuple) else [value]))
    if kind == "prefix":
        return not is_value(0) and _is_text(value)
    return kind == "numeric" and is_value(0) and _is_comparison(value)


def _is_comparison(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) not in (2, 4):
        return False
    return all(one in _COMPARISONS for one in value[::2]) and all(map(_is_number, value[1::2]))
