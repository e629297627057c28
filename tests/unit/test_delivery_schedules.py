"""When attempts are made: schedules and Retry-After, on a clock that is passed in."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.domain.attempt_result import HttpResult, classify
from lambdas.delivery.domain.lifecycle import after_attempt, created
from lambdas.delivery.domain.model import DeliveryState, Endpoint, Event
from lambdas.delivery.domain.retention import DAY, Retention, gone
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
    schedule_of,
    table,
)
from lambdas.shared import times

NOW = 1_790_000_000.0
ENDPOINT = Endpoint(
    tenant_id="t", endpoint_id="ep", url="", filters={}, secrets=(), headers={}, created_at="", updated_at=""
)
EVENT = Event(
    tenant_id="t",
    event_id="e",
    event_type="a",
    created_at="",
    size=2,
    sha256="",
    correlation_id="c",
    expires_at=int(NOW),
)

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


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, STANDARD_WEBHOOKS.waits),
        ({"schedule": "minutes"}, MINUTES.waits),
        ({"schedule": "of a later version"}, STANDARD_WEBHOOKS.waits),
        ({"retry_waits": [7, 2_592_000]}, [7, 2_592_000]),
        ({"retry_waits": []}, []),
    ],
)
def test_an_endpoint_has_its_own_waits_a_named_schedule_or_the_stacks(changes, waits):
    assert schedule_of(replace(ENDPOINT, **changes), STANDARD_WEBHOOKS).waits == waits


def attempted(delivery, now, *, status=500, retry_after=None, waits=(60, 60), jitter=0.0, final=()):
    endpoint = replace(ENDPOINT, retry_waits=waits)
    return after_attempt(
        delivery,
        classify(HttpResult(status=status, retry_after=retry_after), now),
        now,
        schedule=schedule_of(endpoint, MINUTES),
        jitter=jitter,
        retention=Retention(),
        final=status in final,
    )


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (422, DeliveryState.DLQ, "final status 422"),
        (404, DeliveryState.FAILED, "status 404"),
        (500, DeliveryState.FAILED, "status 500"),
        (410, DeliveryState.DLQ, "status 410"),
        (204, DeliveryState.DELIVERED, None),
    ],
)
def test_a_final_status_gives_a_delivery_up_at_once_and_says_so(status, state, reason):
    delivery = attempted(created(EVENT, "ep", NOW, Retention()), NOW, status=status, final=(410, 422))

    assert (delivery.state, delivery.reason) == (state, reason)
    assert delivery.expires_at == {
        DeliveryState.DLQ: int(NOW) + 14 * DAY,
        DeliveryState.DELIVERED: int(NOW) + 30 * DAY,
    }.get(state, Retention().created(NOW))


def walked(first, retry_after=None, waits=(), jitter=0.999999):
    """Attempt a delivery until it is given up; yield each state of it, and when it came."""
    delivery, now = first, NOW
    while delivery.state is not DeliveryState.DLQ:
        delivery = attempted(delivery, now, waits=waits, jitter=jitter, retry_after=retry_after)
        yield delivery, now
        now = times.parse(delivery.next_attempt_at) if delivery.next_attempt_at else now


@pytest.mark.parametrize("retry_after", [None, "999999"])
@pytest.mark.parametrize("waits", [[2_592_000] * 50, [1] * 50, [60]], ids=["50 months", "50 seconds", "one"])
def test_a_delivery_is_kept_beyond_each_attempt_of_its_own_list_for_as_long_as_it_may_wait(waits, retry_after):
    first = created(EVENT, "ep", NOW, Retention())

    steps = list(walked(first, retry_after, waits))

    assert len(steps) == len(waits) + 1
    for delivery, now in steps[:-1]:
        due = times.parse(delivery.next_attempt_at)
        assert due >= now + waits[delivery.attempts - 1]
        # Neither is it given up before the attempt may have been held up, nor long after that.
        assert due + 20 * DAY <= Retention().waits_until(delivery.expires_at)
        assert due + 25 * DAY > Retention().waits_until(delivery.expires_at)
    # What the longest schedule with a name covers is not written again at each attempt.
    if sum(waits) < LONGEST_SECONDS and retry_after is None:
        assert {delivery.expires_at for delivery, _ in steps[:-1]} == {first.expires_at}


@pytest.mark.parametrize("kept", [Retention(), Retention(delivered_days=1, dead_days=1)])
def test_what_expires_does_so_at_the_end_of_a_day_so_that_a_delivery_seldom_outlives_its_event(kept):
    assert kept.created(NOW) % DAY == 0
    assert kept.created(NOW) == kept.created(NOW + 5)


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
    assert last_attempt <= kept.waits_until(kept.created(NOW))
    assert kept.waits_until(kept.created(NOW)) < NOW + 25 * 86_400
    assert gone(kept.dead(NOW), kept.dead(NOW))
    assert not gone(kept.dead(NOW) - 1, kept.dead(NOW))
