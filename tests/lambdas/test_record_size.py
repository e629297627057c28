"""However often an event is replayed, and however many events a transaction has, record and status stay small."""

import json
from itertools import count

import pytest

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import ArchivedBody, Replay
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.inbound.record_items import BY_EVENT_INDEX, MAX_TIMELINE_ENTRIES, Claim, Step, entry, first_key
from lambdas.processing.batching import Batching
from lambdas.processing.claiming import Claiming
from lambdas.processing.work import Message, Work
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item
from tests.lambdas.simulation.inbound.aws import MemoryS3
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB
from tests.lambdas.support import NOW, create_table, envelope, event

ITEM_BYTES = 400 * 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
ARCHIVED = ArchivedBody(key=f"raw/_batch/2026-09-21/{'0' * 64}", offset=0, size=10, sha256=envelope().sha256)


@pytest.fixture
def memory():
    made = MemoryDynamoDB(lambda: NOW)
    create_table(made, "t", ("transactionId", "timestamp"), {BY_EVENT_INDEX: ("eventKey",)}, "KEYS_ONLY")
    return made


def replay_often(memory, often):
    """Have an event recorded, and replayed as often, by what processing calls for each message."""
    records, numbers = BatchedRecords(memory, "t"), count()
    claiming = Claiming(
        records=records, batching=Batching(size=25, on_fallback=lambda *_: None), clock=lambda: NOW + next(numbers)
    )
    for number in range(often + 1):
        replay = Replay(replay_id=f"{number:036}", requested_at=times.iso(NOW + number)) if number else None
        work = Work(
            message=Message(message_id=f"{number:036}", body="", receive_count=1),
            envelope=envelope(replay=replay),
            key=first_key(event()),
            claim=Claim(owner=f"{number:036}", until=0),
            archived=ARCHIVED,
            archived_at=times.iso(NOW),
        )
        assert claiming.claim(work)
        routed = entry(Step.ROUTED, times.iso(NOW + number), busEventId="b" * 36, replayId=f"{number:036}")
        assert records.mark_routed(work.key, work.claim, routed)


def record(memory):
    [item] = memory.scan(TableName="t")["Items"]
    return from_item(item)


def size(value):
    return len(json.dumps(value, default=str))


def test_a_record_holds_any_number_of_replays_and_a_dead_letter(memory):
    # Given an event that was replayed 1,000 times
    replay_often(memory, 1_000)
    before = record(memory)

    # When a message of it is given up
    dead_letters = DeadLetters(
        archive=Archive(MemoryS3(), "b"), records=BatchedRecords(memory, "t"), clock=lambda: NOW + 9_000
    )
    dead_letters.keep("message", envelope().to_message(), NOW)

    # Then the record is far from full, and says how it began, what was left out, and what came last
    assert size(before) < ITEM_BYTES / 3, size(before)
    timeline = record(memory)["timeline"]
    steps = [one["step"] for one in timeline]
    assert steps[:4] == ["received", "archived", "recorded", "routed"]
    assert steps[4:6] == ["omitted", "replayed"]
    assert steps[-2:] == ["routed", "dead-lettered"]
    assert len(timeline) <= MAX_TIMELINE_ENTRIES
    # One message was received, and each replay has two entries.
    assert len(timeline) - 1 + timeline[4]["entries"] == 4 + 2 * 1_000 + 1


def test_a_record_that_an_earlier_version_filled_takes_a_dead_letter(memory):
    # Given a record with more entries than there may be, as versions before the limit wrote it
    replay_often(memory, 0)
    full = [entry(Step.REPLAYED, times.iso(NOW), replayId=f"{number:036}") for number in range(2_700)]
    item = record(memory) | {"timeline": full}
    assert size(item) > ITEM_BYTES / 2
    memory.put_item(TableName="t", Item=to_item(item))

    # When a message of it is given up
    BatchedRecords(memory, "t").mark_dead_lettered(envelope(), "message", times.iso(NOW), "dead-letter/x", None)

    # Then the record is small again, and tells of it
    found = record(memory)
    assert size(found) < ITEM_BYTES / 5
    assert found["timeline"][-1]["step"] == "dead-lettered"


@pytest.mark.parametrize("step", [Step.CONFLICTING, Step.RENDERED_ANEW])
def test_other_payloads_are_never_left_out(memory, step):
    # Given an event under whose id other payloads came, before it was replayed often
    replay_often(memory, 10)
    records, key = BatchedRecords(memory, "t"), first_key(event())
    places = [ArchivedBody(key=f"raw/{number}", size=1, sha256=f"{number:064}") for number in range(100)]
    for place in places:
        records.note_other_payload(key, step, place, times.iso(NOW))
    item = record(memory)
    item["timeline"] += [entry(Step.REPLAYED, times.iso(NOW), replayId=f"{number:036}") for number in range(400)]
    memory.put_item(TableName="t", Item=to_item(item))

    # When the timeline is shortened
    records.mark_dead_lettered(envelope(), "message", times.iso(NOW), "dead-letter/x", None)

    # Then all of them are still in it
    timeline = record(memory)["timeline"]
    assert len(timeline) < 400
    assert [one["archive"] for one in timeline if one["step"] == step] == [place.key for place in places]
