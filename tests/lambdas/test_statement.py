"""The daily statement: exact, the same whatever breaks, each day once, and chained."""

import json
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.delivery_worker.reporting import PER_TENANT
from lambdas.shared import times
from lambdas.statement.chain import NotAStatementError, Statement, broken_links, day_after
from lambdas.statement.counting import MAX_OPEN, NUMBERS
from lambdas.statement.logic import SETTLE_SECONDS, STOP_SECONDS
from lambdas.statement.page import page_of
from lambdas.statement.places import PROGRESS_KEY, key_of, page_key_of
from lambdas.statement.sources import DELIVERY_NUMBERS
from tests.lambdas.statement_support import BEGIN, DAY, HOUR, MADE_AT, WHOLE_DAY, Mortal, StatementWorld
from tests.lambdas.support import CrashError, Trap, envelope, event, lambda_context, message, trapped

BEFORE, NEXT = "2026-01-30", "2026-02-01"


@pytest.fixture
def days():
    return StatementWorld()


def numbers(said, account=None, mode=None):
    """Return what a statement says of an account, without the zeros."""
    (found,) = [one for one in said["accounts"] if (one["account"], one["mode"]) == (account, mode)]
    return {name: found[name] for name in NUMBERS if found[name]}


def differences(world, day=DAY):
    (statement,) = [one for one in world.chain() if one.day == day]
    return [one["what"] for one in statement.said["differences"]]


def test_it_says_of_each_account_and_mode_what_became_of_what_was_received(days):
    # Given records of a day in every state, alone and in listings, and those of the days beside it
    days.listing([f"evt_{number}" for number in range(25)], account="acct_1", mode="live")
    days.listing(["evt_25", "evt_26"], BEGIN + 23.9 * HOUR, account="acct_1", mode="live", recovered=True)
    days.record("evt_30", account="acct_1", mode="test", state="HELD")
    days.record("evt_31", account="acct_2", mode="live", state="DEAD_LETTERED")
    days.record("evt_32", state="CONFLICTING")
    days.record("evt_33", state="RECORDED")
    days.record("evt_34", state=None)
    days.record("evt_35", state="DEAD_LETTERED", erasedAt="2026-01-31T10:00:00.000Z")
    days.record("evt_40", BEGIN - 0.001)
    days.record("evt_41", BEGIN + WHOLE_DAY)
    days.record("evt_42", provider="other")

    # When the statement is made
    assert days.run() == {"written": [DAY], "complete": True}

    # Then the numbers are those of the day
    said = days.said()
    assert numbers(said, "acct_1", "live") == {"received": 27, "routed": 27, "recovered": 2}
    assert numbers(said, "acct_1", "test") == {"received": 1, "held": 1}
    assert numbers(said, "acct_2", "live") == {"received": 1, "deadLettered": 1}
    assert numbers(said) == {"received": 4, "conflicting": 1, "waiting": 2, "deadLettered": 1}
    # and what is open is named
    assert [(one["event"], one["state"], one["day"]) for one in said["open"]] == [
        ("acme:evt_31", "deadLettered", DAY),
        ("acme:evt_33", "waiting", DAY),
        ("acme:evt_34", "waiting", DAY),
    ]
    assert said["openNotNamed"] == 0
    # and what waits for hours is a difference
    assert differences(days) == ["2 events are neither routed, nor held, nor given up"]
    assert days.chain()[0].said["previous"] is None


def test_a_listing_with_records_that_were_never_written_counts_those_that_were(days):
    days.listing([f"evt_{number}" for number in range(5)], written=3)
    days.run()
    assert numbers(days.said()) == {"received": 3, "routed": 3}


def test_open_events_are_named_up_to_a_bound_and_counted_beyond(days, monkeypatch):
    # A shard of an hour has several pages.
    monkeypatch.setattr("lambdas.statement.counting.ENTRIES", 3)
    for number in range(MAX_OPEN + 7):
        days.record(f"evt_{number:04}", BEGIN + number, state="DEAD_LETTERED")
    days.run()
    said = days.said()
    assert (len(said["open"]), said["openNotNamed"]) == (MAX_OPEN, 7)
    assert days.page().count("<li><code>acme:evt_") == MAX_OPEN
    assert "and 7 more" in days.page()


