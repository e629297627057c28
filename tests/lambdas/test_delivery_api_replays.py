"""Replays over the APIs: counted, started, watched and cancelled, each tenant's own. What they send is tested in
`tests.lambdas.delivery_worker.test_replays`."""

import time
from dataclasses import replace

import pytest

from lambdas.delivery.domain.ids import ENDPOINT, REPLAY, new_id
from lambdas.delivery.domain.model import DeliveryState, EndpointState
from lambdas.delivery.domain.replays import MAX_RUNNING
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.items import due_shards
from lambdas.delivery_sweeper.wiring import build_sweeper
from lambdas.shared import times
from tests.lambdas.delivery_api_support import ApiCaller, Place
from tests.lambdas.support import NOW
from tests.lambdas.test_delivery_api_lists import delivery


@pytest.fixture
def operator(place, cold_start) -> ApiCaller:
    api = ApiCaller(module=cold_start("delivery_operator", **place.variables))
    assert api("POST", "/operator/tenants", {"tenantId": "acme", "name": "Acme"}).status == 201
    return api


@pytest.fixture
def tenant(operator, place, cold_start) -> ApiCaller:
    return ApiCaller(module=cold_start("delivery_api", **place.variables), tenant="acme")


def replays_of(api: ApiCaller, endpoint_id: str | None = None) -> str:
    return f"/v1/endpoints/{endpoint_id or api.create_endpoint()['endpointId']}/replays"


def sweep(place: Place, later: float) -> None:
    """Have a sweep of the tenant's shards, seconds from now."""
    build_sweeper(
        dynamodb=place.dynamodb,
        endpoints_table=place.endpoints_table,
        events_table=place.events_table,
        queue=DeliveryQueue(place.sqs, place.queue_url),
        retention=Retention(),
        shards=due_shards("acme"),
        clock=lambda: time.time() + later,
    ).run(60.0)


def test_a_replay_is_counted_started_watched_and_done(tenant, place):
    # Given three events from before the endpoint
    events = {tenant.send() for _ in range(3)}
    endpoint_id = tenant.create_endpoint()["endpointId"]
    path = replays_of(tenant, endpoint_id)

    counted = tenant("POST", path, {})
    assert tenant("GET", path).json == {"replays": []}
    started = tenant("POST", path, {"dryRun": False, "rate": 20})
    sweep(place, 120)
    shown = tenant("GET", f"{path}/{started.json['replay']['replayId']}")

    assert (counted.status, started.status) == (200, 200), started.raw
    assert counted.json == {
        "dryRun": True,
        "count": {"examined": 3, "matched": 3, "refused": {}, "complete": True},
        "replay": None,
    }
    first = started.json["replay"]
    assert first == {
        "replayId": first["replayId"],
        "endpointId": endpoint_id,
        "from": "1970-01-01T00:00:00.000Z",
        "to": first["startedAt"],
        "eventTypes": ["*"],
        "include": ["MISSED"],
        "rate": 20,
        "state": "RUNNING",
        "reason": None,
        "examined": 0,
        "sent": 0,
        "refused": {},
        "reachedAt": None,
        "startedAt": first["startedAt"],
        "updatedAt": first["startedAt"],
    }
    assert shown.json == first | {
        "state": "DONE",
        "examined": 3,
        "sent": 3,
        "reachedAt": first["to"],
        "updatedAt": shown.json["updatedAt"],
    }
    assert tenant("GET", path).json == {"replays": [shown.json]}
    made = [place.deliveries.read("acme", event_id, endpoint_id) for event_id in events]
    assert {(one.state, one.replay_id) for one in made} == {(DeliveryState.PENDING, first["replayId"])}


def test_a_replay_is_cancelled_and_stays_so(tenant, place):
    tenant.send()
    path = replays_of(tenant)
    started = tenant("POST", path, {"dryRun": False}).json["replay"]
    one = f"{path}/{started['replayId']}"

    cancelled = tenant("POST", f"{one}/cancel")
    sweep(place, 120)

    assert (cancelled.status, cancelled.json["state"], cancelled.json["reason"]) == (200, "CANCELLED", None)
    assert tenant("POST", f"{one}/cancel").json == tenant("GET", one).json == cancelled.json
    assert not [item for item in place.items(place.events_table) if item["item"].startswith("delivery#")]


def test_a_request_that_is_repeated_with_its_key_is_one_replay(tenant):
    path = replays_of(tenant)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}

    first, again = (tenant("POST", path, {"dryRun": False}, headers=headers) for _ in range(2))
    other = tenant("POST", path, {"dryRun": False, "rate": 1}, headers=headers)
    elsewhere = tenant("POST", replays_of(tenant), {"dryRun": False}, headers=headers)

    assert first.json == again.json
    assert (other.status, other.json["error"]) == (409, "idempotency_key_reused")
    assert elsewhere.status == 409
    assert len(tenant("GET", path).json["replays"]) == 1
    # The same key may name an event.
    assert tenant.send(key="k-1")


def test_a_request_that_is_repeated_with_its_key_has_its_answer_when_its_endpoint_is_gone(tenant):
    endpoint_id = tenant.create_endpoint()["endpointId"]
    path = replays_of(tenant, endpoint_id)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}
    first = tenant("POST", path, {"dryRun": False}, headers=headers)
    assert tenant("DELETE", f"/v1/endpoints/{endpoint_id}").status == 204

    again = tenant("POST", path, {"dryRun": False}, headers=headers)

    assert (again.status, again.json) == (200, first.json)


