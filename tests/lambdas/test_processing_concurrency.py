"""One event in many messages, many messages in a batch, claims that meet: one record and one publication each."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import NotAnEnvelopeError, Replay
from lambdas.inbound.identity import ANY_CONTENT
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.processing.claiming import BusyError
from lambdas.shared import times
from tests.lambdas.support import (
    NOW,
    SECONDS_LEFT,
    CrashError,
    Trap,
    envelope,
    event,
    message,
    payload_of,
    received_again,
    trapped,
)

THREADS = 8
# Until a test gives up; a busy machine is slow.
BARRIER_SECONDS = 120


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run calls in a thread each, all let go at the same moment, and return their results in order."""
    barrier = Barrier(len(calls), timeout=BARRIER_SECONDS)

    def wait_and(call):
        barrier.wait()
        return call()

    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        return [future.result(BARRIER_SECONDS) for future in [threads.submit(wait_and, call) for call in calls]]


class MeetingArchive(Archive):
    """An archive in which all invocations wait for each other."""

    def __init__(self, s3, bucket, barrier):
        super().__init__(s3, bucket)
        self._barrier = barrier

    def store(self, *args):
        self._barrier.wait()
        return super().store(*args)


class MeetingRecords(BatchedRecords):
    """Records before whose first write, or before whose taking over, all invocations wait for each other."""

    def __init__(self, dynamodb, table, barrier, *, where):
        super().__init__(dynamodb, table)
        self._barrier = barrier
        self._where = where

    def create(self, *args):
        if self._where == "create":
            self._barrier.wait()
        return super().create(*args)

    def take_over(self, *args, **more):
        if self._where == "take_over":
            self._barrier.wait()
        return super().take_over(*args, **more)


def meet_nowhere(world, barrier):
    return {}


def meet_before_archive(world, barrier):
    return {"archive": MeetingArchive(world.clients.s3, world.name, barrier)}


def meet_before_record(world, barrier):
    return {"records": MeetingRecords(world.clients.dynamodb, world.name, barrier, where="create")}


def meet_before_take_over(world, barrier):
    return {"records": MeetingRecords(world.clients.dynamodb, world.name, barrier, where="take_over")}


def process_at_once(world, messages, meet=meet_nowhere):
    """Run every message in an invocation of its own, all at once, and return their outcomes."""
    barrier = Barrier(len(messages), timeout=BARRIER_SECONDS)
    pipelines = [world.pipeline(**meet(world, barrier)) for _ in messages]

    def run(pipeline, one):
        return lambda: pipeline.run([one], SECONDS_LEFT)

    return at_once([run(pipeline, one) for pipeline, one in zip(pipelines, messages, strict=True)])


def verdicts(outcomes):
    """Return how many messages were routed, were duplicates, and failed."""
    return Counter(
        {
            "routed": sum(len(outcome.routed) for outcome in outcomes),
            "duplicate": sum(len(outcome.duplicates) for outcome in outcomes),
            "conflict": sum(len(outcome.conflicts) for outcome in outcomes),
            "busy": sum(isinstance(error, BusyError) for outcome in outcomes for error in outcome.failures.values()),
        }
    )


def other_failures(outcomes):
    return [error for one in outcomes for error in one.failures.values() if not isinstance(error, BusyError)]


def route(world, of, **changes):
    """Have an event routed, and return its message."""
    first = message(envelope(of, **changes))
    outcome = world.process([first])
    assert [one.event for one in outcome.routed] == [of]
    return first


def replay_message(world, of, replay_id, message_id=None):
    archived = world.archive.store(of, payload_of(of.event_id), "application/json")
    wish = Replay(replay_id=replay_id, requested_at=times.iso(world.clock.now))
    return message(replace(envelope(of), body=None, archived=archived, replay=wish), message_id)


