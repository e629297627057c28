"""Replays: whoever never had an event gets it, at a pace, once, whatever dies on the way."""

import itertools
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.domain.ids import REPLAY, new_id
from lambdas.delivery.domain.model import DeliveryState, EndpointState
from lambdas.delivery.domain.replays import (
    INDEX_LAG_SECONDS,
    MAX_COUNTED,
    MAX_RUNNING,
    PAGE,
    Replay,
    ReplayState,
)
from lambdas.delivery.services import replays
from lambdas.delivery_receiver.faults import Fault
from lambdas.shared import times
from tests.lambdas.delivery_support import SWEEP_SECONDS, Death, DeliveryWorld, Mortal
from tests.lambdas.support import NOW

HOUR = 3_600.0
DAY = 86_400


def a_replay(world: DeliveryWorld, **changes: Any) -> Replay:
    at = times.iso(world.clock.now)
    values: dict[str, Any] = {
        "tenant_id": world.tenant,
        "replay_id": new_id(REPLAY, world.clock.now),
        "endpoint_id": "ep_1",
        "start": times.iso(0),
        "end": at,
        "refused": {},
        "due_at": at,
        "created_at": at,
        "updated_at": at,
    }
    return Replay(**(values | changes))


def start(world: DeliveryWorld, **changes: Any) -> Replay:
    """Do what the API does when a replay is started."""
    return world.replays.start(a_replay(world, **changes), world.clock.now)


def now(world: DeliveryWorld, replay: Replay) -> Replay:
    return world.replays.find(world.tenant, replay.replay_id, world.clock.now)


def finish(world: DeliveryWorld, replay: Replay, hours: float = 2) -> Replay:
    world.run(until=world.clock.now + hours * HOUR)
    return now(world, replay)


def missed(world: DeliveryWorld, number: int, **event: Any) -> list[Any]:
    """Have events that came when there was nobody to get them."""
    events = [world.add_event(**event) for _ in range(number)]
    world.run(until=world.clock.now + 120)
    assert world.all_deliveries() == []
    return events


# --- who never had it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["disabled", "did not exist"])
def test_what_came_before_an_endpoint_could_get_it_is_sent_afterwards(world, receiver, why):
    # Given an event that came while the endpoint was disabled, or before there was one
    if why == "disabled":
        endpoint = world.add_endpoint(receiver.url(), state=EndpointState.DISABLED)
        [event] = missed(world, 1)
        world.set_state(endpoint, EndpointState.ACTIVE)
    else:
        [event] = missed(world, 1)
        world.add_endpoint(receiver.url())

    # When it is sent by a call
    sent = world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)

    # Then it arrives, and event and delivery expire together
    assert (sent.state, sent.version, sent.attempts) == (DeliveryState.PENDING, 1, 0)
    world.run()
    assert receiver.ids() == {event.event_id: 1}
    delivery = world.delivery(event)
    assert delivery.state is DeliveryState.DELIVERED
    stored, _ = world.events.read(world.tenant, event.event_id)
    assert stored.expires_at == delivery.expires_at


def test_a_message_that_is_lost_delays_what_is_sent_for_the_first_time_and_no_more(world, receiver):
    [event] = missed(world, 1)
    world.add_endpoint(receiver.url())
    world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
    world.queue.receive(10)
    world.queue.delete({one[2] for one in world.queue._heap})

    world.run(until=world.clock.now + HOUR)

    assert receiver.ids() == {event.event_id: 1}


def test_a_replay_sends_what_an_endpoint_never_had_and_nothing_else(world, receiver):
    # Given events from before the endpoint, and others that it had
    before = missed(world, 5)
    world.add_endpoint(receiver.url(), filters={})
    for _ in range(3):
        world.add_event()
    world.run(until=world.clock.now + 120)
    assert sum(receiver.ids().values()) == 3
    receiver.received.clear()

    counted = world.replays.count(a_replay(world), world.clock.now)
    done = finish(world, start(world))

    assert (counted.examined, counted.matched, counted.complete) == (8, 5, True)
    assert receiver.ids() == {one.event_id: 1 for one in before}
    assert (done.state, done.examined, done.sent, done.refused, done.due_at) == (ReplayState.DONE, 8, 5, {}, None)
    assert done.expires_at == pytest.approx(times.parse(done.updated_at) + 30 * DAY, abs=1)
    assert done.position == done.end
    # And a second one has nothing to do
    assert finish(world, start(world)).sent == 0
    assert sum(receiver.ids().values()) == 5


