"""What is sent: how much, how large, how often again, and how long it is kept."""

import math
from dataclasses import dataclass


class WorkloadError(Exception):
    """A value of the command line is wrong; the message names it and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Webhooks of a month.

    Attributes
    ----------
    rate : float
        Webhooks a second, on average.
    size : int
        Bytes of a body.
    duplicates : float
        Percent of the webhooks that are deliveries of an event that came before.
    months : float
        For how long payloads and records are kept. A month's bill is that of the month in which the first are that old.

    Raises
    ------
    WorkloadError
        When a value is out of its range.
    """

    rate: float
    size: int
    duplicates: float = 0
    months: float = 12

    def __post_init__(self) -> None:
        """Check every value."""
        _within("RATE", self.rate, 0, 1_000_000, "webhooks/s", above=True)
        _within("SIZE", self.size, 1, 4_500_000, "bytes")
        _within("DUPLICATES", self.duplicates, 0, 100, "%")
        _within("MONTHS", self.months, 0, 1_200, "months", above=True)

    @classmethod
    def parse(cls, *, rate: str, size: str, duplicates: str, months: str) -> "Workload":
        """Return the workload of a command line's texts."""
        return cls(
            rate=_number("RATE", rate),
            size=_whole("SIZE", size),
            duplicates=_number("DUPLICATES", duplicates),
            months=_number("MONTHS", months),
        )

    @property
    def fresh(self) -> float:
        """Share of the webhooks that are new events."""
        return 1 - self.duplicates / 100


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise WorkloadError(f"{name}: {text!r} is not a number") from error
    if not math.isfinite(number):
        raise WorkloadError(f"{name}: {text!r} is not a number")
    return number


def _whole(name: str, text: str) -> int:
    number = _number(name, text)
    if number != int(number):
        raise WorkloadError(f"{name}: {text!r} is not a whole number")
    return int(number)


def _within(name: str, value: float, low: float, high: float, unit: str, *, above: bool = False) -> None:
    if not (low < value if above else low <= value) or value > high:
        words = f"more than {low:,}, up to {high:,} {unit}" if above else f"{low:,} to {high:,} {unit}"
        raise WorkloadError(f"{name}: {value:,g} is not allowed; allowed: {words}")