# --- the same event at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("meet", [meet_nowhere, meet_before_archive, meet_before_record])
@pytest.mark.parametrize("attempt", range(3))
def test_one_event_in_many_messages_at_once_is_routed_once(world, meet, attempt):
    # Given one event in as many messages as there are invocations at once
    given = event()
    messages = [message(envelope(given)) for _ in range(THREADS)]

    # When all of them process it at the same moment
    outcomes = process_at_once(world, messages, meet)

    # Then one routes it and the others leave it alone
    assert other_failures(outcomes) == []
    assert verdicts(outcomes) == Counter(routed=1, duplicate=THREADS - 1)
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.payloads() == [payload_of("evt_1")]
    assert world.routed_counts() == {"evt_1": 1}
    assert world.steps(given) == ["received", "archived", "recorded", "routed"]


def test_the_record_belongs_to_the_message_that_routed_the_event(world):
    # Given one event in many messages, told apart by their correlation ids
    given = event()
    messages = [message(envelope(given, correlation_id=f"correlation-{number}")) for number in range(THREADS)]

    # When all are processed at once
    outcomes = process_at_once(world, messages, meet_before_record)

    # Then record, bus and the winner's outcome name the same message
    [winner] = [one for one, outcome in zip(messages, outcomes, strict=True) if outcome.routed]
    [routed] = world.routed()
    record = world.record(given)
    assert record["owner"] == winner.message_id
    assert record["correlationId"] == routed["detail"]["correlationId"]
    assert f'"{record["correlationId"]}"' in winner.body


def test_many_events_at_once_do_not_disturb_each_other(world):
    # Given a batch for every invocation: three events of its own, and three that all of them have
    shared = ["evt_a", "evt_b", "evt_c"]
    own = [[f"evt_{thread}_{number}" for number in range(3)] for thread in range(THREADS)]
    batches = [[message(envelope(event(event_id))) for event_id in (*ids, *shared)] for ids in own]

    # When all run at once
    outcomes = at_once([lambda batch=batch: world.process(batch) for batch in batches])

    # Then every event is there once, its own bytes with it
    ids = [*shared, *(event_id for some in own for event_id in some)]
    assert [outcome.failures for outcome in outcomes] == [{}] * THREADS
    assert world.states() == dict.fromkeys(ids, "ROUTED")
    for event_id in ids:
        assert world.payload_at(world.record(event(event_id))["archive"]) == payload_of(event_id)
    assert world.routed_counts() == dict.fromkeys(ids, 1)


def test_one_message_that_sqs_hands_out_twice_at_once_is_routed_once(world):
    # Given one message that two invocations have at the same time, which a standard queue does now and then
    given = event()
    first = message(envelope(given))

    # When both process it
    outcomes = process_at_once(world, [first, first], meet_before_record)

    # Then one routes it; the other finds it done, or busy and fails
    assert other_failures(outcomes) == []
    assert verdicts(outcomes)["routed"] == 1
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.routed_counts() == {"evt_1": 1}

    # And a message that is delivered again finds it done
    world.clock.pass_lease()
    assert verdicts([world.process(received_again([first]))]) == Counter(duplicate=1)
    assert world.routed_counts() == {"evt_1": 1}


def test_an_abandoned_event_is_taken_over_by_one_of_many(world):
    # Given an event whose claim has ended because its process died
    given = event()
    first = message(envelope(given))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([first], SECONDS_LEFT)
    world.clock.pass_lease()

    # When many other messages of the event meet at the moment of taking it over
    messages = [message(envelope(given)) for _ in range(THREADS)]
    outcomes = process_at_once(world, messages, meet_before_take_over)

    # Then one has it, and the others fail instead of being deleted
    assert other_failures(outcomes) == []
    assert verdicts(outcomes) == Counter(routed=1, busy=THREADS - 1)
    assert world.routed_counts() == {"evt_1": 1}

    # And when they are delivered again, with the first one, nothing is left to do
    world.clock.pass_lease()
    outcome = world.process(received_again([first, *messages]))
    assert verdicts([outcome]) == Counter(duplicate=THREADS + 1)
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.routed_counts() == {"evt_1": 1}
    assert world.steps(given).count("resumed") == 1


