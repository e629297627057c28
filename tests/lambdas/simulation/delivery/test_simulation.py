"""A share of the simulation's seeds, what the issue found in the code before it, and that the rules can be broken."""

from functools import partial

import pytest

from lambdas.delivery.domain.attempt_result import HttpResult
from lambdas.delivery.domain.due import MAX_LINEAGE
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.items import due_shards
from tests.lambdas.simulation.delivery.endpoints import (
    EndpointAnswer,
    busy,
    dead,
    each_third_fails,
    flaky,
    half,
    healthy,
)
from tests.lambdas.simulation.delivery.scenarios import WORKERS, steady
from tests.lambdas.simulation.delivery.seeds import run_seed
from tests.lambdas.simulation.delivery.world import World
from tests.lambdas.simulation.memory_dynamodb import failure

HOUR = 3_600.0


def rows(world):
    return {rule: found[:3] for rule, found in world.violations.items()}


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_seed_keeps_all_rules(seed):
    result = run_seed(seed, size=300)
    assert result.violations == {}, f"make simulate-delivery SEED={seed} SIZE=300"
    assert result.deliveries > 150


def test_a_seed_is_the_same_every_time():
    assert run_seed(11, size=60).digest == run_seed(11, size=60).digest


def given(world, tenant="acme", behave=healthy, events=1, **fields):
    """Have a tenant with one endpoint and some events that are accepted; return the endpoint's id."""

    def run():
        endpoint_id = world.add_endpoint(tenant, behave, **fields)
        for number in range(events):
            world.submit(tenant, number)
        return endpoint_id

    return world.do(run)


def asks_for_time(chance, now, timeout):
    return EndpointAnswer(0.1, HttpResult(status=429, retry_after="20"), took=False)


@pytest.mark.parametrize("events_before", [0, 1], ids=["claimed", "parked"])
def test_a_claim_that_the_sdk_sends_twice_is_the_claim_of_who_sent_it(events_before):
    # Given an endpoint that is free, or one that asked for time a moment ago
    world, left = World(1), [1]
    with world.running():
        given(world, behave=asks_for_time, events=events_before)
        world.kernel.run(world.kernel.now + 5)

        # When the answer to the first update of a delivery is lost
        def first_update(operation, inv):
            if inv.what == "worker" and operation == "update_item" and left:
                left.pop()
                return "repeated"
            return None

        world.chaos.force = first_update
        world.do(lambda: world.submit("acme", 7))
        world.kernel.run(world.kernel.now + 10)
        world.drain(6 * HOUR)
        world.check()

    # Then it is delivered all the same
    assert not left
    assert rows(world) == {}


@pytest.mark.parametrize(("behave", "fields"), [(busy, {}), (half, {"rateLimit": 1})], ids=["429", "rate limit"])
def test_a_busy_endpoint_makes_no_long_chain_of_invocations(behave, fields):
    world = World(1)
    with world.running():
        given(world, behave=behave, events=40, **fields)
        world.kernel.run(world.kernel.now + 2 * HOUR)
        world.drain(8 * HOUR)
        world.check()
    assert rows(world) == {}
    assert world.sqs.longest <= 4


@pytest.mark.parametrize(("most", "seen"), [(MAX_LINEAGE, set()), (1_000, {"lineage"})])
def test_full_batches_of_messages_from_many_chains_make_no_long_chain(monkeypatch, most, seen):
    # Given so many messages that each batch has new ones beside some that are far in their chains
    monkeypatch.setattr("lambdas.delivery_worker.batch.MAX_LINEAGE", most)
    world = World(1, concurrency=1, schedule=STANDARD_WEBHOOKS)
    with world.running():
        given(world, behave=flaky)
        steady(world, "acme", 200, every=0.3)
        world.kernel.run(world.kernel.now + 200)
        world.drain(30 * HOUR)
        world.check()
    assert set(world.violations) == seen


@pytest.mark.parametrize(
    ("seconds", "after", "latest"), [(0, 0, 2), (600, 3, 2), (600, 12, 2)], ids=["paused", "throttled", "timing out"]
)
def test_no_tenant_waits_for_another_one_s_backlog_or_index(seconds, after, latest):
    # Given healthy tenants with endpoints that fail at times, and one that pauses its own and keeps sending
    world, others, noisy = World(1, concurrency=WORKERS), ("acme", "globex"), "initech"
    assert all(set(due_shards(noisy)).isdisjoint(due_shards(tenant)) for tenant in others)
    # And DynamoDB refuses what is in its part of the due index, after all that the SDK tries
    refuse(world, noisy, after, world.kernel.now + 120, world.kernel.now + 120 + seconds)
    with world.running():
        for tenant in others:
            given(world, tenant, each_third_fails())
        paused = given(world, noisy, events=30, behave=flaky)
        world.kernel.run(world.kernel.now + 30)
        world.do(lambda: world.call("POST", f"/v1/endpoints/{paused}/pause", noisy))
        for tenant in (*others, noisy):
            steady(world, tenant, 400)
        world.kernel.run(world.kernel.now + 1_200)
        world.do(lambda: world.call("POST", f"/v1/endpoints/{paused}/activate", noisy))
        world.drain(30 * HOUR)
        world.check()

    # Then no other tenant's attempts are late, and what was refused comes back
    late = [(one.late, one.retry) for one in world.attempted if one.tenant in others]
    assert sum(retry for _, retry in late) > 100
    assert max(late)[0] < latest
    assert rows(world) == {}
    assert {one["state"]["S"] for one in deliveries(world)} == {"DELIVERED"}
    assert set(world.accepted.values()) == {*others, noisy}


