"""Lists of events and deliveries, their cursors, and sending again; and that no tenant reaches another's."""

import base64
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.ids import ENDPOINT, EVENT, new_id
from lambdas.delivery.domain.model import Attempt, Delivery, DeliveryState
from lambdas.delivery.http.routes import ROUTES, TOKEN
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.store.items import STATE_SHARDS, shard_of
from lambdas.shared import times
from tests.lambdas.delivery_api_support import URL, ApiCaller, ApiResponse, Place
from tests.lambdas.support import NOW

FAR = 4_000_000_000


def delivery(event_id: str, endpoint_id: str, at: float, tenant: str = "acme", **changes) -> Delivery:
    values = {
        "tenant_id": tenant,
        "event_id": event_id,
        "endpoint_id": endpoint_id,
        "event_type": "invoice.paid",
        "created_at": times.iso(at),
        "updated_at": times.iso(at),
        "expires_at": FAR,
    }
    return Delivery(**(values | changes))


def attempted(place: Place, event_id: str, endpoint_id: str, *answers: tuple[int | None, Answer | None]) -> None:
    """Record attempts as the worker does, a second apart."""
    place.deliveries.create(delivery(event_id, endpoint_id, NOW))
    seen = place.deliveries.read("acme", event_id, endpoint_id)
    assert seen is not None
    for number, (status, answer) in enumerate(answers, 1):
        attempt = Attempt(
            tenant_id="acme",
            event_id=event_id,
            endpoint_id=endpoint_id,
            number=number,
            at=times.iso(NOW + number),
            duration_ms=5,
            status=status,
            outcome=f"status {status}" if status else "timed out",
            expires_at=FAR,
        )
        state = DeliveryState.FAILED if seen.state is DeliveryState.PENDING else seen.state
        new = replace(seen, version=seen.version + 1, attempts=number, state=state)
        assert place.deliveries.change(seen, new, attempt, answer)
        seen = new


def all_pages(api: ApiCaller, path: str, field: str, **query) -> list[list[dict]]:
    pages, cursor = [], None
    while True:
        answer = api("GET", path, query={**query, **({"cursor": cursor} if cursor else {})})
        assert answer.status == 200, answer.raw
        pages.append(answer.json[field])
        assert cursor is None or cursor != answer.json["next"], "a page leads to itself"
        cursor = answer.json["next"]
        if cursor is None:
            return pages


def test_pages_over_all_shards_hold_every_event_once_the_newest_first(tenant_api):
    sent = [tenant_api.send() for _ in range(23)]
    assert {shard_of(one) for one in sent} == set(range(STATE_SHARDS))

    pages = all_pages(tenant_api, "/v1/events", "events", limit=5)

    listed = [event for page in pages for event in page]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    assert sorted(event["eventId"] for event in listed) == sorted(sent)
    assert listed == sorted(listed, key=lambda event: (event["createdAt"], event["eventId"]), reverse=True)


def test_a_time_range_holds_its_start_and_not_its_end(tenant_api, place):
    endpoint_id = new_id(ENDPOINT, NOW)
    for second in range(10):
        place.deliveries.create(delivery(new_id(EVENT, NOW), endpoint_id, NOW + second))

    pages = all_pages(
        tenant_api,
        "/v1/deliveries",
        "deliveries",
        limit=2,
        **{"from": times.iso(NOW + 2), "to": times.iso(NOW + 7)},
    )

    assert [one["updatedAt"] for page in pages for one in page] == [times.iso(NOW + 6 - number) for number in range(5)]


def test_deliveries_by_state_and_endpoint(tenant_api, place):
    ours, theirs = new_id(ENDPOINT, NOW), new_id(ENDPOINT, NOW)
    states = list(DeliveryState)
    for number in range(24):
        endpoint_id = ours if number % 3 else theirs
        place.deliveries.create(
            delivery(new_id(EVENT, NOW), endpoint_id, NOW + number, state=states[number % 4], reason="status 500")
        )

    def listed(**query) -> list[dict]:
        return [one for page in all_pages(tenant_api, "/v1/deliveries", "deliveries", limit=3, **query) for one in page]

    assert len(listed()) == 24
    assert {one["state"] for one in listed(state="DLQ")} == {"DLQ"}
    assert len(listed(state="DLQ")) == 6
    assert len(listed(endpointId=theirs)) == 8
    assert len(listed(state="FAILED", endpointId=theirs)) == 2


