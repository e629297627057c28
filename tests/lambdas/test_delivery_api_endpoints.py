"""Tenants' endpoints: create, change, pause, activate, rotate, test, delete; and what is refused."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.domain.model import EndpointState
from lambdas.delivery.domain.quotas import ENDPOINTS
from lambdas.delivery.queue.messages import FanOut, ResumeEndpoint
from lambdas.delivery.services.endpoint_admin import MAX_SECRETS, EndpointAdmin, IdempotentRequest
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.shared import times
from tests.lambdas.delivery_api_support import URL, ApiCaller, Place
from tests.lambdas.support import NOW

BAD_PREFIXES = [
    *("", "Svix", "svix-", "-svix", "sv_ix", "svix--a", "svíx", "svix:", "svix\n", "s" * 41, "1svix"),
    *("host", "content", "content-md5", "authorization", "user-agent", "traceparent", "stripe", "x-amzn", "x-amz"),
    *("x-forwarded", "x-request", "proxy", "sec-fetch", "cookie", "accept", "connection"),
]
FULL = {
    "url": URL,
    "eventTypes": ["invoice.*", "customer.created"],
    "filters": {"data.currency": ["eur", 5, True, None, 0.5]},
    "style": "standard",
    "asymmetric": True,
    "headers": {"X-Custom": "password-1"},
    "rateLimit": 10,
    "schedule": "minutes",
    "headerPrefix": "svix",
    "finalStatuses": [400, 422],
    "description": "Büro",
}


def test_an_endpoint_is_created_with_a_secret_that_is_shown_once(tenant_api, place):
    place.publish_key()
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
        ("retryWaits", "minutes"),
        ("retryWaits", [0]),
        ("retryWaits", [1.5]),
        ("retryWaits", [2_592_001]),
        ("retryWaits", [60] * 51),
        *(("finalStatuses", [status]) for status in (200, 302, 399, 408, 429, 500, 503, "422")),
        *(("headerPrefix", prefix) for prefix in BAD_PREFIXES),
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


def test_only_what_is_named_is_changed(tenant_api, place):
    place.publish_key()
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


def test_a_list_of_waits_and_a_named_schedule_replace_each_other(tenant_api, place):
    created = tenant_api.create_endpoint(retryWaits=[1, 2_592_000], finalStatuses=[422, 400, 410, 422])
    one = f"/v1/endpoints/{created['endpointId']}"
    assert (created["schedule"], created["retryWaits"]) == (None, [1, 2_592_000])
    assert created["finalStatuses"] == [400, 410, 422]
    endpoint, _ = Endpoints(place.dynamodb, place.endpoints_table).read("acme", created["endpointId"])
    assert (endpoint.retry_waits, endpoint.final_statuses) == ([1, 2_592_000], [400, 410, 422])
    assert {type(wait) for wait in endpoint.retry_waits} == {int}

    def shown(**changed):
        answer = tenant_api("PATCH", one, changed)
        return answer.status, answer.json.get("schedule"), answer.json.get("retryWaits")

    assert shown(schedule="minutes") == (200, "minutes", None)
    assert shown(retryWaits=[60] * 50) == (200, None, [60] * 50)
    assert shown(schedule=None) == (200, None, [60] * 50)
    assert shown(retryWaits=[]) == (200, None, [])
    assert shown(retryWaits=None) == (200, None, None)
    both = {"schedule": "minutes", "retryWaits": [60]}
    assert tenant_api("PATCH", one, both).status == 400
    assert tenant_api("POST", "/v1/endpoints", {"url": URL, **both}).status == 400


def test_an_endpoint_that_nobody_can_sign_for_is_refused(tenant_api, place):
    # Given a stack without a key pair, then with one that was retired
    one = f"/v1/endpoints/{tenant_api.create_endpoint()['endpointId']}"
    for retired in ({}, {"retiredAt": "2026-02-01T00:00:00.000Z"}):
        if retired:
            place.publish_key(**retired)
        for refused in (
            tenant_api("POST", "/v1/endpoints", {"url": URL, "asymmetric": True}),
            tenant_api("PATCH", one, {"asymmetric": True}),
        ):
            assert (refused.status, refused.json["error"]) == (409, "no_signing_key")
    assert tenant_api("GET", one).json["asymmetric"] is False

    # When one signs, if only for another hour, then it is accepted
    place.publish_key(retiredAt="2999-01-01T00:00:00.000Z")
    assert tenant_api("PATCH", one, {"asymmetric": True}).status == 200
    assert tenant_api("POST", "/v1/endpoints", {"url": URL, "asymmetric": True}).status == 201

    # And one that is gone since does not keep the endpoint from being changed in other ways
    place.publish_key(retiredAt="2026-02-01T00:00:00.000Z")
    assert tenant_api("PATCH", one, {"headers": {"X-A": "1"}}).status == 200
    assert tenant_api("PATCH", one, {"asymmetric": False}).status == 200


# --- secrets that tenants bring -------------------------------------------------------------------------------------

OWN = "whsec_" + base64.b64encode(b"\x09" * 24).decode()
OWN_64 = "whsec_" + base64.b64encode(b"\x0a" * 64).decode()
STRIPES = "whsec_" + "hunter2." * 4


@pytest.mark.parametrize(("style", "secret"), [("standard", OWN), ("standard", OWN_64), ("stripe", STRIPES)])
def test_a_secret_that_a_tenant_brings_signs_and_is_never_shown(tenant_api, place, capsys, style, secret):
    created = tenant_api("POST", "/v1/endpoints", {"url": URL, "style": style, "secret": secret})
    other = tenant_api.create_endpoint(style=style)
    rotated = tenant_api("POST", f"/v1/endpoints/{other['endpointId']}/rotate-secret", {"secret": secret})

    assert (created.status, created.json["secret"]) == (201, None)
    assert (rotated.status, rotated.json["secret"], rotated.json["secretsValid"]) == (200, None, 2)
    endpoints = Endpoints(place.dynamodb, place.endpoints_table)
    for endpoint_id in (created.json["endpointId"], other["endpointId"]):
        endpoint, _ = endpoints.read("acme", endpoint_id)
        assert endpoint.secrets[0].value == secret
    assert [one.value for one in endpoint.secrets[1:]] == [other["secret"]]
    # Brought again, it is the only one but the one before it
    again = tenant_api("POST", f"/v1/endpoints/{other['endpointId']}/rotate-secret", {"secret": secret})
    assert again.json["secretsValid"] == 2
    printed = capsys.readouterr()
    for text in (created.raw, rotated.raw, again.raw, printed.out, printed.err):
        assert secret not in text


@pytest.mark.parametrize(
    ("style", "secret"),
    [
        ("standard", STRIPES),
        ("standard", "whsec_" + base64.b64encode(b"\x09" * 23).decode()),
        ("standard", "whsec_" + base64.b64encode(b"\x09" * 65).decode()),
        ("standard", OWN.removeprefix("whsec_")),
        ("standard", "whsec_" + "-_" * 16),
        ("stripe", "whsec_hunter2"),
        ("stripe", STRIPES + " "),
        ("stripe", STRIPES + "é"),
        ("stripe", STRIPES * 8),
        ("stripe", "hunter2." * 5),
    ],
)
def test_what_cannot_be_a_secret_is_refused_and_not_echoed(refusing_tenant_api, unchanged, style, secret):
    answers = [refusing_tenant_api("POST", "/v1/endpoints", {"url": URL, "style": style, "secret": secret})]
    if style == "standard":
        answers.append(refusing_tenant_api("POST", f"{unchanged}/rotate-secret", {"secret": secret}))

    for answer in answers:
        assert (answer.status, answer.json["fields"][0]["field"]) == (400, "secret"), answer.raw
        assert secret not in answer.raw
        assert "hunter2" not in answer.raw


def test_a_secret_of_stripes_does_not_become_one_of_the_standard_style(tenant_api):
    created = tenant_api("POST", "/v1/endpoints", {"url": URL, "style": "stripe", "secret": STRIPES})
    one = f"/v1/endpoints/{created.json['endpointId']}"

    refused = tenant_api("PATCH", one, {"style": "standard"})
    assert (refused.status, refused.json["error"]) == (409, "secret_unusable")
    # Not while it signs beside the new one, either
    tenant_api("POST", f"{one}/rotate-secret")
    assert tenant_api("PATCH", one, {"style": "standard"}).status == 409
    tenant_api("POST", f"{one}/rotate-secret", {"overlapHours": 0})
    assert tenant_api("PATCH", one, {"style": "standard"}).json["style"] == "standard"


def test_no_header_of_a_tenants_takes_the_place_of_one_under_its_prefix(tenant_api):
    clash = {"headerPrefix": "x-acme", "headers": {"X_Acme-Id": "hunter2"}}
    created = tenant_api("POST", "/v1/endpoints", {"url": URL, **clash})
    one = f"/v1/endpoints/{tenant_api.create_endpoint(headers=clash['headers'])['endpointId']}"
    other = f"/v1/endpoints/{tenant_api.create_endpoint(headerPrefix='x-acme')['endpointId']}"

    for answer in (
        created,
        tenant_api("PATCH", one, {"headerPrefix": "x-acme"}),
        tenant_api("PATCH", other, {"headers": clash["headers"]}),
    ):
        assert (answer.status, answer.json["fields"][0]["field"]) == (400, "headers")
        assert "hunter2" not in answer.raw
    assert tenant_api("PATCH", other, {"headers": {"X-Acme-Team": "1"}}).status == 200


# --- a lost answer ----------------------------------------------------------------------------------------------------


def keyed(key="first-try"):
    return {"Content-Type": "application/json", "Idempotency-Key": key}


def test_a_creation_with_a_key_is_done_once_and_shows_its_secret_again(tenant_api, place):
    body = {"url": URL, "rateLimit": 5}
    first = tenant_api("POST", "/v1/endpoints", body, headers=keyed())

    again = tenant_api("POST", "/v1/endpoints", {"rateLimit": 5.0, "url": URL}, headers=keyed())

    assert (again.status, again.json) == (201, first.json)
    assert tenant_api("GET", "/v1/endpoints").json["endpoints"] == [
        {name: value for name, value in first.json.items() if name != "secret"}
    ]
    # Another body, another key, another tenant
    other = tenant_api("POST", "/v1/endpoints", {"url": URL}, headers=keyed())
    assert (other.status, other.json["error"]) == (409, "idempotency_key_reused")
    for answer in (
        tenant_api("POST", "/v1/endpoints", body, headers=keyed("second")),
        tenant_api("POST", "/v1/endpoints", body, headers=keyed(), tenant="globex"),
    ):
        assert (answer.status, answer.json["endpointId"] == first.json["endpointId"]) == (201, False)
    assert tenant_api("POST", "/v1/endpoints", body, headers=keyed("a b")).status == 400
    # A secret is not shown once it was rotated; what was deleted does not come back
    one = f"/v1/endpoints/{first.json['endpointId']}"
    tenant_api("POST", f"{one}/rotate-secret")
    rotated = tenant_api("POST", "/v1/endpoints", body, headers=keyed())
    assert (rotated.status, rotated.json["error"]) == (409, "changed_meanwhile")
    tenant_api("DELETE", one)
    assert tenant_api("POST", "/v1/endpoints", body, headers=keyed()).status == 404
    # And no key is stored as it was sent
    assert "first-try" not in json.dumps(place.items(place.endpoints_table), default=str)


def test_a_rotation_with_a_key_is_done_once_and_shows_its_secret_again(tenant_api):
    created = tenant_api.create_endpoint()
    one = f"/v1/endpoints/{created['endpointId']}/rotate-secret"
    for number in range(3):
        tenant_api("POST", one, {"overlapHours": 1}, headers=keyed(str(number)))
    first = tenant_api("POST", one, headers=keyed())

    # With as many secrets as there may be, which a second rotation would be refused for
    assert first.json["secretsValid"] == MAX_SECRETS
    again = tenant_api("POST", one, {"overlapHours": 24}, headers=keyed())

    assert (again.status, again.json) == (200, first.json)
    assert tenant_api("POST", one, {"overlapHours": 0}, headers=keyed()).json["error"] == "idempotency_key_reused"
    earlier = tenant_api("POST", one, {"overlapHours": 1}, headers=keyed("2"))
    assert (earlier.status, earlier.json["error"]) == (409, "changed_meanwhile")
    # A key is for one endpoint
    other = tenant_api.create_endpoint()
    assert tenant_api("POST", f"/v1/endpoints/{other['endpointId']}/rotate-secret", headers=keyed()).status == 200


@pytest.mark.parametrize("what", ["create", "rotate"])
def test_a_write_that_was_made_without_an_answer_is_answered_when_the_tenant_asks_again(
    tenant_api, place, monkeypatch, what
):
    # Given a write that DynamoDB applies, and of which no answer ever comes
    one = f"/v1/endpoints/{tenant_api.create_endpoint()['endpointId']}/rotate-secret"
    path, body = (one, {}) if what == "rotate" else ("/v1/endpoints", {"url": URL})
    dynamodb = tenant_api.module._dynamodb
    write = dynamodb.transact_write_items

    def lost(**arguments):
        write(**arguments)
        raise ReadTimeoutError(endpoint_url="dynamodb")

    with monkeypatch.context() as patch:
        patch.setattr(dynamodb, "transact_write_items", lost)
        assert tenant_api("POST", path, body, headers=keyed()).status == 503

    # When the tenant asks again, then it sees the secret that signs, and nothing is done a second time
    answer = tenant_api("POST", path, body, headers=keyed())
    endpoint, _ = Endpoints(place.dynamodb, place.endpoints_table).read("acme", answer.json["endpointId"])
    assert answer.json["secret"] == endpoint.secrets[0].value
    assert len(endpoint.secrets) == (2 if what == "rotate" else 1)
    assert len(tenant_api("GET", "/v1/endpoints").json["endpoints"]) == (1 if what == "rotate" else 2)


def test_a_key_is_free_again_after_a_day(place):
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table, lambda _: False)
    values = {"url": URL, "filters": {}, "headers": {}}
    request = IdempotentRequest(key="k", sha256="0" * 64)
    first = admin.create("acme", values, NOW, request=request)

    again = admin.create("acme", values, NOW + 24 * 3_600 - 1, request=request)
    assert (again.endpoint_id, again.secrets) == (first.endpoint_id, first.secrets)
    assert admin.create("acme", values, NOW + 24 * 3_600, request=request).endpoint_id != first.endpoint_id


@pytest.mark.parametrize("what", ["create", "rotate"])
def test_of_many_at_once_with_one_key_all_have_the_same_answer(place, what):
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table, lambda _: False)
    values = {"url": URL, "filters": {}, "headers": {}}
    endpoint = admin.create("acme", values, NOW)
    request = IdempotentRequest(key="k", sha256="0" * 64)
    gate = threading.Barrier(4)

    def ask() -> str:
        gate.wait()
        if what == "create":
            return admin.create("acme", values, NOW, request=request).secrets[0].value
        return admin.rotate_secret("acme", endpoint.endpoint_id, 60, NOW, request=request).secrets[0].value

    with ThreadPoolExecutor(4) as pool:
        shown = {one.result() for one in [pool.submit(ask) for _ in range(4)]}

    assert len(shown) == 1
    assert len(admin.all("acme")) == (2 if what == "create" else 1)
    if what == "rotate":
        assert {one.value for one in admin.get("acme", endpoint.endpoint_id).secrets} == {
            *shown,
            endpoint.secrets[0].value,
        }


@pytest.mark.parametrize("field", ["style", "headerPrefix"])
def test_a_change_of_how_requests_are_signed_is_of_what_was_seen(tenant_api, place, monkeypatch, field):
    # Given a change that comes between the look at the endpoint and the write
    created = tenant_api.create_endpoint()
    one = f"/v1/endpoints/{created['endpointId']}"
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table, lambda _: False)
    asked = {"style": "stripe", "headerPrefix": "svix"}[field]
    signable = tenant_api.module.EndpointAdmin._require_signable

    def meanwhile(*args, **more):
        signable(*args, **more)
        admin.change("acme", created["endpointId"], {"description": "new"}, NOW + 1)

    monkeypatch.setattr(tenant_api.module.EndpointAdmin, "_require_signable", meanwhile)

    refused = tenant_api("PATCH", one, {field: asked})

    assert (refused.status, refused.json["error"]) == (409, "changed_meanwhile")


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
    later = int(times.parse("2100-01-01T00:00:00Z") * 1_000)
    DueStore(place.dynamodb, place.events_table).hold("acme", endpoint_id, later, later)
    assert place.sent() == []

    # However often it is activated
    for _ in range(3):
        assert tenant_api("POST", f"/v1/endpoints/{endpoint_id}/activate").json["state"] == "ACTIVE"

    assert place.sent() == [ResumeEndpoint(tenant_id="acme", endpoint_id=endpoint_id)]


def test_where_nothing_waits_an_activation_sends_nothing(tenant_api, place):
    endpoint_id = tenant_api.create_endpoint()["endpointId"]
    assert tenant_api("POST", f"/v1/endpoints/{endpoint_id}/activate").status == 200
    assert place.sent() == []


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
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table, lambda _: False)
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
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table, lambda _: False)
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
    admin = EndpointAdmin(place.dynamodb, place.endpoints_table, lambda _: False)
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