def test_one_replay_in_many_messages_at_once_routes_once_more(world):
    # Given a routed event, and one replay of it in many messages
    given = event()
    route(world, given)
    messages = [replay_message(world, given, "replay_1") for _ in range(THREADS)]

    # When all are processed at the same moment
    outcomes = process_at_once(world, messages, meet_before_take_over)

    # Then one replays it; the others are delivered again and find it done
    assert other_failures(outcomes) == []
    assert verdicts(outcomes) == Counter(routed=1, busy=THREADS - 1)
    world.clock.pass_lease()
    assert verdicts([world.process(received_again(messages))]) == Counter(duplicate=THREADS)
    assert [one["detail"].get("replay", {}).get("replayId") for one in world.routed()] == [None, "replay_1"]
    assert world.states() == {"evt_1": "ROUTED"}


def test_two_replays_at_once_are_both_carried_out(world):
    # Given a routed event, and two operators who want it again at the same moment
    given = event()
    route(world, given)
    messages = [replay_message(world, given, replay_id) for replay_id in ("replay_1", "replay_2")]

    # When both messages are processed at once, and again after the claims have ended
    outcomes = process_at_once(world, messages, meet_before_take_over)
    assert verdicts(outcomes) == Counter(routed=1, busy=1)
    [waiting] = [one for one, outcome in zip(messages, outcomes, strict=True) if outcome.failures]
    world.clock.pass_lease()
    assert verdicts([world.process(received_again([waiting]))]) == Counter(routed=1)

    # Then each routed the event once
    wishes = Counter(one["detail"].get("replay", {}).get("replayId") for one in world.routed())
    assert wishes == Counter([None, "replay_1", "replay_2"])
    assert world.states() == {"evt_1": "ROUTED"}


def test_a_replay_that_comes_again_after_another_one_is_not_carried_out_twice(world):
    # Given a routed event, and two replays of it that were carried out
    given = event()
    route(world, given)
    first, second = (replay_message(world, given, replay_id) for replay_id in ("replay_1", "replay_2"))
    assert [verdicts([world.process([one])]) for one in (first, second)] == [Counter(routed=1)] * 2

    # When SQS hands out the first one again
    outcome = world.process(received_again([first]))

    # Then nothing is left to do
    assert verdicts([outcome]) == Counter(duplicate=1)
    wishes = [one["detail"].get("replay", {}).get("replayId") for one in world.routed()]
    assert wishes == [None, "replay_1", "replay_2"]


def test_a_replay_that_another_message_finished_is_not_carried_out_twice(world):
    # Given a replay that died before publishing, which a further delivery of the event finished, and another replay
    given = event()
    route(world, given)
    first, second = (replay_message(world, given, replay_id) for replay_id in ("replay_1", "replay_2"))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([first], SECONDS_LEFT)
    world.clock.pass_lease()
    assert verdicts([world.process([message(envelope(given))])]) == Counter(routed=1)
    assert verdicts([world.process([second])]) == Counter(routed=1)

    # When the first replay's message is received again, then nothing is left to do
    assert verdicts([world.process(received_again([first]))]) == Counter(duplicate=1)
    assert world.routed_counts() == {"evt_1": 3}


# --- the same event with other bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize("at_the_same_moment", [False, True], ids=["one after the other", "at once"])
def test_other_bytes_under_the_same_id_are_kept_beside_the_first(world, at_the_same_moment):
    # Given two payloads under one event id
    given = event()
    bodies = {b"first \xff": None, b"second \xfe": None}
    messages = [message(envelope(given, body=body)) for body in bodies]

    # When both are processed
    if at_the_same_moment:
        outcomes = process_at_once(world, messages, meet_before_record)
    else:
        outcomes = [world.process([one]) for one in messages]

    # Then both payloads are kept, and there is one record and one routed event, which name the same one of them
    assert verdicts(outcomes) == Counter(routed=1, conflict=1)
    kept = dict(world.objects("raw/"))
    assert sorted(kept.values()) == sorted(bodies)
    record = world.record(given)
    [routed] = world.routed()
    assert world.states() == {"evt_1": "ROUTED"}
    assert routed["detail"]["archive"]["key"] == record["archive"]["key"]
    [winner] = [body for body, outcome in zip(bodies, outcomes, strict=True) if outcome.routed]
    assert kept[record["archive"]["key"]] == winner
    # and the timeline names the other payload, once however often it comes
    (other,) = kept.keys() - {record["archive"]["key"]}
    for again in messages:
        world.process([again])
    conflicting = [step for step in world.record(given)["timeline"] if step["step"] == "conflicting"]
    assert [step["archive"] for step in conflicting] == [other]


