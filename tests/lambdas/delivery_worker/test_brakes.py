"""Suspended tenants and stopped endpoints: nothing begins after the brake, and everything goes on after it."""

import itertools
from dataclasses import replace

import pytest

from lambdas.delivery.domain import holds
from lambdas.delivery.domain.model import DeliveryState, EndpointState
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.requeue import Resume
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.identities import Identities, TenantState
from lambdas.delivery_receiver.faults import Fault
from lambdas.shared import times
from tests.lambdas.delivery_support import Death, DeliveryWorld
from tests.lambdas.support import NOW, CrashError

HOUR = 3_600
ENDPOINT_ID = f"ep_{0:026}"


@pytest.fixture
def world(memory):
    return known(DeliveryWorld(dynamodb=memory, name="delivery"))


def known(world):
    """Have an operator know the tenant."""
    Identities(world.dynamodb, "delivery-tenants").create_tenant(world.tenant, "Acme", world.clock.now)
    return world


def suspend(world):
    assert world.suspension().suspend(world.tenant, world.clock.now).state is TenantState.SUSPENDED


def activate(world):
    assert world.suspension().activate(world.tenant, world.clock.now).state is TenantState.ACTIVE


def at_first(name, act):
    """Return a process that lives, at whose first call of a name something else happens before it."""
    left = [name]

    def decide(number, passed):
        del number
        if left and passed == f"before {left[0]}":
            left.clear()
            act()
        return False

    return Death(decide=decide)


def test_while_a_tenant_is_suspended_its_deliveries_wait_and_then_all_arrive_with_one_attempt(world, receiver):
    # Given a tenant with two endpoints, and one event before and one after its suspension
    for endpoint_id in ("ep_1", "ep_2"):
        world.add_endpoint(receiver.url(f"/{endpoint_id}"), endpoint_id)
    world.add_event()
    suspend(world)
    world.add_event()
    world.run(until=NOW + 30 * HOUR)

    # Then nothing is sent, and each delivery says why
    assert receiver.received == []
    assert {(one.attempts, one.waiting_for) for one in world.all_deliveries()} == {(0, "tenant suspended")}

    # And when it is active again, everything arrives at once
    activate(world)
    activated = world.clock.now
    world.run(until=activated + 60)
    assert {(one.attempts, one.state) for one in world.all_deliveries()} == {(1, DeliveryState.DELIVERED)}
    assert set(receiver.ids().values()) == {2}


def test_another_tenant_is_not_suspended_with_it(world, receiver):
    other = known(DeliveryWorld(dynamodb=world.dynamodb, name="delivery"))
    other.add_endpoint(receiver.url())
    other.add_event()
    suspend(world)
    other.run()
    assert {one.state for one in other.all_deliveries()} == {DeliveryState.DELIVERED}


def test_an_attempt_that_is_under_way_ends_and_its_retry_waits(world, receiver):
    # Given a tenant that is suspended while its endpoint is being asked
    def decide(received):
        suspend(world)
        return Fault(status=500)

    receiver.decide = decide
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=NOW + 10 * HOUR)

    assert len(receiver.received) == 1
    assert (world.delivery(event).attempts, world.delivery(event).waiting_for) == (1, "tenant suspended")
    receiver.decide = lambda received: Fault()
    activate(world)
    world.run()
    assert (world.delivery(event).attempts, world.delivery(event).state) == (2, DeliveryState.DELIVERED)


@pytest.mark.parametrize("stop", ["suspend", "pause", "disable"])
def test_what_was_stopped_between_looking_and_claiming_is_not_attempted(world, receiver, stop):
    # Given a worker that has seen that nothing stops a delivery
    endpoint = world.add_endpoint(receiver.url())
    event = world.add_event()
    assert world.step()

    # When something does before its claim
    def act():
        if stop == "suspend":
            suspend(world)
        else:
            world.set_state(endpoint, EndpointState.PAUSED if stop == "pause" else EndpointState.DISABLED)

    assert world.step(at_first("update_item", act))

    # Then it waits, or is given up, and has spent no attempt
    assert receiver.received == []
    delivery = world.delivery(event)
    assert (delivery.attempts, delivery.owner) == (0, None)
    found = delivery.waiting_for or delivery.reason
    assert found == {"suspend": "tenant suspended", "pause": "endpoint paused", "disable": "endpoint disabled"}[stop]


