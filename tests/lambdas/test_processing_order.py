"""Processing keeps the order of a FIFO queue: the real pipeline on a local AWS, behind a model of the queue."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random

import pytest

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.archive import Archive
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.processing.bus import Bus, NotPublishedError
from lambdas.processing.ordering import run_in_order
from tests.fifo import FifoQueue, drain
from tests.lambdas.support import NOW, SECONDS_LEFT, CrashError, World, envelope, event

RECEIVES = 3
FOR_EVER = 1_000
STAGES = ("archive", "claim", "publish", "mark")
GROUPS = ("stripe", "github", "acme")


@dataclass(frozen=True)
class Fate:
    """At which stage a message fails, and how often. One that is unreadable fails before any stage."""

    stage: str = "none"
    failures: int = 0

    @property
    def unreadable(self):
        return self.stage == "read"


HEALTHY = Fate()


class StageError(Exception):
    """What a stage fails with."""


@dataclass
class Faults:
    """Decides what fails, and when the process ends."""

    fates: dict[str, Fate]
    random: Random
    crashes: float
    failed: Counter[str] = field(default_factory=Counter)

    def fails(self, stage, event_id):
        if self.random.random() < self.crashes:
            raise CrashError(stage)
        fate = self.fates[event_id]
        if fate.stage != stage or self.failed[event_id] >= fate.failures:
            return False
        self.failed[event_id] += 1
        return True

    def at(self, stage, event_id):
        if self.fails(stage, event_id):
            raise StageError(stage)


class FaultyArchive(Archive):
    def __init__(self, world, faults):
        super().__init__(world.clients.s3, world.name)
        self._faults = faults

    def store_batch(self, payloads, *args):
        for payload in payloads:
            self._faults.at("archive", payload.event_id)
        return super().store_batch(payloads, *args)

    def store(self, of, *args):
        self._faults.at("archive", of.event_id)
        return super().store(of, *args)


class FaultyRecords(BatchedRecords):
    def __init__(self, world, faults):
        super().__init__(world.clients.dynamodb, world.name)
        self._faults = faults

    def create_all(self, creations):
        for one in creations:
            self._faults.at("claim", one.envelope.event.event_id)
        return super().create_all(creations)

    def create(self, key, of, *args):
        self._faults.at("claim", of.event.event_id)
        return super().create(key, of, *args)

    def mark_all_routed(self, marks):
        for one in marks:
            self._faults.at("mark", one.key.partition.rpartition(":")[2])
        return super().mark_all_routed(marks)

    def mark_routed(self, of, *args):
        self._faults.at("mark", of.partition.rpartition(":")[2])
        return super().mark_routed(of, *args)


class FaultyBus(Bus):
    """Refuses single entries of a call, as EventBridge does."""

    def __init__(self, world, faults):
        super().__init__(world.clients.events, world.name, world.name)
        self._faults = faults

    def publish(self, publications):
        refused = [self._faults.fails("publish", one.envelope.event.event_id) for one in publications]
        taken = [one for one, no in zip(publications, refused, strict=True) if not no]
        published = iter(super().publish(taken) if taken else [])
        return [NotPublishedError("bus refused the event") if no else next(published) for no in refused]


@dataclass
class Played:
    """What became of messages that were sent to the queue and processed, or given up and kept, until it was empty."""

    world: World
    queue: FifoQueue
    sent: dict[str, tuple[str, Fate]]
    sequences: dict[str, str]

    @property
    def dead(self):
        return {one.id for one in self.queue.dead_letters}

    def first_published(self):
        """Return group to its events, each where it was published first, with what that said of its sequence."""
        found = defaultdict(dict)
        for routed in self.world.routed():
            detail = routed["detail"]
            found[detail["provider"]].setdefault(detail["eventId"], detail["sequence"])
        return found


def play(world, seed, *, messages=20, crashes=0.0):
    """Make up messages and what becomes of them, and process them."""
    random = Random(seed)
    sent = {}
    for place in range(messages):
        group = random.choice(GROUPS)
        failing = Fate(random.choice((*STAGES, "read")), random.choice((1, 2, FOR_EVER)))
        sent[f"{group}-{place}"] = group, random.choice((HEALTHY, HEALTHY, failing))
    faults = Faults({id_: fate for id_, (_, fate) in sent.items()}, random, crashes)
    pipeline = world.pipeline(
        archive=FaultyArchive(world, faults), records=FaultyRecords(world, faults), bus=FaultyBus(world, faults)
    )
    queue = FifoQueue(random, RECEIVES)
    sequences = {}

    def invoke(batch):
        given = batch.received()
        sequences.update({one.message_id: one.sequence for one in given})
        try:
            outcome = run_in_order(given, pipeline.start(given, SECONDS_LEFT).process, RECEIVES)
        except CrashError:
            return []
        return [one.message_id for one in given if one.message_id not in outcome.failures]

    drain(
        queue,
        [(id_, group, body_of(id_, group, fate)) for id_, (group, fate) in sent.items()],
        invoke,
        world.clock.pass_lease,
    )
    dead_letters = DeadLetters(archive=world.archive, records=world.records, clock=world.clock)
    for one in queue.dead_letters:
        dead_letters.keep(one.id, one.body, NOW)
    return Played(world, queue, sent, sequences)


def body_of(id_, group, fate):
    return "not an envelope" if fate.unreadable else envelope(event(id_, f"tx-{id_}", group)).to_message()


def assert_in_order_and_nothing_lost(played):
    published = played.first_published()
    for group, events in published.items():
        in_order = [id_ for id_, (its_group, _) in played.sent.items() if its_group == group]
        assert list(events) == [id_ for id_ in in_order if id_ in events]
        assert events == {id_: played.sequences[id_] for id_ in events}
        assert list(events.values()) == sorted(events.values())
    states = played.world.states()
    assert set(states) == set(played.sent)
    assert {id_ for id_, state in states.items() if state == "DEAD_LETTERED"} <= played.dead
    assert {id_ for id_, state in states.items() if state == "ROUTED"} == {
        id_ for events in published.values() for id_ in events if states[id_] == "ROUTED"
    }
    assert set(states.values()) <= {"ROUTED", "DEAD_LETTERED"}


@pytest.mark.parametrize("seed", range(12))
def test_order_is_kept_and_nothing_is_lost_whatever_stage_fails(world, seed):
    # Given messages of three groups, of which some fail for a while or for ever, at any stage
    played = play(world, seed)

    # Then each is routed in its place, or given up
    assert_in_order_and_nothing_lost(played)

    # and what never failed by itself was not given up with what did
    healthy = {id_ for id_, (_, fate) in played.sent.items() if fate == HEALTHY}
    states = world.states()
    assert {states[id_] for id_ in healthy} <= {"ROUTED"}
    assert played.dead & healthy == set()
    assert {one.receives for one in played.queue.dead_letters} <= {RECEIVES}


@pytest.mark.parametrize("seed", range(12))
def test_order_is_kept_and_nothing_is_lost_when_invocations_die_as_well(world, seed):
    # Given the same, and a process that ends at one call in twenty
    played = play(world, seed, crashes=0.05)

    # Then each is routed in its place, or given up
    assert_in_order_and_nothing_lost(played)
