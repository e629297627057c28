"""The partial batch response, which decides what SQS deletes: exactly what failed is named, and a list is always there.

A response without ``batchItemFailures``, or with an empty list where something failed, makes Lambda delete the batch.
Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
import json
import time

import pytest

from tests.lambdas.support import (
    SECONDS_LEFT,
    CrashError,
    Trap,
    Unreliable,
    aws_error,
    envelope,
    event,
    lambda_context,
    message,
    raising,
    received_again,
    sqs_event,
    trapped,
)

NOT_AN_ENVELOPE = "not an envelope"


@pytest.fixture
def processing(cold_start, world):
    return cold_start("processing", **variables_of(world))


def variables_of(world):
    names = dict.fromkeys(["BUCKET_NAME", "TABLE_NAME", "EVENT_BUS_NAME"], world.name)
    return {**names, "MAX_RECEIVE_COUNT": "3", "ARCHIVE_BY": "batch"}


@pytest.fixture
def dead_letter(cold_start, world):
    return cold_start("dead_letter", TABLE_NAME=world.name, BUCKET_NAME=world.name)


def answer_of(module, messages):
    """Return what Lambda makes of the handler's answer, which goes through JSON."""
    return json.loads(json.dumps(module.handler(sqs_event(messages), lambda_context())))


def naming(messages):
    """Return the response that names exactly these messages."""
    return {"batchItemFailures": [{"itemIdentifier": one.message_id} for one in messages]}


def batch_of(*bodies):
    """Return a batch: an event id stands for a good message of that event, anything else for itself."""
    return [message(envelope(event(body)) if body.startswith("evt_") else body) for body in bodies]


# What a batch holds, and the places of the messages in it that cannot be processed.
BATCHES = {
    "one good": (["evt_1"], []),
    "all good": (["evt_1", "evt_2", "evt_3"], []),
    "the first bad": ([NOT_AN_ENVELOPE, "evt_2", "evt_3"], [0]),
    "the middle one bad": (["evt_1", NOT_AN_ENVELOPE, "evt_3"], [1]),
    "the last bad": (["evt_1", "evt_2", NOT_AN_ENVELOPE], [2]),
    "one good among bad": ([NOT_AN_ENVELOPE, "evt_2", "{}"], [0, 2]),
    "one bad": ([NOT_AN_ENVELOPE], [0]),
    "all bad": ([NOT_AN_ENVELOPE, "{}", ""], [0, 1, 2]),
    "an event twice": (["evt_1", "evt_1"], []),
    "ten good": ([f"evt_{number}" for number in range(10)], []),
    "ten, two bad": ([*(f"evt_{number}" for number in range(8)), "{}", "[]"], [8, 9]),
}


# --- processing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bodies", "bad"), BATCHES.values(), ids=BATCHES)
def test_processing_names_exactly_the_messages_that_must_come_back(processing, world, bodies, bad):
    # Given a batch
    batch = batch_of(*bodies)

    # When Lambda hands it to the function
    answer = answer_of(processing, batch)

    # Then exactly the bad ones are named, and every event of the others is routed
    assert answer == naming([batch[index] for index in bad])
    good = {body for index, body in enumerate(bodies) if index not in bad}
    assert world.states() == dict.fromkeys(good, "ROUTED")
    assert world.routed_counts() == dict.fromkeys(good, 1)


def test_processing_names_a_message_that_aws_failed(processing, world):
    # Given a bucket that refuses one payload, simulated because the local S3 refuses nothing
    s3 = Unreliable(world.clients.s3, "put_object", "evt_2", raising(aws_error("SlowDown", "PutObject")))
    object.__setattr__(processing._pipeline, "archive", type(processing._pipeline.archive)(s3, world.name))
    batch = batch_of("evt_1", "evt_2", "evt_3")

    # When the batch is processed, then that message is named
    assert answer_of(processing, batch) == naming([batch[1]])
    assert world.routed_counts() == {"evt_1": 1, "evt_3": 1}


# No bus is missing here: PutEvents answers for one that does not exist as for one that does.
@pytest.mark.parametrize("missing", ["BUCKET_NAME", "TABLE_NAME"])
def test_processing_names_every_message_when_a_resource_is_gone(cold_start, world, missing):
    # Given a function whose bucket or table does not exist
    processing = cold_start("processing", **(variables_of(world) | {missing: f"{world.name}-gone"}))
    batch = batch_of("evt_1", "evt_2")

    # When it gets a batch, then every message of it comes back and no event is routed
    assert answer_of(processing, batch) == naming(batch)
    assert world.routed_counts() == {}


def test_processing_names_a_message_whose_event_is_claimed(processing, world):
    # Given an event that another invocation claimed a moment ago, and its message handed out again with another one
    batch = batch_of("evt_1", "evt_2")
    world.clock.now = time.time()
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([batch[0]], SECONDS_LEFT)

    # When the function gets them
    answer = answer_of(processing, received_again(batch))

    # Then the claimed one alone is named
    assert answer == naming([batch[0]])
    assert world.states() == {"evt_1": "RECORDED", "evt_2": "ROUTED"}