def test_an_unreadable_dead_letter_and_a_provider_that_is_gone_are_told_of(days):
    days.record("sha256:1", provider="unreadable", state="DEAD_LETTERED")
    days.run()
    assert numbers(days.said(provider="unreadable")) == {"received": 1, "deadLettered": 1}
    days.clock.now += WHOLE_DAY
    days.record("evt_1", BEGIN + WHOLE_DAY)
    days.run(providers={"acme": None, "old": None})
    days.clock.now += WHOLE_DAY
    days.record("evt_2", BEGIN + 2 * WHOLE_DAY)
    days.run(providers={"old": None})
    said = days.said("2026-02-02")
    assert numbers(said) == {"received": 1, "routed": 1}
    assert (said["accepted"], said["refused"]) == (None, None)
    assert "accepted, refused, of acme: it is not deployed any more" in days.chain()[-1].said["notCovered"]
    # also of what comes to its closed days
    days.record("evt_3", BEGIN + 2 * WHOLE_DAY)
    days.record("sha256:2", BEGIN + 2 * WHOLE_DAY, provider="unreadable", state="DEAD_LETTERED")
    days.clock.now += WHOLE_DAY
    days.run(providers={"old": None})
    for provider in ("acme", "unreadable"):
        (later,) = days.said("2026-02-03", provider)["later"]
        assert [one["received"] for one in later["accounts"]] == [1]
    # and no longer
    days.clock.now += 5 * WHOLE_DAY
    days.run(providers={"old": None})
    assert set(days.chain()[-1].providers) == {"old", "unreadable"}


# --- when it is made ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "newest"), [(2.99, BEFORE), (3.0, DAY), (26.9, DAY)])
def test_a_day_is_closed_three_hours_after_its_end(days, hours, newest):
    days.clock.now = BEGIN + WHOLE_DAY + hours * HOUR
    days.run()
    assert [one.day for one in days.chain()] == [newest]


def test_a_second_run_changes_nothing(days):
    days.record("evt_1", state="RECORDED")
    days.run()
    first = days.stored()
    days.record("evt_1")
    assert days.run() == {"written": [], "complete": True}
    assert days.stored() == first
    assert all(len(versions) == 1 for versions in days.s3.versions.values())


def test_skipped_days_are_made_up_for_in_order(days):
    days.run()
    days.record("evt_1", BEGIN + WHOLE_DAY)
    days.clock.now += 3 * WHOLE_DAY
    assert days.run()["written"] == [NEXT, "2026-02-02", "2026-02-03"]
    chain = days.chain()
    assert [one.said["previous"] and one.said["previous"]["sha256"] for one in chain] == [
        None,
        *(one.sha256 for one in chain[:-1]),
    ]
    assert list(broken_links(chain)) == []
    assert numbers(days.said(NEXT)) == {"received": 1, "routed": 1}
    assert days.said("2026-02-02")["accounts"] == []


def calls_of_a_run(fill):
    """Return how many calls a whole run makes, and what it writes."""
    world, calls = StatementWorld(), []
    fill(world)
    s3, dynamodb = (Mortal(one, calls, 0, after=False) for one in (world.s3, world.dynamodb))
    world.run(s3=s3, dynamodb=dynamodb)
    return calls, world.stored()


def some_days(world):
    world.clock.now = MADE_AT - WHOLE_DAY
    world.listing(["evt_1", "evt_2"], BEGIN - HOUR, account="acct_1")
    world.record("evt_3", BEGIN - HOUR, state="DEAD_LETTERED")
    world.run()
    world.clock.now = MADE_AT
    world.record("evt_3", BEGIN - HOUR)
    world.record("evt_4", BEGIN - HOUR)
    world.record("evt_5", state="RECORDED")
    world.told.clear()


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_at_any_call_and_run_again_writes_the_same_and_tells_it(after):
    calls, expected = calls_of_a_run(some_days)
    deadly = [number for number, name in enumerate(calls, start=1) if "object" in name]
    # Of the many reads of empty hours, some.
    deadly += range(1, len(calls) + 1, 60)
    for number in sorted(set(deadly)):
        world, made = StatementWorld(), []
        some_days(world)
        s3, dynamodb = (Mortal(one, made, number, after=after) for one in (world.s3, world.dynamodb))
        with pytest.raises(CrashError):
            world.run(s3=s3, dynamodb=dynamodb)
        world.run()
        assert world.stored() == expected, (number, calls[number - 1])
        assert {day for day, _ in world.told} == {DAY}, (number, calls[number - 1])
        assert all(len(world.s3.versions[key]) == 1 for key in expected)


def test_of_two_runs_at_once_the_first_one_s_is_the_statement_and_the_page_is_of_it(days):
    days.record("evt_1", state="RECORDED")

    class Slow:
        """Writes when another run is through, which saw the event routed."""

        def __init__(self):
            self.first = True

        def __getattr__(self, name):
            return getattr(days.s3, name)

        def put_object(self, **arguments):
            if self.first:
                self.first = False
                days.record("evt_1")
                days.run()
            return days.s3.put_object(**arguments)

    assert days.run(s3=Slow())["complete"]
    assert numbers(days.said()) == {"received": 1, "routed": 1}
    assert len(set(days.told)) == 1
    assert days.chain()[0].sha256 in days.page()
    assert all(len(versions) == 1 for versions in days.s3.versions.values())