def test_what_is_being_released_while_its_tenant_is_suspended_waits_again(world, receiver):
    # Given deliveries that waited for an endpoint that was activated
    endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
    for _ in range(30):
        world.add_event()
    world.run(until=NOW + HOUR)
    world.set_state(endpoint, EndpointState.ACTIVE)
    world.resume()

    # When their tenant is suspended in the middle of the release
    assert world.step(at_first("batch_execute_statement", lambda: suspend(world)))
    world.run(until=world.clock.now + 3 * HOUR)
    assert receiver.received == []
    activate(world)
    world.run()
    assert {(one.attempts, one.state) for one in world.all_deliveries()} == {(1, DeliveryState.DELIVERED)}


def test_activated_between_looking_and_parking_it_goes_on_with_the_next_sweep(world, receiver):
    world.add_endpoint(receiver.url())
    suspend(world)
    event = world.add_event()
    assert world.step()
    assert world.step(at_first("update_item", lambda: activate(world)))
    assert world.delivery(event).held
    world.run(until=NOW + 90)
    assert world.delivery(event).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("what", ["suspend", "activate"])
def test_killed_between_any_two_calls_the_same_call_finishes(memory, receiver, what):
    died_at = []
    for number in itertools.count(1):
        world = known(DeliveryWorld(dynamodb=memory, name="delivery"))
        receiver.received.clear()
        for endpoint_id in ("ep_1", "ep_2"):
            world.add_endpoint(receiver.url(), endpoint_id)
        if what == "activate":
            suspend(world)
            world.add_event()
            world.run(until=NOW + 60)
        death = Death(decide=lambda at, name, number=number: at == number)
        try:
            getattr(world.suspension(death), what)(world.tenant, world.clock.now)
        except CrashError:
            died_at.append(death.at)
        state = Identities(memory, "delivery-tenants").tenant(world.tenant).state
        _, health = world.endpoints.read(world.tenant, "ep_1")
        # Never one without the other
        assert (state is TenantState.SUSPENDED) is (health.suspended_since is not None), death.at
        since = world.clock.now
        getattr(world.suspension(), what)(world.tenant, since)
        if what == "suspend":
            world.add_event()
        world.run(until=since + 60)
        assert len(receiver.received) == (0 if what == "suspend" else 2), death.at
        if death.at is None:
            break
    assert {"before transact_write_items", "after transact_write_items"} <= set(died_at)
    assert what == "suspend" or "after send_message" in died_at


def test_it_stays_suspended_since_the_first_call(world):
    suspend(world)
    world.clock.now += 100
    suspend(world)
    assert world.endpoints.read(world.tenant, "ep_1")[1].suspended_since == times.iso(NOW)


def test_a_suspension_of_weeks_ends_in_a_reason(world, receiver):
    world.add_endpoint(receiver.url())
    suspend(world)
    event = world.add_event()
    world.run(until=NOW + 2 * HOUR)
    world.clock.now = NOW + 19.9 * 86_400
    world.run()
    assert (world.delivery(event).state, world.delivery(event).reason) == (
        DeliveryState.DLQ,
        "waited too long: tenant suspended",
    )


def test_what_waited_too_long_does_not_delay_what_is_activated_after_it(world, receiver):
    # Given a paused endpoint for which deliveries wait, and a sweep that has just had several given up
    endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
    old = [world.add_event() for _ in range(3)]
    world.run(until=NOW + HOUR)
    world.clock.now = NOW + 24 * 86_400
    young = [world.add_event() for _ in range(3)]
    while not world.delivery(old[0]).state.final:
        assert world.advance()
    assert {world.delivery(one).held for one in young} == {True}

    # When it is activated
    world.set_state(endpoint, EndpointState.ACTIVE)
    world.resume()
    world.run(until=world.clock.now + 60)

    # Then what waits goes on at once
    assert {world.delivery(one).state for one in young} == {DeliveryState.DELIVERED}