def test_what_has_expired_is_in_no_list(tenant_api, place):
    place.deliveries.create(delivery(new_id(EVENT, NOW), new_id(ENDPOINT, NOW), NOW, expires_at=1_000))

    assert tenant_api("GET", "/v1/deliveries").json == {"deliveries": [], "next": None}


def test_an_event_shows_its_deliveries_and_every_attempt(tenant_api, place):
    event_id, endpoint_id = tenant_api.send(), new_id(ENDPOINT, NOW)
    attempted(place, event_id, endpoint_id, *[(None, None), (500, None)] * 6)

    shown = tenant_api("GET", f"/v1/events/{event_id}").json

    assert [one["number"] for one in shown["attempts"]] == list(range(1, 13))
    assert [one["status"] for one in shown["attempts"]][:2] == [None, 500]
    assert shown["attemptsComplete"] is True
    assert [(one["state"], one["attempts"]) for one in shown["deliveries"]] == [("FAILED", 12)]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "1_0"},
        {"limit": "\u0661"},
        {"limit": "+5"},
        {"limit": ""},
        {"from": "yesterday"},
        {"from": "1700000000"},
        {"from": "2026-01-31T12:00:00"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"to": "2026-13-01T00:00:00Z"},
        {"cursor": ""},
        {"cursor": "é"},
        {"cursor": "A" * 1_025},
        {"limit": ["1", "2"]},
        {"offset": "1"},
        {"tenantId": "other"},
        {"state": "DLQ"},
    ],
)
def test_a_wrong_query_is_refused(refusing_tenant_api, query):
    answer = refusing_tenant_api("GET", "/v1/events", query=query)

    assert (answer.status, answer.json["error"]) == (400, "invalid_fields")
    assert answer.json["fields"][0]["field"] in query


def cursor_of(api: ApiCaller, **query) -> str:
    for _ in range(3):
        api.send()
    cursor = api("GET", "/v1/events", query={"limit": 2, **query}).json["next"]
    assert cursor
    return cursor


def test_a_cursor_is_good_for_its_tenant_and_its_query_alone(tenant_api):
    cursor = cursor_of(tenant_api, to="2100-01-01T00:00:00Z")
    other = replace(tenant_api, tenant="other")

    assert tenant_api("GET", "/v1/events", query={"cursor": cursor, "to": "2100-01-01T00:00:00Z"}).status == 200
    for api, path, query in (
        (other, "/v1/events", {"to": "2100-01-01T00:00:00Z"}),
        (tenant_api, "/v1/events", {}),
        (tenant_api, "/v1/events", {"to": "2100-01-01T00:00:01Z"}),
        (tenant_api, "/v1/deliveries", {"to": "2100-01-01T00:00:00Z"}),
    ):
        answer = api("GET", path, query={**query, "cursor": cursor})
        assert (answer.status, answer.json["fields"][0]["field"]) == (400, "cursor")


@pytest.fixture
def cursor(tenant_api) -> str:
    return cursor_of(tenant_api)


@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_cursor_that_was_tampered_with_is_refused(tenant_api, cursor, data):
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    changed = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")

    for text in (changed, cursor + "A", cursor + "=", cursor[:-1], data.draw(st.text("Aa0-_", min_size=1))):
        assert tenant_api("GET", "/v1/events", query={"cursor": text}).status == 400, text


def test_a_cursor_outlives_the_process_that_made_it(tenant_api, place, cold_start):
    cursor = cursor_of(tenant_api)
    another = ApiCaller(module=cold_start("delivery_api", **place.variables), tenant="acme")

    assert another("GET", "/v1/events", query={"cursor": cursor}).status == 200


# --- sending again --------------------------------------------------------------------------------------------------


def dead_delivery(api: ApiCaller, place: Place, state: DeliveryState = DeliveryState.DLQ) -> tuple[str, str]:
    event_id, endpoint_id = api.send(), api.create_endpoint()["endpointId"]
    place.deliveries.create(
        delivery(
            event_id, endpoint_id, NOW, tenant=api.tenant, state=state, reason="status 500", attempts=10, version=11
        )
    )
    place.sent()
    return event_id, endpoint_id