def test_an_endpoint_gets_what_it_wants_now(world, receiver):
    # Given an endpoint for large invoices, and a test event that was for another endpoint
    def event(kind, amount, **more):
        payload = json.dumps({"type": kind, "data": {"amount": amount}}).encode()
        return world.add_event(payload, event_type=kind, **more)

    wanted = event("invoice.paid", 100)
    event("invoice.paid", 1)
    event("order.paid", 100)
    event("invoice.paid", 100, only="ep_2")
    event("invoice.paid", 100, not_for="ep_1")
    erased = event("invoice.paid", 100)
    world.run(until=NOW + 120)
    world.events.erase_payload(world.tenant, erased.event_id, world.clock.now)
    world.add_endpoint(receiver.url(), event_types=("invoice.*",), filters={"data.amount": ("100",)})

    counted = world.replays.count(a_replay(world), world.clock.now)
    done = finish(world, start(world))

    assert receiver.ids() == {wanted.event_id: 1}
    assert (counted.matched, counted.refused) == (1, {"payload_erased": 1})
    assert (done.sent, done.refused) == (1, {"payload_erased": 1})


def test_types_and_times_of_a_replay(world, receiver):
    kinds = ("a.x", "a.y", "b.x")
    events = {}
    for minute in range(4):
        world.clock.now = NOW + minute * 60
        events |= {(kind, minute): world.add_event(event_type=kind) for kind in kinds}
    world.run(until=NOW + 600)
    world.add_endpoint(receiver.url())

    done = finish(world, start(world, start=times.iso(NOW + 60), end=times.iso(NOW + 180), event_types=("a.*", "b.y")))

    assert receiver.ids() == {events[kind, minute].event_id: 1 for kind in ("a.x", "a.y") for minute in (1, 2)}
    assert (done.examined, done.sent) == (6, 4)


def test_an_event_that_may_have_arrived_and_expired_is_not_sent(world, receiver):
    # Given an event that lives on for another endpoint, while the delivery to this one has arrived and expired
    world.add_endpoint(receiver.url(), "ep_2", state=EndpointState.PAUSED)
    world.add_event()
    world.run(until=NOW + 120)
    world.add_endpoint(receiver.url())

    assert world.replays.count(a_replay(world), NOW + 29 * DAY).matched == 1
    assert world.replays.count(a_replay(world), NOW + 30 * DAY + HOUR).matched == 0


# --- who had it -----------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(world, receiver):
    """An endpoint with a delivery in each final state, one that waits, and an event that it missed."""
    events = {"missed": missed(world, 1)[0]}
    world.add_endpoint(receiver.url())
    for name, status in (("delivered", 200), ("waits", 500), ("given up", 410)):
        receiver.decide = lambda received, status=status: Fault(status=status)
        events[name] = world.add_event()
        world.run(until=world.clock.now + 2)
    world.add_endpoint(receiver.url())
    receiver.decide = lambda received: Fault()
    receiver.received.clear()
    return events


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (("MISSED",), {"missed"}),
        (("DLQ",), {"given up"}),
        (("DELIVERED",), {"delivered"}),
        (("MISSED", "DLQ", "DELIVERED", "STRANDED"), {"missed", "given up", "delivered"}),
    ],
)
def test_what_is_included(world, receiver, mixed, include, expected):
    assert world.delivery(mixed["waits"]).state is DeliveryState.FAILED
    world.clock.now += 1
    waits = mixed.pop("waits")
    counted = world.replays.count(a_replay(world, include=include), world.clock.now)
    started = start(world, include=include)
    for _ in range(3):
        world.sweep()
        world.clock.now += SWEEP_SECONDS
    done = now(world, started)

    marked = {name for name, event in mixed.items() if sent_by(world, event) == started.replay_id}
    assert marked == expected
    assert sent_by(world, waits) is None
    assert (done.state, done.sent, counted.matched) == (ReplayState.DONE, len(expected), len(expected))
    world.run(until=world.clock.now + 300)
    assert {name for name, event in mixed.items() if event.event_id in receiver.ids()} == expected


