"""``Retry-After``: when an endpoint asks to be asked again.

Source: RFC 9110, section 10.2.3; the date's three forms: section 5.6.7.
"""

import re
from datetime import UTC, datetime

MAX_SECONDS = 24 * 3_600
"""No endpoint puts a delivery off for longer than the longest wait of a schedule."""

_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)
# `strptime` takes blanks, signs and missing zeros that are in no date; the shape is looked at first.
_FORMATS = (
    (
        re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII),
        "%a, %d %b %Y %H:%M:%S GMT",
    ),
    (
        re.compile(r"[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT", re.ASCII),
        "%A, %d-%b-%y %H:%M:%S GMT",
    ),
    (re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}", re.ASCII), "%a %b %d %H:%M:%S %Y"),
)


def wait_asked_for(value: str | None, now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, from 0 to `MAX_SECONDS`; None when it asks for nothing.

    Parameters
    ----------
    value : str | None
        The header's value; one that cannot be read counts as none.
    now : float
        Seconds since the epoch, against which a date counts.
    """
    text = (value or "").strip(" \t")
    if _SECONDS.fullmatch(text):
        return float(min(int(text), MAX_SECONDS))
    at = _date(text)
    return None if at is None else min(max(at - now, 0.0), float(MAX_SECONDS))


def _date(text: str) -> float | None:
    for shape, form in _FORMATS:
        if shape.fullmatch(text):
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
            except ValueError:
                return None
    return None