def test_one_batch_leaves_nothing_behind_for_the_next(processing, world):
    # Given a warm function, which had a batch with failures
    first = batch_of("evt_1", NOT_AN_ENVELOPE)
    assert answer_of(processing, first) == naming([first[1]])

    # When it gets a good batch, and then a bad one
    assert answer_of(processing, batch_of("evt_2")) == naming([])
    last = batch_of("{}", "evt_3")

    # Then each answer is the batch's own
    assert answer_of(processing, last) == naming([last[0]])
    assert world.states() == {"evt_1": "ROUTED", "evt_2": "ROUTED", "evt_3": "ROUTED"}


def test_what_is_named_comes_back_until_it_is_done(processing, world):
    # Given a batch on the real queue, and the deletions that SQS makes of an answer
    clients = world.clients
    clients.sqs.set_queue_attributes(QueueUrl=world.queue_url, Attributes={"VisibilityTimeout": "0"})
    for body in ("evt_1", NOT_AN_ENVELOPE, "evt_2"):
        one = envelope(event(body)).to_message() if body.startswith("evt_") else body
        clients.sqs.send_message(QueueUrl=world.queue_url, MessageBody=one, MessageGroupId="acme")

    # When the function has had it
    batch, receipts = receive(world)
    named = {one["itemIdentifier"] for one in answer_of(processing, batch)["batchItemFailures"]}
    for one in batch:
        if one.message_id not in named:
            clients.sqs.delete_message(QueueUrl=world.queue_url, ReceiptHandle=receipts[one.message_id])

    # Then the poisoned message alone is still there, with its receive counted
    left, _ = receive(world)
    assert [(one.body, one.receive_count) for one in left] == [(NOT_AN_ENVELOPE, 2)]
    assert world.states() == {"evt_1": "ROUTED", "evt_2": "ROUTED"}


def receive(world):
    """Receive what is on the queue as an event source mapping does."""
    answer = world.clients.sqs.receive_message(
        QueueUrl=world.queue_url, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=5
    )
    found = answer.get("Messages", [])
    batch = [message(one["Body"], one["MessageId"], int(one["Attributes"]["ApproximateReceiveCount"])) for one in found]
    return batch, {one["MessageId"]: one["ReceiptHandle"] for one in found}


# --- dead letters ---------------------------------------------------------------------------------------------------


# Here an unreadable message is no failure: it is kept as it is.
@pytest.mark.parametrize("bodies", [bodies for bodies, _ in BATCHES.values()], ids=BATCHES)
def test_the_dead_letter_handler_keeps_whatever_it_gets(dead_letter, world, bodies):
    # Given a batch of the dead letter queue
    batch = batch_of(*bodies)

    # When Lambda hands it to the function
    answer = answer_of(dead_letter, batch)

    # Then nothing comes back, and every message is kept as it was
    assert answer == naming([])
    assert sorted(body for _, body in world.objects("dead-letter/")) == sorted(one.body.encode() for one in batch)
    assert set(world.states().values()) == {"DEAD_LETTERED"}


@pytest.mark.parametrize("bad", [[0], [1], [2], [0, 2], [0, 1, 2]], ids=str)
def test_the_dead_letter_handler_names_exactly_what_it_could_not_keep(dead_letter, world, bad):
    # Given a batch, of which the bucket refuses some messages; simulated because the local S3 refuses nothing
    batch = batch_of("evt_1", "evt_2", "evt_3")
    s3 = world.clients.s3
    for index in bad:
        s3 = Unreliable(s3, "put_object", batch[index].message_id, raising(aws_error("SlowDown", "PutObject")))
    kept = dead_letter._dead_letters
    object.__setattr__(kept, "archive", type(kept.archive)(s3, world.name))

    # When the batch is handed to the function
    answer = answer_of(dead_letter, batch)

    # Then those alone stay on the dead letter queue, and the others are kept and recorded
    assert answer == naming([batch[index] for index in bad])
    good = [index for index in range(3) if index not in bad]
    assert world.states() == {f"evt_{index + 1}": "DEAD_LETTERED" for index in good}
    assert {body for _, body in world.objects("dead-letter/")} == {batch[index].body.encode() for index in good}


@pytest.mark.parametrize("missing", ["BUCKET_NAME", "TABLE_NAME"])
def test_the_dead_letter_handler_names_every_message_when_a_resource_is_gone(cold_start, world, missing):
    # Given a function whose bucket or table does not exist
    variables = dict.fromkeys(["BUCKET_NAME", "TABLE_NAME"], world.name)
    dead_letter = cold_start("dead_letter", **(variables | {missing: f"{world.name}-gone"}))
    batch = batch_of("evt_1", NOT_AN_ENVELOPE)

    # When it gets a batch, then every message stays on the dead letter queue
    assert answer_of(dead_letter, batch) == naming(batch)
    assert world.states() == {}