# --- one batch ------------------------------------------------------------------------------------------------------


def test_a_batch_with_an_event_twice_routes_it_once(world):
    # Given a batch in which two messages hold the same event
    batch = [message(envelope(event(event_id))) for event_id in ("evt_1", "evt_2", "evt_1")]

    # When it is processed
    outcome = world.process(batch)

    # Then the second one is a duplicate, and nothing fails
    assert outcome.failures == {}
    assert [one.event.event_id for one in outcome.routed] == ["evt_1", "evt_2"]
    assert [one.event.event_id for one in outcome.duplicates] == ["evt_1"]
    assert world.states() == {"evt_1": "ROUTED", "evt_2": "ROUTED"}
    assert world.routed_counts() == {"evt_1": 1, "evt_2": 1}


# Ids that mean something in a path, in a URL, or to a parser, and the longest that there may be.
NASTY_IDS = (
    ".",
    "..",
    "../..",
    "a",
    "a/b",
    "a%2Fb",
    "a%252Fb",
    "a+b",
    "a?b#c",
    "a:b",
    "*",
    '"',
    "'",
    "$",
    "%",
    "~" * 256,
)


def test_ids_that_look_like_paths_are_kept_apart(world):
    # Given events whose ids a careless path would mix up
    batch = [message(envelope(event(event_id, f"tx-{event_id}"[:256]))) for event_id in NASTY_IDS]

    # When they are processed, twice
    outcome = world.process(batch)
    assert outcome.failures == {}
    again = world.process(received_again(batch))

    # Then each has an object, a record and a routed event of its own, and the second time found them
    assert [one.event.event_id for one in again.duplicates] == list(NASTY_IDS)
    assert world.payloads() == sorted(map(payload_of, NASTY_IDS))
    assert world.states() == dict.fromkeys(NASTY_IDS, "ROUTED")
    assert world.routed_counts() == dict.fromkeys(NASTY_IDS, 1)
    for one in outcome.routed:
        assert world.payload_at(world.record(one.event)["archive"]) == one.body


def poison(*, event_fields=(), without=(), **changes):
    """Return a message like ingestion's own but for some fields."""
    fields = json.loads(envelope(event("evt_bad")).to_message()) | changes
    fields["event"] |= dict(event_fields)
    return json.dumps({name: value for name, value in fields.items() if name not in without})


# Messages that nothing of ours wrote, or that a version of ours wrote which this one cannot read.
UNREADABLE = {
    "empty": "",
    "text": "hello",
    "not UTF-8 once": "\ufffd\u0000",
    "array": "[]",
    "null": "null",
    "number": "1",
    "empty object": "{}",
    "nested beyond all bearing": "[" * 100_000,
    "of a later version": poison(v=2),
    "of no version": poison(without=["v"]),
    "without an event": poison(without=["event"]),
    "with an unknown field of the event": poison(event_fields={"colour": "red"}),
    "without a payload": poison(without=["body"]),
    "with two payloads": poison(archived={"key": "raw/x", "size": 1, "sha256": "0" * 64}),
    "with a payload that is not base64": poison(body="%%%"),
    "with a payload that is a number": poison(body=1),
    "with a blank in the event id": poison(event_fields={"event_id": "evt bad"}),
    "with a line end in the transaction id": poison(event_fields={"transaction_id": "tx\n1"}),
    "with an event id that is a number": poison(event_fields={"event_id": 5}),
    "with an empty transaction id": poison(event_fields={"transaction_id": ""}),
    "with a replay that is a text": poison(replay="replay_1"),
    "with an archive that is a text": poison(without=["body"], archived="raw/x"),
}

