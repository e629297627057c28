"""Many events in one call: how few calls that takes, and that each event's fate stays its own."""

import hashlib
from collections import Counter
from threading import Barrier

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from lambdas.inbound.archive import BATCH_PREFIX, Archive
from lambdas.inbound.batch_object import MAGIC, read_index
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.processing.archiving import BY_EVENT
from lambdas.processing.batching import InvocationEndsError
from lambdas.shared import times
from tests.lambdas.support import (
    NOW,
    SECONDS_LEFT,
    CrashError,
    HalfDone,
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
    refusing_statements,
    trapped,
    without_batches,
)
from tests.lambdas.test_processing_concurrency import at_once

IDS = tuple(f"evt_{number}" for number in range(1, 4))
# The beginning of a minute.
MINUTE = NOW - NOW % 60
CLOSED = ConnectionClosedError(endpoint_url="https://local.invalid")
TIMED_OUT = ReadTimeoutError(endpoint_url="https://local.invalid")


def batch_of(*ids):
    return [message(envelope(event(id_, f"tx_{id_}"))) for id_ in ids]


def many(count):
    return [f"evt_{number}" for number in range(count)]


class Counting:
    """A client that counts its calls."""

    def __init__(self, client, calls):
        self._client = client
        self._calls = calls

    def __getattr__(self, name):
        real = getattr(self._client, name)

        def call(**arguments):
            self._calls[name] += 1
            return real(**arguments)

        return call


def counted(world, calls):
    """Return a pipeline whose calls to AWS are counted."""
    clients = world.clients
    return world.pipeline(
        archive=Archive(Counting(clients.s3, calls), world.name),
        records=BatchedRecords(Counting(clients.dynamodb, calls), world.name),
        bus=type(world.bus)(Counting(clients.events, calls), world.name, world.name),
    )


def assert_kept(world, ids):
    """Require of each event one record, which is routed and says where the exact bytes lie."""
    assert world.states() == dict.fromkeys(ids, "ROUTED")
    for record in world.all_records():
        assert world.payload_at(record["archive"]) == payload_of(record["eventId"])
    for routed in world.routed():
        assert world.payload_at(routed["detail"]["archive"]) == payload_of(routed["detail"]["eventId"])


# --- calls ----------------------------------------------------------------------------------------------------------

# Besides these, a new execution environment asks once whether there are records of version 0.1.0.
CALLS = {
    1: {"put_object": 1, "put_item": 1, "put_events": 1, "update_item": 1},
    2: {"put_object": 1, "put_events": 1, "batch_execute_statement": 2},
    # A listing, its records, and their marks.
    10: {"put_object": 1, "put_events": 1, "batch_execute_statement": 3},
    # Records 25 at a time; marks with the ten that were published, so that a crash repeats no more than those.
    100: {"put_object": 1, "put_events": 10, "batch_execute_statement": 4 + 4 + 10},
}


@pytest.mark.parametrize(("count", "expected"), CALLS.items())
def test_a_batch_takes_few_calls(world, count, expected):
    calls, ids = Counter(), many(count)

    outcome = counted(world, calls).run(batch_of(*ids), SECONDS_LEFT)

    assert outcome.failures == {}
    assert calls.pop("execute_statement") == 1
    assert calls == expected
    assert count < 10 or sum(calls.values()) / count <= 0.5
    assert_kept(world, ids)
    assert world.routed_counts() == dict.fromkeys(ids, 1)


def test_signatures_that_are_good_for_one_body_take_one_call_more(world):
    calls = Counter()
    batch = [message(envelope(event(id_), signature_id=f"signature-{id_}")) for id_ in IDS]

    outcome = counted(world, calls).run(batch, SECONDS_LEFT)

    assert outcome.failures == {}
    assert calls.pop("execute_statement") == 1
    assert calls == {"put_object": 1, "put_events": 1, "batch_execute_statement": 4}


