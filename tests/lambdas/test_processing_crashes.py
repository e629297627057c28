"""Processing dies, or a call of it fails, at every boundary there is: no event is lost, and few are published twice."""

import hashlib
from dataclasses import replace

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import ArchivedBody, Replay
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.processing.archiving import BY_BATCH, BY_EVENT
from lambdas.processing.bus import Bus
from lambdas.processing.claiming import BusyError
from lambdas.shared import times
from tests.lambdas.support import (
    SECONDS_LEFT,
    CrashError,
    Trap,
    Unreliable,
    aws_error,
    envelope,
    event,
    losing_the_answer,
    message,
    payload_of,
    raising,
    received_again,
    trapped,
    without_batches,
)

# Every boundary of a run, in order. Between the last two pairs the event is on the bus and the record does not say so.
BOUNDARIES = (
    "before archive",
    "after archive",
    "before record create",
    "after record create",
    "before publish",
    "after publish",
    "before mark",
    "after mark",
)
PUBLISHED_AND_NOT_MARKED = {"after publish", "before mark"}


def crash(world, messages, point, passes=1, dynamodb=None):
    """Run a batch in a process that dies at a point, and return where it died; None when it never came there."""
    try:
        trapped(world, Trap(point, passes=passes), dynamodb).run(messages, SECONDS_LEFT)
    except CrashError as crashed:
        return str(crashed)
    return None


def finish(world, messages):
    """Run a batch to its end once SQS shows its messages again, and require that none fails."""
    world.clock.pass_lease()
    outcome = world.process(messages)
    assert outcome.failures == {}
    return outcome


def assert_nothing_changes(world, messages):
    before = world.snapshot()
    finish(world, messages)
    assert world.snapshot() == before


# --- crashes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", BOUNDARIES)
def test_a_crash_at_any_boundary_loses_nothing(world, point):
    # Given an event whose processing died at the boundary
    given = event()
    first = message(envelope(given))
    assert crash(world, [first], point) == point

    # When SQS hands the message out again
    [second] = received_again([first])
    finish(world, [second])

    # Then there is one record, one object with the exact bytes, and the event is on its way
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.payloads() == [payload_of("evt_1")]
    record = world.record(given)
    assert record["archive"]["sha256"] == hashlib.sha256(payload_of("evt_1")).hexdigest()
    assert world.objects("raw/") == [(record["archive"]["key"], payload_of("evt_1"))]
    assert world.routed_counts() == {"evt_1": 2 if point in PUBLISHED_AND_NOT_MARKED else 1}
    assert [step for step in world.steps(given) if step != "resumed"] == ["received", "archived", "recorded", "routed"]

    # And another receive changes nothing
    assert_nothing_changes(world, received_again([second]))


@pytest.mark.parametrize("point", [point for point in BOUNDARIES if not point.endswith("archive")])
def test_a_crash_loses_nothing_of_a_payload_that_ingestion_archived(world, point):
    # Given a message that says where its payload lies, as ingestion sends it for a large one
    given = event()
    archived = world.archive.store(given, payload_of("evt_1"), "application/json")
    first = message(replace(envelope(given), body=None, archived=archived))
    assert crash(world, [first], point) == point

    # When it is received again
    [second] = received_again([first])
    finish(world, [second])

    # Then it went the same way, and the payload was not written again
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.objects("raw/") == [(archived.key, payload_of("evt_1"))]
    assert ArchivedBody(**{**world.record(given)["archive"], "size": archived.size}) == archived
    assert world.routed_counts() == {"evt_1": 2 if point in PUBLISHED_AND_NOT_MARKED else 1}
    assert_nothing_changes(world, received_again([second]))


# The second run meets the record of the first, so that taking over has boundaries too.
SECOND_RUN = (*BOUNDARIES[:4], "before take over", "after take over", *BOUNDARIES[4:])


@pytest.mark.parametrize("first_point", BOUNDARIES)
def test_two_crashes_in_a_row_lose_nothing(world, first_point):
    # Given a message for every second boundary, which died at the first one and then at its own
    world = replace(world, archive_by=BY_EVENT)
    expected, waiting = {}, []
    for second_point in SECOND_RUN:
        event_id = second_point.replace(" ", "-")
        first = message(envelope(event(event_id)))
        assert crash(world, [first], first_point) == first_point
        [second] = received_again([first])
        world.clock.pass_lease()
        died_at = crash(world, [second], second_point)
        waiting += received_again([second])
        expected[event_id] = 1 + sum(point in PUBLISHED_AND_NOT_MARKED for point in (first_point, died_at))

    # When each is received for the third and last time
    finish(world, waiting)

    # Then it is as with one crash, and each that lay behind the bus cost one more publication
    assert world.states() == dict.fromkeys(expected, "ROUTED")
    assert world.payloads() == sorted(payload_of(event_id) for event_id in expected)
    assert world.routed_counts() == expected
    assert_nothing_changes(world, received_again(waiting))


