"""Operational events: once for each episode, on the operator's bus and at the tenant's other endpoints."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdas.delivery.domain import operational_events as told
from lambdas.delivery.domain.model import DeliveryState, EndpointState, Health
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS
from lambdas.delivery.queue.messages import FanOut
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery_receiver.faults import Fault
from lambdas.shared import times
from tests.lambdas.delivery_support import Death, DeliveryWorld, MemoryBus
from tests.lambdas.support import NOW
from tools.local.faulty_receiver import FaultyReceiver

HOUR = 3_600
EVENTS = {"event_types": ("invoice.*",)}


@pytest.fixture
def other():
    with FaultyReceiver() as running:
        yield running


def answers(receiver, status):
    receiver.decide = lambda received: Fault(status=status)


def one_failing(world, receiver):
    """Have an endpoint that has failed for almost an hour; its next attempt comes when that is over."""
    world.schedule = STANDARD_WEBHOOKS
    answers(receiver, 500)
    world.add_endpoint(receiver.url(), **EVENTS)
    for _ in range(8):
        world.add_event()
    world.run(until=NOW + HOUR - 1)


def test_an_hour_of_failures_and_the_end_of_it_are_told_once_each(world, receiver, other):
    # Given an endpoint that does nothing but fail, and another one that wants to know
    world.add_endpoint(other.url(), "ep_ops", event_types=("webhook.*",))
    one_failing(world, receiver)
    assert world.bus.kinds() == []
    world.run(until=NOW + 10 * HOUR)
    assert world.bus.kinds() == [told.FAILING_EVENT]

    # When it is back
    answers(receiver, 200)
    world.run(until=NOW + 20 * HOUR)
    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}

    # Then the bus has both as they are documented
    assert world.bus.kinds() == [told.FAILING_EVENT, told.RECOVERED_EVENT]
    failing, recovered = world.bus.details()
    assert failing == {
        "kind": "webhook.endpoint.failing",
        "tenantId": world.tenant,
        "operationalEventId": failing["operationalEventId"],
        "time": failing["time"],
        "endpointId": "ep_1",
        "failingSince": times.iso(NOW),
        "failures": failing["failures"],
    }
    assert failing["failures"] >= 5
    assert NOW + HOUR <= times.parse(failing["time"]) <= NOW + 2.2 * HOUR
    assert recovered["troubledSince"] == times.iso(NOW)
    assert {(one["EventBusName"], one["Source"]) for one in world.bus.taken} == {("operations", "webhook.delivery")}
    # And the other endpoint the same
    found = {json.loads(one.body)["type"]: json.loads(one.body)["data"] for one in other.received}
    assert found == {
        told.FAILING_EVENT: {name: failing[name] for name in ("endpointId", "failingSince", "failures")},
        told.RECOVERED_EVENT: {"endpointId": "ep_1", "troubledSince": times.iso(NOW)},
    }
    assert len(other.received) == 2


def test_each_episode_is_told_of_and_a_short_one_is_not(world, receiver):
    one_failing(world, receiver)
    for number in range(1, 3):
        answers(receiver, 500)
        world.add_event()
        world.run(until=world.clock.now + 8 * HOUR)
        answers(receiver, 200)
        world.run(until=world.clock.now + 12 * HOUR)
        assert world.bus.kinds() == [told.FAILING_EVENT, told.RECOVERED_EVENT] * number
        answers(receiver, 500)
        for _ in range(6):
            world.add_event()
        world.run(until=world.clock.now + HOUR / 2)
        answers(receiver, 200)
        world.run(until=world.clock.now + 12 * HOUR)


def test_an_endpoint_that_was_disabled_is_back_with_its_first_success(world, receiver):
    answers(receiver, 410)
    endpoint = world.add_endpoint(receiver.url(), **EVENTS)
    world.add_event()
    world.run(until=NOW + 300)
    assert {one["kind"]: one["reason"] for one in world.bus.details()} == {
        told.DISABLED_EVENT: "answered 410",
        told.GIVEN_UP_EVENT: "status 410",
    }
    assert len(world.bus.taken) == 2

    # When somebody activates it, nothing has arrived yet
    answers(receiver, 200)
    world.set_state(endpoint, EndpointState.ACTIVE)
    world.resume()
    world.run(until=NOW + 600)
    assert world.bus.kinds()[2:] == []
    for _ in range(3):
        world.add_event()
    world.run(until=NOW + 900)
    assert world.bus.kinds()[2:] == [told.RECOVERED_EVENT]


def test_what_is_given_up_is_told_once_an_hour_for_an_endpoint(world, receiver):
    answers(receiver, 422)
    for endpoint_id in ("ep_1", "ep_2"):
        world.add_endpoint(receiver.url(), endpoint_id, final_statuses=[422], **EVENTS)
    hour = NOW // HOUR * HOUR + HOUR
    for start in (hour, hour + HOUR):
        world.run(until=start)
        # Fewer than open the breaker
        for _ in range(2):
            world.add_event()
        world.run(until=start + 200)

    given_up = [one for one in world.bus.details() if one["kind"] == told.GIVEN_UP_EVENT]
    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DLQ}
    assert sorted((one["endpointId"], one["standsForAllUntil"]) for one in given_up) == sorted(
        (endpoint_id, times.iso(end)) for endpoint_id in ("ep_1", "ep_2") for end in (hour + HOUR, hour + 2 * HOUR)
    )
    assert {one["reason"] for one in given_up} == {"final status 422"}


def test_deliveries_of_operational_events_are_told_of_nowhere(world, receiver):
    # Given an endpoint that fails with all operational events of another one, for hours, until they are given up
    answers(receiver, 500)
    world.add_endpoint(receiver.url(), "ep_ops", event_types=("webhook.*",), retry_waits=[60, 60])
    for number in range(6):
        about = told.OperationalEvent(
            kind=told.GIVEN_UP_EVENT, tenant_id=world.tenant, about=str(number), since=NOW, data={}
        )
        Announcer(events=world.events, retention=world.retention).announce(about, NOW)
    world.run(until=NOW + 48 * HOUR)

    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DLQ}
    assert world.bus.kinds() == [told.GIVEN_UP_EVENT] * 6


def test_many_workers_that_find_out_at_once_make_one_event(world):
    endpoint = world.add_endpoint("http://127.0.0.1:1/")
    one = told.failing(endpoint, Health(failing_since=int(NOW * 1_000)))
    with ThreadPoolExecutor(max_workers=20) as threads:
        list(
            threads.map(
                lambda number: Announcer(events=world.events, retention=world.retention).announce(one, NOW + number),
                range(20),
            )
        )
    world.run(until=NOW + 300)
    assert world.bus.kinds() == [told.FAILING_EVENT]


def boundaries(memory, prepare):
    """Run a scenario once for every boundary that its next batch has, dying there; yield each world and its death."""
    for number in itertools.count(1):
        world = DeliveryWorld(dynamodb=memory, name="delivery")
        prepare(world)
        death = Death(decide=lambda at, name, number=number: at == number)
        while world.queue.next_at is None:
            assert world.advance()
        world.clock.now = max(world.clock.now, world.queue.next_at)
        if world.step(death):
            assert number > 4
            return
        yield world, death


def test_a_crash_at_any_boundary_of_what_makes_an_endpoint_failing_does_not_keep_it_secret(memory, receiver):
    for world, death in boundaries(memory, lambda world: one_failing(world, receiver)):
        world.run(until=NOW + 10 * HOUR)
        assert world.bus.kinds() == [told.FAILING_EVENT], death.at
        answers(receiver, 200)
        world.run(until=NOW + 20 * HOUR)
        assert world.bus.kinds() == [told.FAILING_EVENT, told.RECOVERED_EVENT], death.at


def test_a_crash_at_any_boundary_of_the_first_success_tells_of_it_once(memory, receiver):
    def prepare(world):
        one_failing(world, receiver)
        world.run(until=NOW + 3 * HOUR)
        assert world.bus.kinds() == [told.FAILING_EVENT]
        answers(receiver, 200)

    for world, death in boundaries(memory, prepare):
        world.run(until=NOW + 20 * HOUR)
        assert world.bus.kinds() == [told.FAILING_EVENT, told.RECOVERED_EVENT], death.at


def test_a_crash_at_any_boundary_of_a_delivery_s_end_tells_of_it_once(memory, receiver):
    def prepare(world):
        answers(receiver, 422)
        world.add_endpoint(receiver.url(), final_statuses=[422], **EVENTS)
        world.add_event()
        assert world.step()

    for world, death in boundaries(memory, prepare):
        world.run(until=NOW + HOUR)
        assert world.bus.kinds() == [told.GIVEN_UP_EVENT], death.at


def announced(world):
    one = told.quota_reached(world.tenant, 10, NOW)
    Announcer(events=world.events, retention=world.retention).announce(one, NOW)
    return one


def test_a_crash_at_any_boundary_of_its_fan_out_leaves_it_due_until_the_bus_has_it(memory, receiver):
    def prepare(world):
        answers(receiver, 200)
        receiver.received.clear()
        world.add_endpoint(receiver.url())
        one = announced(world)
        world.queue.send(FanOut(tenant_id=world.tenant, event_id=one.event_id))

    for world, death in boundaries(memory, prepare):
        world.run(until=NOW + HOUR)
        again = "after put_events" in (death.at, *death.passed)
        assert 1 <= world.bus.kinds().count(told.QUOTA_REACHED_EVENT) <= 1 + again, death.at
        assert len({one["operationalEventId"] for one in world.bus.details()}) == 1
        assert set(receiver.ids().values()) == {1}, death.at


def test_while_the_bus_refuses_an_event_it_stays_due_and_the_sweeper_counts_it(world, receiver):
    world.add_endpoint(receiver.url())
    one = announced(world)
    world.bus.refuses = True
    world.run(until=NOW + HOUR)
    world.clock.now = NOW + HOUR + 1_800
    assert world.bus.taken == []
    failures = [fields["reason"] for what, fields in world.logged if what == "message failed"]
    assert set(failures) == {"bus refused the event: ThrottlingException"}

    # More than 15 minutes overdue: the alarm on the oldest
    found = [world.sweep().oldest_overdue]
    for _ in range(60):
        world.clock.now += 60
        found.append(world.sweep().oldest_overdue)
    assert max(found) > 900

    world.bus.refuses = False
    world.run(until=world.clock.now + 8 * HOUR)
    # Perhaps more than once
    assert {one["operationalEventId"] for one in world.bus.details()} == {one.event_id}
    assert set(receiver.ids().values()) == {1}


def test_an_event_whose_payload_its_tenant_erased_first_is_on_the_bus_all_the_same(world):
    endpoint = world.add_endpoint("http://127.0.0.1:1/")
    one = told.disabled(endpoint, "answered 410")
    Announcer(events=world.events, retention=world.retention).announce(one, NOW)
    world.events.erase_payload(world.tenant, one.event_id, NOW)
    world.run(until=NOW + 300)
    [detail] = world.bus.details()
    assert (detail["kind"], detail["endpointId"], "reason" in detail) == (told.DISABLED_EVENT, "ep_1", False)


def test_a_tenant_s_own_event_is_never_on_the_bus(world, receiver):
    # Given one of a type that looks like ours, as a provider may send it
    world.add_endpoint(receiver.url())
    world.add_event(b'{"type":"webhook.endpoint.disabled"}', event_type="webhook.endpoint.disabled")
    world.run(until=NOW + 300)
    assert set(receiver.ids().values()) == {1}
    assert world.bus.taken == []


def test_an_execution_environment_writes_the_same_event_once(world):
    class Counted:
        def __init__(self, events):
            self.events, self.writes = events, 0

        def create(self, *event):
            self.writes += 1
            return self.events.create(*event)

    counted = Counted(world.events)
    announcer = Announcer(events=counted, retention=world.retention)
    for second in range(1_000):
        announcer.announce(told.quota_reached(world.tenant, 10, NOW + second), NOW + second)
    assert counted.writes == 1


@pytest.mark.parametrize("code", [None, "InternalFailure"])
def test_an_entry_without_an_id_is_not_published(world, code):
    class Odd(MemoryBus):
        def put_events(self, **request):
            return {"FailedEntryCount": 0, "Entries": [{"ErrorCode": code} if code else {}]}

    world.bus = Odd()
    announced(world)
    world.run(until=NOW + 100)
    [reason] = {fields["reason"] for what, fields in world.logged if what == "message failed"}
    assert reason == f"bus refused the event: {code or 'no event id'}"