def test_a_run_whose_time_ends_goes_on_where_it_ended(days):
    def fill(world):
        for number in range(30):
            at = BEGIN + (number % 24) * HOUR
            world.listing([f"evt_{number}_{one}" for one in range(3)], at, account=f"acct_{number % 2}")

    fill(days)
    whole = StatementWorld()
    fill(whole)
    whole.run()
    # When each run has time for seven reads
    runs = 0
    while True:
        left = iter([STOP_SECONDS] * 7)
        made = days.run(lambda left=left: next(left, 0.0))
        runs += 1
        if made["complete"]:
            break
        assert made["written"] == []
        assert days.stored() == {}
    # Then each goes on, and together they write what one would
    assert runs == 7  # 24 hours of two providers
    assert days.stored() == whole.stored()


def test_progress_of_another_day_or_of_another_chain_is_not_gone_on_with(days):
    days.record("evt_1")
    stale = {"day": DAY, "previous": "of another chain", "tallies": {f"{DAY} acme": {"hour": 24}}, "entries": {}}
    days.s3.put_object(Key=PROGRESS_KEY, Body=json.dumps(stale).encode())
    days.run()
    assert numbers(days.said()) == {"received": 1, "routed": 1}


def test_a_run_whose_time_ends_in_a_long_quarantine_goes_on_there(days, monkeypatch):
    monkeypatch.setattr("lambdas.statement.logic.NAMES_AT_ONCE", 10)
    for number in range(25):
        days.s3.put_object(Key=f"quarantine/acme/20260131T000000.{number:03}Z-a", Body=b"")
    made = []
    while not made or not made[-1]["complete"]:
        # Time for all records, and no more
        left = iter([STOP_SECONDS] * (0 if made else 2 * 24))
        made.append(days.run(lambda left=left: next(left, 0.0)))
    assert [one["complete"] for one in made] == [False, False, True]
    assert days.said()["quarantined"] == 25


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{}",
        "7",
        json.dumps({"day": DAY, "previous": None, "tallies": []}),
        json.dumps({"day": DAY, "previous": None, "tallies": {"x": {"gone": 1}}, "entries": {}}),
    ],
)
def test_progress_that_cannot_be_read_is_not_gone_on_with(days, kept):
    days.record("evt_1")
    days.s3.put_object(Key=PROGRESS_KEY, Body=kept.encode())
    days.run()
    assert numbers(days.said()) == {"received": 1, "routed": 1}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(min_value=-2, max_value=25),
            st.sampled_from(["ROUTED", "HELD", "DEAD_LETTERED", "CONFLICTING", "RECORDED", None]),
            st.sampled_from([None, "acct_1", "acct_2"]),
            st.sampled_from([None, "live", "test"]),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.integers(min_value=1, max_value=60),
)
def test_every_record_of_the_day_is_counted_once_wherever_runs_end(records, reads):
    world = StatementWorld()
    for number, (hour, state, account, mode, recovered) in enumerate(records):
        of = {"account": account, "mode": mode, "recovered": recovered or None}
        more = {name: value for name, value in of.items() if value is not None}
        world.record(f"evt_{number}", BEGIN + hour * HOUR, state=state, **more)
    for _ in range(60):
        left = iter([STOP_SECONDS] * reads)
        if world.run(lambda left=left: next(left, 0.0))["complete"]:
            break
    of_day = [one for one in records if 0 <= one[0] < 24]
    said = world.said()
    for name, count in {
        "received": len(of_day),
        "routed": sum(one[1] == "ROUTED" for one in of_day),
        "waiting": sum(one[1] in {"RECORDED", None} for one in of_day),
        "recovered": sum(one[4] for one in of_day),
    }.items():
        assert sum(one[name] for one in said["accounts"]) == count
    assert {(one["account"], one["mode"]) for one in said["accounts"]} == {(one[2], one[3]) for one in of_day}


# --- what came of it ------------------------------------------------------------------------------------------------