# Readable as JSON and complete, with a field of a type or form that something further on chokes on.
MISTYPED = {
    "provider is a number": poison(event_fields={"provider": 5}),
    "provider is null": poison(event_fields={"provider": None}),
    "event type is a number": poison(event_fields={"event_type": 5}),
    "event type is null": poison(event_fields={"event_type": None}),
    "event type is a fraction": poison(event_fields={"event_type": 1.5}),
    "event type is empty": poison(event_fields={"event_type": ""}),
    "occurred at is an object": poison(event_fields={"occurred_at": {"at": 1}}),
    "received at is empty": poison(receivedAt=""),
    "archive key is a number": poison(without=["body"], archived={"key": 1, "size": 1, "sha256": "0" * 64}),
    "archive offset is a text": poison(
        without=["body"], archived={"key": "raw/x", "size": 1, "offset": "0", "sha256": "0" * 64}
    ),
    "archive offset is before the beginning": poison(
        without=["body"], archived={"key": "raw/x", "size": 1, "offset": -1, "sha256": "0" * 64}
    ),
    "archive size is a fraction": poison(without=["body"], archived={"key": "raw/x", "size": 1.5, "sha256": "0" * 64}),
    "replay id is an object": poison(replay={"replay_id": {}, "requested_at": "now"}),
}


NINE = [f"evt_{number}" for number in range(9)]


def process_among_nine_good_ones(world, body):
    """Process a batch with a poisoned message in its middle, and return that, the outcome, and who was told."""
    good = [message(envelope(event(event_id))) for event_id in NINE]
    bad = message(body)
    told = []
    outcome = world.process([*good[:4], bad, *good[4:]], on_failure=lambda *failure: told.append(failure))
    return bad, outcome, told


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_message_that_is_no_envelope_fails_alone(world, body):
    # Given a poisoned message among nine good ones, when the batch is processed
    bad, outcome, told = process_among_nine_good_ones(world, body)

    # Then it alone fails, and the log has it once
    assert list(outcome.failures) == [bad.message_id]
    assert isinstance(outcome.failures[bad.message_id], NotAnEnvelopeError)
    assert told == [(bad, outcome.failures[bad.message_id])]

    # And there is nothing of it anywhere, and all of the nine
    assert world.states() == dict.fromkeys(NINE, "ROUTED")
    assert world.payloads() == sorted(map(payload_of, NINE))
    assert world.routed_counts() == dict.fromkeys(NINE, 1)


@pytest.mark.parametrize("body", MISTYPED.values(), ids=MISTYPED)
def test_a_message_with_a_mistyped_field_does_not_take_its_neighbours_with_it(world, body):
    # Given a mistyped message among nine good ones, when the batch is processed
    bad, outcome, _ = process_among_nine_good_ones(world, body)

    # Then no other fails, and all of the nine are routed
    assert set(outcome.failures) <= {bad.message_id}
    assert {event_id: world.record(event(event_id)).get("state") for event_id in NINE} == dict.fromkeys(NINE, "ROUTED")
    counts = world.routed_counts()
    assert {event_id: counts[event_id] for event_id in NINE} == dict.fromkeys(NINE, 1)


# --- claims ---------------------------------------------------------------------------------------------------------

ROUTED, DUPLICATE, BUSY = (Counter({verdict: 1}) for verdict in ("routed", "duplicate", "busy"))

# Who comes upon an event that another invocation has claimed: what becomes of it while that claim holds, and after.
CLAIMED = {
    # SQS shows the message again too early, or twice at once: it must not be deleted, it is the one that has to finish.
    "the same message": ("same", BUSY, ROUTED),
    # Another delivery of the event: the claim's own message is still on the queue and will finish it.
    "another message": ("other", DUPLICATE, ROUTED),
    # An operator's wish must not get lost.
    "a replay": ("replay", BUSY, ROUTED),
}


