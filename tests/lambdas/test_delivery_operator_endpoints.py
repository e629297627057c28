"""Operators see why endpoints are as they are, and stop them; tenants cannot undo that."""

import time

import pytest

from lambdas.delivery.queue.messages import ResumeEndpoint
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.health import HealthStore
from lambdas.shared import times
from tests.lambdas.support import NOW
from tests.lambdas.test_delivery_api_lists import delivery

NOW_MS = int(NOW * 1_000)
SECRETS = {"headers": {"X-Key": "sesame"}, "url": "https://user-agent.example.com/hooks?token=sesame"}
ENDPOINTS = "/operator/tenants/acme/endpoints"


@pytest.fixture
def endpoint_id(tenant_api):
    return tenant_api.create_endpoint(**SECRETS)["endpointId"]


def test_endpoints_are_listed_in_pages_without_anything_secret(operator_api, tenant_api):
    ids = sorted(tenant_api.create_endpoint(**SECRETS)["endpointId"] for _ in range(5))

    found, after = [], None
    while True:
        page = operator_api("GET", ENDPOINTS, query={"limit": 2, **({"after": after} if after else {})})
        assert "sesame" not in page.raw
        assert "whsec_" not in page.raw
        found += page.json["endpoints"]
        after = page.json["next"]
        if after is None:
            break

    assert [one["endpointId"] for one in found] == ids
    assert {(one["url"], one["state"], one["stoppedBy"]) for one in found} == {
        ("https://user-agent.example.com/hooks", "ACTIVE", None)
    }
    assert operator_api("GET", "/operator/tenants/nobody/endpoints").json == {"endpoints": [], "next": None}


def test_what_waits_for_an_endpoint_that_is_disabled_is_looked_at_now(operator_api, endpoint_id, place):
    # Given deliveries that are looked at again in an hour
    due = DueStore(place.dynamodb, place.events_table)
    now_ms = int(time.time() * 1_000)
    due.hold("acme", endpoint_id, now_ms + 3_600_000, now_ms)

    for act in ("pause", "disable"):
        answer = operator_api("POST", f"{ENDPOINTS}/{endpoint_id}/{act}", {"reason": "leaks"})
        assert answer.status == 200, answer.raw
        assert (answer.json["nextLookAt"] <= times.iso(time.time())) is (act == "disable")


def test_an_endpoint_is_shown_with_what_holds_it_up(operator_api, endpoint_id, place):
    # Given an endpoint with an open breaker, that asked for time, and two deliveries that wait
    health = HealthStore(place.dynamodb, place.endpoints_table)
    now_ms = int(times.parse("2100-01-01T00:00:00Z") * 1_000)
    for _ in range(5):
        health.failed("acme", endpoint_id, now_ms, None)
    health.slow_down("acme", endpoint_id, now_ms + 7_000)
    due = DueStore(place.dynamodb, place.events_table)
    due.hold("acme", endpoint_id, now_ms + 60_000, now_ms)
    for number in range(2):
        place.deliveries.create(delivery(f"evt_{number}", endpoint_id, NOW, held=True, due_at=times.iso(NOW)))

    answer = operator_api("GET", f"{ENDPOINTS}/{endpoint_id}")

    assert answer.status == 200, answer.raw
    assert {name: answer.json[name] for name in (
        "breaker", "openUntil", "consecutiveFailures", "failingSince", "slowUntil", "waiting", "nextLookAt",
        "tenantSuspendedSince", "state", "stoppedBy",
    )} == {
        "breaker": "open",
        "openUntil": "2100-01-01T00:01:00.000Z",
        "consecutiveFailures": 5,
        "failingSince": "2100-01-01T00:00:00.000Z",
        "slowUntil": "2100-01-01T00:00:07.000Z",
        "waiting": 2,
        "nextLookAt": "2100-01-01T00:01:00.000Z",
        "tenantSuspendedSince": None,
        "state": "ACTIVE",
        "stoppedBy": None,
    }  # fmt: skip
    assert "sesame" not in answer.raw


@pytest.mark.parametrize("state", ["PAUSED", "DISABLED"])
def test_what_an_operator_stopped_its_tenant_sees_and_cannot_activate(
    operator_api, tenant_api, endpoint_id, place, state
):
    action = state.lower().removesuffix("d")
    one = f"{ENDPOINTS}/{endpoint_id}"
    mine = f"/v1/endpoints/{endpoint_id}"

    stopped = operator_api("POST", f"{one}/{action}", {"reason": "sends money to nobody"})

    wanted = {"state": state, "stateReason": "sends money to nobody", "stoppedBy": "operator"}
    for answer in (stopped, operator_api("GET", one), tenant_api("GET", mine)):
        assert answer.status == 200, answer.raw
        assert {name: answer.json[name] for name in wanted} == wanted
        assert answer.json["stateSince"]
    # Its tenant can do nothing about it
    for attempt in ("activate", "pause"):
        refused = tenant_api("POST", f"{mine}/{attempt}")
        assert (refused.status, refused.json["error"]) == (409, "stopped_by_operator")
    assert tenant_api("PATCH", mine, {"description": "changed"}).json["state"] == state
    # And an operator activates it
    due = DueStore(place.dynamodb, place.events_table)
    due.hold("acme", endpoint_id, int(times.parse("2100-01-01T00:00:00Z") * 1_000), NOW_MS)
    active = operator_api("POST", f"{one}/activate")
    assert (active.json["state"], active.json["stoppedBy"], active.json["stateReason"]) == ("ACTIVE", None, None)
    assert ResumeEndpoint(tenant_id="acme", endpoint_id=endpoint_id) in place.sent()
    assert tenant_api("POST", f"{mine}/pause").json["stoppedBy"] == "tenant"
    assert tenant_api("POST", f"{mine}/activate").json["state"] == "ACTIVE"