def test_the_next_statement_says_what_became_of_what_was_open(days):
    days.record("evt_1", state="RECORDED")
    days.record("evt_2", state="DEAD_LETTERED")
    days.record("evt_3", state="DEAD_LETTERED")
    days.record("evt_4", state="DEAD_LETTERED")
    days.run()
    days.record("evt_1")
    days.record("evt_3", state="DEAD_LETTERED", erasedAt="2026-02-01T10:00:00.000Z")
    days.dynamodb._write("of-the-tests", ("event acme:evt_4", "-"), None)
    days.clock.now += WHOLE_DAY
    days.run()
    said = days.said(NEXT)
    assert [(one["event"], one["was"], one["is"]) for one in said["settled"]] == [
        ("acme:evt_1", "waiting", "routed"),
        ("acme:evt_3", "deadLettered", "erased"),
        ("acme:evt_4", "deadLettered", None),
    ]
    assert [(one["event"], one["day"]) for one in said["open"]] == [("acme:evt_2", DAY)]
    assert f"acme:evt_4 of {DAY} was open, and its record is gone" in differences(days, NEXT)
    # and it is followed until it is at an end
    days.clock.now += WHOLE_DAY
    days.run()
    assert [one["event"] for one in days.said("2026-02-02")["open"]] == ["acme:evt_2"]


def test_what_waits_for_another_day_is_a_difference_again(days):
    days.record("evt_1", state="RECORDED")
    days.run()
    days.clock.now += WHOLE_DAY
    days.run()
    assert differences(days, NEXT) == [f"acme:evt_1 of {DAY} is still neither routed, nor held, nor given up"]


def test_what_is_recorded_after_its_day_was_closed_is_in_the_next_statement_and_once(days):
    days.listing(["evt_1", "evt_2", "evt_3"], account="acct_1", mode="live")
    days.run()
    # When quarantined webhooks of the day are verified anew
    days.listing(["evt_4", "evt_5", "evt_6"], account="acct_1", mode="live")
    days.record("evt_7", account="acct_2", mode="live")
    days.clock.now += WHOLE_DAY
    days.run()
    days.clock.now += WHOLE_DAY
    days.run()
    assert days.said(NEXT)["later"] == [
        {
            "day": DAY,
            "entries": 3,
            "accounts": [
                {"account": "acct_1", "mode": "live", "received": 3, "recovered": 0},
                {"account": "acct_2", "mode": "live", "received": 1, "recovered": 0},
            ],
        }
    ]
    assert days.said("2026-02-02")["later"] == []
    assert differences(days, NEXT) == []


def test_what_is_open_of_what_came_to_a_closed_day_is_named_and_followed(days):
    days.record("evt_1", state="DEAD_LETTERED")
    days.run()
    days.record("evt_2", state="DEAD_LETTERED")
    days.record("evt_3", state="RECORDED")
    days.clock.now += WHOLE_DAY
    days.run()
    assert [one["event"] for one in days.said(NEXT)["open"]] == ["acme:evt_1", "acme:evt_2", "acme:evt_3"]
    assert differences(days, NEXT) == [f"acme:evt_3 of {DAY} is still neither routed, nor held, nor given up"]
    days.record("evt_2")
    days.clock.now += WHOLE_DAY
    days.run()
    assert [(one["event"], one["is"]) for one in days.said("2026-02-02")["settled"]] == [("acme:evt_2", "routed")]


def test_what_was_open_and_not_named_is_said_to_be_followed_no_more(days, monkeypatch):
    monkeypatch.setattr("lambdas.statement.counting.MAX_OPEN", 2)
    for number in range(5):
        days.record(f"evt_{number}", state="DEAD_LETTERED")
    days.run()
    assert days.said()["openNotNamed"] == 3
    days.clock.now += WHOLE_DAY
    days.run()
    told = [one for one in days.chain()[-1].said["notCovered"] if one.startswith("open")]
    assert told == [f"open, of acme: 3 events that the statement of {DAY} counts and does not name"]


def test_fewer_records_than_were_stated_are_a_difference(days):
    days.record("evt_1")
    days.record("evt_2")
    days.run()
    days.dynamodb._write("of-the-tests", ("event acme:evt_2", "-"), None)
    days.clock.now += WHOLE_DAY
    days.run()
    assert differences(days, NEXT) == [f"{DAY} has fewer records than was stated"]


# --- what others say ------------------------------------------------------------------------------------------------


def test_what_was_accepted_refused_and_quarantined_is_of_the_day_and_the_provider(days):
    ingestion = {"service": "ingestion-of-the-tests", "provider": "acme"}
    days.cloudwatch.count("Accepted", 5, BEGIN, **ingestion)
    days.cloudwatch.count("Accepted", 2, BEGIN + WHOLE_DAY - 1, **ingestion)
    days.cloudwatch.count("Accepted", 9, BEGIN + WHOLE_DAY, **ingestion)
    days.cloudwatch.count("Refused", 3, BEGIN, **ingestion, reason="signature_mismatch")
    days.cloudwatch.count("Refused", 1, BEGIN - 1, **ingestion, reason="too_old")
    days.cloudwatch.count("Refused", 4, BEGIN, service="another", provider="acme", reason="signature_mismatch")
    for key in ("20260131T000000.000Z-a", "20260131T235959.999Z-b", "20260201T000000.000Z-c"):
        days.s3.put_object(Key=f"quarantine/acme/{key}", Body=b"")
    days.run()
    said = days.said()
    assert (said["accepted"], said["refused"], said["quarantined"]) == (7, {"signature_mismatch": 3}, 2)
    assert "3 signature_mismatch" in days.page()


