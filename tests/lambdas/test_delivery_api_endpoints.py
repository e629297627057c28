"""Tenants' endpoints: create, change, pause, activate, rotate, test, delete; and what is refused."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.domain.model import EndpointState
from lambdas.delivery.domain.quotas import ENDPOINTS
from lambdas.delivery.queue.messages import FanOut, ResumeEndpoint
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.store.endpoints import Endpoints
from tests.lambdas.delivery_api_support import URL, ApiCaller, Place
from tests.lambdas.support import NOW

FULL = {
    "url": URL,
    "eventTypes": ["invoice.*", "customer.created"],
    "filters": {"data.currency": ["eur", 5, True, None, 0.5]},
    "style": "standard",
    "asymmetric": True,
    "headers": {"X-Custom": "password-1"},
    "rateLimit": 10,
    "schedule": "minutes",
    "description": "Büro",
}


def test_an_endpoint_is_created_with_a_secret_that_is_shown_once(tenant_api, place):
    created = tenant_api.create_endpoint(**FULL)

    secret = created.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret[6:])) == 32
    shown = tenant_api("GET", f"/v1/endpoints/{created['endpointId']}")
    assert shown.json == created
    assert created["headerNames"] == ["X-Custom"]
    assert {name: created[name] for name in FULL if name != "headers"} == {
        name: value for name, value in FULL.items() if name != "headers"
    }
    listed = tenant_api("GET", "/v1/endpoints")
    assert listed.json == {"endpoints": [created]}
    for answer in (shown, listed):
        assert secret not in answer.raw
        assert "password" not in answer.raw
    # What the worker reads is what was written.
    endpoint, _ = Endpoints(place.dynamodb, place.endpoints_table).read("acme", created["endpointId"])
    assert endpoint is not None
    assert endpoint.headers == FULL["headers"]
    assert endpoint.filters == {"data.currency": ['"eur"', "5", "true", "null", "0.5"]}


@pytest.fixture(scope="module")
def unchanged(refusing_tenant_api) -> str:
    """The path of an endpoint of which no test changes anything."""
    return f"/v1/endpoints/{refusing_tenant_api.create_endpoint()['endpointId']}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://example.com/"),
        ("url", "https://127.0.0.1/"),
        ("url", "https://169.254.169.254/latest/meta-data"),
        ("url", "https://user:hunter2@example.com/"),
        ("url", "https://localhost/"),
        ("url", "ftp://example.com"),
        ("url", ""),
        ("url", "https://example.com/" + "x" * 2_048),
        ("url", 1),
        ("url", None),
        ("eventTypes", []),
        ("eventTypes", ["a b"]),
        ("eventTypes", ["*.a"]),
        ("eventTypes", "*"),
        ("eventTypes", ["a"] * 51),
        ("filters", {"a..b": [1]}),
        ("filters", {"a": []}),
        ("filters", {"a": [{}]}),
        ("filters", {"a": "eur"}),
        ("filters", {f"p{number}": [1] for number in range(11)}),
        ("filters", {"a": list(range(51))}),
        ("style", "other"),
        ("asymmetric", "true"),
        ("asymmetric", 1),
        ("headers", {"Host": "x"}),
        ("headers", {"webhook-id": "hunter2"}),
        ("headers", {"X-A": "hunter2\r\nX-B: 1"}),
        ("headers", {"X A": "1"}),
        ("headers", {f"X-{number}": "1" for number in range(21)}),
        ("rateLimit", 0),
        ("rateLimit", 1_001),
        ("rateLimit", "5"),
        ("rateLimit", 1.5),
        ("rateLimit", True),
        ("schedule", "never"),
        ("description", "x" * 501),
        ("description", "\ud800"),
        ("state", "ACTIVE"),
        ("tenantId", "other"),
        ("secrets", []),
    ],
)
def test_a_wrong_field_is_named_and_no_secret_is_echoed(refusing_tenant_api, unchanged, field, value):
    create = refusing_tenant_api("POST", "/v1/endpoints", {"url": URL, field: value})
    change = refusing_tenant_api("PATCH", unchanged, {field: value})

    for answer in (create, change):
        assert (answer.status, answer.json["error"]) == (400, "invalid_fields"), answer.raw
        assert answer.json["fields"][0]["field"].split(".")[0] == field
        assert answer.json["fields"][0]["problem"]
        assert "hunter2" not in answer.raw


def test_a_name_that_leads_inside_is_refused_at_registration(refusing_tenant_api, monkeypatch):
    monkeypatch.setattr(refusing_tenant_api.module, "system_resolver", lambda host, port: ["10.0.0.1"])

    answer = refusing_tenant_api("POST", "/v1/endpoints", {"url": URL})

    assert answer.status == 400
    assert "private" in answer.json["fields"][0]["problem"]


def test_a_name_whose_server_does_not_answer_holds_no_call_up(tenant_api, monkeypatch):
    # Given a tenant's own name server, which takes every question and answers none
    asked, released = threading.Event(), threading.Event()

    def never(host, port):
        asked.set()
        released.wait(60)
        return ["10.0.0.1"]

    monkeypatch.setattr(tenant_api.module, "system_resolver", never)

    # When an endpoint of that name is registered
    try:
        answer = tenant_api("POST", "/v1/endpoints", {"url": URL})
        still_asking = not released.is_set() and asked.is_set()
    finally:
        released.set()

    # Then the call ends before the name server does; each attempt will look again
    assert (answer.status, still_asking) == (201, True)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"url":"https://a.example/","url":"https://b.example/"}', b"\xff"])
def test_a_body_that_is_no_strict_json_object_is_refused(refusing_tenant_api, body):
    assert (
        refusing_tenant_api("POST", "/v1/endpoints", body, headers={"Content-Type": "application/json"}).status == 400
    )


def test_a_body_above_the_limit_is_refused(refusing_tenant_api):
    assert refusing_tenant_api("POST", "/v1/endpoints", b"{" + b" " * 65_536 + b"}").status == 413


def test_only_what_is_named_is_changed(tenant_api):
    created = tenant_api.create_endpoint(**FULL)
    created.pop("secret")
    one = f"/v1/endpoints/{created['endpointId']}"

    changed = tenant_api("PATCH", one, {"rateLimit": None, "schedule": None, "eventTypes": ["*"]})

    assert changed.status == 200
    expected = {**created, "rateLimit": None, "schedule": None, "eventTypes": ["*"]}
    assert {**changed.json, "updatedAt": ""} == {**expected, "updatedAt": ""}
    assert tenant_api("PATCH", one, {}).status == 400
    assert tenant_api("PATCH", one, {"style": "stripe"}).json["error"] == "no_such_signature"
    assert tenant_api("PATCH", one, {"style": "stripe", "asymmetric": True}).status == 400
    assert tenant_api("PATCH", one, {"style": "stripe", "asymmetric": False}).status == 200


def test_a_change_does_not_undo_what_the_system_decided(tenant_api, place):
    endpoint_id = tenant_api.create_endpoint()["endpointId"]
    endpoints = Endpoints(place.dynamodb, place.endpoints_table)
    endpoint, _ = endpoints.read("acme", endpoint_id)
    assert endpoints.disable(endpoint, "gone", "2026-01-31T12:00:00.000Z")

    changed = tenant_api("PATCH", f"/v1/endpoints/{endpoint_id}", {"description": "new"})

    assert (changed.json["state"], changed.json["stateReason"]) == ("DISABLED", "gone")
    pause = tenant_api("POST", f"/v1/endpoints/{endpoint_id}/pause")
    assert (pause.status, pause.json["error"]) == (409, "endpoint_disabled")
    active = tenant_api("POST", f"/v1/endpoints/{endpoint_id}/activate")
    assert (active.json["state"], active.json["stateReason"]) == ("ACTIVE", None)


def test_activation_brings_forward_what_waits(tenant_api, place):
    endpoint_id = tenant_api.create_endpoint()["endpointId"]
    assert tenant_api("POST", f"/v1/endpoints/{endpoint_id}/pause").json["state"] == "PAUSED"
    assert place.sent() == []

    answer = tenant_api("POST", f"/v1/endpoints/{endpoint_id}/activate")

    assert answer.json["state"] == "ACTIVE"
    assert place.sent() == [ResumeEndpoint(tenant_id="acme", endpoint_id=endpoint_id)]


def test_both_secrets_sign_until_the_overlap_ends(tenant_api, place):
    created = tenant_api.create_endpoint()
    one = f"/v1/endpoints/{created['endpointId']}/rotate-secret"

    rotated = tenant_api("POST", one)

    assert rotated.json["secret"] != created["secret"]
    assert rotated.json["secretsValid"] == 2
    endpoint, _ = Endpoints(place.dynamodb, place.endpoints_table).read("acme", created["endpointId"])
    new, old = endpoint.secrets
    assert (new.value, old.value) == (rotated.json["secret"], created["secret"])
    assert new.expires_at is None
    at_once = tenant_api("POST", one, {"overlapHours": 0})
    assert at_once.json["secretsValid"] == 1
    assert tenant_api("POST", one, {"overlapHours": 169}).json["fields"][0]["field"] == "overlapHours"


def test_a_rotation_never_cuts_an_earlier_overlap_short_nor_makes_it_longer(place):
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table)
    values = {"url": URL, "filters": {}, "headers": {}}
    endpoint = admin.create("acme", values, NOW)
    first = endpoint.secrets[0].value

    admin.rotate_secret("acme", endpoint.endpoint_id, 3_600, NOW)
    later = admin.rotate_secret("acme", endpoint.endpoint_id, 7_200, NOW + 60)

    ends = {secret.value: secret.expires_at for secret in later.secrets}
    assert ends[first] == int(NOW) + 3_600
    assert sorted(value or 0 for value in ends.values()) == [0, int(NOW) + 3_600, int(NOW) + 60 + 7_200]
    after = admin.rotate_secret("acme", endpoint.endpoint_id, 7_200, NOW + 3_601)
    assert first not in [secret.value for secret in after.secrets]
    for _ in range(2):
        admin.rotate_secret("acme", endpoint.endpoint_id, 7_200, NOW + 3_602)
    with pytest.raises(ConflictError, match="too_many_secrets"):
        admin.rotate_secret("acme", endpoint.endpoint_id, 7_200, NOW + 3_603)


def test_of_two_rotations_at_once_each_secret_that_was_shown_signs(place):
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table)
    endpoint = admin.create("acme", {"url": URL, "filters": {}, "headers": {}}, NOW)
    gate = threading.Barrier(4)

    def rotate() -> str | None:
        gate.wait()
        try:
            return admin.rotate_secret("acme", endpoint.endpoint_id, 3_600, NOW).secrets[0].value
        except ConflictError:
            return None

    with ThreadPoolExecutor(4) as pool:
        shown = {one.result() for one in [pool.submit(rotate) for _ in range(4)]} - {None}

    valid = {secret.value for secret in admin.get("acme", endpoint.endpoint_id).secrets}
    assert shown
    assert shown <= valid


def test_a_test_event_is_for_this_endpoint_alone(tenant_api, place):
    endpoint_id = tenant_api.create_endpoint(eventTypes=["invoice.paid"])["endpointId"]

    answer = tenant_api("POST", f"/v1/endpoints/{endpoint_id}/test")

    assert (answer.status, answer.json["type"]) == (201, "webhook.test")
    [event] = [item for item in place.items(place.events_table) if item["item"] == "event"]
    assert event["only"] == endpoint_id
    assert json.loads(place.payloads()[0])["type"] == "webhook.test"
    assert place.sent() == [FanOut(tenant_id="acme", event_id=answer.json["eventId"])]
    tenant_api("POST", f"/v1/endpoints/{endpoint_id}/pause")
    refused = tenant_api("POST", f"/v1/endpoints/{endpoint_id}/test")
    assert (refused.status, refused.json["error"]) == (409, "endpoint_not_active")


def test_a_deleted_endpoint_is_gone_for_good(tenant_api, place):
    endpoint_id = tenant_api.create_endpoint()["endpointId"]
    one = f"/v1/endpoints/{endpoint_id}"

    deleted = tenant_api("DELETE", one)

    assert (deleted.status, deleted.raw) == (204, "")
    for method, path, body in (
        ("GET", one, None),
        ("PATCH", one, {"description": "x"}),
        ("DELETE", one, None),
        ("POST", f"{one}/pause", None),
        ("POST", f"{one}/activate", None),
        ("POST", f"{one}/rotate-secret", None),
        ("POST", f"{one}/test", None),
    ):
        assert tenant_api(method, path, body).status == 404, (method, path)
    assert tenant_api("GET", "/v1/endpoints").json == {"endpoints": []}
    assert place.sent() == []


def test_the_limit_of_endpoints_holds_when_many_are_created_at_once(place):
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table)
    values = {"url": URL, "filters": {}, "headers": {}}
    for _ in range(ENDPOINTS - 2):
        admin.create("acme", values, NOW)

    def create(_: int) -> str:
        try:
            return admin.create("acme", values, NOW).endpoint_id
        except ConflictError as problem:
            return problem.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(create, range(6)))

    created = [one for one in outcomes if one.startswith("ep_")]
    assert len(created) <= 2
    assert len(admin.all("acme")) == ENDPOINTS - 2 + len(created)
    while len(admin.all("acme")) < ENDPOINTS:
        admin.create("acme", values, NOW)
    with pytest.raises(ConflictError, match="too_many_endpoints"):
        admin.create("acme", values, NOW)
    admin.delete("acme", admin.all("acme")[0].endpoint_id)
    assert admin.create("acme", values, NOW).state is EndpointState.ACTIVE
    assert admin.create("other", values, NOW)


def test_an_unknown_query_parameter_is_refused_rather_than_ignored(
    refusing_tenant_api: ApiCaller, untouched_place: Place
):
    answer = refusing_tenant_api("GET", "/v1/endpoints", query={"stat": "ACTIVE"})

    assert (answer.status, answer.json["fields"][0]["field"]) == (400, "stat")