def test_neither_a_suspension_nor_a_pause_makes_anything_overdue(world, receiver):
    # Given a tenant that is suspended with a delivery that failed, and one with a paused endpoint
    receiver.decide = lambda received: Fault(status=500)
    world.add_endpoint(receiver.url())
    paused = world.add_endpoint(receiver.url(), "ep_paused")
    for _ in range(3):
        world.add_event()
    world.run(until=NOW + 1)
    suspend(world)
    world.set_state(paused, EndpointState.PAUSED)

    # When two days pass, a sweep each minute
    found = []
    for minute in range(2 * 24 * 60):
        world.run(until=NOW + 60 * minute)
        found.append(world.sweep())

    assert len(receiver.received) < 10
    assert max(one.oldest_overdue for one in found) < 60
    assert sum(one.lost_messages for one in found) == 0


class Counting:
    """A client that counts the items that are read of an index, and each call."""

    def __init__(self, wrapped):
        self._wrapped = wrapped
        self.items = 0
        self.calls = 0

    def __getattr__(self, name):
        found = getattr(self._wrapped, name)

        def call(*args, **kwargs):
            self.calls += 1
            answer = found(*args, **kwargs)
            if name == "query":
                self.items += len(answer["Items"])
            return answer

        return call


def test_a_hundred_activations_cost_one_walk_over_what_waits_and_keep_its_pace(world, receiver, monkeypatch):
    # Given sixty deliveries that wait for a paused endpoint, six pages of them
    monkeypatch.setattr(holds, "PAGE", 10)
    endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
    for _ in range(60):
        world.add_event()
    world.run(until=NOW + HOUR)
    world.set_state(endpoint, EndpointState.ACTIVE)

    # When somebody activates it a hundred times within a minute
    counting = Counting(world.dynamodb)
    world.dynamodb, began = counting, world.clock.now
    resume = Resume(
        health=HealthStore(counting, "delivery-endpoints"),
        due=DueStore(counting, "delivery-events"),
        queue=DeliveryQueue(world.queue, ""),
        clock=world.clock,
    )
    world.queue.sent.clear()
    for _ in range(100):
        resume(world.tenant, "ep_1")
        world.clock.now += 0.5
        if world.queue.next_at is not None and world.queue.next_at <= world.clock.now:
            world.step()
    resumed = sum('"waken"' in body for _, body in world.queue.sent)

    # Then one page was released, and each other call cost two writes
    assert resumed == 1
    assert counting.items == 10
    assert sum(one.state is not DeliveryState.PENDING or not one.held for one in world.all_deliveries()) == 10
    # And the rest follows, a page a minute
    world.run(until=began + 380)
    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}
    assert set(receiver.ids().values()) == {1}


def test_an_answer_410_does_not_take_an_endpoint_from_the_operator_who_stopped_it(world, receiver):
    # Given an endpoint that an operator pauses while its answer 410 is on the way
    world.add_endpoint(receiver.url(), ENDPOINT_ID)
    admin = EndpointAdmin(world.dynamodb, "delivery-endpoints", lambda _: True)

    def decide(received):
        world.clock.now += 1
        admin.stop(world.tenant, ENDPOINT_ID, EndpointState.PAUSED, "looks broken", world.clock.now)
        return Fault(status=410)

    receiver.decide = decide
    event = world.add_event()
    world.run(until=NOW + 60)

    # When the message comes a second time, too
    delivery = world.delivery(event, ENDPOINT_ID)
    assert delivery.state is DeliveryState.DLQ
    assert world.process(Deliver.of(replace(delivery, version=1), 1)) == []

    found, _ = world.endpoints.read(world.tenant, ENDPOINT_ID)
    assert (found.state, found.state_reason) == (EndpointState.PAUSED, "looks broken")