def test_what_is_not_asked_is_said_and_not_made_up(days):
    days.run(ingestion=None, quarantines=False)
    said = days.said()
    assert (said["accepted"], said["refused"], said["quarantined"], said["list"]) == (None, None, None, None)
    told = days.chain()[0].said["notCovered"]
    assert [one.split(":")[0] for one in told] == [
        "accepted, refused",
        "quarantined",
        "what the provider has, of acme",
        "delivered",
    ]
    assert days.page().count("not asked") == 4


def test_metrics_of_long_ago_are_not_asked_for(days):
    days.run()
    days.clock.now += 20 * WHOLE_DAY
    days.run()
    assert days.said(NEXT)["refused"] is None
    assert days.said("2026-02-20")["refused"] == {}


def test_what_tenants_took_is_counted_by_provider_and_tenant(days):
    for metric, number in (("Delivered", 5), ("FailedAttempts", 2), ("DeadLettered", 1)):
        of = {"service": "worker", "tenant": "acme-tenant"}
        days.cloudwatch.count(metric, number, BEGIN, **of, provider="acme")
        days.cloudwatch.count(metric, 10 * number, BEGIN, **of, provider="other")
        # of all of its events
        days.cloudwatch.count(metric, 100 * number, BEGIN, **of)
    tenants = {"other": {"acme-tenant": None}, "acme": {"acme-tenant": ["acct_1", "acct_2"], "globex": None}}
    days.run(delivery_worker="worker", tenants=tenants, providers={"acme": None, "other": None, "third": None})
    assert days.said()["delivered"] == [
        {"tenant": "acme-tenant", "accounts": ["acct_1", "acct_2"], "delivered": 5, "failedAttempts": 2, "givenUp": 1},
        {"tenant": "globex", "accounts": None, "delivered": 0, "failedAttempts": 0, "givenUp": 0},
    ]
    assert [one["delivered"] for one in days.said(provider="other")["delivered"]] == [50]
    assert days.said(provider="third")["delivered"] == []
    assert "<td>acme-tenant</td><td>acct_1, acct_2</td><td>5</td><td>2</td><td>1</td>" in days.page()
    assert "<td>globex</td><td>any</td><td>0</td>" in days.page()


def hourly(world, hours, **more):
    """Write the reports of hourly windows that overlap by an hour, of some of the hours after the day's beginning."""
    for hour in hours:
        since, until = (datetime.fromtimestamp(BEGIN + at * HOUR, UTC) for at in (hour - 2, hour))
        world.report(*(f"{at:%Y-%m-%dT%H:%M:%S}.000Z" for at in (since, until)), **more)


def test_what_the_provider_has_is_of_the_windows_about_the_day(days):
    hourly(days, range(-1, 28), listed=10, present=9, unwanted=1)
    hourly(days, [5], dry_run=True, listed=100)
    days.run(providers={"acme": HOUR})
    # Those that ended in it, and the first one behind it.
    assert days.said()["list"] == {
        "windows": 24 + 1,
        "since": "2026-01-30T22:00:00.000Z",
        "until": "2026-02-01T00:00:00.000Z",
        "listed": 250,
        "present": 225,
        "recovered": 0,
        "unreadable": 0,
        "unwanted": 25,
        "notByAccount": 0,
    }
    assert differences(days) == []


def test_what_the_provider_has_of_the_day_is_beside_what_was_received(days):
    days.record("evt_1", account="acct_1", mode="live")
    hourly(days, range(-1, 24), by_day=[("2026-01-30", "acct_1", "live", 7), (DAY, "acct_1", "live", 2)])
    hourly(days, [24], by_day=[(DAY, "acct_2", None, 1), (NEXT, "acct_2", None, 9)])
    days.run(providers={"acme": HOUR})
    rows = days.said()["accounts"]
    assert [(one["account"], one["mode"], one["providerHas"], one["received"]) for one in rows] == [
        ("acct_1", "live", 2 * 24, 1),
        ("acct_2", None, 1, 0),
    ]
    assert "<td>acct_1</td><td>live</td><td>48</td><td>1</td>" in days.page()
    assert "<td>acct_2</td><td>-</td><td>1</td><td>0</td>" in days.page()


