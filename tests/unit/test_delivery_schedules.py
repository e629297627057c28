"""When attempts are made: schedules and Retry-After, on a clock that is passed in."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.domain.retention import Retention, gone
from lambdas.delivery.domain.retry_after import MAX_SECONDS, wait_asked_for
from lambdas.delivery.domain.retry_schedules import (
    LONGEST_SECONDS,
    MINUTES,
    SCHEDULES,
    STANDARD_WEBHOOKS,
    UnknownScheduleError,
    attempt_times,
    clock,
    schedule_named,
    table,
)

NOW = 1_790_000_000.0

# The column "Time since start" of the specification's example schedule.
SPECIFIED = [
    "00:00:00",
    "00:00:05",
    "00:05:05",
    "00:35:05",
    "02:35:05",
    "07:35:05",
    "17:35:05",
    "31:35:05",
    "51:35:05",
    "75:35:05",
]


def test_the_default_is_the_specification_s_schedule():
    assert [clock(earliest) for _, earliest, _ in attempt_times(STANDARD_WEBHOOKS)] == SPECIFIED


def test_the_schedule_in_minutes_doubles_from_one_to_sixteen():
    assert [clock(earliest) for _, earliest, _ in attempt_times(MINUTES)] == [
        "00:00:00",
        "00:01:00",
        "00:03:00",
        "00:07:00",
        "00:15:00",
        "00:31:00",
    ]


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_simulated_attempts_lie_within_the_table_that_the_documents_show(schedule):
    # Given a delivery that fails each time, with the least and the most jitter
    for jitter in (0.0, 0.999999):
        at, times = 0.0, [0.0]
        while (wait := schedule.wait_after(len(times), jitter)) is not None:
            at += wait
            times.append(at)

        # Then there are as many attempts as the table has rows, each within its row
        rows = attempt_times(schedule)
        assert len(times) == len(rows) == schedule.attempts
        assert all(earliest <= time <= latest + 0.5 for time, (_, earliest, latest) in zip(times, rows, strict=True))
        assert times[-1] <= LONGEST_SECONDS


def test_the_table_is_markdown_with_a_row_for_each_attempt():
    lines = table(MINUTES).splitlines()

    assert lines[0].count("|") == lines[-1].count("|") == 5
    assert lines[-1] == "| 6 | 00:16:00 | 00:31:00 | 00:34:06 |"


def test_an_unknown_schedule_is_named():
    with pytest.raises(UnknownScheduleError, match="'hourly', expected one of minutes, standard-webhooks"):
        schedule_named("hourly")


@given(st.sampled_from(list(SCHEDULES.values())), st.integers(1, 12), st.floats(0, 0.999))
def test_jitter_only_lengthens_and_by_a_tenth_at_most(schedule, attempts, jitter):
    wait = schedule.wait_after(attempts, jitter)
    if attempts >= schedule.attempts:
        assert wait is None
    else:
        assert schedule.waits[attempts - 1] <= wait < schedule.waits[attempts - 1] * 1.1


DATE = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)  # NOW

RETRY_AFTER = [
    (None, None),
    ("", None),
    ("0", 0.0),
    ("120", 120.0),
    (" 120 ", 120.0),
    ("99999999", float(MAX_SECONDS)),
    ("9" * 30, None),
    ("-1", None),
    ("+5", None),
    ("1.5", None),
    ("1_000", None),
    ("٣", None),
    ("soon", None),
    ("120, 60", None),
    ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0),
    ("Mon, 21 Sep 2026 14:12:20 GMT", 0.0),
    ("Monday, 21-Sep-26 14:14:20 GMT", 60.0),
    ("Mon Sep 21 14:14:20 2026", 60.0),
    ("Mon, 21 Sep 2036 14:14:20 GMT", float(MAX_SECONDS)),
    ("Mon, 31 Feb 2026 14:14:20 GMT", None),
    ("Mon, 21 Sep 2026 14:14:20 +0200", None),
    ("Mon, 21 Sep 2026 25:14:20 GMT", None),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_retry_after_is_read_as_rfc_9110_has_it_and_bounded(value, seconds):
    assert datetime.fromtimestamp(NOW, UTC) == DATE
    assert wait_asked_for(value, NOW) == seconds


@given(st.integers(-(10**6), 10**6))
def test_any_date_of_the_preferred_form_is_read(offset):
    date = format_datetime(datetime.fromtimestamp(NOW + offset, UTC), usegmt=True)
    assert wait_asked_for(date, NOW) == min(max(offset, 0), MAX_SECONDS)


@given(st.text())
def test_no_text_raises_or_asks_for_more_than_the_bound(text):
    wait = wait_asked_for(text, NOW)
    assert wait is None or 0 <= wait <= MAX_SECONDS


def test_what_is_created_outlives_the_longest_way_and_what_is_kept_after_it():
    kept = Retention(delivered_days=30, dead_days=14)
    last_attempt = NOW + LONGEST_SECONDS

    assert kept.created(NOW) >= kept.delivered(last_attempt) - 1
    assert kept.created(NOW) >= kept.dead(last_attempt)
    assert not kept.waited_too_long(last_attempt, kept.created(NOW))
    assert kept.waited_too_long(NOW + 25 * 86_400, kept.created(NOW))
    assert gone(kept.dead(NOW), kept.dead(NOW))
    assert not gone(kept.dead(NOW) - 1, kept.dead(NOW))