def sent_by(world, event) -> str | None:
    found = world.deliveries.read(world.tenant, event.event_id, "ep_1")
    return None if found is None else found.replay_id


def test_what_changed_since_a_replay_began_is_left_alone(world, receiver, mixed):
    world.clock.now += 1
    before = world.delivery(mixed["given up"])
    started = start(world, include=("DLQ",))
    world.clock.now += 1
    receiver.decide = lambda received: Fault(status=410)
    world.requeue.resend(world.tenant, before.event_id, "ep_1", world.clock.now)
    while world.delivery(mixed["given up"]).version < before.version + 2:
        assert world.step()
    assert world.delivery(mixed["given up"]).state is DeliveryState.DLQ
    world.add_endpoint(receiver.url())
    receiver.decide = lambda received: Fault()

    done = finish(world, started, 0.5)

    assert (done.state, done.sent) == (ReplayState.DONE, 0)


def test_without_an_endpoint_all_that_was_given_up_is_sent(world, receiver):
    # Given events of three endpoints, of which one is deleted and one disabled by now
    receiver.decide = lambda received: Fault(status=410)
    endpoints = [world.add_endpoint(receiver.url(f"/{number}"), f"ep_{number}") for number in range(3)]
    world.add_event()
    world.run(until=NOW + 30)
    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DLQ}
    receiver.decide = lambda received: Fault()
    receiver.received.clear()
    world.set_state(endpoints[0], EndpointState.ACTIVE)
    world.dynamodb.delete_item(
        TableName="delivery-endpoints", Key={"tenantId": {"S": world.tenant}, "item": {"S": "endpoint#ep_1"}}
    )

    done = finish(world, start(world, endpoint_id=None, include=("DLQ",)), 0.5)

    assert [one.path for one in receiver.received] == ["/0"]
    assert (done.sent, done.refused) == (1, {"endpoint_deleted": 1, "endpoint_disabled": 1})


def test_what_release_0_1_0_left_in_a_schedule_goes_on(world, receiver):
    # Given deliveries that wait and are in no index, which only a schedule knew of
    receiver.decide = lambda received: Fault(status=500)
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=NOW + 2)
    seen = world.delivery(event)
    assert world.deliveries.change(seen, replace(seen, due_at=None))
    world.queue.delete({one[2] for one in world.queue._heap})
    world.run(until=NOW + 3 * HOUR)
    assert len(receiver.received) == 1
    receiver.decide = lambda received: Fault()

    done = finish(world, start(world, endpoint_id=None, include=("STRANDED",)))

    assert done.sent == 1
    assert world.delivery(event).state is DeliveryState.DELIVERED


# --- the pace -------------------------------------------------------------------------------------------------------


def test_a_replay_keeps_to_its_rate(world, receiver):
    events = missed(world, 400)
    world.add_endpoint(receiver.url())
    began = world.clock.now
    started = start(world, rate=2)

    done = finish(world, started, 1)

    assert done.sent == 400
    at = sorted(times.parse(one.at) for one in world.attempts())
    assert len(at) == len(events) == len(receiver.ids())
    # In no minute more than its rate; a message's delay is rounded up to whole seconds.
    assert max(sum(first <= one < first + 60 for one in at) for first in at) <= 122
    assert at[-1] - began <= 200 + 4 * SWEEP_SECONDS


def test_a_sweep_examines_no_more_than_a_minute_s_share(world, memory, monkeypatch):
    # Given many events that no endpoint wants
    monkeypatch.setattr(replays, "EXAMINED_PER_SECOND", 2)
    missed(world, 6 * PAGE)
    world.add_endpoint("http://127.0.0.1:1/", event_types=("none",))
    started = start(world)
    passed = []

    world.sweep(Death(decide=lambda _, name: bool(passed.append(name))))

    found = now(world, started)
    assert (found.state, found.sent) == (ReplayState.RUNNING, 0)
    assert 2 * PAGE <= found.examined <= 2 * SWEEP_SECONDS + PAGE
    # A page of events that nobody wants is some calls, and not some for each event.
    assert passed.count("before query") + passed.count("before batch_get_item") <= 16 * found.pages + 20


