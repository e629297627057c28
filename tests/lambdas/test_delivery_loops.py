"""Endpoints that lead back to the API: the real API, and the real worker whose requests arrive there."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from lambdas.delivery.domain.attempt_result import HttpResult
from lambdas.delivery.domain.errors import InvalidFieldError
from lambdas.delivery.domain.metrics import ApiMetric
from lambdas.delivery.http.rest import Rest
from lambdas.delivery.sending.headers import HOPS_HEADER
from lambdas.delivery.sending.urls import EndpointRefusedError, EndpointRules, check_url, read_url
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.event_intake import EventIntake
from lambdas.delivery.store.cursors import Cursors
from lambdas.delivery.store.event_counts import EventCounts
from lambdas.delivery.store.listing import Listing
from lambdas.delivery_api.operations import TenantServices, build
from tests.lambdas.delivery_api_support import ApiResponse, answer_of, proxy_event
from tests.lambdas.delivery_support import DeliveryWorld
from tests.lambdas.support import Clients, create_delivery_tables, lambda_context

OWN = "https://api1234567.execute-api.eu-central-1.amazonaws.com/live/v1/events"
FORWARDER = "https://forwarder.example.com/{}"
STOP_AT = 120


@pytest.fixture(scope="module")
def tables(clients: Clients) -> str:
    create_delivery_tables(clients.dynamodb, "delivery-loops")
    return "delivery-loops"


@dataclass
class Loop:
    """One tenant's world in which a request to the API's own host, or to a forwarder, comes to the API.

    It stands in for the worker's HTTP client: the URL is checked as that does, and the request becomes an API call.
    """

    world: DeliveryWorld
    rules: EndpointRules
    forwards_headers: bool = True
    events_per_day: int = 1_000
    seconds: float = 5.0
    depth: Counter[int] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    counted: list[ApiMetric] = field(default_factory=list)
    depth_of: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.api = self._api()

    def _api(self) -> Rest:
        world = self.world
        endpoints = f"{world.name}-endpoints"

        def check(url: str) -> None:
            try:
                check_url(url, self.rules)
            except EndpointRefusedError as error:
                raise InvalidFieldError("url", error.reason) from error

        return build(
            TenantServices(
                endpoints=EndpointAdmin(world.dynamodb, endpoints, lambda _: True),
                intake=EventIntake(
                    events=world.events,
                    queue=world.queue,  # type: ignore[arg-type]
                    retention=world.retention,
                    clock=world.clock,
                ),
                events=world.events,
                requeue=world.requeue,
                replays=world.replays,
                listing=Listing(world.dynamodb, f"{world.name}-events"),
                cursors=Cursors(world.dynamodb, endpoints),
                counts=EventCounts(world.dynamodb, endpoints),
                announcer=Announcer(events=world.events, retention=world.retention),
                check_url=check,
                resume=lambda *_: None,
                count=self.counted.append,
                clock=world.clock,
                max_event_bytes=100_000,
                events_per_day=self.events_per_day,
                max_endpoints=10,
            )
        )

    def call(self, path: str, body: bytes, headers: Mapping[str, str]) -> ApiResponse:
        event = proxy_event("POST", path, tenant=self.world.tenant, body=body, headers=dict(headers))
        return answer_of(self.api.serve(event, lambda_context()))

    def add_endpoint(self, url: str) -> int:
        body = json.dumps({"url": url, "headers": {"Authorization": "Bearer whk_the_tenants_own"}}).encode()
        return self.call("/v1/endpoints", body, {"Content-Type": "application/json"}).status

    def put_endpoint(self, endpoint_id: str, url: str) -> None:
        """Add an endpoint that was registered before its host was refused."""
        self.world.add_endpoint(url, endpoint_id, headers={"Authorization": "Bearer whk_the_tenants_own"})

    def begin(self) -> None:
        answer = self.call("/v1/events", b'{"type":"ping"}', {"Content-Type": "application/json"})
        assert answer.status == 201, answer.raw
        self.depth_of[answer.json["eventId"]] = 0
        self.depth[0] = 1

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResult:
        try:
            read_url(url, self.rules)
        except EndpointRefusedError as error:
            return HttpResult(status=None, problem=error.reason)
        passed = headers if self.forwards_headers else {"content-type": headers["content-type"]}
        answer = self.call("/v1/events", body, passed)
        # The worker's threads post at the same time.
        with self.lock:
            self.answers[answer.status] += 1
            if answer.status == 201:
                depth = self.depth_of[headers["webhook-id"]] + 1
                self.depth_of[answer.json["eventId"]] = depth
                self.depth[depth] += 1
        return HttpResult(status=answer.status, retry_after=answer.headers.get("retry-after"))

    def run(self) -> list[int]:
        """Run for an hour of virtual time, or until there are too many events; return how many after each round."""
        ends = self.world.clock.now + 3_600
        while sum(self.depth.values()) < STOP_AT and (self.world.queue.next_at or ends) < ends:
            self.world.clock.now = max(self.world.clock.now, self.world.queue.next_at)
            self.world.step(client=self)
        return list(_sums(self.depth))


def _sums(depth: Counter[int]) -> Iterator[int]:
    total = 0
    for round_ in sorted(depth):
        total += depth[round_]
        yield total


@pytest.fixture
def world(clients: Clients, tables: str) -> DeliveryWorld:
    return DeliveryWorld(dynamodb=clients.dynamodb, name=tables)


def test_without_rules_three_endpoints_triple_the_events_in_each_round(world, monkeypatch):
    # What rules, hop count and quota are for; it is also why the other tests of this file can fail.
    monkeypatch.setattr("lambdas.delivery_api.operations.MAX_HOPS", 99)
    loop = Loop(world, EndpointRules())
    for _ in range(3):
        assert loop.add_endpoint(OWN) == 201
    loop.begin()

    assert loop.run()[:4] == [1, 4, 13, 40]


def test_the_apis_own_host_is_refused_at_registration_and_at_each_attempt(world):
    loop = Loop(world, EndpointRules(refused_hosts=("api1234567.execute-api.*", "hooks.example.com")))
    assert [
        loop.add_endpoint(url) for url in (OWN, OWN.replace("api", "API", 1), "https://hooks.example.com/v1/events")
    ] == [400] * 3
    for number in range(3):
        loop.put_endpoint(f"ep_{number}", OWN)
    loop.begin()

    assert loop.run() == [1]
    assert {attempt.outcome[:15] for attempt in world.attempts()} == {"host is refused"}
    assert loop.answers == {}


def test_a_forwarder_that_passes_headers_on_makes_a_loop_of_four_rounds(world):
    loop = Loop(world, EndpointRules())
    for number in range(2):
        assert loop.add_endpoint(FORWARDER.format(number)) == 201
    loop.begin()

    assert loop.run() == [1, 3, 7, 15]
    assert set(loop.answers) == {201, 409}
    assert set(loop.counted) == {ApiMetric.LOOPS_ENDED}
    # The sixteen deliveries of the last round are tried by their schedule, and then given up.
    assert Counter(one.state == "DELIVERED" for one in world.all_deliveries()) == {True: 14, False: 16}


def test_a_forwarder_that_passes_the_body_alone_is_bounded_by_the_tenants_quota(world):
    loop = Loop(world, EndpointRules(), forwards_headers=False, events_per_day=20)
    for number in range(2):
        assert loop.add_endpoint(FORWARDER.format(number)) == 201
    loop.begin()

    assert loop.run()[-1] == 20
    assert set(loop.answers) == {201, 429}
    assert ApiMetric.QUOTAS_REACHED in loop.counted


@pytest.mark.parametrize(
    "path", ["/v1/endpoints/{}/test", "/v1/endpoints/{}/replays", "/v1/events/{}/deliveries/{}/resend"]
)
def test_a_delivery_that_is_forwarded_asks_for_no_other(world, path):
    loop = Loop(world, EndpointRules())
    place = path.format("evt_" + "0" * 26, "ep_" + "0" * 26) if "events" in path else path.format("ep_" + "0" * 26)

    sent = b"{}", {"Content-Type": "application/json"}
    assert loop.call(place, sent[0], {**sent[1], HOPS_HEADER: "1"}).json["error"] == "loop_detected"
    assert loop.call(place, *sent).status == 404


@pytest.mark.parametrize("text", ["", "-1", "1.0", "\u0661", "1234", "x", " 1"])
def test_a_hop_count_that_is_no_number_is_refused(world, text):
    answer = Loop(world, EndpointRules()).call("/v1/events", b'{"type":"ping"}', {HOPS_HEADER: text})

    assert answer.status == 400
    assert answer.json["fields"][0]["field"] == HOPS_HEADER