def test_events_of_more_accounts_than_a_report_names_are_said_to_be_in_no_row(days):
    hourly(days, range(-1, 24), not_named=3)
    hourly(days, [24], listed=9, present=9, not_named=6)
    days.run(providers={"acme": HOUR})
    assert days.said()["list"]["notByAccount"] == 3 * 24 + 6
    told = [one for one in days.chain()[0].said["notCovered"] if one.startswith("providerHas")]
    assert told == ["providerHas, of acme: 78 events of more accounts than the reports name"]


def windows(world, ends, until):
    """Write what windows have of a provider with an event every hour, of those that ended at hours before a time."""
    for start, end in pairwise([-1.0, *ends]):
        if BEGIN + end * HOUR < until:
            found = Counter(
                datetime.fromtimestamp(BEGIN + hour * HOUR, UTC).date().isoformat()
                for hour in range(ceil(start), ceil(end))
            )
            at = (times.iso(BEGIN + hour * HOUR) for hour in (start - 1, end))
            world.report(*at, by_day=[(day, "acct_1", "live", number) for day, number in found.items()])


def has_of(world, day):
    """Return what the statements say together that a provider has of a day."""
    parts = [part for one in world.chain() for part in one.providers["acme"]["providerHasLater"] if part["day"] == day]
    return sum(part["providerHas"] for part in [*world.said(day)["accounts"], *parts])


@pytest.mark.parametrize(
    ("every", "ends", "first"),
    [
        (HOUR, [-1.1, *(hour + 0.1 for hour in range(23)), 28, *range(29, 100)], 23),
        (WHOLE_DAY, [-12.2, 11.8, 35.8, 59.8, 83.8], 12),
        (WHOLE_DAY, [-12.2, 11.8, 83.8], 12),
        (12 * HOUR, [-7, 5, 17, 29, 41, 53, 65, 77], 17),
        (WHOLE_DAY, [83.8], None),
    ],
)
def test_what_windows_after_the_statement_have_of_the_day_is_in_a_later_statement_and_once(days, every, ends, first):
    for number in range(3):
        days.clock.now = MADE_AT + number * WHOLE_DAY
        windows(days, ends, days.clock.now)
        days.run(providers={"acme": every})
    days.clock.now = MADE_AT + 3 * WHOLE_DAY
    windows(days, ends, days.clock.now)
    days.run(providers={"acme": every})

    # The statement says until when it counts, on its page too
    until = times.iso(BEGIN + max([0, *(end for end in ends if end < 24 and first)]) * HOUR)
    told = f"providerHas, of acme: events from {until} on; a later statement adds what its windows have of them"
    assert told in days.chain()[0].said["notCovered"]
    assert told in days.page()
    assert [one["providerHas"] for one in days.said()["accounts"]] == ([first] if first else [])
    # and later ones add the rest
    assert [has_of(days, day) for day in (DAY, NEXT, "2026-02-02")] == [24, 24, 24]
    added = [
        one for one in days.chain() if any(part["day"] == DAY for part in one.providers["acme"]["providerHasLater"])
    ]
    (line,) = [part["providerHas"] for part in added[0].providers["acme"]["providerHasLater"] if part["day"] == DAY]
    assert f"<li>{DAY}, acct_1, live: {line}</li>" in days.page(added[0].day)


@settings(max_examples=8, deadline=None)
@given(st.sets(st.integers(min_value=0, max_value=95 * 4), max_size=20))
def test_each_event_of_the_provider_is_counted_once_wherever_windows_end(quarters):
    world = StatementWorld()
    for number in range(4):
        world.clock.now = MADE_AT + number * WHOLE_DAY
        windows(world, [*(each / 4 for each in sorted(quarters)), 96], world.clock.now)
        world.run(providers={"acme": WHOLE_DAY}, look_back_days=4)
    assert [has_of(world, one.day) for one in world.chain()] == [24] * 4


def test_a_statement_of_an_earlier_version_gets_the_rest_of_its_day(days):
    windows(days, [-1, 23], MADE_AT)
    days.run(providers={"acme": HOUR})
    said = json.loads(days.s3.objects[key_of(DAY)])
    for one in said["providers"]:
        del one["providerHasLater"]
    days.s3.versions[key_of(DAY)] = [json.dumps(said).encode()]
    days.s3.versions[page_key_of(DAY)] = [page_of(days.chain()[0]).encode()]
    days.clock.now += WHOLE_DAY
    windows(days, [-1, 23, 27, 48], days.clock.now)
    days.run(providers={"acme": HOUR})
    assert [(one["day"], one["providerHas"]) for one in days.said(NEXT)["providerHasLater"]] == [(DAY, 1)]