def newcomer(world, kind, given, first):
    if kind == "same":
        return received_again([first])[0]
    return message(envelope(given)) if kind == "other" else replay_message(world, given, "replay_1")


@pytest.mark.parametrize(("kind", "while_claimed", "afterwards"), CLAIMED.values(), ids=CLAIMED)
@pytest.mark.parametrize("claim_ended", [False, True], ids=["claim holds", "claim has ended"])
def test_a_claimed_event_is_left_alone_until_its_claim_ends(world, kind, while_claimed, afterwards, claim_ended):
    # Given an event that an invocation claimed before it died
    given = event()
    first = message(envelope(given))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([first], SECONDS_LEFT)
    end_of_claim = NOW + SECONDS_LEFT
    assert world.record(given)["leaseUntil"] == end_of_claim * 1000

    # When a message comes upon it at the last millisecond of the claim, or at the first one after
    world.clock.now = end_of_claim + (0.001 if claim_ended else 0)
    second = newcomer(world, kind, given, first)
    outcome = world.process([second])

    # Then it is left alone while the claim holds, and taken over once it has ended
    assert verdicts([outcome]) == (afterwards if claim_ended else while_claimed)
    assert list(outcome.failures) == ([second.message_id] if not claim_ended and while_claimed == BUSY else [])
    assert world.routed_counts() == ({"evt_1": 1} if claim_ended else {})

    # And in any case, the event is routed once when the claim's own message was delivered again
    world.clock.pass_lease()
    last = world.process(received_again([first]))
    assert last.failures == {}
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.routed_counts() == {"evt_1": 1}


def test_a_busy_message_does_not_shorten_the_claim_it_met(world):
    # Given a claimed event and the message of it that came too early
    given = event()
    first = message(envelope(given))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([first], SECONDS_LEFT)
    before = world.record(given)

    # When it is found busy
    outcome = world.process(received_again([first]))

    # Then the record is as it was
    assert verdicts([outcome]) == BUSY
    assert world.record(given) == before


def test_an_invocation_that_lost_its_claim_does_not_undo_the_new_owners_work(world):
    # Given an invocation that published so late that its claim had ended and another message had taken over
    given = event()
    first, other = message(envelope(given)), message(envelope(given))

    class SlowBus:
        """Publishes, while another invocation runs from start to end."""

        def publish(self, items):
            world.clock.pass_lease()
            outcomes.append(world.process([other]))
            return world.bus.publish(items)

    # When both come to their end
    outcomes = []
    outcomes.append(world.process([first], bus=SlowBus()))

    # Then the record stays with the new owner, and says that the event was routed
    assert verdicts(outcomes) == Counter(routed=2)
    record = world.record(given)
    assert (record["state"], record["owner"]) == ("ROUTED", other.message_id)
    assert world.steps(given) == ["received", "archived", "recorded", "resumed", "routed"]
    assert world.routed_counts() == {"evt_1": 2}


def test_a_failure_of_an_invocation_that_lost_its_claim_does_not_release_the_new_one(world):
    # Given an invocation whose publication fails after its claim had ended and another message had taken over and died
    given = event()
    first, other = message(envelope(given)), message(envelope(given))

    class FailingBus:
        """Fails, after another invocation claimed the event."""

        def publish(self, items):
            world.clock.pass_lease()
            with pytest.raises(CrashError):
                trapped(world, Trap("before publish")).run([other], SECONDS_LEFT)
            raise TimeoutError

    # When it notes its failure
    outcome = world.process([first], bus=FailingBus())

    # Then the other message's claim still holds
    assert list(outcome.failures) == [first.message_id]
    record = world.record(given)
    assert record["owner"] == other.message_id
    assert record["leaseUntil"] == (world.clock.now + SECONDS_LEFT) * 1000


# --- after giving up ------------------------------------------------------------------------------------------------