def test_an_operator_activates_what_somebody_else_stopped_and_takes_it_over(
    operator_api, tenant_api, endpoint_id, place
):
    one = f"{ENDPOINTS}/{endpoint_id}"
    tenant_api("POST", f"/v1/endpoints/{endpoint_id}/pause")
    assert operator_api("POST", f"{one}/activate").json["state"] == "ACTIVE"
    endpoints = Endpoints(place.dynamodb, place.endpoints_table)
    assert endpoints.disable(endpoints.read("acme", endpoint_id)[0], "answered 410", times.iso(NOW))
    shown = operator_api("GET", one).json
    assert (shown["state"], shown["stoppedBy"], shown["stateReason"]) == ("DISABLED", "system", "answered 410")
    paused = operator_api("POST", f"{one}/pause", {"reason": "hides the other one"})
    assert (paused.status, paused.json["error"]) == (409, "endpoint_disabled")
    assert operator_api("POST", f"{one}/disable", {"reason": "for good"}).json["stoppedBy"] == "operator"
    again = operator_api("POST", f"{one}/pause", {"reason": "hides mine"})
    assert (again.status, again.json["error"]) == (409, "endpoint_disabled")


def test_an_endpoint_of_an_earlier_release_is_stopped_and_activated(operator_api, tenant_api, endpoint_id, place):
    # Given an endpoint that was paused before the service kept who did that, and since when
    tenant_api("POST", f"/v1/endpoints/{endpoint_id}/pause")
    place.dynamodb.update_item(
        TableName=place.endpoints_table,
        Key={"tenantId": {"S": "acme"}, "item": {"S": f"endpoint#{endpoint_id}"}},
        UpdateExpression="REMOVE byOperator, stateSince",
    )
    shown = operator_api("GET", f"{ENDPOINTS}/{endpoint_id}").json
    assert (shown["stoppedBy"], shown["stateSince"]) == ("tenant", None)
    assert tenant_api("POST", f"/v1/endpoints/{endpoint_id}/activate").json["state"] == "ACTIVE"


@pytest.mark.parametrize(
    "body", [None, {}, {"reason": ""}, {"reason": "x" * 501}, {"reason": 1}, {"reason": "a", "b": 1}]
)
def test_a_stop_needs_a_reason(operator_api, endpoint_id, body):
    answer = operator_api("POST", f"{ENDPOINTS}/{endpoint_id}/pause", body)
    assert answer.status in (400, 415)
    assert operator_api("GET", f"{ENDPOINTS}/{endpoint_id}").json["state"] == "ACTIVE"


@pytest.mark.parametrize("action", ["pause", "disable", "activate", ""])
@pytest.mark.parametrize(
    "path", ["/operator/tenants/globex/endpoints/{}", f"{ENDPOINTS}/ep_x", f"{ENDPOINTS}/suspension"]
)
def test_no_other_endpoint_is_reached(operator_api, endpoint_id, path, place, action):
    before = place.items(place.endpoints_table)
    one = path.format(endpoint_id)
    body = {"reason": "x"} if action in ("pause", "disable") else None
    answer = operator_api("POST", f"{one}/{action}", body) if action else operator_api("GET", one)
    assert answer.status == 404
    assert place.items(place.endpoints_table) == before


def test_a_suspended_tenant_s_endpoint_says_so_and_its_tokens_are_refused_with_it(operator_api, endpoint_id, place):
    operator_api("POST", "/operator/tenants", {"tenantId": "acme", "name": "Acme"})
    assert operator_api("POST", "/operator/tenants/acme/suspend").json["state"] == "SUSPENDED"
    assert operator_api("GET", f"{ENDPOINTS}/{endpoint_id}").json["tenantSuspendedSince"]
    DueStore(place.dynamodb, place.events_table).hold(
        "acme", endpoint_id, int(times.parse("2100-01-01T00:00:00Z") * 1_000), NOW_MS
    )
    assert operator_api("POST", "/operator/tenants/acme/activate").json["state"] == "ACTIVE"
    assert operator_api("GET", f"{ENDPOINTS}/{endpoint_id}").json["tenantSuspendedSince"] is None
    assert place.sent() == [ResumeEndpoint(tenant_id="acme", endpoint_id=endpoint_id)]
    # Nobody who is not known is suspended
    before = place.items(place.endpoints_table)
    assert operator_api("POST", "/operator/tenants/nobody/suspend").status == 404
    assert place.items(place.endpoints_table) == before


def test_who_stopped_what_is_in_the_log_and_the_reason_is_not(operator_api, endpoint_id, capsys):
    operator_api("POST", f"{ENDPOINTS}/{endpoint_id}/pause", {"reason": "sends money to nobody"})
    log = capsys.readouterr().out
    assert "endpoint paused" in log
    assert endpoint_id in log
    assert "sends money" not in log
