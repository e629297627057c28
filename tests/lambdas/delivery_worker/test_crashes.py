"""The worker dies at every boundary that its work has, and at random: nothing is lost, and little is sent twice."""

import itertools
import random
from collections import Counter

from lambdas.delivery.domain.model import DeliveryState, EndpointState
from lambdas.delivery_receiver.faults import Fault
from tests.lambdas.delivery_support import Death, DeliveryWorld
from tests.lambdas.support import NOW
from tools.local.faulty_receiver import FaultyReceiver

ANSWERED_AND_NOT_RECORDED = ("after post", "before transact_write_items")


def boundaries(clients, tables, receiver, prepare):
    """Run a scenario once for every boundary that one batch of it has, dying there; yield each world and its death.

    `prepare` makes a world whose next batch is the one to die in.
    """
    for number in itertools.count(1):
        world = DeliveryWorld(dynamodb=clients.dynamodb, name=tables)
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
    clients, tables, receiver
):
    died_at = []
    for world, death in boundaries(clients, tables, receiver, a_delivery_that_is_due(receiver)):
        world.run()
        assert world.delivery(world.event).state is DeliveryState.DELIVERED, death.at
        assert sum(receiver.ids().values()) == 1 + sent_twice(death), death.at
        assert world.queue.dead == []
        died_at.append(death.at)
    assert set(ANSWERED_AND_NOT_RECORDED) <= set(died_at)
    assert "after transact_write_items" in died_at


def test_a_crash_at_any_boundary_of_a_failed_attempt_leaves_its_next_one_scheduled(clients, tables, receiver):
    died_at = []
    for world, death in boundaries(clients, tables, receiver, a_delivery_that_is_due(receiver, 500)):
        world.run()
        delivery = world.delivery(world.event)
        assert delivery.state is DeliveryState.DELIVERED, death.at
        # The attempt that was lost was not recorded, and not counted.
        assert delivery.attempts == len(world.attempts()) == (2 - sent_twice(death)), death.at
        assert sum(receiver.ids().values()) == 2, death.at
        died_at.append(death.at)
    assert {"before send_message", "after send_message", "after post"} <= set(died_at)


def test_a_crash_at_any_boundary_after_410_still_disables_the_endpoint_and_tells_of_it_once(clients, tables, receiver):
    with FaultyReceiver() as other:

        def prepare(world):
            receiver.decide = lambda received: Fault(status=410)
            other.received.clear()
            world.add_endpoint(receiver.url(), event_types=("invoice.*",))
            world.add_endpoint(other.url(), "ep_2", event_types=("webhook.*",))
            world.event = world.add_event()
            assert world.step()

        for world, death in boundaries(clients, tables, receiver, prepare):
            world.run()
            endpoint, _ = world.endpoints.read(world.tenant, "ep_1")
            assert endpoint.state is EndpointState.DISABLED, death.at
            assert world.delivery(world.event).state is DeliveryState.DLQ, death.at
            assert len(other.ids()) == 1, death.at


def test_a_crash_at_any_boundary_of_a_fan_out_leaves_each_endpoint_one_delivery(clients, tables, receiver):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        for number in range(3):
            world.add_endpoint(receiver.url(f"/{number}"), f"ep_{number}")
        world.event = world.add_event()

    for world, death in boundaries(clients, tables, receiver, prepare):
        world.run()
        assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}, death.at
        assert Counter(one.path for one in receiver.received) == {"/0": 1, "/1": 1, "/2": 1}, death.at


def test_a_crash_at_any_boundary_of_a_resume_leaves_nothing_behind(clients, tables, receiver):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
        for _ in range(3):
            world.add_event()
        world.run(until=NOW + 1)
        world.set_state(endpoint, EndpointState.ACTIVE)
        world.resume()

    for world, death in boundaries(clients, tables, receiver, prepare):
        # Well before they would look again by themselves
        world.run(until=NOW + 3_000)
        assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}, death.at
        assert set(receiver.ids().values()) == {1}, death.at


def test_a_crash_at_any_boundary_of_a_bus_event_makes_one_event(clients, tables, receiver):
    def prepare(world):
        receiver.decide = lambda received: Fault()
        world.add_endpoint(receiver.url())
        event = '{"id":"1","source":"webhooks.acme","detail-type":"a.b","detail":{"provider":"acme","eventId":"e1"}}'
        world.queue.put(f'{{"v":1,"kind":"inbound","tenant":"{world.tenant}","event":{event}}}', NOW)

    def at_least_one(world, death):
        world.run()
        assert list(receiver.ids().values()) == [1], death.at

    for number in range(1, 5):
        world = DeliveryWorld(dynamodb=clients.dynamodb, name=tables)
        prepare(world)
        receiver.received.clear()
        death = Death(decide=lambda at, name, number=number: at == number)
        assert not world.step(death)
        at_least_one(world, death)