def test_records_of_one_batch_provider_and_minute_share_an_entry_of_the_index_by_time(world):
    # Given events of one minute, of another one, and of another provider
    at = {id_: times.iso(MINUTE + 7 + number) for number, id_ in enumerate(many(5))}
    at |= {"next": times.iso(MINUTE + 60), "after": times.iso(MINUTE + 61)}
    batch = [message(envelope(event(id_, f"tx_{id_}"), received_at=time)) for id_, time in at.items()]
    batch += [message(envelope(event(id_, provider="other"), received_at=times.iso(MINUTE + 8))) for id_ in IDS]

    # When they are recorded in one batch
    assert world.process(batch).failures == {}

    # Then each group has one entry, at its first time of receipt, and what is too small for a listing has its own
    assert {one["receivedAt"]: len(one["records"]) for one in world.listings()} == {
        times.iso(MINUTE + 7): 5,
        times.iso(MINUTE + 8): 3,
    }
    assert {one["eventId"] for one in world.all_records() if "receivedBucket" in one} == {"next", "after"}


@pytest.mark.parametrize("code", ["ThrottlingError", "DuplicateItem"])
def test_records_are_in_the_index_themselves_when_their_listing_cannot_be_written(world, code):
    dynamodb = Unreliable(
        world.clients.dynamodb, "batch_execute_statement", "listing ", refusing_statements(code, "listing ")
    )

    assert world.process(batch_of(*many(5)), **with_dynamodb(world, dynamodb)).failures == {}

    assert world.listings() == []
    assert all("receivedBucket" in record for record in world.all_records())
    assert_kept(world, many(5))


def test_two_bodies_under_one_signature_in_one_batch_are_one_record(world):
    # Given a forger who made another body for a signature that is good for one
    batch = [message(envelope(event(id_), signature_id="signature")) for id_ in IDS[:2]]

    # When both come in one batch
    outcome = world.process(batch)

    # Then the first is recorded, and the other is archived and told
    assert [one.event.event_id for one in outcome.routed] == ["evt_1"]
    assert [one.event.event_id for one in outcome.conflicts] == ["evt_2"]
    assert world.payloads() == sorted(payload_of(id_) for id_ in IDS[:2])
    assert world.routed_counts() == {"evt_1": 1}


# --- crashes --------------------------------------------------------------------------------------------------------

BOUNDARIES = {
    "before batch archive": 1,
    "after batch archive": 1,
    "before batch create": 1,
    "after batch create": 1,
    "before publish": 1,
    "after publish": 2,
    "before batch mark": 2,
    "after batch mark": 1,
}


def crash(world, batch, point, dynamodb=None):
    with pytest.raises(CrashError, match=point):
        trapped(world, Trap(point), dynamodb).run(batch, SECONDS_LEFT)
    world.clock.pass_lease()


@pytest.mark.parametrize(("point", "times"), BOUNDARIES.items())
def test_a_crash_between_two_calls_loses_nothing(world, point, times):
    # Given a batch whose process died
    batch = batch_of(*IDS)
    crash(world, batch, point)

    # When SQS hands out the same batch again, in another order
    again = received_again(batch[::-1])
    assert world.process(again).failures == {}

    # Then all is there once, in one object, and published twice only where it was published and not marked
    assert_kept(world, IDS)
    assert world.payloads() == sorted(payload_of(id_) for id_ in IDS)
    assert len(world.objects("raw/")) == 1
    assert world.routed_counts() == dict.fromkeys(IDS, times)
    before = world.snapshot()
    assert world.process(received_again(again)).failures == {}
    assert world.snapshot() == before


@pytest.mark.parametrize("split", [1, 2])
@pytest.mark.parametrize(("point", "times"), BOUNDARIES.items())
def test_what_a_crash_left_is_finished_in_any_later_batches(world, point, times, split):
    # Given a batch whose process died
    batch = batch_of(*many(5))
    crash(world, batch, point)

    # When its messages are delivered again in other batches, with other events among them
    again = received_again(batch)
    for part, other in ((again[:split], "evt_a"), (again[split:], "evt_b")):
        assert world.process([*part, *batch_of(other)]).failures == {}

    # Then every record says where its payload lies, and an object that nothing points to any more harms nobody
    assert_kept(world, [*many(5), "evt_a", "evt_b"])
    assert world.routed_counts() == dict.fromkeys(many(5), times) | {"evt_a": 1, "evt_b": 1}