# Boundary, how many messages of three came by it, and how often each event is routed in the end, where no call does
# anything for more than one event.
ONE_BY_ONE_CRASHES = (
    ("before archive", 1, (1, 1, 1)),
    ("before archive", 3, (1, 1, 1)),
    ("after archive", 2, (1, 1, 1)),
    ("after record create", 1, (1, 1, 1)),
    ("after record create", 2, (1, 1, 1)),
    ("after record create", 3, (1, 1, 1)),
    ("before publish", 1, (1, 1, 1)),
    ("after publish", 1, (2, 2, 2)),
    ("before mark", 1, (2, 2, 2)),
    ("after mark", 1, (1, 2, 2)),
    ("before mark", 2, (1, 2, 2)),
    ("after mark", 2, (1, 1, 2)),
    ("before mark", 3, (1, 1, 2)),
    ("after mark", 3, (1, 1, 1)),
)


@pytest.mark.parametrize(("point", "passes", "expected"), ONE_BY_ONE_CRASHES)
def test_a_crash_between_the_messages_of_a_batch_loses_none(world, point, passes, expected):
    # Given a batch of three, and a process that died on its way through
    world = replace(world, archive_by=BY_EVENT)
    ids = ("evt_1", "evt_2", "evt_3")
    batch = [message(envelope(event(event_id))) for event_id in ids]
    assert crash(world, batch, point, passes, without_batches(world.clients.dynamodb)) == point

    # When SQS hands out the whole batch again, since nobody answered for any of it
    finish(world, received_again(batch))

    # Then each event is there once, and routed twice only where it was published and not marked
    assert world.states() == dict.fromkeys(ids, "ROUTED")
    assert world.payloads() == sorted(payload_of(event_id) for event_id in ids)
    assert world.routed_counts() == dict(zip(ids, expected, strict=True))
    assert_nothing_changes(world, received_again(batch))


REPLAY_BOUNDARIES = {
    "before record create": 1,
    "after record create": 1,
    "before take over": 1,
    "after take over": 1,
    "before publish": 1,
    "after publish": 2,
    "before mark": 2,
    "after mark": 1,
}


@pytest.mark.parametrize(("point", "replayed"), REPLAY_BOUNDARIES.items())
def test_a_crash_during_a_replay_still_replays_once(world, point, replayed):
    # Given an event that was routed, and its replay, which died at the boundary
    given = event()
    finish(world, [message(envelope(given))])
    archived = world.archive.store(given, payload_of("evt_1"), "application/json")
    wish = Replay(replay_id="replay_1", requested_at=times.iso(world.clock.now))
    first = message(replace(envelope(given), body=None, archived=archived, replay=wish))
    assert crash(world, [first], point) == point

    # When the replay's message is received again
    [second] = received_again([first])
    finish(world, [second])

    # Then the event was routed once for itself, and once for the replay unless the crash lay behind the bus
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.payloads() == [payload_of("evt_1")]
    wishes = [routed["detail"].get("replay", {}).get("replayId") for routed in world.routed()]
    assert wishes == [None] + ["replay_1"] * replayed
    assert world.steps(given).count("replayed") == 1
    assert_nothing_changes(world, received_again([second]))


# --- exceptions -----------------------------------------------------------------------------------------------------


def refused(**result):
    """Return a way for PutEvents to answer 200 with one entry refused and the others taken."""

    def fail(call, arguments):
        entries = arguments["Entries"]
        answer = call(Entries=[entry for entry in entries if '"eventId": "evt_2"' not in entry["Detail"]])
        results = iter(answer["Entries"])
        return {
            "FailedEntryCount": 1,
            "Entries": [result if '"eventId": "evt_2"' in entry["Detail"] else next(results) for entry in entries],
        }

    return fail


def break_archive(world, fail):
    return {"archive": Archive(Unreliable(world.clients.s3, "put_object", "evt_2", fail), world.name)}


def break_create(world, fail):
    """Fail where a record is created, alone or with others."""
    dynamodb = Unreliable(world.clients.dynamodb, "put_item", "evt_2", fail)
    return {"records": BatchedRecords(breaking_batches(dynamodb, "INSERT", fail), world.name)}


def break_mark(world, fail):
    """Fail where the record is marked as routed, alone or with others."""

    def selective(call, arguments):
        return fail(call, arguments) if "ROUTED" in repr(arguments) else call(**arguments)

    dynamodb = Unreliable(world.clients.dynamodb, "update_item", "evt_2", selective)
    return {"records": BatchedRecords(breaking_batches(dynamodb, "UPDATE", fail), world.name)}