def test_no_more_run_than_may_and_a_dry_run_is_none(tenant):
    path = replays_of(tenant)
    for _ in range(MAX_RUNNING):
        assert tenant("POST", path, {"dryRun": False}).status == 200

    full = tenant("POST", path, {"dryRun": False})

    assert (full.status, full.json["error"]) == (409, "too_many_replays")
    assert tenant("POST", path, {}).status == 200
    other = replace(tenant, tenant="other")
    assert other("POST", replays_of(other), {"dryRun": False}).status == 200


def test_an_endpoint_that_gets_nothing_has_no_replay(tenant, place):
    endpoint_id = tenant.create_endpoint()["endpointId"]
    endpoints = Endpoints(place.dynamodb, place.endpoints_table)
    endpoint, _ = endpoints.read("acme", endpoint_id)
    assert endpoints.disable(endpoint, "answered 410", times.iso(NOW))
    assert endpoints.read("acme", endpoint_id)[0].state is EndpointState.DISABLED

    for asked in ({}, {"dryRun": False}):
        answer = tenant("POST", replays_of(tenant, endpoint_id), asked)
        assert (answer.status, answer.json["error"]) == (409, "endpoint_disabled")
    assert tenant("POST", replays_of(tenant, new_id(ENDPOINT, NOW)), {}).status == 404


def test_an_endpoint_shows_its_own_replays(tenant):
    first, second = (replays_of(tenant) for _ in range(2))
    replay_id = tenant("POST", first, {"dryRun": False}).json["replay"]["replayId"]

    assert tenant("GET", second).json == {"replays": []}
    assert tenant("GET", f"{second}/{replay_id}").status == 404
    assert tenant("POST", f"{second}/{replay_id}/cancel").status == 404
    for unknown in (new_id(REPLAY, NOW), "rpl_1", "count"):
        assert tenant("GET", f"{first}/{unknown}").status == 404
    assert tenant("GET", f"{first}/{replay_id}").json["state"] == "RUNNING"


@pytest.mark.parametrize(
    "changes",
    [
        {"from": "2100-01-01T00:00:00Z"},
        {"from": "2020-01-02T00:00:00Z", "to": "2020-01-01T00:00:00Z"},
        {"rate": 0},
        {"rate": 51},
        {"include": []},
        {"include": ["PENDING"]},
        {"include": ["STRANDED"]},
        {"eventTypes": ["a*"]},
        {"dryRun": 0},
        {"endpointId": "ep_1"},
        {"state": "DLQ"},
    ],
)
def test_a_wrong_replay_is_refused(refusing_tenant_api, changes):
    path = f"/v1/endpoints/{new_id(ENDPOINT, NOW)}/replays"

    answer = refusing_tenant_api("POST", path, changes)

    assert (answer.status, answer.json["error"]) == (400, "invalid_fields"), answer.raw


# --- operators ------------------------------------------------------------------------------------------------------


def test_an_operator_replays_what_was_given_up_and_sees_all_replays_of_the_tenant(tenant, operator, place, capsys):
    # Given two deliveries that were given up, at two endpoints, of which one is deleted, and one that arrived
    events = [tenant.send() for _ in range(3)]
    endpoints = [tenant.create_endpoint()["endpointId"] for _ in range(2)]
    for number, state in enumerate((DeliveryState.DLQ, DeliveryState.DLQ, DeliveryState.DELIVERED)):
        place.deliveries.create(delivery(events[number], endpoints[number % 2], NOW + number, state=state))
    tenant("DELETE", f"/v1/endpoints/{endpoints[1]}")
    path = "/operator/tenants/acme/replays"

    counted = operator("POST", path, {})
    started = operator("POST", path, {"dryRun": False})
    theirs = tenant("POST", replays_of(tenant, endpoints[0]), {"dryRun": False}).json["replay"]
    sweep(place, 120)

    expected = {"examined": 2, "refused": {"endpoint_deleted": 1}}
    assert counted.json["count"] == {**expected, "matched": 1, "complete": True}
    one = f"{path}/{started.json['replay']['replayId']}"
    shown = operator("GET", one).json
    assert {name: shown[name] for name in (*expected, "sent", "state", "include")} == {
        **expected,
        "sent": 1,
        "state": "DONE",
        "include": ["DLQ"],
    }
    listed = operator("GET", path).json["replays"]
    assert [each["replayId"] for each in listed] == [theirs["replayId"], shown["replayId"]]
    assert place.deliveries.read("acme", events[0], endpoints[0]).state is DeliveryState.PENDING
    assert operator("GET", one.replace("acme", "other")).status == 404
    assert operator("POST", f"{one}/cancel").json == shown
    printed = capsys.readouterr().out
    assert "replay started" in printed
    assert "user/operator" in printed


@pytest.mark.parametrize("asked", [{}, {"dryRun": False}])
def test_a_tenant_that_there_is_not_has_no_replay(operator, place, asked):
    # A name with a mistake in it must not look like a tenant that has nothing to replay.
    assert operator("POST", "/operator/tenants/acmee/replays", asked).status == 404
    assert place.items(place.events_table) == []


def test_what_an_operator_may_include(operator):
    path = "/operator/tenants/acme/replays"

    wrong = [operator("POST", path, {"include": [one]}) for one in ("MISSED", "PENDING")]
    missing = operator("POST", path, {"include": ["MISSED"], "endpointId": new_id(ENDPOINT, NOW)})
    right = operator("POST", path, {"include": ["STRANDED", "DLQ", "DELIVERED"]})

    assert [(one.status, one.json["fields"][0]["field"][:7]) for one in wrong] == [(400, "include")] * 2
    assert (missing.status, right.status) == (404, 200)
    assert operator("GET", "/operator/tenants/a%23b/replays").status == 404