@pytest.mark.parametrize(
    ("verb", "routed"), [("INSERT", [1, 1, 1, 1]), ("UPDATE", [1, 1, 2, 2])], ids=["creating", "marking"]
)
def test_a_crash_within_a_call_loses_nothing(world, verb, routed):
    ids = many(4)
    batch = batch_of(*ids)
    records = BatchedRecords(HalfDone(world.clients.dynamodb, verb), world.name)
    with pytest.raises(CrashError):
        world.process(batch, records=records)
    world.clock.pass_lease()

    assert world.process(received_again(batch)).failures == {}

    assert_kept(world, ids)
    assert world.routed_counts() == dict(zip(ids, routed, strict=True))


# --- failures -------------------------------------------------------------------------------------------------------


def with_dynamodb(world, dynamodb):
    return {"records": BatchedRecords(dynamodb, world.name)}


# Codes that a statement may fail with: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html
@pytest.mark.parametrize(
    "code",
    ["ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError", "AccessDenied", "TransactionConflict"],
)
def test_a_statement_that_is_refused_is_tried_by_itself(world, code):
    # Given a table that refuses what is about one event, as long as it comes with others
    dynamodb = Unreliable(
        world.clients.dynamodb, "batch_execute_statement", "evt_2", refusing_statements(code, "evt_2")
    )
    told = []

    # When
    outcome = world.process(batch_of(*IDS), **with_dynamodb(world, dynamodb), on_fallback=lambda *why: told.append(why))

    # Then it was done by itself, and somebody heard of it
    assert outcome.failures == {}
    assert_kept(world, IDS)
    assert world.routed_counts() == dict.fromkeys(IDS, 1)
    assert told == [("create records", code), ("mark records", code)]


@pytest.mark.parametrize(
    "fail",
    [
        raising(aws_error("ValidationException", "BatchExecuteStatement")),
        raising(CLOSED),
        losing_the_answer(TIMED_OUT),
    ],
    ids=["refused", "unreachable", "unheard"],
)
def test_a_call_for_many_that_fails_is_made_for_each(world, fail):
    # Given calls for many that all fail, or are carried out and not heard of
    dynamodb = Unreliable(world.clients.dynamodb, "batch_execute_statement", "", fail)

    # When
    outcome = world.process(batch_of(*IDS), **with_dynamodb(world, dynamodb))

    # Then nothing is delivered again: a record that this very message created a moment ago is known as its own
    assert outcome.failures == {}
    assert_kept(world, IDS)
    assert world.routed_counts() == dict.fromkeys(IDS, 1)
    assert {step: world.steps(event("evt_1", "tx_evt_1")).count(step) for step in ("recorded", "routed")} == {
        "recorded": 1,
        "routed": 1,
    }


def test_an_object_that_is_refused_for_one_payload_is_not_missed_by_the_others(world):
    # Given a bucket that takes neither the batch's object nor one event's own
    s3 = Unreliable(world.clients.s3, "put_object", "evt_2", raising(aws_error("AccessDenied", "PutObject")))
    told = []

    outcome = world.process(
        batch := batch_of(*IDS), archive=Archive(s3, world.name), on_fallback=lambda *why: told.append(why)
    )

    assert list(outcome.failures) == [batch[1].message_id]
    assert world.routed_counts() == {"evt_1": 1, "evt_3": 1}
    assert told == [("archive", "PutObject: AccessDenied")]
    assert not [key for key, _ in world.objects(BATCH_PREFIX)]


def test_nothing_goes_on_while_the_archive_is_down(world):
    s3 = Unreliable(world.clients.s3, "put_object", "", raising(CLOSED))

    outcome = world.process(batch := batch_of(*IDS), archive=Archive(s3, world.name))

    # Then every message fails, and no event has a state or was published
    assert list(outcome.failures) == [one.message_id for one in batch]
    assert set(world.states().values()) == {None}
    assert world.routed_counts() == {}
    # and when the archive is up again, all is done
    assert world.process(received_again(batch)).failures == {}
    assert_kept(world, IDS)


