"""A share of the simulation's seeds, and that each of its rules can be broken."""

from itertools import count

import pytest

from lambdas.inbound.identity import Same
from lambdas.inbound.quarantine import Quarantine
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.inbound.record_items import State, Step
from lambdas.inbound.records import Records
from lambdas.processing import claiming, ordering
from lambdas.processing.pipeline import ArchivedBatch
from lambdas.processing.work import BatchResult
from tests.lambdas.simulation.inbound.functions import Reports
from tests.lambdas.simulation.inbound.seeds import DEPLOYMENTS, run_seed
from tests.lambdas.simulation.inbound.webhooks import SECRETS, webhook
from tests.lambdas.simulation.inbound.world import Deployment, World

HOUR = 3_600.0
STANDARD, ORDERED = Deployment(), Deployment(order="provider")


@pytest.mark.parametrize("seed", range(1, 2 * len(DEPLOYMENTS) + 1))
def test_a_seed_keeps_all_rules(seed):
    result = run_seed(seed, size=400)
    assert result.violations == {}, f"make simulate-inbound SEED={seed} SIZE=400"
    assert result.events > 250


def test_a_seed_is_the_same_every_time():
    assert run_seed(11, size=60).digest == run_seed(11, size=60).digest


def bus_out(operation, inv):
    return "refused" if operation == "put_events" else None


def nth(number, operation, fate):
    """Return what befalls one call of an operation, counted from 1."""
    calls = count(1)
    return lambda one, inv: fate if one == operation and next(calls) == number else None


def ran(deployment=STANDARD, *, force=None, versions=None, provider="stripe"):
    """Return a world in which webhooks were sent, what befell them ended after an hour, and all came to its end.

    They are a dozen events; or one event in versions.
    """
    world = World(1, deployment, SECRETS)
    world.chaos.force = force
    now = world.kernel.now
    webhooks = (
        [webhook(provider, 1, now, version) for version in versions]
        if versions
        else [webhook("stripe", number, now) for number in range(12)]
    )
    with world.running():
        world.do(lambda: [world.send_until_accepted(one) for one in webhooks])
        world.kernel.run(world.kernel.now + HOUR)
        world.chaos.force = None
        world.drain(2 * HOUR)
        world.finish()
    return world


def test_what_the_bus_refuses_for_long_is_dead_lettered_told_and_replayable():
    world = ran(force=bus_out)
    assert world.states == {"DEAD_LETTERED": 12}
    assert world.reports.metrics["DeadLettered"] == 12
    assert world.violations == {}
    assert {len(known.published) for known in world.events.values()} == {1}


DIRECT = Deployment(direct=True)


def with_a_wrong_secret():
    """Return a world in which every webhook came while its secret was wrong, and all came to its end."""
    world = World(1, DIRECT, SECRETS)
    now = world.kernel.now
    world.secrets.wrong["stripe"] = (now - 1, now + HOUR)
    with world.running():
        world.do(lambda: [world.send_until_accepted(webhook("stripe", number, now)) for number in range(12)])
        world.kernel.run(now + HOUR)
        world.drain(2 * HOUR)
        world.finish()
    return world


def test_what_came_while_the_secret_was_wrong_is_routed_once():
    world = with_a_wrong_secret()
    assert world.reports.metrics["Quarantined"] == 12
    assert world.states == {"ROUTED": 12}
    assert world.violations == {}
    assert {len(known.published) for known in world.events.values()} == {1}


# --- that the rules can be broken -----------------------------------------------------------------------------------


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_nothing_is_broken_without_a_reason(deployment):
    assert ran(deployment).violations == {}
    for provider in SECRETS:
        assert ran(deployment, versions=(0, 0, 1), provider=provider).violations == {}


def test_a_message_that_is_deleted_although_it_failed_is_seen(monkeypatch):
    monkeypatch.setattr(BatchResult, "add", lambda self, other: None)
    assert set(ran(force=bus_out).violations) == {"lost", "processing for ever"}


def test_a_mark_before_the_event_is_published_is_seen(monkeypatch):
    def marking_first(self, messages):
        outcome = BatchResult()
        claimed = self._claim(outcome, self._take(outcome, messages))
        self._mark(outcome, [(work, self._done(Step.ROUTED, work.replay_id)) for work in claimed], State.ROUTED)
        list(self._publish(outcome, claimed))
        return outcome

    monkeypatch.setattr(ArchivedBatch, "process", marking_first)
    assert set(ran(force=nth(1, "put_events", "killed before")).violations) == {"lost"}


def test_a_claim_without_a_condition_is_seen(monkeypatch):
    monkeypatch.setattr(Records, "create", lambda *_: None)
    monkeypatch.setattr(BatchedRecords, "create_all", lambda _, creations: [None] * len(creations))
    assert "routed twice" in ran(versions=(0, 0, 0)).violations


def do_nothing(*_, **__):
    return None


@pytest.mark.parametrize("provider", SECRETS)
@pytest.mark.parametrize(
    ("of", "name"), [(Records, "note_other_payload"), (Reports, "_add")], ids=["timeline", "metric"]
)
def test_another_payload_that_nobody_is_told_of_is_seen(monkeypatch, of, name, provider):
    monkeypatch.setattr(of, name, do_nothing)
    assert set(ran(versions=(0, 1), provider=provider).violations) == {"conflict untold"}


def test_a_conflict_that_is_taken_for_a_rendering_is_seen(monkeypatch):
    monkeypatch.setattr(claiming, "compare", lambda *_: Same.EVENT)
    assert "told wrongly" in ran(versions=(0, 1), provider="generic").violations


def test_a_dead_letter_that_nobody_is_told_of_is_seen(monkeypatch):
    monkeypatch.setattr(Reports, "_add", do_nothing)
    assert set(ran(force=bus_out).violations) == {"dead letter untold"}


def test_a_group_that_goes_on_behind_a_failed_message_is_seen(monkeypatch):
    def blocking_nothing(messages, run, max_receive_count):
        outcome = BatchResult()
        for message in messages:
            outcome.add(run([message]))
        return outcome

    monkeypatch.setattr(ordering, "run_in_order", blocking_nothing)
    assert set(ran(ORDERED, force=nth(2, "put_events", "refused")).violations) == {"out of order"}


def test_a_quarantine_that_keeps_nothing_is_seen(monkeypatch):
    monkeypatch.setattr(Quarantine, "keep", lambda *_: True)
    assert set(with_a_wrong_secret().violations) == {"lost"}


def test_an_event_that_stays_recorded_is_seen(monkeypatch):
    monkeypatch.setattr(Records, "mark_dead_lettered", lambda *_: "given up")
    assert set(ran(force=bus_out).violations) == {"processing for ever", "lost"}