def breaking_batches(dynamodb, verb, fail):
    def selective(call, arguments):
        return fail(call, arguments) if arguments["Statements"][0]["Statement"].startswith(verb) else call(**arguments)

    return Unreliable(dynamodb, "batch_execute_statement", "evt_2", selective)


def break_bus(world, fail):
    return {"bus": Bus(Unreliable(world.clients.events, "put_events", "evt_2", fail), world.name, world.name)}


CLOSED = ConnectionClosedError(endpoint_url="https://local.invalid")
TIMED_OUT = ReadTimeoutError(endpoint_url="https://local.invalid")

# What breaks for one event of a batch, how, what its record says then, and how often the event is routed in the end.
FAILURES = {
    "S3 throttles": (break_archive, raising(aws_error("SlowDown", "PutObject")), "PutObject: SlowDown", 1),
    "S3 cannot be reached": (break_archive, raising(CLOSED), "ConnectionClosedError", 1),
    "S3 stores and its answer is lost": (break_archive, losing_the_answer(TIMED_OUT), "ReadTimeoutError", 1),
    "DynamoDB throttles": (
        break_create,
        raising(aws_error("ThrottlingException", "PutItem")),
        "PutItem: ThrottlingException",
        1,
    ),
    "DynamoDB cannot be reached": (break_create, raising(TIMED_OUT), "ReadTimeoutError", 1),
    "the bus refuses the entry": (
        break_bus,
        refused(ErrorCode="ThrottlingException", ErrorMessage="slow down"),
        "bus refused the event: ThrottlingException",
        1,
    ),
    "the bus gives the entry no id": (break_bus, refused(), "bus refused the event: no event id", 1),
    # The event is on the bus and the record cannot be told: the same place as a crash there.
    "DynamoDB throttles the mark": (
        break_mark,
        raising(aws_error("ThrottlingException", "UpdateItem")),
        "UpdateItem: ThrottlingException",
        2,
    ),
}