def test_of_a_hundred_messages_only_three_poisoned_ones_fail(world):
    # Given a full batch with an unreadable message, one of another version, and one whose record is refused
    ids = many(97)
    poisoned = [message("not an envelope"), message('{"v":99}'), message(envelope(event("evt_poison")))]
    batch = batch_of(*ids)
    for place, one in zip((0, 50, 99), poisoned, strict=True):
        batch.insert(place, one)
    refused = aws_error("ValidationException", "PutItem")
    dynamodb = Unreliable(
        world.clients.dynamodb,
        "batch_execute_statement",
        "evt_poison",
        refusing_statements("ValidationError", "evt_poison"),
    )
    dynamodb = Unreliable(dynamodb, "put_item", "evt_poison", raising(refused))

    outcome = world.process(batch, **with_dynamodb(world, dynamodb))

    assert set(outcome.failures) == {one.message_id for one in poisoned}
    assert outcome.failures[poisoned[2].message_id] is refused
    assert len(outcome.routed) == 97
    assert world.routed_counts() == dict.fromkeys(ids, 1)
    assert world.record(event("evt_poison"))["lastFailure"]["reason"] == "PutItem: ValidationException"


def test_messages_without_time_left_fail_before_lambda_ends_the_process(world):
    # Given an archive that takes nearly all of an invocation for its answer
    class Slow(Archive):
        def store_batch(self, *args):
            world.clock.now += SECONDS_LEFT - 1
            raise CLOSED

    batch = batch_of(*IDS)
    outcome = world.process(batch, archive=Slow(world.clients.s3, world.name))

    # Then all messages are named, and none was begun
    assert {type(error) for error in outcome.failures.values()} == {InvocationEndsError}
    assert set(outcome.failures) == {one.message_id for one in batch}
    assert world.all_records() == []
    world.clock.pass_lease()
    assert world.process(received_again(batch)).failures == {}
    assert_kept(world, IDS)


# --- at once --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(3))
def test_two_workers_with_overlapping_batches_route_each_event_once(world, attempt):
    # Given two batches that have half of their events in common, and workers that meet before they create records
    barrier = Barrier(2, timeout=120)

    class Meeting(BatchedRecords):
        def create_all(self, creations):
            barrier.wait()
            return super().create_all(creations)

    first, second = batch_of(*many(20)[:15]), batch_of(*many(20)[5:][::-1])

    # When both run at once
    outcomes = at_once(
        [
            lambda batch=batch: world.process(batch, records=Meeting(world.clients.dynamodb, world.name))
            for batch in (first, second)
        ]
    )

    # Then each event is one worker's, and a duplicate for the other
    assert [one.failures for one in outcomes] == [{}, {}]
    assert sum(len(one.routed) for one in outcomes) == 20
    assert sum(len(one.duplicates) for one in outcomes) == 10
    assert_kept(world, many(20))
    assert world.routed_counts() == dict.fromkeys(many(20), 1)


def test_one_batch_that_sqs_hands_out_twice_at_once_is_routed_once(world):
    # Given two workers with the very same messages, and one clock
    batch = batch_of(*many(10))

    outcomes = at_once([lambda: world.process(batch)] * 2)

    # Then what one has is busy for the other, or done
    assert sum(len(one.routed) for one in outcomes) == 10
    assert world.routed_counts() == dict.fromkeys(many(10), 1)
    assert len(world.objects("raw/")) == 1
    world.clock.pass_lease()
    assert world.process(received_again(batch)).failures == {}
    assert_kept(world, many(10))


# --- the object -----------------------------------------------------------------------------------------------------

HOSTILE = {
    "evt_empty": b"",
    "evt_magic": MAGIC,
    "evt_end": b'{"payloads":[]}' + (15).to_bytes(8) + MAGIC,
    "evt_large": b"\x00\xff" * 125_000,
    "evt_plain": b'{"id":"evt_plain"}',
}


def test_any_bytes_are_found_in_one_ranged_read_each(world):
    # Given payloads that look like an index, hold nothing, or are as large as a message takes
    batch = [message(envelope(event(id_), body=body)) for id_, body in HOSTILE.items()]

    outcome = world.process(batch)

    assert outcome.failures == {}
    [(key, content)] = world.objects("raw/")
    assert key.startswith(BATCH_PREFIX)
    assert key.endswith(hashlib.sha256(content).hexdigest())
    for id_, body in HOSTILE.items():
        assert world.payload_at(world.record(event(id_))["archive"]) == body
    assert {one.event_id: content[one.offset : one.offset + one.size] for one in read_index(content)} == HOSTILE


