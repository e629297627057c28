"""Rate limit, probes and claims among many workers at once; and AWS calls that fail without anybody dying."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.domain.due import GRACE_SECONDS, HORIZON_SECONDS, MAX_LINEAGE
from lambdas.delivery.domain.lifecycle import claimed, parked
from lambdas.delivery.domain.model import DeliveryState
from lambdas.delivery.domain.rate_limit import NEAR_MS
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS
from lambdas.delivery.queue.messages import Deliver, FanOut, read, write
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery_receiver.faults import Fault
from lambdas.shared import times
from tests.lambdas.delivery_support import TABLE_CALLS, Death, DeliveryWorld, Mortal, Report, record
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB
from tests.lambdas.support import NOW, CrashError, create_delivery_tables

NOW_MS = int(NOW * 1_000)
WORKERS = 20


def at_once(call):
    with ThreadPoolExecutor(max_workers=WORKERS) as threads:
        return list(threads.map(call, range(WORKERS)))


def test_workers_at_once_get_different_slots_at_the_limit_s_pace(world):
    # Given a limit of ten a second, and twenty workers that come at the same moment
    slots = at_once(lambda _: world.health.take_slot(world.tenant, "ep_1", 10, NOW_MS))

    # Then those within a second get one each, a tenth of a second apart, and the others none
    given = sorted(slot for slot in slots if slot <= NOW_MS + NEAR_MS)
    assert given == [NOW_MS + number * 100 for number in range(NEAR_MS // 100 + 1)]
    # And after a quiet time there is a slot at once
    assert world.health.take_slot(world.tenant, "ep_1", 10, NOW_MS + 60_000) == NOW_MS + 60_000


@given(st.integers(1, 40), st.lists(st.integers(0, 700), min_size=1, max_size=120))
def test_no_second_has_more_attempts_than_the_limit_whoever_comes_when(rate, gaps):
    # Given callers that come at any times, and wait for slots that are near
    client = MemoryDynamoDB(lambda: 0.0)
    create_delivery_tables(client, "delivery")
    health, now, sent = HealthStore(client, "delivery-endpoints"), NOW_MS, []
    for gap in gaps:
        now += gap
        at = health.take_slot("tnt_1", "ep_1", rate, now)
        assert now <= at
        if at <= now + NEAR_MS:
            sent.append(at)

    # Then no window of a second holds more attempts than the limit
    assert all(last - first >= 1_000 for first, last in zip(sent, sent[rate:], strict=False))


def test_one_of_many_workers_gets_the_probe(world):
    for _ in range(5):
        health = world.health.failed(world.tenant, "ep_1", NOW_MS, None)
    assert health.open_until is not None
    later = health.open_until
    got = at_once(lambda _: world.health.take_probe(world.tenant, "ep_1", health, later + 60_000, later))
    assert got.count(True) == 1
    # And when it died, another one does
    assert world.health.take_probe(world.tenant, "ep_1", health, later + 120_000, later + 60_000)


def test_one_of_many_workers_gets_the_claim(world):
    world.add_endpoint("http://127.0.0.1:1/")
    event = world.add_event()
    world.step()
    seen = world.delivery(event)
    until = NOW_MS + 60_000
    assert at_once(lambda number: world.deliveries.change(seen, claimed(seen, f"m{number}", until))).count(True) == 1


def test_a_step_from_what_has_changed_meanwhile_is_not_taken(world):
    # Given two runs that saw the same version, of which one took its step, so that nobody owns the next version
    world.add_endpoint("http://127.0.0.1:1/")
    event = world.add_event()
    world.step()
    seen = world.delivery(event)
    assert world.deliveries.change(seen, parked(seen, NOW_MS + 5_000, "rate limit", NOW, world.retention))

    # Then the other one can neither claim it nor put it anywhere
    assert not world.deliveries.change(seen, claimed(seen, "m", NOW_MS + 60_000))
    assert not world.deliveries.change(seen, parked(seen, NOW_MS, "rate limit", NOW, world.retention))
    assert world.delivery(event).version == 2


def test_a_message_that_comes_during_its_own_earlier_run_is_kept_and_one_of_another_run_is_not_needed(world, receiver):
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.step()
    seen = world.delivery(event)
    assert world.deliveries.change(seen, claimed(seen, "mine", NOW_MS + 60_000))
    message = Deliver(tenant_id=world.tenant, event_id=event.event_id, endpoint_id="ep_1", version=1)

    assert world.process(message, "mine") == ["mine"]
    assert world.process(message, "another") == []
    assert receiver.received == []
    world.clock.now += 61
    assert world.process(message, "mine") == []
    assert receiver.ids() == {event.event_id: 1}


def test_failures_open_the_breaker_once_however_many_workers_see_them(world):
    at_once(lambda _: world.health.failed(world.tenant, "ep_1", NOW_MS, None))
    _, health = world.endpoints.read(world.tenant, "ep_1")
    assert (health.consecutive_failures, health.openings) == (WORKERS, 1)
    world.health.succeeded(world.tenant, "ep_1", health)
    _, health = world.endpoints.read(world.tenant, "ep_1")
    assert (health.consecutive_failures, health.openings, health.open_until, health.failing_since) == (0, 0, None, None)


def test_a_longer_wait_that_an_endpoint_asked_for_is_not_cut_short_by_a_shorter_one(world):
    for until in (NOW_MS + 90_000, NOW_MS + 5_000):
        world.health.slow_down(world.tenant, "ep_1", until)
    _, health = world.endpoints.read(world.tenant, "ep_1")
    assert health.slow_until == NOW_MS + 90_000


def test_a_backlog_passes_a_rate_limited_endpoint_at_its_limit_and_spends_no_attempt_on_waiting(world, receiver):
    # Given forty events at once for an endpoint that takes two a second
    world.add_endpoint(receiver.url(), rate_limit=2)
    for _ in range(40):
        world.add_event()
    sent = []
    waited = {"sleep": lambda seconds: sent.append(round(seconds * 1_000))}
    world.run(**waited)

    # Then all arrived with one attempt each, in the time that it takes, and some waited parked
    assert {one.attempts for one in world.all_deliveries()} == {1}
    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}
    ended = max(times.parse(one.at) for one in world.attempts())
    assert 19 <= ended - NOW <= 140
    assert max(sent) <= NEAR_MS


def test_a_requeue_that_died_on_the_way_is_completed_by_the_sweeper_or_the_same_call(memory, receiver):
    for number in itertools.count(1):
        world = DeliveryWorld(dynamodb=memory, name="delivery")
        receiver.received.clear()
        world.add_endpoint(receiver.url())
        event = world.add_event()
        world.run()
        death = Death(decide=lambda at, name, number=number: at == number)
        deliveries = Deliveries(Mortal(world.dynamodb, death, TABLE_CALLS), f"{world.name}-events")
        dying = replace(world.requeue, deliveries=deliveries, queue=Mortal(world.requeue.queue, death, ("send",)))
        try:
            dying.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
        except CrashError:
            if world.delivery(event).state is DeliveryState.DELIVERED:
                world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
        world.run()
        assert world.delivery(event).state is DeliveryState.DELIVERED, death.at
        assert sum(receiver.ids().values()) == 2, death.at
        # And the event expires with it again.
        stored, _ = world.events.read(world.tenant, event.event_id)
        assert stored.expires_at == world.delivery(event).expires_at, death.at
        if death.at is None:
            assert number > 6
            return


@pytest.mark.parametrize("of_what", ["the event", "the delivery"])
def test_what_lost_its_message_is_found_by_the_sweeper_and_counted(world, receiver, of_what):
    # Given a message that somebody purged with the queue
    world.add_endpoint(receiver.url())
    event = world.add_event()
    if of_what == "the delivery":
        world.step()
    world.queue.delete({one["messageId"] for one in world.queue.receive()})
    assert world.queue.next_at is None

    # When sweeps come
    world.clock.now = NOW + GRACE_SECONDS - HORIZON_SECONDS - 1
    assert world.sweep().lost_messages == 0
    world.clock.now = NOW + GRACE_SECONDS
    assert world.sweep().lost_messages == 1
    world.run()

    # Then it is delivered
    assert world.delivery(event).state is DeliveryState.DELIVERED
    assert receiver.ids() == {event.event_id: 1}


def test_a_message_that_comes_early_is_sent_again_with_what_is_left_of_its_delay(world, receiver):
    # Given a retry in five seconds, and a worker whose clock is behind that of SQS
    receiver.decide = lambda received: Fault(status=500)
    world.schedule = STANDARD_WEBHOOKS
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=NOW)
    waiting = world.delivery(event)
    world.queue.sent.clear()

    assert world.process(Deliver.of(waiting, 2)) == []

    # Then nothing was attempted, and nothing is lost until the index looks
    assert len(receiver.received) == 1
    assert world.delivery(event) == waiting
    assert [(at, read(body).version) for at, body in world.queue.sent] == [(NOW + 5, waiting.version)]


@pytest.mark.parametrize(("seconds", "messages"), [(HORIZON_SECONDS, 1), (HORIZON_SECONDS + 1, 0)])
def test_only_a_wait_that_two_sweeps_see_has_no_message(world, receiver, seconds, messages):
    receiver.decide = lambda received: Fault(status=500, retry_after=str(seconds))
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=NOW)

    waiting = world.delivery(event)
    assert times.parse(waiting.next_attempt_at) == NOW + seconds
    assert [at for at, _ in world.queue.sent][2:] == [NOW + seconds] * messages
    assert (waiting.due_at == waiting.next_attempt_at) is not bool(messages)


# --- calls that fail ------------------------------------------------------------------------------------------------


class Failing(Death):
    """A process that lives on, one of whose calls fails: before it reaches AWS, or with its answer lost."""

    def boundary(self, name):
        with self._lock:
            self.passed.append(name)
            if self.decide(len(self.passed), name):
                self.at = name
                if name.endswith("post"):
                    return
                raise ReadTimeoutError(endpoint_url="https://local.invalid")


@pytest.mark.parametrize("status", [200, 500])
def test_a_failed_call_at_any_place_loses_nothing(memory, receiver, status):
    for number in itertools.count(1):
        world = DeliveryWorld(dynamodb=memory, name="delivery")
        receiver.received.clear()
        receiver.decide = lambda received: Fault(status=status if len(receiver.received) < 2 else 200)
        world.add_endpoint(receiver.url())
        event = world.add_event()
        world.step()
        failing = Failing(decide=lambda at, name, number=number: at == number)
        assert world.step(failing)
        if failing.at is None:
            assert number > 10
            return
        world.run()
        assert world.delivery(event).state is DeliveryState.DELIVERED, failing.at
        assert world.queue.dead == []
        # Sent again only where the answer is there and its record is not, or the answer was lost.
        lost = failing.at == "before transact_write_items"
        assert sum(receiver.ids().values()) == (2 if status == 500 or lost else 1), failing.at


def test_a_run_that_lost_its_claim_records_nothing_over_the_other(world, receiver):
    # Given a run whose lease ended while its request was under way, and another one that has taken over
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.step()

    def take_over(received):
        seen = world.delivery(event)
        assert world.deliveries.change(seen, replace(seen, owner="another", lease_until=seen.lease_until + 60_000))
        return Fault(status=500)

    receiver.decide = take_over
    assert world.step()

    # Then nothing is recorded by the first, and it says so
    assert world.attempts() == []
    assert world.delivery(event).owner == "another"
    assert any("another run had taken over" in what for what, _ in world.logged)


@pytest.mark.parametrize(("lineage", "sent"), [(MAX_LINEAGE - 1, True), (MAX_LINEAGE, False)])
def test_a_batch_that_may_be_far_in_a_chain_leaves_what_follows_to_the_index(world, receiver, lineage, sent):
    # Given a first attempt that fails, beside the message of a long chain
    receiver.decide = lambda received: Fault(status=500)
    world.schedule = STANDARD_WEBHOOKS
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.step()
    old = FanOut(tenant_id=world.tenant, event_id="evt_0", lineage=lineage)
    records = [record(body, str(number)) for number, body in enumerate((write(old), *bodies(world)))]
    world.queue.sent.clear()

    assert world.worker().run(records, 60, Report(log=world.log)) == []

    # Then the retry after five seconds has a message of its own, or waits for the sweeper
    delivery = world.delivery(event)
    assert len(receiver.received) == 1
    assert [read(body).lineage for _, body in world.queue.sent] == ([lineage + 1] if sent else [])
    assert (delivery.due_at == delivery.next_attempt_at) is not sent


def bodies(world):
    return [one["body"] for one in world.queue.receive()]
