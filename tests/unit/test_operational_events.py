"""Operational events: which there is one of, and what each tells."""

import json
from dataclasses import replace

import pytest

from lambdas.delivery.domain import operational_events as told
from lambdas.delivery.domain.circuit_breaker import THRESHOLD
from lambdas.delivery.domain.ids import EVENT, is_id
from lambdas.delivery.domain.model import Delivery, DeliveryState, Endpoint, Health
from lambdas.delivery.domain.retention import Retention
from lambdas.shared import times

NOW = 1_790_000_000.0
HOUR_MS = 3_600_000
ENDPOINT = Endpoint(
    tenant_id="acme",
    endpoint_id="ep_1",
    url="https://example.com/hooks?token=secret",
    filters={},
    secrets=(),
    headers={"Authorization": "secret"},
    created_at=times.iso(NOW - 9),
    updated_at=times.iso(NOW - 5),
)
DELIVERY = Delivery(
    tenant_id="acme",
    event_id="evt_1",
    endpoint_id="ep_1",
    event_type="invoice.paid",
    state=DeliveryState.DLQ,
    reason="attempts used up: status 500",
    attempts=9,
    created_at=times.iso(NOW),
    updated_at=times.iso(NOW),
    expires_at=0,
)
HEALTH = Health(consecutive_failures=7, failing_since=int(NOW * 1_000))
SINCE = int(NOW * 1_000)
# What is told, the same thing found out again, and something else of the kind
KINDS = {
    told.DISABLED_EVENT: (
        told.disabled(ENDPOINT, "answered 410"),
        told.disabled(ENDPOINT, "answered 410"),
        told.disabled(replace(ENDPOINT, updated_at=times.iso(NOW)), "answered 410"),
    ),
    told.FAILING_EVENT: (
        told.failing(ENDPOINT, HEALTH),
        told.failing(ENDPOINT, replace(HEALTH, consecutive_failures=8)),
        told.failing(ENDPOINT, replace(HEALTH, failing_since=SINCE + 1)),
    ),
    told.RECOVERED_EVENT: (
        told.recovered(ENDPOINT, SINCE),
        told.recovered(ENDPOINT, SINCE),
        told.recovered(ENDPOINT, SINCE + 1),
    ),
    told.GIVEN_UP_EVENT: (
        told.given_up(DELIVERY),
        told.given_up(replace(DELIVERY, event_id="evt_2", updated_at=times.iso(NOW + 60))),
        told.given_up(replace(DELIVERY, updated_at=times.iso(NOW + 3_600))),
    ),
    told.QUOTA_REACHED_EVENT: (
        told.quota_reached("acme", 10, NOW),
        told.quota_reached("acme", 20, NOW + 1),
        told.quota_reached("acme", 10, NOW + 86_400),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_event_about_one_thing_whoever_finds_it_out(kind):
    first, again, other = KINDS[kind]
    assert {first.kind, again.kind, other.kind} == {kind}
    assert first.event_id == again.event_id != other.event_id
    assert is_id(EVENT, first.event_id)
    # And no two kinds, tenants or endpoints share one
    others = [one.event_id for found in KINDS.values() for one in found if one.kind != kind]
    assert first.event_id not in others
    assert replace(first, tenant_id="globex").event_id != first.event_id


@pytest.mark.parametrize("kind", KINDS)
def test_its_event_is_for_the_other_endpoints_and_holds_nothing_secret(kind):
    event, payload = KINDS[kind][0].event(NOW, Retention())
    assert (event.event_type, event.operational) == (kind, True)
    assert event.not_for == (None if kind == told.QUOTA_REACHED_EVENT else "ep_1")
    assert told.is_reserved(event.event_type)
    assert event.size == len(payload)
    assert b"secret" not in payload
    # The next sweep hands it out.
    assert event.due_at == event.next_attempt_at == times.iso(NOW)


def test_each_kind_tells_what_is_documented():
    hour = times.iso(NOW // 3_600 * 3_600 + 3_600)
    assert {kind: found[0].data for kind, found in KINDS.items()} == {
        told.DISABLED_EVENT: {"endpointId": "ep_1", "reason": "answered 410"},
        told.FAILING_EVENT: {"endpointId": "ep_1", "failingSince": times.iso(NOW), "failures": 7},
        told.RECOVERED_EVENT: {"endpointId": "ep_1", "troubledSince": times.iso(NOW)},
        told.GIVEN_UP_EVENT: {
            "endpointId": "ep_1",
            "eventId": "evt_1",
            "reason": "attempts used up: status 500",
            "attempts": 9,
            "standsForAllUntil": hour,
        },
        told.QUOTA_REACHED_EVENT: {
            "quota": "eventsPerDay",
            "limit": 10,
            "until": times.iso(NOW // 86_400 * 86_400 + 86_400),
        },
    }
    payload = KINDS[told.DISABLED_EVENT][0].event(NOW, Retention())[1]
    assert json.loads(payload)["timestamp"] == times.iso(NOW)


@pytest.mark.parametrize(
    ("failures", "since_ms", "failing"),
    [
        (THRESHOLD, SINCE - HOUR_MS, True),
        (THRESHOLD, SINCE - HOUR_MS + 1, False),
        (THRESHOLD - 1, SINCE - 9 * HOUR_MS, False),
        (0, None, False),
    ],
)
def test_an_endpoint_is_failing_after_an_hour_of_enough_failures(failures, since_ms, failing):
    assert told.is_failing(Health(consecutive_failures=failures, failing_since=since_ms), SINCE) is failing