def test_one_batch_of_dead_letters_leaves_nothing_behind_for_the_next(dead_letter, world):
    # Given a warm function, which could not keep a message
    batch = batch_of("evt_1", "evt_2")
    s3 = world.clients.s3
    real = dead_letter._dead_letters.archive
    broken = type(real)(Unreliable(s3, "put_object", "acme", raising(aws_error("SlowDown", "PutObject"))), world.name)
    object.__setattr__(dead_letter._dead_letters, "archive", broken)
    assert answer_of(dead_letter, batch) == naming(batch)

    # When the bucket takes it again, then the next answer names nothing
    object.__setattr__(dead_letter._dead_letters, "archive", real)
    assert answer_of(dead_letter, received_again(batch)) == naming([])
    assert world.states() == {"evt_1": "DEAD_LETTERED", "evt_2": "DEAD_LETTERED"}


# --- logs -----------------------------------------------------------------------------------------------------------


def log_lines(capfd):
    return [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]


def metrics_in(lines):
    [line] = [line for line in lines if "_aws" in line]
    return {metric["Name"]: line[metric["Name"]] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}


def test_the_log_says_of_every_message_what_became_of_it(processing, world, capfd):
    # Given a good message, a duplicate, one with another payload under the same id, and an unreadable one
    batch = [*batch_of("evt_1", "evt_1", NOT_AN_ENVELOPE), message(envelope(event("evt_1"), body=b"other"))]

    # When they are processed
    answer_of(processing, batch)

    # Then each has a line with what an operator looks for, and the counts are metrics
    lines = log_lines(capfd)
    told = {line["message"]: line for line in lines if "message" in line}
    for text in ("event routed", "duplicate event", "event id or signature used again for another payload"):
        assert (told[text]["correlation_id"], told[text]["event_id"]) == ("correlation-evt_1", "evt_1")
    failed = told["message failed"]
    assert (failed["message_id"], failed["reason"]) == (batch[2].message_id, "NotAnEnvelopeError")
    assert metrics_in(lines) == {
        "Routed": [1.0],
        "Duplicates": [1.0],
        "ConflictingDuplicates": [1.0],
        "ProcessingFailures": [1.0],
    }


def test_the_log_of_a_batch_holds_no_payload(processing, dead_letter, world, capfd):
    # Given payloads that cannot be mistaken, in good messages, in poisoned ones, and in what AWS says of a failure
    marker = "MARKER-4242424242424242"
    good = message(envelope(event(), body=marker.encode()))
    poisoned = message(json.dumps({"v": 1, "event": {"card": marker}, "body": marker}))
    quoting = message(envelope(event("evt_2"), body=marker.encode() + b"2"))
    error = aws_error("SlowDown", "PutObject")
    assert "4242" in str(error)
    s3 = Unreliable(world.clients.s3, "put_object", "evt_2", raising(error))
    object.__setattr__(processing._pipeline, "archive", type(processing._pipeline.archive)(s3, world.name))

    # When they are processed, and given up
    batch = [good, poisoned, quoting]
    assert answer_of(processing, batch) == naming([poisoned, quoting])
    assert answer_of(dead_letter, [poisoned, quoting]) == naming([])

    # Then nothing of them was printed, in plain or in base64, though every message has its line and is counted
    out, err = capfd.readouterr()
    assert '"DeadLettered":[1.0,1.0]' in out
    assert out.count('"message":"message failed"') == 2
    assert out.count('"message":"event dead-lettered"') == 2
    assert [
        text for text in (marker, "4242", base64.b64encode(marker.encode()).decode()[:-4]) if text in out + err
    ] == []


def test_the_log_says_what_the_dead_letter_handler_could_not_keep(cold_start, world, capfd):
    # Given a function that cannot keep anything
    dead_letter = cold_start("dead_letter", TABLE_NAME=world.name, BUCKET_NAME=f"{world.name}-gone")
    batch = batch_of("evt_1")

    # When a message stays on the dead letter queue
    assert answer_of(dead_letter, batch) == naming(batch)

    # Then its id and the reason are in the log, since no counter of Lambda's tells of a partial failure
    lines = log_lines(capfd)
    told = [line for line in map(json.dumps, lines) if batch[0].message_id in line]
    assert ["NoSuchBucket" in line for line in told] == [True]
    assert metrics_in(lines) == {"DeadLetterFailures": [1.0]}


@pytest.mark.parametrize("function", ["processing", "dead_letter"])
def test_a_function_without_its_settings_does_not_start(cold_start, function):
    # Given an environment in which the stack set nothing, when the function starts, then it says what is missing
    with pytest.raises(RuntimeError, match="environment variable TABLE_NAME is not set"):
        cold_start(function)
