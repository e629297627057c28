"""How long a provider may be silent: the members of ``monitoring.expect_every``.

An alarm looks back for a day at most, and for seven days if its periods are of an hour or more; beyond a day it is
evaluated once an hour. The clock is CloudWatch's, in UTC: nothing here knows what time it is.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modules.settings.validation import SettingsError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_SHORT_PERIOD, _LONG_PERIOD = 300, 3_600
_DAY, _WEEK = 86_400, 604_800
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_HOURS = re.compile(r"([0-9]|1[0-9]|2[0-3])-([0-9]|1[0-9]|2[0-3])", re.ASCII)
_MEMBERS = {"every", "except_hours", "except_weekdays"}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """How long nothing may be accepted of a provider.

    Attributes
    ----------
    words : str
        The duration and its exceptions, for the alarm to say.
    seconds : int
        The duration.
    hours : tuple[int, int] | None
        The first hour that does not count, and the first that counts again, in UTC.
    weekdays : tuple[int, ...]
        Those that do not count, in UTC; 1 is Monday, as in CloudWatch's ``DAY``.
    """

    words: str
    seconds: int
    hours: tuple[int, int] | None = None
    weekdays: tuple[int, ...] = ()

    @property
    def period(self) -> int:
        """Seconds of a period of the alarm."""
        return _SHORT_PERIOD if self.seconds <= _DAY else _LONG_PERIOD

    def excepts(self, weekday: int, hour: int) -> bool:
        """Tell whether an hour does not count."""
        if self.hours is None:
            return weekday in self.weekdays
        first, end = self.hours
        within = first <= hour < end if first < end else hour >= first or hour < end
        return within or weekday in self.weekdays


def read_expectation(field: str, given: Any) -> Expectation:
    """Read a duration such as ``2h``, or a group of it and its exceptions.

    Parameters
    ----------
    field : str
        The setting, for errors.

    Raises
    ------
    SettingsError
        With the member and the value, also when no alarm can be made of it.
    """
    group = {"every": given} if isinstance(given, str) else given
    if not isinstance(group, Mapping) or "every" not in group or not set(group) <= _MEMBERS:
        raise SettingsError(
            f"{field}: {given!r} is not allowed; allowed: a duration such as 2h, or every with except_hours, "
            "except_weekdays or both"
        )
    every, hours, weekdays = group["every"], group.get("except_hours"), group.get("except_weekdays", ())
    expectation = Expectation(
        seconds=_seconds(f"{field}.every", every),
        hours=None if hours is None else _hours(f"{field}.except_hours", hours),
        weekdays=_weekdays(f"{field}.except_weekdays", weekdays),
        words=every,
    )
    if excepted := [*([hours] if hours else []), *weekdays]:
        expectation = replace(expectation, words=f"{every}, not counting {', '.join(excepted)} in UTC")
    _check_reachable(f"{field}.every", every, expectation)
    return expectation


def read_duration(text: str) -> int | None:
    """Return the seconds of a text such as ``30m``, ``2h`` or ``7d``; None if it is no such text."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def _seconds(field: str, every: Any) -> int:
    seconds = (read_duration(every) if isinstance(every, str) else None) or 0
    step = _SHORT_PERIOD if seconds <= _DAY else _LONG_PERIOD
    if not _SHORT_PERIOD <= seconds <= _WEEK or seconds % step:
        raise SettingsError(
            f"{field}: {every!r} is not allowed; allowed: 5m to 7d, which is as far as an alarm looks back, in steps "
            "of 5 minutes up to a day and of an hour beyond, such as 30m, 6h or 2d"
        )
    return seconds


def _hours(field: str, hours: Any) -> tuple[int, int]:
    match = _HOURS.fullmatch(hours) if isinstance(hours, str) else None
    if match is None or match[1] == match[2]:
        raise SettingsError(
            f"{field}: {hours!r} is not allowed; allowed: the first hour that does not count and the first that counts "
            "again, 0 to 23 in UTC, such as 22-6"
        )
    return int(match[1]), int(match[2])


def _weekdays(field: str, weekdays: Any) -> tuple[int, ...]:
    if not isinstance(weekdays, list | tuple) or not all(day in WEEKDAYS for day in weekdays):
        raise SettingsError(f"{field}: {weekdays!r} is not allowed; allowed: a list of {', '.join(WEEKDAYS)}")
    return tuple(sorted({WEEKDAYS.index(day) + 1 for day in weekdays}))


def _check_reachable(field: str, every: Any, expectation: Expectation) -> None:
    """Check that the alarm can go off at all: what does not count interrupts it, and it begins anew afterwards."""
    excepted = [expectation.excepts(day, hour) for day in range(1, 8) for hour in range(24)]
    if not any(excepted):
        return
    # Twice, for the time that counts from one week into the next.
    week = "".join("x" if hour else "." for hour in excepted)
    longest = max(map(len, (2 * week).split("x")))
    if expectation.seconds + expectation.period > longest * 3_600:
        raise SettingsError(
            f"{field}: {every!r} is not allowed with what is excepted; allowed: less than {longest}h, the longest time "
            "without an excepted hour or weekday, since silence is counted anew after each"
        )
