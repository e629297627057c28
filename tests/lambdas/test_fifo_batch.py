"""A batch of a FIFO queue: what the handler reads of it, what it answers, and what it leaves of what it did not try."""

import json

import pytest

from lambdas.processing.work import Message
from tests.lambdas.support import (
    Unreliable,
    aws_error,
    envelope,
    event,
    lambda_context,
    message,
    payload_of,
    raising,
    sqs_event,
)

RECEIVES = 3


@pytest.fixture
def start(cold_start, world):
    """Return a function that starts processing with a bucket that refuses the payloads of some events.

    Simulated because the local S3 refuses nothing.
    """

    def start(*refused, receives=RECEIVES):
        variables = dict.fromkeys(["BUCKET_NAME", "TABLE_NAME", "EVENT_BUS_NAME"], world.name)
        module = cold_start("processing", **variables, MAX_RECEIVE_COUNT=str(receives), ARCHIVE_BY="batch")
        s3 = world.clients.s3
        for event_id in refused:
            s3 = Unreliable(s3, "put_object", event_id, raising(aws_error("SlowDown", "PutObject")))
        archive = type(module._pipeline.archive)(s3, world.name)
        object.__setattr__(module._pipeline, "archive", archive)
        return module

    return start


def fifo(*sent):
    """Return messages of a FIFO queue, in order, each given as event id, group and, if not the first, receive."""
    return [
        Message(
            message_id=f"message-of-{event_id}",
            body=envelope(event(event_id, f"tx-{event_id}")).to_message(),
            receive_count=receive[0] if receive else 1,
            group=group,
            sequence=f"{place:020}",
        )
        for place, (event_id, group, *receive) in enumerate(sent, start=1)
    ]


def named(module, messages):
    """Return the events whose messages the answer names; in which order it does is of no importance."""
    answer = json.loads(json.dumps(module.handler(sqs_event(messages), lambda_context())))
    assert set(answer) == {"batchItemFailures"}
    ids = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert len(set(ids)) == len(ids)
    return {id_.removeprefix("message-of-") for id_ in ids}


def test_the_messages_behind_a_failed_one_in_its_group_are_delivered_again_with_it(start, world):
    # Given a failure in the middle of one group, and another group around it
    processing = start("evt_2")
    batch = fifo(("evt_1", "a"), ("evt_2", "a"), ("evt_3", "b"), ("evt_4", "a"), ("evt_5", "a"), ("evt_6", "b"))

    # When
    failures = named(processing, batch)

    # Then it and the messages behind it in its group are delivered again, and all others are routed
    assert failures == {"evt_2", "evt_4", "evt_5"}
    assert world.routed_counts() == {"evt_1": 1, "evt_3": 1, "evt_6": 1}


def test_of_what_was_not_tried_nothing_is_written_down(start, world):
    # Given a failure, and a message that waits behind it
    processing = start("evt_1")

    # When
    assert named(processing, fifo(("evt_1", "a"), ("evt_2", "a"))) == {"evt_1", "evt_2"}

    # Then the table knows why the first is not further, and has nothing of the second: nothing is wrong with it
    (record,) = world.all_records()
    assert record["eventId"] == "evt_1"
    assert record["lastFailure"]["reason"] == "PutObject: SlowDown"
    # and its payload is archived, which was done for the whole batch at once and is no harm
    assert world.payloads() == [payload_of("evt_2")]


def test_the_log_tells_of_a_failure_and_not_of_what_waits_behind_it(start, world, capfd):
    processing = start("evt_1")

    named(processing, fifo(("evt_1", "a"), ("evt_2", "a")))

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    told = [line["message_id"] for line in lines if line.get("message") == "message failed"]
    assert told == ["message-of-evt_1"]


@pytest.mark.parametrize("receives", [1, 3, 5])
def test_at_its_last_receive_a_failure_blocks_nothing(start, world, receives):
    processing = start("evt_1", receives=receives)

    # When it has one receive left, it blocks; when it has none, it does not
    failures = [
        named(processing, fifo(("evt_1", "a", receive), ("evt_2", "a", receive))) for receive in range(1, receives + 1)
    ]

    assert failures == [*[{"evt_1", "evt_2"}] * (receives - 1), {"evt_1"}]
    assert world.routed_counts() == {"evt_2": 1}


def test_events_are_published_in_order_with_their_places(start, world):
    batch = fifo(("evt_1", "a"), ("evt_2", "b"), ("evt_3", "a"), ("evt_4", "a"))

    assert named(start(), batch) == set()

    routed = [(one["detail"]["eventId"], one["detail"]["sequence"]) for one in world.routed()]
    of_group_a = [item for item in routed if item[0] != "evt_2"]
    assert of_group_a == [("evt_1", f"{1:020}"), ("evt_3", f"{3:020}"), ("evt_4", f"{4:020}")]
    assert ("evt_2", f"{2:020}") in routed


# A standard queue's messages have a group as well.
def test_on_a_standard_queue_a_failure_blocks_nothing_in_its_group(start, world):
    processing = start("evt_1")
    batch = [message(envelope(event(id_)), f"message-of-{id_}") for id_ in ("evt_1", "evt_2", "evt_3")]
    records = sqs_event(batch)["Records"]
    assert {record["attributes"]["MessageGroupId"] for record in records} == {"acme"}

    assert named(processing, batch) == {"evt_1"}

    assert world.routed_counts() == {"evt_2": 1, "evt_3": 1}


def test_on_a_standard_queue_events_have_no_place(start, world):
    assert named(start(), [message(envelope(event()), "message-of-evt_1")]) == set()

    (routed,) = world.routed()
    assert "sequence" not in routed["detail"]


def test_events_of_several_groups_are_published_in_one_call(start, world):
    # Given ten groups, as with an order by transaction
    processing = start()
    calls = []
    bus = processing._pipeline.bus
    publish = bus.publish
    bus.publish = lambda publications: calls.append(len(publications)) or publish(publications)

    # When
    assert named(processing, fifo(*[(f"evt_{n}", f"group-{n}") for n in range(10)])) == set()

    # Then EventBridge was called once
    assert calls == [10]
    assert len(world.routed()) == 10