def test_replays_wait_until_what_is_due_has_been_handed_out(world, receiver, memory):
    missed(world, PAGE)
    world.add_endpoint(receiver.url())
    start(world)
    order = []

    def watched(at, name):
        order.append(name)
        return False

    world.add_event()
    world.clock.now += 3 * DAY
    world.sweep(Death(decide=watched))

    first_put = order.index("before put_item")
    assert "before send_message_batch" in order[:first_put]


def test_a_replay_that_makes_no_progress_is_heard_of(world):
    missed(world, 1)
    world.add_endpoint("http://127.0.0.1:1/")
    started = start(world)
    world.clock.now += 1_000
    world.dynamodb = Mortal(world.dynamodb, _Refusing(), ("put_item",))

    result = world.sweep()

    assert now(world, started).pages == 0
    assert not result.finished
    # The alarm goes off above 900.
    assert result.oldest_overdue >= 1_000


class _Refusing:
    def around(self, name, call):
        raise ReadTimeoutError(endpoint_url="https://dynamodb")


# --- its end --------------------------------------------------------------------------------------------------------


def test_a_cancelled_replay_sends_no_more(world, receiver):
    missed(world, 300)
    world.add_endpoint(receiver.url())
    started = start(world, rate=1)
    world.sweep()
    sent = len(world.all_deliveries())
    assert 0 < sent < 300

    cancelled = world.replays.cancel(started, world.clock.now)
    done = finish(world, started, 3)

    assert (cancelled.state, cancelled.reason) == (ReplayState.CANCELLED, None)
    assert done == cancelled == world.replays.cancel(started, world.clock.now)
    assert len(world.all_deliveries()) == sent == cancelled.sent
    assert world.next_due() is None or not [
        one for one in world.items() if one["item"].startswith("replay#") and "dueKey" in one
    ]


def test_a_page_under_way_does_not_undo_a_cancellation(world, receiver):
    missed(world, 3)
    world.add_endpoint(receiver.url())
    started = start(world)
    seen = now(world, started)
    world.clock.now += INDEX_LAG_SECONDS
    world.replays.cancel(started, world.clock.now)

    world.replays.run(seen, world.clock.now)

    found = now(world, started)
    assert (found.state, found.sent) == (ReplayState.CANCELLED, 3)
    [item] = [one for one in world.items() if one["item"].startswith("replay#")]
    assert "dueKey" not in item


@pytest.mark.parametrize("what", ["endpoint_disabled", "endpoint_deleted"])
def test_an_endpoint_that_goes_ends_its_replay(world, receiver, what):
    missed(world, 3)
    endpoint = world.add_endpoint(receiver.url())
    started = start(world)
    if what == "endpoint_disabled":
        world.set_state(endpoint, EndpointState.DISABLED)
    else:
        world.dynamodb.delete_item(
            TableName="delivery-endpoints", Key={"tenantId": {"S": world.tenant}, "item": {"S": "endpoint#ep_1"}}
        )

    done = finish(world, started)

    assert (done.state, done.reason, done.sent) == (ReplayState.CANCELLED, what, 0)


def test_to_a_paused_endpoint_deliveries_wait_as_any(world, receiver):
    missed(world, 3)
    endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)

    done = finish(world, start(world), 0.2)

    assert (done.state, done.sent, receiver.received) == (ReplayState.DONE, 3, [])
    assert {one.held for one in world.all_deliveries()} == {True}
    world.set_state(endpoint, EndpointState.ACTIVE)
    world.resume()
    world.run(until=world.clock.now + 600)
    assert len(receiver.ids()) == 3


def test_so_many_run_at_once_and_no_more(world, receiver):
    world.add_endpoint(receiver.url())
    running = [start(world) for _ in range(MAX_RUNNING)]
    with pytest.raises(ConflictError, match="too_many_replays"):
        start(world)
    world.replays.cancel(running[0], world.clock.now)
    world.replays.cancel(running[0], world.clock.now)
    start(world)
    with pytest.raises(ConflictError, match="too_many_replays"):
        start(world)
    world.run(until=world.clock.now + 600)
    assert [start(world).state for _ in range(MAX_RUNNING)] == [ReplayState.RUNNING] * MAX_RUNNING


def test_a_dry_run_ends_and_says_that_it_has_not_counted_all(world):
    missed(world, MAX_COUNTED + 1)
    world.add_endpoint("http://127.0.0.1:1/")

    counted = world.replays.count(a_replay(world), world.clock.now)

    assert (counted.examined, counted.matched, counted.complete) == (MAX_COUNTED, MAX_COUNTED, False)
    assert world.all_deliveries() == []


