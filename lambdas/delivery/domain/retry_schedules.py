"""Retry schedules: how long to wait after each attempt that failed, and when that leads to.

``standard-webhooks`` is the example that the specification gives, of ten attempts within 76 hours.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Deliverability and
reliability"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lambdas.delivery.domain.model import Endpoint

MINUTE = 60
HOUR = 3_600
JITTER = 0.1
"""The share of a wait by which it is made longer at random, so that what failed together does not come together."""
MAX_WAITS = 50
"""In a list of an endpoint's own."""
MAX_WAIT_SECONDS = 30 * 24 * HOUR
"""The longest wait in such a list."""


class UnknownScheduleError(ValueError):
    """No schedule has that name."""


@dataclass(frozen=True, kw_only=True)
class RetrySchedule:
    """When a delivery is attempted.

    Attributes
    ----------
    name : str
        Under which a setting asks for it.
    waits : Sequence[int]
        Seconds after each failed attempt until the next one; one attempt more than there are waits.
    """

    name: str
    waits: Sequence[int]

    @property
    def attempts(self) -> int:
        """How many attempts there are."""
        return len(self.waits) + 1

    def wait_after(self, attempts: int, jitter: float) -> float | None:
        """Return the seconds to wait after an attempt that failed; None after the last attempt.

        Parameters
        ----------
        attempts : int
            Attempts made so far, this one included.
        jitter : float
            At least 0 and less than 1: how much of the jitter it gets.
        """
        if attempts > len(self.waits):
            return None
        wait = self.waits[attempts - 1]
        return wait + wait * JITTER * jitter


STANDARD_WEBHOOKS = RetrySchedule(
    name="standard-webhooks",
    waits=(5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
MINUTES = RetrySchedule(name="minutes", waits=(1 * MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE))
SCHEDULES: Mapping[str, RetrySchedule] = MappingProxyType({one.name: one for one in (STANDARD_WEBHOOKS, MINUTES)})
LONGEST_SECONDS = max(sum(schedule.waits) for schedule in SCHEDULES.values()) * (1 + JITTER)
"""From the first to the last attempt of the longest schedule that has a name."""


def schedule_of(endpoint: Endpoint, default: RetrySchedule) -> RetrySchedule:
    """Return an endpoint's schedule.

    Parameters
    ----------
    default : RetrySchedule
        Of endpoints that have neither a list of their own nor the name of a schedule.
    """
    if endpoint.retry_waits is not None:
        return RetrySchedule(name=endpoint.endpoint_id, waits=endpoint.retry_waits)
    return SCHEDULES.get(endpoint.schedule or "", default)


def own_seconds(endpoint: Endpoint) -> float:
    """Return the seconds that an endpoint's own list of waits takes; 0 for an endpoint without one."""
    return sum(endpoint.retry_waits or ()) * (1 + JITTER)


def schedule_named(name: str) -> RetrySchedule:
    """Return a schedule.

    Raises
    ------
    UnknownScheduleError
        When no schedule has that name.
    """
    if name not in SCHEDULES:
        raise UnknownScheduleError(f"retry schedule {name!r:.60}, expected one of {', '.join(sorted(SCHEDULES))}")
    return SCHEDULES[name]


def attempt_times(schedule: RetrySchedule) -> list[tuple[int, int, int]]:
    """Return for each attempt its number, and when it is made: seconds since the first one, at the earliest and latest.

    The answers are taken to come at once; what an attempt takes is added to all that follow.
    """
    times = [(1, 0, 0)]
    for number, wait in enumerate(schedule.waits, start=2):
        _, earliest, latest = times[-1]
        times.append((number, earliest + wait, round(latest + wait * (1 + JITTER))))
    return times


def table(schedule: RetrySchedule) -> str:
    """Return a schedule's attempts as a Markdown table, for the documents."""
    rows = [
        "| attempt | after the one before | since the first, at the earliest | at the latest |",
        "|---:|---:|---:|---:|",
    ]
    for (number, earliest, latest), wait in zip(attempt_times(schedule), (0, *schedule.waits), strict=True):
        rows.append(f"| {number} | {clock(wait)} | {clock(earliest)} | {clock(latest)} |")
    return "\n".join(rows) + "\n"


def clock(seconds: int) -> str:
    """Return seconds as ``HH:MM:SS``; the hours go on beyond a day."""
    return f"{seconds // HOUR:02}:{seconds // MINUTE % 60:02}:{seconds % 60:02}"