def test_a_window_whose_report_came_after_the_statement_is_in_the_next_one(days):
    # Given a window that ended in the day, and was read until after its statement was made
    windows(days, [-1, 20], MADE_AT)
    days.run(providers={"acme": HOUR})
    days.clock.now += WHOLE_DAY
    windows(days, [-1, 20, 22], days.clock.now)
    hourly(days, range(24, 49))
    days.run(providers={"acme": HOUR})
    assert (days.said(NEXT)["list"]["windows"], has_of(days, DAY)) == (26, 22)
    assert differences(days, NEXT) == []
    # and what no window has between them is a difference
    days.clock.now += WHOLE_DAY
    hourly(days, range(52, 73))
    days.run(providers={"acme": HOUR})
    told = "from 2026-02-02T00:00:00.000Z to 2026-02-02T02:00:00.000Z nothing was compared with its list"
    assert differences(days, "2026-02-02") == [told]


def test_where_nobody_asked_what_the_provider_has_the_statement_does_not_say(days):
    days.record("evt_1")
    days.run()
    assert [one["providerHas"] for one in days.said()["accounts"]] == [None]
    assert "<td>-</td><td>-</td><td>-</td><td>1</td>" in days.page()


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ([-1, *range(3, 25)], "from 2026-01-31T00:00:00.000Z to 2026-01-31T01:00:00.000Z nothing was compared"),
        ([*range(5), *range(8, 25)], "from 2026-01-31T04:00:00.000Z to 2026-01-31T06:00:00.000Z nothing was compared"),
        (range(-1, 22), "its list was not compared to the end of the day"),
        ([-1], "its list was not compared to the end of the day"),
    ],
)
def test_a_part_of_the_day_that_was_not_compared_is_a_difference(days, hours, told):
    hourly(days, hours)
    days.run(providers={"acme": HOUR})
    assert [one[: len(told)] for one in differences(days)] == [told]


@pytest.mark.parametrize("every", [12 * HOUR, WHOLE_DAY])
def test_a_whole_day_without_a_window_is_a_difference_however_far_runs_are_apart(days, every):
    hourly(days, [-1])
    days.run(providers={"acme": every})
    assert differences(days) == ["its list was not compared to the end of the day"]


@pytest.mark.parametrize("hours", [range(23), range(9, 26), [], [30]])
def test_a_run_that_is_late_and_reconciliation_that_begins_are_no_difference(days, hours):
    hourly(days, hours)
    days.run(providers={"acme": HOUR})
    assert differences(days) == []


def test_numbers_of_a_list_that_do_not_add_up_and_problems_are_differences(days):
    hourly(days, range(-1, 12))
    hourly(days, [12], listed=10, present=8, problems=["1 entries of the list cannot be read"], unreadable=1)
    hourly(days, range(13, 25))
    days.run(providers={"acme": HOUR})
    assert differences(days) == [
        "1 entries of the list cannot be read",
        "of the list until 2026-01-31T12:00:00.000Z, 1 entries are neither recorded, recovered, nor left out",
    ]


def test_a_recovered_event_without_a_record_is_a_difference(days):
    days.record("evt_1", recovered=True)
    hourly(days, range(-1, 24))
    hourly(days, [24], recovered=["evt_1", "evt_2"], listed=2)
    days.run(providers={"acme": HOUR})
    assert differences(days) == ["1 recovered events have no record: evt_2"]
    assert days.said()["recoveredWithoutRecord"] == ["evt_2"]


def test_recovered_events_that_no_report_names_are_said_not_to_be_looked_for(days):
    days.record("evt_1", recovered=True)
    hourly(days, range(-1, 24))
    hourly(days, [24], listed=3, recovered=["evt_1"], recovered_of_all=3)
    days.run(providers={"acme": HOUR})
    told = [one for one in days.chain()[0].said["notCovered"] if one.startswith("recoveredWithoutRecord")]
    assert told == ["recoveredWithoutRecord, of acme: 2 events that the reports count and do not name"]


# --- the chain, and the page ----------------------------------------------------------------------------------------


def test_a_day_that_is_missing_before_is_a_difference_of_the_next_statement(days):
    days.run()
    for _ in range(3):
        days.clock.now += WHOLE_DAY
        days.run()
    days.s3.delete_object(Key=key_of("2026-02-02"))
    days.clock.now += WHOLE_DAY
    days.run()
    assert differences(days, "2026-02-04") == ["the statement of 2026-02-02 is missing"]


def test_nothing_is_chained_to_what_is_no_statement(days):
    days.run()
    days.s3.put_object(Key=key_of(DAY), Body=b'{"day": "2026-01-31", "providers": 7}')
    days.clock.now += WHOLE_DAY
    with pytest.raises(NotAStatementError, match=r"statements/2026-01-31\.json is no statement"):
        days.run()
    days.s3.put_object(Key=key_of(DAY), Body=days.s3.versions[key_of(DAY)][0].replace(DAY.encode(), BEFORE.encode()))
    with pytest.raises(NotAStatementError, match="is the statement of another day"):
        days.run()