# --- what dies, is repeated, or is done by two ----------------------------------------------------------------------


@pytest.mark.parametrize("cancelled", [False, True], ids=["goes on", "is cancelled"])
@pytest.mark.parametrize("include", [("MISSED",), ("DLQ",)])
def test_a_death_at_any_boundary_of_a_page_leaves_nobody_out_and_sends_nothing_twice(
    memory, receiver, include, cancelled
):
    died_at = []
    for number in itertools.count(1):
        # Given three events that the endpoint never had, or that were given up, and with which nothing is left to do
        world = DeliveryWorld(dynamodb=memory, name="delivery")
        if include == ("DLQ",):
            receiver.decide = lambda received: Fault(status=410)
            world.add_endpoint(receiver.url())
        for _ in range(3):
            world.add_event()
        world.run(until=NOW + 2 * HOUR)
        world.add_endpoint(receiver.url())
        receiver.decide = lambda received: Fault()
        receiver.received.clear()
        started = start(world, include=include)
        world.clock.now += INDEX_LAG_SECONDS

        # When the sweep that sends them dies somewhere
        death = Death(decide=lambda at, name, number=number: at == number)
        if world.sweep(death) is not None:
            break
        died_at.append(death.at)
        if cancelled:
            world.replays.cancel(now(world, started), world.clock.now)
        done = finish(world, started)

        # Then the next one makes up for it
        assert set(receiver.ids().values()) <= {1}, death.at
        if not cancelled:
            assert done.state is ReplayState.DONE, death.at
            assert (done.sent, len(receiver.ids())) == (3, 3), death.at
        # And the events expire with their deliveries, and not later
        ends = {(one["event"], one["item"]): one["expiresAt"] for one in world.items() if "expiresAt" in one}
        for event_key in {event_key for event_key, item in ends if item.startswith("delivery#")}:
            latest = max(end for (at, item), end in ends.items() if at == event_key and item.startswith("delivery#"))
            assert (ends[event_key, "event"], ends[event_key, "payload"]) == (latest, latest), death.at
    wrote = "put_item" if include == ("MISSED",) else "update_item"
    assert {f"before {wrote}", f"after {wrote}", "before transact_write_items", "after transact_write_items"} <= {
        *died_at
    }
    assert {"before batch_execute_statement", "after send_message_batch"} <= {*died_at}


def test_a_page_whose_answer_is_lost_and_that_the_sdk_sends_again_is_one_page(world, receiver, memory):
    missed(world, 3)
    world.add_endpoint(receiver.url())
    started = start(world)
    world.clock.now += INDEX_LAG_SECONDS
    repeated = []

    class Twice:
        def around(self, name, call):
            repeated.append(name)
            with suppress(ClientError):
                call()
            return call()

    world.dynamodb = Mortal(memory, Twice(), ("update_item", "put_item", "batch_execute_statement"))
    world.sweep()
    world.dynamodb = memory
    done = finish(world, started)

    assert {"update_item", "put_item", "batch_execute_statement"} <= set(repeated)
    assert (done.state, done.sent, done.pages) == (ReplayState.DONE, 3, 1)
    assert sorted(receiver.ids().values()) == [1, 1, 1]


class Meanwhile:
    """Has something else happen once, around the first write of a kind."""

    def __init__(self, happens, *, before=False) -> None:
        self.happens, self.before, self.done = happens, before, False

    def around(self, name, call):
        result = None if self.before else call()
        if not self.done:
            self.done = True
            self.happens()
        return call() if self.before else result


def racing(world, meanwhile):
    """Return the same world, for whom something happens around its first delivery."""
    raced = replace(world, dynamodb=Mortal(world.dynamodb, meanwhile, ("put_item",)))
    raced.tenant, raced.queue = world.tenant, world.queue
    return raced