@pytest.mark.parametrize("archive_by", [BY_BATCH, BY_EVENT])
@pytest.mark.parametrize(("broken", "fail", "reason", "times_routed"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_messages_own_and_the_next_receive_need_not_wait(
    world, *, archive_by, broken, fail, reason, times_routed
):
    # Given three events, for the middle one of which a call fails
    world = replace(world, archive_by=archive_by)
    ids = ("evt_1", "evt_2", "evt_3")
    batch = [message(envelope(event(event_id)), receive_count=2) for event_id in ids]

    # When the batch is processed
    told = []
    outcome = world.process(batch, **broken(world, fail), on_failure=lambda *failure: told.append(failure))

    # Then exactly that message fails, the others are done, and its record has the reason
    assert list(outcome.failures) == [batch[1].message_id]
    assert [one.event.event_id for one in outcome.routed] == ["evt_1", "evt_3"]
    assert outcome.duplicates == []
    assert told == [(batch[1], outcome.failures[batch[1].message_id])]
    assert {id_: world.record(event(id_)).get("state") for id_ in ("evt_1", "evt_3")} == {
        "evt_1": "ROUTED",
        "evt_3": "ROUTED",
    }
    assert world.record(event("evt_2"))["lastFailure"] == {
        "reason": reason,
        "at": times.iso(world.clock.now),
        "receiveCount": 2,
    }
    assert [id_ for id_ in ids if "lastFailure" in world.record(event(id_))] == ["evt_2"]

    # And when it is delivered again at once, while the claim of the failed run would still hold
    again = received_again([batch[1]])
    outcome = world.process(again)

    # Then it goes through
    assert outcome.failures == {}
    assert [one.event.event_id for one in outcome.routed] == ["evt_2"]
    assert world.states() == dict.fromkeys(ids, "ROUTED")
    assert {id_: world.payload_at(world.record(event(id_))["archive"]) for id_ in ids} == {
        id_: payload_of(id_) for id_ in ids
    }
    assert set(world.payloads()) == {payload_of(event_id) for event_id in ids}
    assert world.routed_counts() == {"evt_1": 1, "evt_2": times_routed, "evt_3": 1}
    before = world.snapshot()
    finish(world, received_again(batch))
    after = world.snapshot()
    assert (after["records"], after["routed"]) == (before["records"], before["routed"])
    # Another composition makes another object; alone, each payload meets the one that is there.
    assert len(after["objects"]) - len(before["objects"]) <= (1 if archive_by == BY_BATCH else 0)


PUT_EVENTS_FAILURES = {
    # Nothing of the chunk reached the bus.
    "the bus throttles the call": (
        raising(aws_error("ThrottlingException", "PutEvents")),
        "PutEvents: ThrottlingException",
        1,
    ),
    "the bus cannot be reached": (raising(CLOSED), "ConnectionClosedError", 1),
    # All of it did, and nobody heard: the same place as a crash there.
    "the bus's answer is lost": (losing_the_answer(TIMED_OUT), "ReadTimeoutError", 2),
}


@pytest.mark.parametrize(("fail", "reason", "times_routed"), PUT_EVENTS_FAILURES.values(), ids=PUT_EVENTS_FAILURES)
def test_a_failed_call_to_the_bus_fails_its_chunk_and_no_other(world, fail, reason, times_routed):
    # Given more events than one PutEvents takes, and a call that fails for the chunk with evt_2 in it
    ids = [f"evt_{number}" for number in range(1, 13)]
    batch = [message(envelope(event(event_id))) for event_id in ids]

    # When the batch is processed
    outcome = world.process(batch, **break_bus(world, fail))

    # Then the messages of that chunk fail with the reason in their records, and the other chunk is routed
    assert list(outcome.failures) == [one.message_id for one in batch[:10]]
    assert [one.event.event_id for one in outcome.routed] == ids[10:]
    assert {world.record(event(id_)).get("lastFailure", {}).get("reason") for id_ in ids[:10]} == {reason}

    # And an immediate retry routes them
    outcome = world.process(received_again(batch[:10]))
    assert outcome.failures == {}
    assert world.states() == dict.fromkeys(ids, "ROUTED")
    assert world.routed_counts() == dict.fromkeys(ids[:10], times_routed) | dict.fromkeys(ids[10:], 1)


def test_a_record_whose_creation_went_unheard_is_finished_after_its_lease(world):
    # Given a record that was created, and an answer that was lost
    given = event("evt_2")
    first = message(envelope(given))
    outcome = world.process([first], **break_create(world, losing_the_answer(TIMED_OUT)))
    assert list(outcome.failures) == [first.message_id]
    assert world.record(given)["state"] == "RECORDED"

    # When the message is delivered again before the claim of that run has ended, that run may still be going on
    [second] = received_again([first])
    outcome = world.process([second])
    assert list(outcome.failures) == [first.message_id]
    assert isinstance(outcome.failures[first.message_id], BusyError)
    assert world.routed_counts() == {}

    # Then it is finished when the claim has ended
    [third] = received_again([second])
    finish(world, [third])
    assert world.states() == {"evt_2": "ROUTED"}
    assert world.routed_counts() == {"evt_2": 1}
    assert_nothing_changes(world, received_again([third]))


def test_a_mark_that_the_sdk_sends_twice_leaves_one_entry(world):
    # Given a mark that reached DynamoDB, and an answer that was lost, so that botocore sends it again by itself.
    # Simulated by sending the same request twice, since the local AWS loses no answers.
    given = event("evt_2")

    def sent_twice(call, arguments):
        call(**arguments)
        return call(**arguments)

    # When the event is processed
    outcome = world.process([message(envelope(given))], **break_mark(world, sent_twice))

    # Then it was routed once, and its timeline says so once
    assert outcome.failures == {}
    assert world.routed_counts() == {"evt_2": 1}
    assert world.steps(given) == ["received", "archived", "recorded", "routed"]


def test_a_message_is_named_even_when_its_failure_cannot_be_written_down(world):
    # Given an event for which neither the record nor the note of the failure can be written
    batch = [message(envelope(event(event_id))) for event_id in ("evt_1", "evt_2")]
    error = aws_error("ThrottlingException", "PutItem")
    unwritable = aws_error("ThrottlingException", "UpdateItem")
    dynamodb = Unreliable(world.clients.dynamodb, "put_item", "evt_2", raising(error))
    dynamodb = without_batches(Unreliable(dynamodb, "update_item", "evt_2", raising(unwritable)))

    # When the batch is processed
    told = []
    outcome = world.process(
        batch, records=BatchedRecords(dynamodb, world.name), on_failure=lambda *failure: told.append(failure)
    )

    # Then the message is named with the failure that mattered, both are told, and the neighbour went through
    assert outcome.failures == {batch[1].message_id: error}
    assert told == [(batch[1], error), (batch[1], unwritable)]
    assert world.states() == {"evt_1": "ROUTED"}

    # And the next receive finishes it
    assert world.process(received_again([batch[1]])).failures == {}
    assert world.states() == {"evt_1": "ROUTED", "evt_2": "ROUTED"}


def test_what_a_record_says_of_a_failure_never_quotes_the_error_message(world):
    # Given an error whose message quotes a card number
    fail = raising(aws_error("SlowDown", "PutObject"))
    assert "4242" in str(aws_error("SlowDown", "PutObject"))

    # When it fails a message
    world.process([message(envelope(event("evt_2")))], **break_archive(world, fail))

    # Then the record names the call and the code alone
    assert "4242" not in repr(world.record(event("evt_2")))
    assert world.record(event("evt_2"))["lastFailure"]["reason"] == "PutObject: SlowDown"