def test_a_page_that_is_missing_is_written_and_its_statement_told_again(days):
    days.run()
    page = days.page()
    days.s3.versions.pop(page_key_of(DAY))
    days.told.clear()
    days.run()
    assert days.page() == page
    assert [day for day, _ in days.told] == [DAY]


def test_a_page_reads_nothing_that_a_provider_sent_as_html(days):
    bad = '<script>alert("1")</script>'
    days.record(bad, account=bad, mode=bad, state="RECORDED")
    hourly(days, [24], problems=[bad])
    days.cloudwatch.count("Refused", 1, BEGIN, service="ingestion-of-the-tests", provider="acme", reason=bad)
    days.run(providers={"acme": HOUR}, delivery_worker="worker", tenants={"acme": {bad: [bad]}})
    days.record(bad, account=bad, mode=bad)
    days.record("evt_2", account=bad)
    days.clock.now += WHOLE_DAY
    days.run(providers={"acme": HOUR})
    for page in (days.page(), days.page(NEXT)):
        assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;" in page
        assert "<script" not in page
        assert " style=" not in page
        assert "default-src 'none'; style-src 'sha256-" in page


def test_a_statement_has_no_payload_and_no_transaction(days):
    days.record("evt_1", transaction="pi_secret", amount=1099, state="RECORDED", contentType="application/json")
    days.run()
    text = days.s3.objects[key_of(DAY)].decode()
    assert "pi_secret" not in text
    assert "1099" not in text


def test_days_follow_each_other_over_months_and_years():
    assert [day_after("2027-12-31"), day_after("2028-03-01", -1)] == ["2028-01-01", "2028-02-29"]


# --- the function on the local AWS ----------------------------------------------------------------------------------


def started(cold_start, world, **changes):
    variables = {
        "TABLE_NAME": world.name,
        "BUCKET_NAME": world.name,
        "PROVIDERS": '{"acme": 3600}',
        "LOOK_BACK_DAYS": "14",
        "QUARANTINES": "on",
        "INGESTION": "ingestion-of-the-tests",
        "DELIVERY_WORKER": "worker-of-the-tests",
        "TENANTS": '{"acme": {"globex": null}}',
    }
    return cold_start("statement", **(variables | changes))


def emitted(output, metric):
    """Return the values of a metric that the function's log has."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [value for line in lines for value in line.get(metric, ())]


def test_the_function_states_what_processing_recorded_and_tells_the_digest(world, cold_start, capsys):
    due = datetime.fromtimestamp(time.time() - SETTLE_SECONDS, UTC).date().isoformat()
    day = day_after(due, -1)
    received = [envelope(event(f"evt_{number}"), received_at=f"{day}T12:00:00.{number:03}Z") for number in range(30)]
    world.process([message(one) for one in received])
    assert world.listings()
    function = started(cold_start, world)

    assert function.handler({}, lambda_context(900)) == {"written": [day], "complete": True}
    output = capsys.readouterr().out

    (_, page), (_, content) = world.objects("statements/")
    statement = Statement(day, content)
    assert numbers(statement.providers["acme"]) == {"received": 30, "routed": 30}
    assert statement.sha256 in page.decode()
    assert emitted(output, "StatementsWritten") == [1.0]
    assert emitted(output, "StatementDifferences") == []
    assert statement.sha256 in output

    assert function.handler({}, lambda_context(900)) == {"written": [], "complete": True}
    assert emitted(capsys.readouterr().out, "StatementsWritten") == []


def test_the_function_tells_differences_and_what_it_cannot_do(world, cold_start, capsys):
    due = datetime.fromtimestamp(time.time() - SETTLE_SECONDS, UTC).date().isoformat()
    received = envelope(received_at=f"{day_after(due, -1)}T12:00:00.000Z")
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([message(received)], 30.0)
    started(cold_start, world).handler({}, lambda_context(900))
    output = capsys.readouterr().out
    assert emitted(output, "StatementDifferences") == [1.0]
    assert "1 events are neither routed, nor held, nor given up" in output

    function = started(cold_start, world, BUCKET_NAME=f"{world.name}-none")
    assert function.handler({}, lambda_context(900)) == {"error": "ListObjectsV2: NoSuchBucket"}
    assert emitted(capsys.readouterr().out, "StatementFailures") == [1.0]


def test_what_is_counted_of_delivery_is_what_its_worker_counts_by_tenant():
    assert set(DELIVERY_NUMBERS) == set(PER_TENANT)