def refuse(world, tenant, seconds, start, end):
    """Have DynamoDB refuse, after some seconds, what reads or writes a tenant's part of the due index, for a time."""

    def refusing(operation, touched):
        done = getattr(world.memory, operation)

        def call(**request):
            if start <= world.kernel.now < end and any(f"'{text}" in str(request) for text in touched):
                world.kernel.sleep(seconds)
                raise failure(operation, "ProvisionedThroughputExceededException")
            return done(**request)

        setattr(world.memory, operation, call)

    refusing("query", [f"{shard}'" for shard in due_shards(tenant)])
    for operation in ("put_item", "update_item", "transact_write_items", "batch_execute_statement"):
        refusing(operation, [f"{tenant}#"])


def test_what_waits_for_an_endpoint_is_released_without_a_chain():
    world = World(1)
    with world.running():
        endpoint_id = given(world, events=0)
        world.do(lambda: world.call("POST", f"/v1/endpoints/{endpoint_id}/pause", "acme"))
        world.do(lambda: [world.submit("acme", number) for number in range(1_300)])
        world.kernel.run(world.kernel.now + 300)
        world.do(lambda: world.call("POST", f"/v1/endpoints/{endpoint_id}/activate", "acme"))
        released = world.kernel.now
        world.drain(2 * HOUR)
        world.check()
    assert rows(world) == {}
    assert len(world.attempted) == 1_300
    assert max(one.at for one in world.attempted) < released + 1_200


def test_a_replay_that_failed_on_the_way_completes_when_it_is_repeated():
    # Given five deliveries that were given up
    world = World(1)
    with world.running():
        given(world, behave=dead, events=5)
        world.kernel.run(world.kernel.now + 24 * HOUR)
        assert {one["state"]["S"] for one in deliveries(world)} == {"DLQ"}
        Identities(world.memory, "sim-tenants").create_tenant("acme", "acme", world.kernel.now)
        for url in world.endpoints.behaviours:
            world.endpoints.behaviours[url] = healthy

        # When SQS refuses their messages during a replay, which is repeated
        refused = []

        def first_send(operation, inv):
            if inv.what == "sweeper" and operation == "send_message_batch" and not refused:
                refused.append(operation)
                return "refused"
            return None

        world.chaos.force = first_send
        body = {"dryRun": False}
        for _ in range(2):
            world.do(partial(world.call_until_answered, "POST", "/operator/tenants/acme/replays", None, body))
        world.drain(12 * HOUR)
        world.check()

    # Then all five arrive
    assert refused
    assert world.replays == {"DONE": 2}
    assert rows(world) == {}
    assert [one["state"]["S"] for one in deliveries(world)] == ["DELIVERED"] * 5


def deliveries(world):
    items = world.memory.tables["sim-events"].partitions.values()
    return [values for one in items for item, values in one.items() if item.startswith("delivery#")]


# --- that the rules can be broken -----------------------------------------------------------------------------------


def test_a_request_that_is_not_recorded_is_seen(monkeypatch):
    monkeypatch.setattr("lambdas.delivery.store.deliveries.Deliveries.change", lambda *_: True)
    world = World(1)
    with world.running():
        given(world)
        world.kernel.run(world.kernel.now + HOUR)
        world.check()
    assert {"not recorded", "never attempted again"} <= set(world.violations)


def test_an_attempt_after_the_end_is_seen(monkeypatch):
    monkeypatch.setattr("lambdas.delivery.domain.model.DeliveryState.final", property(lambda _: False))
    world = World(1)
    with world.running():
        given(world)
        world.kernel.run(world.kernel.now + 60)
        world.check()
    assert {"attempted when final", "repeated"} <= set(world.violations)


def test_an_attempt_at_a_paused_endpoint_is_seen(monkeypatch):
    monkeypatch.setattr("lambdas.delivery_worker.admission.Admission.hold", lambda *_: None)
    world = World(1)
    with world.running():
        endpoint_id = given(world, events=0)
        world.do(lambda: world.call("POST", f"/v1/endpoints/{endpoint_id}/pause", "acme"))
        world.do(lambda: world.submit("acme", 1))
        world.kernel.run(world.kernel.now + HOUR)
    assert set(world.violations) == {"attempted when not active"}


def test_an_attempt_for_a_suspended_tenant_is_seen(monkeypatch):
    monkeypatch.setattr("lambdas.delivery_worker.admission.Admission.hold", lambda *_: None)
    world = World(1)
    with world.running():
        given(world, events=0)
        world.do(lambda: world.call("POST", "/operator/tenants", None, {"tenantId": "acme", "name": "Acme"}))
        world.do(lambda: world.call("POST", "/operator/tenants/acme/suspend"))
        world.do(lambda: world.submit("acme", 1))
        world.kernel.run(world.kernel.now + HOUR)
    assert set(world.violations) == {"attempted when suspended"}


def test_a_delivery_that_was_given_up_and_not_told_of_is_seen(monkeypatch):
    monkeypatch.setattr("lambdas.delivery.services.announcing.Announcer.announce", lambda *_: None)
    world = World(1)
    with world.running():
        given(world, behave=dead)
        world.kernel.run(world.kernel.now + 24 * HOUR)
        world.check()
    assert set(world.violations) == {"not told"}
