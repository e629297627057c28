"""The faults that a URL's query asks a receiver for.

``status``, ``delay``, ``retry-after``, ``location``, ``size``, ``fail`` and ``duplicate`` work everywhere. What needs
the connection itself, ``drip``, ``truncate`` and ``close``, works in the local receiver alone, ``make receiver``: API
Gateway passes a function's answer on as a whole.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

# API Gateway waits for 29 seconds.
MAX_SECONDS = 25.0
MAX_SIZE = 5_000_000
LOCAL_ONLY = ("drip", "truncate", "close")
NAMES = ("status", "delay", "retry-after", "location", "size", "fail", "duplicate", *LOCAL_ONLY)


class UnknownFaultError(ValueError):
    """The query asks for something that is no fault, or is out of range; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a receiver is to do wrong.

    Attributes
    ----------
    status : int
        HTTP status of the answer.
    delay : float
        Seconds before the answer.
    retry_after : str | None
        The header of that name, as it is.
    location : str | None
        The header of that name, for a redirect.
    size : int
        Bytes of the answer's body; 0 for the usual one.
    fail : int
        Percent of the attempts that get `status`, where the others get 200; which ones follows from id and time.
    duplicate : bool
        Whether the first attempt of each id is taken, and answered as if it had not been, so that it comes again.
    drip : float
        Seconds over which the body's bytes come one by one.
    truncate : bool
        Whether the connection is closed in the middle of the body.
    close : bool
        Whether it is closed without an answer.
    """

    status: int = 200
    delay: float = 0.0
    retry_after: str | None = None
    location: str | None = None
    size: int = 0
    fail: int = 100
    duplicate: bool = False
    drip: float = 0.0
    truncate: bool = False
    close: bool = False

    def status_for(self, event_id: str, timestamp: str, *, seen_before: bool) -> int:
        """Return the status that an attempt gets.

        Parameters
        ----------
        seen_before : bool
            Whether this receiver has had the id before.
        """
        if self.duplicate:
            return self.status if seen_before else 500
        lot = int.from_bytes(hashlib.sha256(f"{event_id}.{timestamp}".encode()).digest()[:4]) % 100
        return self.status if lot < self.fail else 200


def read_fault(query: Mapping[str, str]) -> Fault:
    """Read the faults from a query.

    Raises
    ------
    UnknownFaultError
        When it asks for what is not there.
    """
    unknown = sorted(set(query) - set(NAMES))
    if unknown:
        raise UnknownFaultError(f"{unknown[0]!r:.40} is no fault, expected some of {', '.join(NAMES)}")
    return Fault(
        status=int(_number(query, "status", 200, 599, 200)),
        delay=_number(query, "delay", 0, MAX_SECONDS, 0),
        retry_after=query.get("retry-after"),
        location=query.get("location"),
        size=int(_number(query, "size", 0, MAX_SIZE, 0)),
        fail=int(_number(query, "fail", 0, 100, 100)),
        duplicate="duplicate" in query,
        drip=_number(query, "drip", 0, 3_600, 0),
        truncate="truncate" in query,
        close="close" in query,
    )


def _number(query: Mapping[str, str], name: str, least: float, most: float, default: float) -> float:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.replace(".", "", 1).isdigit() or not least <= float(text) <= most:
        raise UnknownFaultError(f"{name} is {text!r:.40}, expected a number from {least:g} to {most:g}")
    return float(text)