def test_two_sweeps_at_once_are_one(world, receiver):
    # Given that another sweep does all pages as soon as the first one has created a delivery
    missed(world, PAGE + 10)
    world.add_endpoint(receiver.url())
    started = start(world)
    world.clock.now += INDEX_LAG_SECONDS
    seen = now(world, started)
    other = Meanwhile(lambda: [world.replays.run(now(world, started), world.clock.now) for _ in range(2)])

    racing(world, other).replays.run(seen, world.clock.now)
    done = finish(world, started)

    assert (done.state, done.sent, done.pages) == (ReplayState.DONE, PAGE + 10, 2)
    assert set(receiver.ids().values()) == {1}
    assert len(receiver.ids()) == PAGE + 10


def test_what_somebody_else_sends_at_the_same_moment_is_sent_once(world, receiver):
    [event] = missed(world, 1)
    world.add_endpoint(receiver.url())
    started = start(world)
    world.clock.now += INDEX_LAG_SECONDS

    def resend():
        world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
        world.step()

    racing(world, Meanwhile(resend, before=True)).replays.run(now(world, started), world.clock.now)
    done = finish(world, started)

    assert (done.sent, done.refused) == (0, {"attempt_under_way": 1})
    assert receiver.ids() == {event.event_id: 1}


def test_an_event_is_kept_for_as_long_as_its_new_delivery(world, receiver):
    [event] = missed(world, 1)
    world.add_endpoint(receiver.url())
    start(world)
    world.clock.now += INDEX_LAG_SECONDS

    world.sweep()

    kept = [one["expiresAt"] for one in world.items() if one["item"] in ("event", "payload")]
    assert len(kept) == 2
    assert min(kept) >= world.delivery(event).expires_at


def test_a_statement_that_is_not_carried_out_has_the_page_done_again(world, receiver, memory):
    # Given that DynamoDB answers one statement of a batch with a throttle
    missed(world, 3)
    world.add_endpoint(receiver.url())
    started = start(world)
    world.clock.now += INDEX_LAG_SECONDS

    class Throttled:
        def around(self, name, call):
            return {"Responses": [{"Error": {"Code": "ThrottlingError"}}, {}, {}]}

    world.dynamodb = Mortal(memory, Throttled(), ("batch_execute_statement",))
    world.sweep()
    assert now(world, started).pages == 0

    world.dynamodb = memory
    done = finish(world, started)
    assert (done.sent, sorted(receiver.ids().values())) == (3, [1, 1, 1])


def test_an_event_that_the_index_shows_late_is_not_left_out(world, receiver, memory):
    # Given an event that the index of events shows only half a minute later
    world.add_endpoint(receiver.url(), state=EndpointState.DISABLED)
    missed_late = world.add_event()
    world.clock.now += 1
    world.step()
    world.add_endpoint(receiver.url())
    started = start(world)
    hidden = memory._wrapped.query

    def query(**request):
        answer = hidden(**request)
        if request.get("IndexName") == "byState" and world.clock.now < NOW + 30:
            answer = {**answer, "Items": []}
        return answer

    memory._wrapped.query = query
    world.sweep()

    done = finish(world, started)

    assert done.sent == 1
    assert receiver.ids() == {missed_late.event_id: 1}


# --- tenants, and requests that are repeated ------------------------------------------------------------------------


def test_a_repeated_request_is_one_replay(world, receiver):
    world.add_endpoint(receiver.url())
    first = world.replays.start(a_replay(world), NOW, ("key", "digest"))
    again = world.replays.start(a_replay(world), NOW, ("key", "digest"))
    assert again.replay_id == first.replay_id
    with pytest.raises(ConflictError, match="idempotency_key_reused"):
        world.replays.start(a_replay(world), NOW, ("key", "other"))
    # Also when no more may run
    for _ in range(MAX_RUNNING - 1):
        start(world)
    assert world.replays.start(a_replay(world), NOW, ("key", "digest")).replay_id == first.replay_id
    # And a key is good for a day
    world.replays.cancel(first, NOW)
    assert world.replays.start(a_replay(world), NOW + DAY, ("key", "other")).replay_id != first.replay_id


def test_two_of_one_key_at_once_are_one(world):
    # Given two requests that have both seen that the key is free
    store = world.replays.store
    mine, other = a_replay(world), a_replay(world)
    assert store.create(other, NOW, ("key", "digest")) is True
    held = store.create(mine, NOW, ("key", "digest"))
    assert (held.replay_id, held.sha256) == (other.replay_id, "digest")
    assert [one.replay_id for one in store.latest(world.tenant, NOW)] == [other.replay_id]
