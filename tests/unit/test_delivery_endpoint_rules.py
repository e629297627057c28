"""Breaker, rate limit, disabling, and what answers mean: rules that pass no time but the one handed in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.domain.attempt_result import BUSY_SECONDS, AttemptResult, HttpResult, classify
from lambdas.delivery.domain.circuit_breaker import (
    FIRST_OPEN_SECONDS,
    LONGEST_OPEN_SECONDS,
    THRESHOLD,
    Gate,
    gate,
    has_to_open,
    open_ms,
)
from lambdas.delivery.domain.endpoint_disabling import FEWEST_FAILURES, derived_id, failed_for_too_long
from lambdas.delivery.domain.holds import PAGE, RECHECK_SECONDS, UNSIGNABLE_PAGE, Allowance, Hold, allowance
from lambdas.delivery.domain.inbound_events import inbound_event_id
from lambdas.delivery.domain.model import Endpoint, EndpointState, Health
from lambdas.delivery.domain.rate_limit import MAX_RATE, interval_ms
from lambdas.shared import times

NOW = 1_790_000_000.0
NOW_MS = int(NOW * 1_000)

# --- what answers mean ----------------------------------------------------------------------------------------------

ANSWERS = [
    (HttpResult(status=200), AttemptResult(delivered=True, outcome="delivered")),
    (HttpResult(status=204), AttemptResult(delivered=True, outcome="delivered")),
    (HttpResult(status=299), AttemptResult(delivered=True, outcome="delivered")),
    (HttpResult(status=199), AttemptResult(delivered=False, outcome="status 199")),
    (HttpResult(status=301), AttemptResult(delivered=False, outcome="status 301")),
    (HttpResult(status=400), AttemptResult(delivered=False, outcome="status 400")),
    (HttpResult(status=410), AttemptResult(delivered=False, outcome="status 410", gone=True)),
    (HttpResult(status=429), AttemptResult(delivered=False, outcome="status 429", slow_for=BUSY_SECONDS)),
    (
        HttpResult(status=429, retry_after="90"),
        AttemptResult(delivered=False, outcome="status 429", slow_for=90.0, retry_after=90.0),
    ),
    (
        HttpResult(status=503, retry_after="7"),
        AttemptResult(delivered=False, outcome="status 503", slow_for=7.0, retry_after=7.0),
    ),
    # Its own wait, and no reason to slow others down.
    (HttpResult(status=500, retry_after="7"), AttemptResult(delivered=False, outcome="status 500", retry_after=7.0)),
    (HttpResult(status=200, retry_after="7"), AttemptResult(delivered=True, outcome="delivered")),
    (HttpResult(status=None, problem="timed out: answer"), AttemptResult(delivered=False, outcome="timed out: answer")),
    (HttpResult(status=None), AttemptResult(delivered=False, outcome="no answer")),
]


@pytest.mark.parametrize(("answer", "result"), ANSWERS)
def test_each_answer_has_its_meaning(answer, result):
    assert classify(answer, NOW) == result


@given(st.integers(100, 599), st.none() | st.text(max_size=40))
def test_only_2xx_delivers_and_only_410_is_for_ever(status, retry_after):
    result = classify(HttpResult(status=status, retry_after=retry_after), NOW)
    assert result.delivered == (200 <= status <= 299)
    assert result.gone == (status == 410)


# --- the circuit breaker --------------------------------------------------------------------------------------------


def test_the_breaker_opens_after_so_many_failures_in_a_row():
    assert not has_to_open(Health(consecutive_failures=THRESHOLD - 1))
    assert has_to_open(Health(consecutive_failures=THRESHOLD))
    assert not has_to_open(Health(consecutive_failures=THRESHOLD, open_until=NOW_MS))


def test_the_breaker_is_open_then_half_open_and_a_probe_keeps_others_out_while_it_runs():
    health = Health(open_until=NOW_MS + 60_000)
    assert gate(Health(), NOW_MS) is Gate.CLOSED
    assert gate(health, NOW_MS) is Gate.OPEN
    assert gate(health, NOW_MS + 60_000) is Gate.HALF_OPEN
    probed = replace(health, probing_until=NOW_MS + 90_000)
    assert gate(probed, NOW_MS + 60_000) is Gate.OPEN
    # A probe that died keeps nobody out for longer than its lease.
    assert gate(probed, NOW_MS + 90_000) is Gate.HALF_OPEN


def test_it_opens_for_twice_as_long_each_time_up_to_a_bound():
    seconds = [open_ms(openings) // 1_000 for openings in range(9)]
    assert seconds == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert open_ms(0) == FIRST_OPEN_SECONDS * 1_000
    assert open_ms(10**9) == LONGEST_OPEN_SECONDS * 1_000


# --- the rate limit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0, -1, MAX_RATE + 1])
def test_a_rate_out_of_range_is_named(rate):
    with pytest.raises(ValueError, match=f"rate limit {rate}, expected"):
        interval_ms(rate)


# --- what goes on of what is held up --------------------------------------------------------------------------------

HOLD = Hold(tenant_id="tnt_1", endpoint_id="ep_1", due_at=times.iso(NOW), touched_ms=NOW_MS)
MINUTE_MS = 60_000
ALLOWED = [
    # endpoint, health, whether one could not be signed; deliveries, when the next ones, only those that waited too long
    (None, Health(), False, (PAGE, MINUTE_MS, False)),
    ({"state": EndpointState.DISABLED}, Health(), False, (PAGE, MINUTE_MS, False)),
    ({"state": EndpointState.PAUSED}, Health(), False, (PAGE, 60 * MINUTE_MS, True)),
    ({}, Health(suspended_since=times.iso(NOW)), False, (PAGE, 60 * MINUTE_MS, True)),
    ({"state": EndpointState.DISABLED}, Health(suspended_since=times.iso(NOW)), False, (PAGE, MINUTE_MS, False)),
    ({}, Health(), False, (PAGE, MINUTE_MS, False)),
    ({}, Health(), True, (UNSIGNABLE_PAGE, MINUTE_MS, False)),
    ({"rate_limit": 1}, Health(), False, (60, MINUTE_MS, False)),
    ({"rate_limit": MAX_RATE}, Health(), False, (PAGE, MINUTE_MS, False)),
    ({}, Health(slow_until=NOW_MS + 5_000), False, (0, 5_000, False)),
    # An endpoint may ask for days, and be activated in between.
    ({}, Health(slow_until=NOW_MS + 10**9), False, (0, RECHECK_SECONDS * 1_000, False)),
    ({}, Health(open_until=NOW_MS + MINUTE_MS), False, (0, MINUTE_MS, False)),
    ({}, Health(open_until=NOW_MS), False, (1, MINUTE_MS, False)),
]


@pytest.mark.parametrize(("changes", "health", "unsignable", "expected"), ALLOWED)
def test_so_many_go_on_and_then_there_is_a_next_time(changes, health, unsignable, expected):
    number, wait_ms, only_expired = expected

    found = allowance(
        replace(HOLD, unsignable=unsignable), None if changes is None else endpoint(**changes), health, NOW_MS
    )

    assert found == Allowance(number=number, next_ms=NOW_MS + wait_ms, only_expired=only_expired)


# --- disabling ------------------------------------------------------------------------------------------------------

LONG_AGO = NOW_MS - 120 * 3_600_000

FAILING = [
    (Health(), False),
    (Health(consecutive_failures=FEWEST_FAILURES, failing_since=LONG_AGO), True),
    (Health(consecutive_failures=FEWEST_FAILURES, failing_since=LONG_AGO + 1), False),
    (Health(consecutive_failures=FEWEST_FAILURES - 1, failing_since=LONG_AGO), False),
]


@pytest.mark.parametrize(("health", "expected"), FAILING)
def test_an_endpoint_is_disabled_after_long_enough_and_often_enough(health, expected):
    assert failed_for_too_long(health, NOW_MS, 120) is expected


def endpoint(**changes):
    values = {
        "tenant_id": "tnt_1",
        "endpoint_id": "ep_1",
        "url": "https://hooks.example.com/a?token=secret",
        "filters": {},
        "secrets": (),
        "headers": {},
        "created_at": times.iso(NOW - 9),
        "updated_at": times.iso(NOW - 5),
    }
    return Endpoint(**(values | changes))


OF_THE_BUS = ["acme", "webhooks.stripe", "stripe", "evt_1", "", "2026-01-01T00:00:00Z"]


def test_an_event_of_the_bus_has_the_id_that_it_always_had():
    # Tenants' receivers have seen these ids, and operators look them up.
    assert inbound_event_id("acme", OF_THE_BUS[1:-1], OF_THE_BUS[-1]) == "evt_01KDVDNA004KS19QAYP58317J5"
    assert inbound_event_id("acme", ["orders", "b-1"], "") == "evt_00000000007TQ0D9RSDHSSQM20"


@pytest.mark.parametrize("place", range(len(OF_THE_BUS)))
def test_each_part_of_its_identity_makes_another_event_of_the_bus(place):
    tenant, *identity, occurred = [*OF_THE_BUS[:place], "2027-01-01T00:00:00Z", *OF_THE_BUS[place + 1 :]]

    assert inbound_event_id(tenant, identity, occurred) != "evt_01KDVDNA004KS19QAYP58317J5"


def test_derived_ids_have_the_form_of_ids_and_sort_by_time():
    ids = [derived_id(f"identity {second}", 1_790_000_000 + second) for second in range(0, 5_000, 7)]
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {30}
    assert all(one.startswith("evt_") and one[4:].isalnum() for one in ids)