@pytest.mark.parametrize("state", [DeliveryState.DLQ, DeliveryState.DELIVERED])
def test_a_delivery_is_sent_again_on_request(tenant_api, place, state):
    event_id, endpoint_id = dead_delivery(tenant_api, place, state)

    answer = tenant_api("POST", f"/v1/events/{event_id}/deliveries/{endpoint_id}/resend")

    assert (answer.status, answer.json["state"]) == (202, "PENDING"), answer.raw
    [message] = place.sent()
    assert isinstance(message, Deliver)
    assert (message.event_id, message.endpoint_id) == (event_id, endpoint_id)
    assert message.version > 11


def test_what_cannot_be_sent_again_says_why(tenant_api, place):
    event_id, endpoint_id = dead_delivery(tenant_api, place)
    resend = f"/v1/events/{event_id}/deliveries/{endpoint_id}/resend"
    tenant_api("DELETE", f"/v1/events/{event_id}/payload")

    erased = tenant_api("POST", resend)
    another, gone = dead_delivery(tenant_api, place)
    tenant_api("DELETE", f"/v1/endpoints/{gone}")
    deleted = tenant_api("POST", f"/v1/events/{another}/deliveries/{gone}/resend")

    assert (erased.status, erased.json["error"]) == (409, "payload_erased")
    assert (deleted.status, deleted.json["error"]) == (409, "endpoint_deleted")
    assert place.sent() == []
    known = tenant_api.send()
    for event, endpoint in ((new_id(EVENT, NOW), endpoint_id), (known, new_id(ENDPOINT, NOW)), (known, gone)):
        assert tenant_api("POST", f"/v1/events/{event}/deliveries/{endpoint}/resend").status == 404


def test_an_event_is_sent_to_an_endpoint_that_never_had_it(tenant_api, place):
    event_id = tenant_api.send()
    endpoint_id = tenant_api.create_endpoint(eventTypes=["other"])["endpointId"]
    place.sent()

    answer = tenant_api("POST", f"/v1/events/{event_id}/deliveries/{endpoint_id}/resend")

    assert (answer.status, answer.json["state"], answer.json["attempts"]) == (202, "PENDING", 0), answer.raw
    [message] = place.sent()
    assert (message.event_id, message.endpoint_id, message.version) == (event_id, endpoint_id, 1)


# --- tenants --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("access", "forbidden"), [("full", []), ("portal", [("DELETE", "/payload")])])
def test_everything_of_another_tenant_is_not_found_as_what_never_was(tenant_api, place, access, forbidden):
    event_id, endpoint_id = dead_delivery(tenant_api, place)
    attempted(place, event_id, endpoint_id, (500, None))
    replay_id = tenant_api("POST", f"/v1/endpoints/{endpoint_id}/replays", {"dryRun": False}).json["replay"]["replayId"]
    other = replace(tenant_api, tenant="other", access=access)
    before = [place.items(table) for table in (place.events_table, place.endpoints_table)]
    one, endpoint = f"/v1/events/{event_id}", f"/v1/endpoints/{endpoint_id}"
    calls = [
        ("GET", one, None),
        ("GET", f"{one}/payload", None),
        ("DELETE", f"{one}/payload", None),
        ("POST", f"{one}/deliveries/{endpoint_id}/resend", None),
        ("GET", f"{one}/attempts/{endpoint_id}/1", None),
        ("GET", endpoint, None),
        ("PATCH", endpoint, {"description": "mine"}),
        ("DELETE", endpoint, None),
        ("POST", f"{endpoint}/pause", None),
        ("POST", f"{endpoint}/activate", None),
        ("POST", f"{endpoint}/rotate-secret", None),
        ("POST", f"{endpoint}/test", None),
        ("POST", f"{endpoint}/replays", {"dryRun": False}),
        ("GET", f"{endpoint}/replays", None),
        ("GET", f"{endpoint}/replays/{replay_id}", None),
        ("POST", f"{endpoint}/replays/{replay_id}/cancel", None),
    ]

    for method, path, body in calls:
        foreign = other(method, path, body)
        unknown = other(
            method,
            path.replace(event_id, new_id(EVENT, NOW)).replace(endpoint_id, new_id(ENDPOINT, NOW)),
            body,
        )
        status = 403 if (method, path[-8:]) in forbidden else 404
        assert foreign.status == unknown.status == status, (method, path)
        assert {**foreign.json, "correlationId": ""} == {**unknown.json, "correlationId": ""}

    assert [place.items(table) for table in (place.events_table, place.endpoints_table)] == before
    assert place.sent() == []
    # Every route that takes an id is among them.
    called = {
        (
            method,
            re.sub("/1$", "/{number}", path)
            .replace(event_id, "{eventId}")
            .replace(endpoint_id, "{endpointId}")
            .replace(replay_id, "{replayId}"),
        )
        for method, path, _ in calls
    }
    assert called == {(each.method, each.path) for each in ROUTES if each.authorization == TOKEN and "{" in each.path}


