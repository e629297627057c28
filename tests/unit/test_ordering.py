"""The order of a FIFO queue's messages, whatever fails, on a model of the queue.

What processing does with a message is simulated here: tests/lambdas/test_processing_order.py has the real pipeline.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.processing.ordering import BlockedError, run_in_order
from lambdas.processing.work import BatchResult, Message
from tests.fifo import FifoQueue, drain

FOR_EVER = 1_000


class ProcessingError(Exception):
    """A message that failed by itself, and not because of one before it."""


class CrashError(BaseException):
    """The end of the process."""


@dataclass(frozen=True)
class Fate:
    """How often a message fails, and whether it is on the bus by then."""

    failures: int = 0
    published: bool = False


HEALTHY, POISONED = Fate(), Fate(FOR_EVER)


@dataclass
class Processing:
    """Stands for the pipeline: fails as it is told, and writes down what it is asked for and what it published."""

    fates: dict[str, Fate]
    random: Random = field(default_factory=lambda: Random(0))
    crashes: float = 0.0
    runs: list[list[str]] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    published: list[tuple[str | None, str]] = field(default_factory=list)
    routed: set[str] = field(default_factory=set)

    def run(self, messages):
        groups = [one.group for one in messages if one.group]
        assert len(set(groups)) == len(groups), f"two messages of one group at a time: {messages}"
        self.runs.append([one.message_id for one in messages])
        outcome = BatchResult()
        for one in messages:
            self._crash_now_and_then()
            if one.message_id not in self.routed and not self._route(one):
                outcome.failures[one.message_id] = ProcessingError()
        self._crash_now_and_then()
        return outcome

    def _route(self, one):
        fate = self.fates[one.message_id]
        self.tries[one.message_id] += 1
        fails = self.tries[one.message_id] <= fate.failures
        if fate.published or not fails:
            self.published.append((one.group, one.message_id))
        if not fails:
            self.routed.add(one.message_id)
        return not fails

    def _crash_now_and_then(self):
        if self.random.random() < self.crashes:
            raise CrashError


# --- one batch ------------------------------------------------------------------------------------------------------


def batch_of(*messages):
    """Return a batch of messages, each given as group and receive count."""
    return [
        Message(message_id=f"{group}{place}", body="", receive_count=receives, group=group, sequence=f"{place:020}")
        for place, (group, receives) in enumerate(messages)
    ]


groups = st.sampled_from(["a", "b", "c"])
batches = st.lists(st.tuples(groups, st.integers(1, 3), st.booleans()), max_size=10).map(
    lambda items: (
        messages := batch_of(*[(group, receives) for group, receives, _ in items]),
        {one.message_id: POISONED if fails else HEALTHY for one, (*_, fails) in zip(messages, items, strict=True)},
    )
)


def expected(messages, fates, max_receive_count):
    """Return the rule itself, for a batch: what is run, what fails by itself, and what is blocked."""
    blocked_groups, run, failed, blocked = set(), [], set(), set()
    for one in messages:
        if one.group in blocked_groups:
            blocked.add(one.message_id)
            continue
        run.append(one.message_id)
        if fates[one.message_id] is POISONED:
            failed.add(one.message_id)
            if one.receive_count < max_receive_count:
                blocked_groups.add(one.group)
    return set(run), failed, blocked


@given(batches)
def test_a_failure_blocks_what_follows_in_its_group_unless_it_was_the_last_receive(batch):
    messages, fates = batch
    processing = Processing(fates)

    outcome = run_in_order(messages, processing.run, 3)

    run, failed, blocked = expected(messages, fates, 3)
    assert {id_ for ids in processing.runs for id_ in ids} == run
    assert {id_ for id_, error in outcome.failures.items() if isinstance(error, ProcessingError)} == failed
    assert {id_ for id_, error in outcome.failures.items() if isinstance(error, BlockedError)} == blocked
    assert set(outcome.failures) == failed | blocked


@given(batches)
def test_a_group_fares_as_it_would_alone(batch):
    # Neither what fails in another group, nor how many messages that has, makes a difference: in result or in turn.
    messages, fates = batch
    together = Processing(fates)
    failures = set(run_in_order(messages, together.run, 3).failures)

    for group in {one.group for one in messages}:
        own = [one for one in messages if one.group == group]
        alone = Processing(fates)
        failures_alone = set(run_in_order(own, alone.run, 3).failures)

        ids = {one.message_id for one in own}
        assert failures & ids == failures_alone
        assert [item for item in together.published if item[0] == group] == alone.published
        assert [[id_ for id_ in run if id_ in ids] for run in together.runs][: len(alone.runs)] == alone.runs


@given(st.lists(st.booleans(), min_size=1, max_size=10))
def test_messages_of_as_many_groups_are_one_run_so_that_they_are_published_in_one_call(fails):
    messages = batch_of(*[(f"group-{place}-", 1) for place in range(len(fails))])
    fates = {one.message_id: POISONED if f else HEALTHY for one, f in zip(messages, fails, strict=True)}
    processing = Processing(fates)

    run_in_order(messages, processing.run, 3)

    assert processing.runs == [[one.message_id for one in messages]]


@given(st.lists(st.booleans(), min_size=1, max_size=10))
def test_messages_without_a_group_are_one_run_and_block_nothing(fails):
    messages = [Message(message_id=str(n), body="", receive_count=1) for n in range(len(fails))]
    fates = {str(n): POISONED if f else HEALTHY for n, f in enumerate(fails)}
    processing = Processing(fates)

    outcome = run_in_order(messages, processing.run, 3)

    assert processing.runs == [[one.message_id for one in messages]]
    assert set(outcome.failures) == {str(n) for n, f in enumerate(fails) if f}


@given(batches)
def test_a_batch_takes_no_more_runs_than_its_largest_group_has_messages(batch):
    messages, fates = batch
    processing = Processing(fates)

    run_in_order(messages, processing.run, 3)

    assert len(processing.runs) <= max(Counter(one.group for one in messages).values(), default=0)


# --- many receives --------------------------------------------------------------------------------------------------

fates = st.one_of(
    st.just(HEALTHY),
    st.just(HEALTHY),
    st.builds(Fate, failures=st.sampled_from([1, 2, FOR_EVER]), published=st.booleans()),
)


@dataclass
class Played:
    """What became of messages that were sent to a queue and processed until it was empty."""

    queue: FifoQueue
    processing: Processing
    ids: list[str]
    in_order: dict[str, list[str]]

    @property
    def dead(self):
        return {one.id: one for one in self.queue.dead_letters}

    def first_publications(self):
        found = defaultdict(list)
        for group, id_ in dict.fromkeys(self.processing.published):
            found[group].append(id_)
        return found


def play(sent, seed, *, crashes=0.0, lost_deletions=0.0, max_receive_count=3):
    """Send messages, given as group and fate, and process them until the queue is empty."""
    random = Random(seed)
    ids = [f"{group}{place}" for place, (group, _) in enumerate(sent)]
    in_order = defaultdict(list)
    for id_, (group, _) in zip(ids, sent, strict=True):
        in_order[group].append(id_)
    queue = FifoQueue(random, max_receive_count)
    processing = Processing(dict(zip(ids, [fate for _, fate in sent], strict=True)), random, crashes)

    def invoke(batch):
        given = batch.received()
        try:
            outcome = run_in_order(given, processing.run, max_receive_count)
        except CrashError:
            return []
        at_their_last = {one.message_id for one in given if one.receive_count >= max_receive_count}
        blocked = {id_ for id_, error in outcome.failures.items() if isinstance(error, BlockedError)}
        assert at_their_last & blocked == set(), "given up without having been tried"
        done = [one.message_id for one in given if one.message_id not in outcome.failures]
        return [id_ for id_ in done if random.random() >= lost_deletions]

    drain(queue, [(id_, group, "") for id_, (group, _) in zip(ids, sent, strict=True)], invoke)
    return Played(queue, processing, ids, in_order)


sendings = st.lists(st.tuples(groups, fates), max_size=30)
seeds = st.integers(0, 2**32)
receives = st.integers(1, 4)


@given(sendings, seeds, receives, st.sampled_from([0.0, 0.05]), st.sampled_from([0.0, 0.1]))
def test_first_publications_are_in_the_order_of_sending_and_no_message_is_lost(sent, seed, most, crashes, lost):
    played = play(sent, seed, crashes=crashes, lost_deletions=lost, max_receive_count=most)

    for group, published in played.first_publications().items():
        assert published == [id_ for id_ in played.in_order[group] if id_ in published]
    assert set(played.ids) == played.processing.routed | set(played.dead)


@given(sendings, seeds, receives)
def test_a_message_that_never_fails_is_routed_whatever_is_poisoned_before_it(sent, seed, most):
    played = play(sent, seed, max_receive_count=most)

    healthy = {id_ for id_ in played.ids if played.processing.fates[id_] is HEALTHY}
    assert healthy & set(played.dead) == set()
    assert healthy <= played.processing.routed


@given(sendings, seeds, receives)
def test_a_poisoned_message_takes_exactly_its_receives(sent, seed, most):
    played = play(sent, seed, max_receive_count=most)

    poisoned = {id_ for id_ in played.ids if played.processing.fates[id_].failures == FOR_EVER}
    assert poisoned <= set(played.dead)
    assert {one.receives for one in played.queue.dead_letters} <= {most}


@given(sendings, seeds)
def test_no_message_is_given_up_without_having_been_tried(sent, seed):
    played = play(sent, seed)

    assert {id_ for id_ in played.dead if played.processing.tries[id_] == 0} == set()


@given(sendings, seeds)
def test_a_message_that_is_the_only_one_of_its_group_to_fail_for_a_while_is_routed(sent, seed):
    # Given one that fails twice in a group that is healthy otherwise, and any others
    sent = [(group, HEALTHY if group == "a" else fate) for group, fate in sent]
    place = seed % (len(sent) + 1)
    sent.insert(place, ("a", Fate(2)))

    played = play(sent, seed)

    assert [id_ for id_ in played.dead if id_.startswith("a")] == []


@given(sendings, seeds)
def test_a_group_in_which_nothing_fails_is_received_once(sent, seed):
    sent = [(group, HEALTHY if group == "a" else fate) for group, fate in sent]
    received = Counter()
    played = play(sent, seed)

    received.update(id_ for run in played.processing.runs for id_ in run if id_.startswith("a"))

    assert received == Counter(played.in_order["a"])


# --- poisoned messages in a row, receive by receive -----------------------------------------------------------------


class Receives:
    """A queue of one group, received from batch by batch, and what each receive came to."""

    def __init__(self, *fates_):
        self.processing = Processing({})
        self.queue = FifoQueue(Random(0), 3, whole_batches=True)
        self.send(*fates_)

    def send(self, *fates_):
        for fate in fates_:
            id_ = str(self.queue.sent + 1)
            self.processing.fates[id_] = fate
            self.queue.send(id_, "g")

    def receive(self):
        """Process a batch; return the receive count of each message in it, and what was routed of them."""
        batch = self.queue.receive()
        assert batch is not None
        given = batch.received()
        outcome = run_in_order(given, self.processing.run, 3)
        self.queue.settle(batch, {one.message_id for one in given} - set(outcome.failures))
        self.queue.time_out(batch)
        routed = [id_ for _, id_ in self.processing.published if id_ in self.processing.routed]
        return {one.message_id: one.receive_count for one in given}, routed

    def dead(self):
        # What had its last receive is moved when SQS would give it out again.
        self.queue.receive()
        return [one.id for one in self.queue.dead_letters]


def test_two_poisoned_messages_in_a_row_are_given_up_at_once_and_those_behind_go_on():
    queue = Receives(POISONED, POISONED, HEALTHY, HEALTHY)

    seen = [queue.receive() for _ in range(3)]

    assert seen == [
        ({"1": 1, "2": 1, "3": 1, "4": 1}, []),
        ({"1": 2, "2": 2, "3": 2, "4": 2}, []),
        ({"1": 3, "2": 3, "3": 3, "4": 3}, ["3", "4"]),
    ]
    assert queue.dead() == ["1", "2"]


def test_a_poisoned_message_that_came_later_has_its_own_receives():
    queue = Receives(POISONED)
    first = queue.receive()
    queue.send(POISONED, HEALTHY)

    seen = [first, *(queue.receive() for _ in range(3))]

    assert seen == [
        ({"1": 1}, []),
        ({"1": 2, "2": 1, "3": 1}, []),
        # The first is given up, and the second takes over holding up the third.
        ({"1": 3, "2": 2, "3": 2}, []),
        ({"2": 3, "3": 3}, ["3"]),
    ]
    assert queue.dead() == ["1", "2"]


@pytest.mark.parametrize("poisoned", [1, 2, 5, 9])
def test_any_number_of_poisoned_messages_holds_a_healthy_one_up_for_no_longer_than_one_does(poisoned):
    queue = Receives(*[POISONED] * poisoned, HEALTHY)

    routed = [queue.receive()[1] for _ in range(3)]

    assert routed == [[], [], [str(poisoned + 1)]]


def test_what_waited_behind_a_poisoned_message_has_one_try_of_its_own():
    # What the rule costs: receives go by while a message is blocked, and SQS counts them.
    alone, behind = Receives(Fate(1)), Receives(POISONED, Fate(1))

    for _ in range(3):
        behind.receive()
    alone_routed = [alone.receive()[1] for _ in range(2)][-1]

    assert alone_routed == ["1"]
    assert behind.dead() == ["1", "2"]
    assert behind.processing.tries == {"1": 3, "2": 1}
