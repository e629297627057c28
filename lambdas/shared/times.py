"""Times: UTC, with milliseconds, as text that sorts in the order of time."""

import re
from datetime import UTC, datetime

_EPOCH = re.compile(r"[0-9]{1,11}", re.ASCII)
_YEAR_10000 = 253_402_300_800
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def iso(seconds: float) -> str:
    """Return seconds since the epoch as ``2026-01-31T12:00:00.000Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> float | None:
    """Read seconds since the epoch, or an RFC 3339 time; None for anything else."""
    return _known(float(text)) if _EPOCH.fullmatch(text) else parse_rfc3339(text)


def parse_rfc3339(text: str) -> float | None:
    """Read an RFC 3339 time; None for anything else. Of digits alone, nobody knows whether they are a date."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        # `fromisoformat` keeps six digits of the fraction.
        return _known(datetime.fromisoformat(text.upper()).timestamp())
    except (ValueError, OverflowError):
        return None


def _known(seconds: float) -> float | None:
    return seconds if 0 <= seconds < _YEAR_10000 else None