class TwoTenants(RuleBasedStateMachine):
    """Any sequence of calls of two tenants, with ids and cursors of both: each sees its own and nothing else."""

    api: ApiCaller
    place: Place
    access: str
    names = ("acme", "acme-2")

    def __init__(self) -> None:
        super().__init__()
        # Tables live longer than one run: names of its own keep the runs apart.
        self.suffix = new_id(EVENT, NOW)[-12:].lower()
        self.owners = [replace(self.api, tenant=f"{name}-{self.suffix}") for name in self.names]
        self.tenants = [replace(one, access=self.access) for one in self.owners]
        self.events: list[dict[str, str]] = [{}, {}]
        self.endpoints: list[dict[str, dict]] = [{}, {}]
        self.deliveries: list[set[tuple[str, str]]] = [set(), set()]
        self.cursors: list[tuple[int, str]] = []

    def act(self, who: int, method: str, path: str, body: Any = None, **more: Any) -> ApiResponse:
        """Call as the access may, and do with a full token what it may not."""
        answer = self.tenants[who](method, path, body, **more)
        forbidden = {
            "full": False,
            "portal": path.endswith("/payload") or (method, path) == ("POST", "/v1/events"),
            "portal-read": True,
        }[self.access]
        assert (answer.status == 403) is forbidden, (method, path, answer.raw)
        return self.owners[who](method, path, body, **more) if forbidden else answer

    def every(self, kind: list[dict]) -> list[tuple[int, str]]:
        return [(owner, one) for owner, found in enumerate(kind) for one in found]

    @rule(who=st.integers(0, 1), key=st.sampled_from([None, "k1", "k2"]))
    def send(self, who, key):
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        event_id = self.act(who, "POST", "/v1/events", {"type": "invoice.paid"}, headers=headers).json["eventId"]
        self.events[who].setdefault(event_id, "")
        assert event_id not in self.events[1 - who]
        # Only another event makes another cursor.
        page = self.tenants[who]("GET", "/v1/events", query={"limit": 1}).json
        if page["next"]:
            self.cursors.append((who, page["next"]))

    @rule(who=st.integers(0, 1))
    def create(self, who):
        if len(self.endpoints[who]) < 3:
            created = self.act(who, "POST", "/v1/endpoints", {"url": URL}).json
            created.pop("secret")
            self.endpoints[who][created["endpointId"]] = created

    @rule(
        data=st.data(),
        who=st.integers(0, 1),
        action=st.sampled_from(["PATCH", "DELETE", "rotate-secret", "pause", "activate", "test"]),
    )
    def touch_endpoint(self, data, who, action):
        if not (known := self.every(self.endpoints)):
            return
        owner, endpoint_id = data.draw(st.sampled_from(known))
        one = f"/v1/endpoints/{endpoint_id}"
        if action in ("PATCH", "DELETE"):
            answer = self.act(who, action, one, {"description": f"by {who}"} if action == "PATCH" else None)
        else:
            answer = self.act(who, "POST", f"{one}/{action}")
        if owner != who:
            assert answer.status == 404
        elif action == "DELETE":
            assert answer.status == 204
            del self.endpoints[who][endpoint_id]
        elif action == "test":
            assert answer.status == (201 if self.endpoints[who][endpoint_id]["state"] == "ACTIVE" else 409)
            if answer.status == 201:
                self.events[who][answer.json["eventId"]] = ""
        elif answer.status == 200:
            self.endpoints[who][endpoint_id] = {name: value for name, value in answer.json.items() if name != "secret"}
        else:
            assert (action, answer.status) == ("rotate-secret", 409)

    @rule(data=st.data(), who=st.integers(0, 1))
    def erase(self, data, who):
        if known := self.every(self.events):
            owner, event_id = data.draw(st.sampled_from(known))
            answer = self.act(who, "DELETE", f"/v1/events/{event_id}/payload")
            assert answer.status == (200 if owner == who else 404)
            if owner == who:
                self.events[who][event_id] = answer.json["erasedAt"]

    @rule(data=st.data(), who=st.integers(0, 1), delivered=st.booleans())
    def resend(self, data, who, delivered):
        events, endpoints = self.every(self.events), self.every(self.endpoints)
        if not (events and endpoints):
            return
        owner, event_id = data.draw(st.sampled_from(events))
        target, endpoint_id = data.draw(st.sampled_from(endpoints))
        if delivered and owner == target and not self.events[owner][event_id]:
            # As the worker writes it; without, the event is sent for the first time.
            made = delivery(
                event_id, endpoint_id, NOW, tenant=self.tenants[owner].tenant, state=DeliveryState.DELIVERED
            )
            self.place.deliveries.create(made)
            self.deliveries[owner].add((event_id, endpoint_id))
        answer = self.act(who, "POST", f"/v1/events/{event_id}/deliveries/{endpoint_id}/resend")
        if not (owner == target == who):
            assert answer.status == 404
        else:
            assert answer.status in (202, 409)
            if answer.status == 202:
                self.deliveries[who].add((event_id, endpoint_id))

    @rule(data=st.data(), who=st.integers(0, 1))
    def list_deliveries(self, data, who):
        listed = self.tenants[who]("GET", "/v1/deliveries").json["deliveries"]
        assert {(one["eventId"], one["endpointId"]) for one in listed} == self.deliveries[who]
        if endpoints := self.every(self.endpoints):
            _, endpoint_id = data.draw(st.sampled_from(endpoints))
            found = self.tenants[who]("GET", "/v1/deliveries", query={"endpointId": endpoint_id}).json["deliveries"]
            assert {(one["eventId"], one["endpointId"]) for one in found} == {
                pair for pair in self.deliveries[who] if pair[1] == endpoint_id
            }

    @rule(data=st.data(), who=st.integers(0, 1))
    def follow_cursor(self, data, who):
        if self.cursors:
            owner, cursor = data.draw(st.sampled_from(self.cursors))
            answer = self.tenants[who]("GET", "/v1/events", query={"cursor": cursor, "limit": 1})
            assert answer.status == (200 if owner == who else 400)
            if owner == who:
                assert {one["eventId"] for one in answer.json["events"]} <= set(self.events[who])

    @invariant()
    def each_sees_its_own(self):
        for who, api in enumerate(self.tenants):
            listed = {one["eventId"]: one["erasedAt"] or "" for one in api("GET", "/v1/events").json["events"]}
            assert listed == self.events[who]
            endpoints = {one["endpointId"]: one for one in api("GET", "/v1/endpoints").json["endpoints"]}
            assert endpoints == self.endpoints[who]

    def teardown(self) -> None:
        for who, api in enumerate(self.tenants):
            for event_id in self.events[1 - who]:
                assert api("GET", f"/v1/events/{event_id}").status == 404


@pytest.mark.parametrize(("access", "examples"), [("full", 8), ("portal", 6), ("portal-read", 2)])
def test_no_sequence_of_calls_reaches_another_tenant(tenant_api, place, access, examples):
    machine = type("Machine", (TwoTenants,), {"api": tenant_api, "place": place, "access": access})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=20, deadline=None, derandomize=True, database=None
        ),
    )


@given(st.text(max_size=80), st.sampled_from(["GET", "DELETE", "PATCH", "POST"]))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_id_that_one_can_think_of_reaches_anything(refusing_tenant_api, untouched_place, text, method):
    """Ids come decoded from the path: with ``#``, with slashes, with another tenant's name in them."""
    path = f"/v1/endpoints/{text}"

    answer = refusing_tenant_api(method, path, {"description": "x"} if method == "PATCH" else None)

    # An empty one is the list.
    assert answer.status in ({200} if not text.strip("/") and method == "GET" else {404, 400})
    assert not [item for item in untouched_place.items(untouched_place.endpoints_table) if item["item"] != "cursor-key"]