def test_a_payload_that_is_alone_has_an_object_of_its_own(world):
    world.process(batch_of("evt_1"))

    [(key, content)] = world.objects("raw/")
    assert key.startswith("raw/acme/evt_1/")
    assert content == payload_of("evt_1")


def test_with_the_setting_every_payload_has_an_object_of_its_own(world):
    outcome = world.process(batch_of(*IDS), archive_by=BY_EVENT)

    assert outcome.failures == {}
    assert sorted(content for _, content in world.objects("raw/")) == sorted(payload_of(id_) for id_ in IDS)
    assert_kept(world, IDS)


def test_another_payload_is_noted_with_its_place(world):
    # Given two payloads under one id, in one batch
    batch = [message(envelope(event(), body=body)) for body in (b"first", b"second")]

    world.process(batch)

    # Then the timeline says where the other one lies
    [step] = [step for step in world.record(event())["timeline"] if step["step"] == "conflicting"]
    place = {"key": step["archive"], "offset": step["offset"], "size": step["size"]}
    assert world.payload_at({**place, "sha256": hashlib.sha256(b"second").hexdigest()}) == b"second"


def test_without_batched_calls_everything_still_goes_on(world):
    outcome = world.process(batch_of(*IDS), **with_dynamodb(world, without_batches(world.clients.dynamodb)))

    assert outcome.failures == {}
    assert_kept(world, IDS)


@pytest.mark.parametrize("signature_id", [None, "signature"])
def test_no_call_names_an_item_twice(world, signature_id):
    # DynamoDB refuses such a call whole, and all of its events would take single calls.
    told = []
    sent = [message(envelope(event(id_), signature_id=signature_id)) for id_ in ("evt_1", "evt_1")]

    outcome = world.process([*sent, *batch_of("evt_2", "evt_3")], on_fallback=lambda *why: told.append(why))

    assert outcome.failures == {}
    assert told == []
    assert world.routed_counts() == {"evt_1": 1, "evt_2": 1, "evt_3": 1}


# --- the local AWS --------------------------------------------------------------------------------------------------

INSERT = "INSERT INTO \"{table}\" VALUE {{'transactionId': ?, 'timestamp': ?}}"
SELECT = 'SELECT * FROM "{table}" WHERE "transactionId" = ? AND "timestamp" = ?'
DELETE = 'DELETE FROM "{table}" WHERE "transactionId" = ? AND "timestamp" = ?'
ONE, OTHER = [{"S": "t"}, {"S": "1"}], [{"S": "t"}, {"S": "2"}]
REFUSED_WHOLE = {
    "an item twice": [(INSERT, ONE), (INSERT, OTHER), (INSERT, ONE)],
    "an item in two ways": [(INSERT, ONE), (DELETE, ONE)],
    "a read beside a write": [(INSERT, ONE), (SELECT, OTHER)],
    "a read twice": [(SELECT, ONE), (SELECT, ONE)],
    "a long statement": [(INSERT, ONE), (SELECT + " " * 8_192, OTHER)],
}


@pytest.mark.parametrize("statements", REFUSED_WHOLE.values(), ids=REFUSED_WHOLE.keys())
def test_the_local_aws_refuses_a_batch_that_dynamodb_refuses(world, statements):
    batch = [{"Statement": text.format(table=world.name), "Parameters": values} for text, values in statements]

    with pytest.raises(ClientError, match="ValidationException"):
        world.clients.dynamodb.batch_execute_statement(Statements=batch)
    assert world.clients.dynamodb.scan(TableName=world.name)["Items"] == []


def test_the_local_aws_runs_a_batch_of_different_items(world):
    batch = [{"Statement": INSERT.format(table=world.name), "Parameters": values} for values in (ONE, OTHER)]

    assert "Error" not in str(world.clients.dynamodb.batch_execute_statement(Statements=batch)["Responses"])
