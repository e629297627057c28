"""Hidden events in the simulation: after one cycle all are recorded, marked and routed once, whatever breaks."""

import random
from collections import Counter

import pytest

from tests.lambdas.simulation.inbound import recovery
from tests.lambdas.simulation.inbound.recovery import (
    FUNCTION,
    STRIPES_LIMIT,
    at_random,
    faults,
    happened,
    in_one_block,
    recover,
)

SIZE = 1_000
FATES = ("killed before", "killed after", "lost", "repeated", "refused")


def times_published(world):
    return Counter(len(known.published) for known in world.events.values())


@pytest.mark.parametrize("hide", [at_random, in_one_block])
def test_what_is_hidden_is_recovered_in_one_cycle_whatever_befalls_the_function(hide):
    """A share of ``make simulate-inbound SCENARIOS=1``."""
    world = happened(SIZE, hide(SIZE, random.Random(1)), page=10)
    report = recover(world, faults(world))
    assert world.violations == {}
    assert (report["listed"], report["recovered"]) == (SIZE, SIZE // 100)
    assert times_published(world) == {1: SIZE}
    assert world.most_calls() <= STRIPES_LIMIT
    assert min(world.chaos.happened[what] for what in ("kills", "answers lost", "refused")) > 0


@pytest.mark.parametrize("fate", FATES)
def test_at_whatever_call_it_befalls_the_function(fate):
    at, calls = 0, 1
    while at < calls:
        at += 1
        world, calls = befallen(fate, at)
        assert (at, world.violations) == (at, {})
        assert times_published(world) == {1: 12}
    assert calls > 15


def befallen(fate, at):
    """Return a world in which something befell one call of the function, counted from 1, and how many it made."""
    made = 0

    def force(operation, inv):
        nonlocal made
        if inv.root.what != FUNCTION:
            return None
        made += 1
        return fate if made == at else None

    world = happened(12, {0, 6, 7}, page=5)
    recover(world, force)
    return world, made


# --- that the rules can be broken -----------------------------------------------------------------------------------


def broken():
    world = happened(12, {0, 6, 7}, page=5)
    recover(world)
    return set(world.violations)


def test_an_event_that_is_not_handed_over_is_seen(monkeypatch):
    monkeypatch.setattr(recovery.StripeApi, "answer", lambda *_: (200, {"data": [], "has_more": False}, {}))
    assert broken() >= {"hidden and not recovered", "recovered untold"}