def test_a_delivery_of_a_dead_lettered_event_is_taken_over(world):
    # Given an event that was given up after it had been recorded
    given = event()
    first = message(envelope(given))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([first], SECONDS_LEFT)
    world.clock.pass_lease()
    world.records.mark_dead_lettered(
        envelope(given), first.message_id, times.iso(world.clock.now), "dead-letter/x", "bus down"
    )
    assert world.states() == {"evt_1": "DEAD_LETTERED"}

    # When the provider delivers it again
    outcome = world.process([message(envelope(given))])

    # Then it is finished
    assert verdicts([outcome]) == ROUTED
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.payloads() == [payload_of("evt_1")]
    assert world.routed_counts() == {"evt_1": 1}
    assert world.steps(given) == ["received", "archived", "recorded", "dead-lettered", "resumed", "routed"]


@pytest.mark.parametrize("given_up", [True, False], ids=["given up", "cut short"])
def test_other_bytes_do_not_take_the_place_of_what_was_not_routed_yet(world, given_up):
    # Given an event that was recorded and not routed, and whose claim has ended
    given = event()
    first = message(envelope(given, body=b"first"))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([first], SECONDS_LEFT)
    if given_up:
        world.records.mark_dead_lettered(
            envelope(given, body=b"first"), first.message_id, times.iso(world.clock.now), "dead-letter/x", "bus down"
        )
    world.clock.pass_lease()
    before = world.record(given)

    # When other bytes come under its id
    outcome = world.process([message(envelope(given, body=b"second"))])

    # Then they are told, kept beside the first, and not routed
    assert verdicts([outcome]) == Counter(conflict=1)
    assert world.routed_counts() == {}
    after = world.record(given)
    assert (after["archive"], after["state"]) == (before["archive"], before["state"])
    assert sorted(dict(world.objects("raw/")).values()) == [b"first", b"second"]


def test_a_delivery_of_an_event_that_died_before_it_was_recorded_is_taken_over(world):
    # Given an event of which there is nothing but the dead letter handler's record
    given = event()
    world.records.mark_dead_lettered(
        envelope(given), "message_1", times.iso(world.clock.now), "dead-letter/x", "table down"
    )
    assert "archive" not in world.record(given)

    # When the provider delivers it again, to many invocations at once
    messages = [message(envelope(given)) for _ in range(THREADS)]
    outcomes = process_at_once(world, messages, meet_before_take_over)

    # Then one finishes it, and its record says where the payload lies
    assert other_failures(outcomes) == []
    assert verdicts(outcomes) == Counter(routed=1, busy=THREADS - 1)
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.objects("raw/") == [(world.record(given)["archive"]["key"], payload_of("evt_1"))]
    assert world.routed_counts() == {"evt_1": 1}


def test_the_same_bytes_of_several_events_at_once_are_each_routed_once(world):
    # Given the same bytes of three events, each delivered twice
    def of(number):
        return message(envelope(event("sha256:1", occurrence=f"delivery-{number}"), body=b"{}"))

    outcomes = process_at_once(world, [of(number) for number in (1, 2, 3, 1, 2, 3)], meet_before_archive)

    # Then each is routed once, and all but one are marked
    assert verdicts(outcomes) == {"routed": 3, "duplicate": 3, "conflict": 0, "busy": 0}
    routed = [one["detail"] for one in world.routed()]
    assert len({one["eventId"] for one in routed}) == len(routed) == 3
    assert sorted("sameBytesAs" in one for one in routed) == [False, True, True]


def test_two_renderings_of_one_event_at_once_are_routed_once(world):
    # Given two renderings of one event, in two transactions
    renderings = [
        message(envelope(event("evt_1", f"tx_{number}", content=ANY_CONTENT), body=b"%d" % number))
        for number in range(4)
    ]

    outcomes = process_at_once(world, renderings, meet_before_archive)

    assert verdicts(outcomes) == {"routed": 1, "duplicate": 3, "conflict": 0, "busy": 0}
    assert world.routed_counts() == {"evt_1": 1}
