"""The worker dies at every boundary that its work has: nothing is lost, and little is sent twice.

Deaths at random, with all other faults, are those of `tests.lambdas.simulation`.
"""

import itertools
from collections import Counter

from lambdas.delivery.domain.model import DeliveryState, EndpointState
from lambdas.delivery_receiver.faults import Fault
from tests.lambdas.delivery_support import Death, DeliveryWorld
from tests.lambdas.support import NOW
from tools.local.faulty_receiver import FaultyReceiver

ANSWERED_AND_NOT_RECORDED = ("after post", "before transact_write_items")


def boundaries(memory, receiver, prepare):
    """Run a scenario once for every boundary that one batch of it has, dying there; yield each world and its death.

    `prepare` makes a world whose next batch is the one to die in.
    """
    for number in itertools.count(1):
        world = DeliveryWorld(dynamodb=memory, name="delivery")
        prepare(world)
        receiver.received.clear()
        death = Death(decide=lambda at, name, number=number: at == number)
        if world.step(death):
            assert number > 4
            return
        yield world, death


def sent_twice(death):
    """Tell whether the crash fell between the receiver's answer and its recording."""
    return death.at == "after post" or (death.at == "before transact_write_items" and "after post" in death.passed)


def a_delivery_that_is_due(receiver, status=200):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        world.add_endpoint(receiver.url())
        world.event = world.add_event()
        assert world.step()
        receiver.decide = lambda received: Fault(status=status if len(receiver.received) < 2 else 200)

    return prepare


def test_a_crash_at_any_boundary_of_a_delivery_loses_nothing_and_sends_twice_only_what_was_not_recorded(
    memory, receiver
):
    died_at = []
    for world, death in boundaries(memory, receiver, a_delivery_that_is_due(receiver)):
        world.run()
        assert world.delivery(world.event).state is DeliveryState.DELIVERED, death.at
        assert sum(receiver.ids().values()) == 1 + sent_twice(death), death.at
        assert world.queue.dead == []
        died_at.append(death.at)
    assert set(ANSWERED_AND_NOT_RECORDED) <= set(died_at)
    assert "after transact_write_items" in died_at


def test_a_crash_at_any_boundary_of_a_failed_attempt_leaves_its_next_one_scheduled(memory, receiver):
    died_at = []
    for world, death in boundaries(memory, receiver, a_delivery_that_is_due(receiver, 500)):
        world.run()
        delivery = world.delivery(world.event)
        assert delivery.state is DeliveryState.DELIVERED, death.at
        # The attempt that was lost was not recorded, and not counted.
        assert delivery.attempts == len(world.attempts()) == (2 - sent_twice(death)), death.at
        assert sum(receiver.ids().values()) == 2, death.at
        died_at.append(death.at)
    assert {"before send_message", "after send_message", "after post"} <= set(died_at)


def test_a_crash_at_any_boundary_after_410_still_disables_the_endpoint_and_tells_of_it_once(memory, receiver):
    with FaultyReceiver() as other:

        def prepare(world):
            receiver.decide = lambda received: Fault(status=410)
            other.received.clear()
            world.add_endpoint(receiver.url(), event_types=("invoice.*",))
            world.add_endpoint(other.url(), "ep_2", event_types=("webhook.endpoint.disabled",))
            world.event = world.add_event()
            assert world.step()

        for world, death in boundaries(memory, receiver, prepare):
            world.run()
            endpoint, _ = world.endpoints.read(world.tenant, "ep_1")
            assert endpoint.state is EndpointState.DISABLED, death.at
            assert world.delivery(world.event).state is DeliveryState.DLQ, death.at
            assert len(other.ids()) == 1, death.at


def test_a_crash_at_any_boundary_of_a_fan_out_leaves_each_endpoint_one_delivery(memory, receiver):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        for number in range(3):
            world.add_endpoint(receiver.url(f"/{number}"), f"ep_{number}")
        world.event = world.add_event()

    for world, death in boundaries(memory, receiver, prepare):
        world.run()
        assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}, death.at
        assert Counter(one.path for one in receiver.received) == {"/0": 1, "/1": 1, "/2": 1}, death.at


def test_a_crash_at_any_boundary_of_a_resume_leaves_nothing_behind(memory, receiver):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
        for _ in range(3):
            world.add_event()
        world.run(until=NOW + 1)
        world.set_state(endpoint, EndpointState.ACTIVE)
        world.resume()

    for world, death in boundaries(memory, receiver, prepare):
        # Well before they would look again by themselves
        world.run(until=NOW + 3_000)
        assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}, death.at
        assert set(receiver.ids().values()) == {1}, death.at


def test_a_crash_at_any_boundary_of_a_bus_event_makes_one_event(memory, receiver):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        world.add_endpoint(receiver.url())
        event = '{"id":"1","source":"webhooks.acme","detail-type":"a.b","detail":{"provider":"acme","eventId":"e1"}}'
        world.queue.put(f'{{"v":1,"kind":"inbound","tenant":"{world.tenant}","event":{event}}}', NOW)

    def at_least_one(world, death):
        world.run()
        assert list(receiver.ids().values()) == [1], death.at

    for number in range(1, 5):
        world = DeliveryWorld(dynamodb=memory, name="delivery")
        prepare(world)
        receiver.received.clear()
        death = Death(decide=lambda at, name, number=number: at == number)
        assert not world.step(death)
        at_least_one(world, death)


def test_duplicates_and_concurrent_workers_send_once(memory, receiver):
    # Given a delivery, and ten messages for its one version, as SQS may hand out
    world = DeliveryWorld(dynamodb=memory, name="delivery")
    world.add_endpoint(receiver.url("/?delay=0.2"))
    event = world.add_event()
    assert world.step()
    [body] = [body for _, body in world.queue.sent if '"deliver"' in body]
    for _ in range(9):
        world.queue.put(body, NOW)

    # When one batch has them all, in ten threads at once
    assert world.step()
    world.run()

    # Then one attempt was made
    assert receiver.ids() == {event.event_id: 1}
    assert world.delivery(event).attempts == 1