def test_duplicates_and_concurrent_workers_send_once(clients, tables, receiver):
    # Given a delivery, and ten messages for its one version, as SQS may hand out
    world = DeliveryWorld(dynamodb=clients.dynamodb, name=tables)
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


# --- many events, and workers that are killed at random -------------------------------------------------------------

EVENTS = 100
KILLED = 0.006
"""Share of boundaries at which a worker dies; a batch of ten deliveries has some 140 of them."""
FLAKY_FAILURES = {7: 1, 8: 2, 9: 3}
"""Last digit of an event to the attempts that the flaky endpoint fails: of six, so that it takes every event in the
end, and of so few events that its breaker seldom opens."""


def flaky(receiver):
    """Have a receiver fail the first attempts of some events on /0/flaky."""
    failed = Counter()

    def decide(received):
        event_id = received.headers["webhook-id"]
        if received.path != "/0/flaky" or failed[event_id] >= FLAKY_FAILURES.get(int(event_id[-1]), 0):
            return Fault()
        failed[event_id] += 1
        return Fault(status=500)

    receiver.decide = decide


def test_many_events_reach_their_ends_although_workers_are_killed_at_random(clients, tables, receiver, report):
    # Given three tenants with five endpoints: three good ones, a flaky one, and a dead one
    chance = random.Random(20260921)
    worlds = [DeliveryWorld(dynamodb=clients.dynamodb, name=tables, disable_after_hours=3) for _ in range(3)]
    first = worlds[0]
    flaky(receiver)
    for world in worlds[1:]:
        world.clock, world.queue = first.clock, first.queue
        first.tenants.add(world.tenant)
    with FaultyReceiver() as dead:
        dead.decide = lambda received: Fault(close=True)
        urls = {
            (0, "good"): receiver.url("/0/good"),
            (0, "flaky"): receiver.url("/0/flaky"),
            (1, "good"): receiver.url("/1/good"),
            (1, "dead"): dead.url("/1/dead"),
            (2, "good"): receiver.url("/2/good"),
        }
        for (tenant, name), url in urls.items():
            worlds[tenant].add_endpoint(url, name, event_types=("invoice.*",))
        expected = {}
        for number in range(EVENTS):
            tenant = 0 if number % 5 < 3 else number % 5 - 2
            payload = b'{"type":"invoice.paid","number":%d,"amount":1.10}' % number
            event = worlds[tenant].add_event(payload, event_id=f"evt_{number:026}")
            for owner, name in urls:
                if owner == tenant:
                    expected[event.event_id, name] = (tenant, payload)

        # When workers process all of it, each of which may be killed at any call, which takes the rest of its batch
        # along. Five such deaths in a row would be a draw of luck, and no poisoned message.
        first.queue.max_receives = 50
        deaths = []

        def death():
            # Whatever the chances, the one from whom a receiver accepted the first event dies before it records that.
            accepted_before = bool(receiver.accepted)
            deaths.append(
                Death(
                    decide=lambda at, name: (
                        chance.random() < KILLED or (bool(receiver.accepted) and not accepted_before)
                    )
                )
            )
            return deaths[-1]

        first.run(death=death)

        # Then every delivery is delivered, or says why it is not; and none got lost in the pipeline
        found = {(one.event_id, one.endpoint_id): one for world in worlds for one in world.all_deliveries()}
        assert set(found) == set(expected)
        assert first.queue.dead == []
        ends = Counter((one.endpoint_id, str(one.state), one.reason) for one in found.values())
        for (_, name), one in found.items():
            assert one.state is (DeliveryState.DLQ if name == "dead" else DeliveryState.DELIVERED), one
        dead_reasons = {reason for name, _, reason in ends if name == "dead"}
        assert dead_reasons <= {"endpoint disabled", "attempts used up: connection closed"}

        # And each receiver accepted each event, byte for byte, and twice only after a crash between answer and record
        accepted = Counter()
        for one in receiver.received:
            key = (one.headers["webhook-id"], one.path.rpartition("/")[2])
            assert one.body == expected[key][1]
            accepted[key] += 1
        assert {key for key in expected if key[1] != "dead"} == set(accepted)
        recorded = Counter()
        for world in worlds:
            recorded.update((one.event_id, one.endpoint_id) for one in world.attempts())
        unrecorded = sum((accepted - recorded).values())
        again = sum(receiver.accepted[key] for key in receiver.accepted) - sum(name != "dead" for _, name in expected)
        killed = [one for one in deaths if one.at is not None]
        between = sum(one.passed.count("after post") + one.passed.count("before post") for one in killed)
        assert killed
        # A kill loses the record of at most the attempts that its batch had begun.
        assert 0 < again <= unrecorded <= between
        report(
            f"delivery: {len(expected)} deliveries of {EVENTS} events, {len(deaths)} batches, "
            f"{len(killed)} workers killed; {unrecorded} attempts answered and not recorded, "
            f"{again} events accepted more than once; "
            f"ends: {dict(Counter(str(one.state) for one in found.values()))}"
        )
