"""A share of the simulation's seeds, what the issue found in the code before it, and that the rules can be broken."""

from functools import partial

import pytest

from lambdas.delivery.domain.attempt_result import HttpResult
from tests.lambdas.simulation.delivery.endpoints import EndpointAnswer, busy, dead, half, healthy
from tests.lambdas.simulation.delivery.seeds import run_seed
from tests.lambdas.simulation.delivery.world import World

HOUR = 3_600.0


def rows(world):
    return {rule: found[:3] for rule, found in world.violations.items()}


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_seed_keeps_all_rules(seed):
    result = run_seed(seed, size=300)
    assert result.violations == {}, f"make simulate-delivery SEED={seed} SIZE=300"
    assert result.deliveries > 200


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
        for url in world.endpoints.behaviours:
            world.endpoints.behaviours[url] = healthy

        # When SQS refuses one of them during a replay, which is repeated
        calls = []

        def third_send(operation, inv):
            if inv.what.startswith("POST /operator") and operation.startswith("send_message"):
                calls.append(operation)
            return "refused" if len(calls) == 3 and operation == calls[-1] else None

        world.chaos.force = third_send
        body = {"tenantId": "acme", "dryRun": False}
        world.do(partial(world.call_until_answered, "POST", "/operator/replay", None, body))
        world.drain(12 * HOUR)
        world.check()

    # Then all five arrive
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
