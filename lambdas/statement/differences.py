"""Where numbers disagree: what a statement is for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from lambdas.shared.times import iso
from lambdas.statement.counting import WAITING, account_key

OF_A_LIST = ("listed", "present", "recovered", "unreadable", "unwanted")
# Runs of reconciliation that may be missed before a part of a day counts as not compared.
_RUNS_MISSED = 2


def summary(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what windows of a provider's list had together; None without any.

    They overlap: an event is listed once for each window that has it. By its time of occurrence it is of this day or of
    one before.
    """
    if not reports:
        return None
    return {
        "windows": len(reports),
        "since": min(report["since"] for report in reports),
        "until": reports[-1]["until"],
        **{name: sum(report[name] for report in reports) for name in OF_A_LIST},
        "notByAccount": sum(report.get("byDayNotNamed", 0) for report in reports),  # none from an earlier version
    }


def of_the_day(reports: Sequence[Mapping[str, Any]], day: str) -> dict[str, int]:
    """Return how many events of a day a provider's list has, by account and mode, see `account_key`.

    Each window counts what is later than the ones before it, so that each event is counted once.
    """
    found: Counter[str] = Counter()
    for report in reports:
        for one in report.get("byDay", ()):  # none from an earlier version
            if one["day"] == day:
                found[account_key(one["account"], one["mode"])] += one["events"]
    return found


def of_list(
    reports: Sequence[Mapping[str, Any]],
    *,
    before: bool,
    compared: str | None,
    begin: float,
    end: float,
    every: float,
) -> Iterator[str]:
    """Yield what is wrong with the windows of a provider's list about a day.

    Parameters
    ----------
    before : bool
        Whether a window ended before the day; the first one of all may begin within it.
    compared : str | None
        The end of the last window that a statement has; None without any.
    begin, end : float
        The day, seconds since the epoch.
    every : float
        Seconds from one run to the next.
    """
    if not reports and not before:
        return
    until = begin if compared is None else min(begin, _seconds(compared))
    for number, report in enumerate(reports):
        if _seconds(report["since"]) > until and (number or before):
            yield f"from {iso(until)} to {report['since']} nothing was compared with its list"
        until = max(until, _seconds(report["until"]))
        yield from report["problems"]
        rest = report["listed"] - sum(report[name] for name in OF_A_LIST[1:])
        if rest:
            yield f"of the list until {report['until']}, {rest} entries are neither recorded, recovered, nor left out"
    if until <= begin or end - until > _RUNS_MISSED * every:
        yield "its list was not compared to the end of the day"


def of_records(said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the records, as a statement has them of a provider."""
    if waiting := sum(one[WAITING] for one in said["accounts"]):
        yield f"{waiting} events are neither routed, nor held, nor given up"
    for one in said["open"]:
        if one["day"] != said["day"] and one["state"] == WAITING:
            yield f"{one['event']} of {one['day']} is still neither routed, nor held, nor given up"
    for one in said["settled"]:
        if one["is"] is None:
            yield f"{one['event']} of {one['day']} was open, and its record is gone"
    for later in said["later"]:
        if any(number < 0 for one in later["accounts"] for number in (one["received"], one["recovered"])):
            yield f"{later['day']} has fewer records than was stated"
    if lost := said["recoveredWithoutRecord"]:
        yield f"{len(lost)} recovered events have no record: {', '.join(lost[:5])}{', ...' if len(lost) > 5 else ''}"


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
