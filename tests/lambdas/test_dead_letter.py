"""What processing gave up is kept as it was, found again by its event, and explained."""

import json

import pytest

from lambdas.dead_letter.logic import UNREADABLE, DeadLetters
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.records import UNKNOWN_REASON
from lambdas.shared import times
from tests.lambdas.support import (
    NOW,
    CrashError,
    Trap,
    Unreliable,
    World,
    aws_error,
    envelope,
    event,
    message,
    payload_of,
    raising,
    received_again,
    trapped,
)

SENT_AT = NOW - 3600


@pytest.fixture
def dead_letters(world):
    world.clock.now += 3600
    return DeadLetters(archive=world.archive, records=world.records, clock=world.clock)


def keep(dead_letters, one):
    return dead_letters.keep(one.message_id, one.body, SENT_AT)


def fail_for_good(world, one, **broken):
    """Have processing fail a message three times, as SQS's redrive policy allows."""
    for _ in range(3):
        assert list(world.process([one], **broken).failures) == [one.message_id]
        [one] = received_again([one])
        world.clock.pass_lease()


def bus_refusing(world, code):
    def answer(call, arguments):
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code}] * len(arguments["Entries"])}

    return {"bus": type(world.bus)(Unreliable(world.clients.events, "put_events", "", answer), world.name, world.name)}


def archive_refusing(world, code):
    s3 = Unreliable(world.clients.s3, "put_object", "raw/", raising(aws_error(code, "PutObject")))
    return {"archive": type(world.archive)(s3, world.name)}


# --- reasons --------------------------------------------------------------------------------------------------------


def test_the_reason_is_the_one_that_processing_wrote_down(world, dead_letters):
    # Given an event that was recorded, and that the bus refused until its message was given up
    given = event()
    one = message(envelope(given))
    fail_for_good(world, one, **bus_refusing(world, "InternalFailure"))

    # When the dead letter handler gets its message
    kept = keep(dead_letters, one)

    # Then handler, record and timeline name the failure
    reason = "bus refused the event: InternalFailure"
    assert (kept.reason, kept.event, kept.correlation_id) == (reason, given, "correlation-evt_1")
    record = world.record(given)
    assert record["state"] == "DEAD_LETTERED"
    assert record["lastFailure"]["reason"] == reason
    assert record["lastFailure"]["receiveCount"] == 3
    assert record["timeline"][-1] == {"step": "dead-lettered", "at": times.iso(world.clock.now), "reason": reason}
    steps = world.steps(given)
    assert [step for step in steps if step != "resumed"] == ["received", "archived", "recorded", "dead-lettered"]


def test_an_event_that_never_reached_the_archive_has_a_record_too(world, dead_letters):
    # Given an event whose payload S3 refused until its message was given up
    given = event()
    one = message(envelope(given))
    fail_for_good(world, one, **archive_refusing(world, "SlowDown"))

    # When the dead letter handler gets its message
    kept = keep(dead_letters, one)

    # Then there is a record that can be found by its event, with the reason and without an archived payload
    assert kept.reason == "PutObject: SlowDown"
    (found,) = world.queries.by_event(given.key)
    assert found == world.record(given)
    assert (found["state"], found["provider"], found["eventId"]) == ("DEAD_LETTERED", "acme", "evt_1")
    assert found["lastFailure"]["reason"] == "PutObject: SlowDown"
    assert "archive" not in found
    assert world.steps(given) == ["received", "dead-lettered"]


def test_an_event_of_which_nothing_was_written_down_says_so(world, dead_letters):
    # Given a message of which processing could write down nothing
    given = event()
    one = message(envelope(given))

    # When the dead letter handler gets it
    kept = keep(dead_letters, one)

    # Then the reason says where to look, and the record can be found
    assert kept.reason == UNKNOWN_REASON
    assert "lastFailure" not in world.record(given)
    assert [one["state"] for one in world.queries.by_event(given.key)] == ["DEAD_LETTERED"]


def test_a_record_that_existed_keeps_what_it_said(world, dead_letters):
    # Given an event that was recorded from one message
    given = event()
    first = message(envelope(given))
    fail_for_good(world, first, **bus_refusing(world, "InternalFailure"))
    before = world.record(given)

    # When another message of the event, received later and under another correlation id, is given up
    other = envelope(given, correlation_id="another", received_at=times.iso(NOW + 60), content_type="text/plain")
    keep(dead_letters, message(other))

    # Then the record still says what the first one said
    after = world.record(given)
    ours = {"state", "timeline", "deadLetter", "deadLetterMessage", "deadLetterShard", "deadLetteredAt"}
    assert {name: value for name, value in after.items() if name not in ours} == {
        name: value for name, value in before.items() if name not in ours
    }
    assert after["timeline"][:-1] == before["timeline"]


# --- what is kept ---------------------------------------------------------------------------------------------------

NASTY_BYTES = bytes(range(256)) * 4


@pytest.mark.parametrize("body", [b"", b"{}", NASTY_BYTES], ids=["empty", "object", "every byte"])
def test_the_kept_object_is_the_message(world, dead_letters, body):
    # Given an event with any payload, whose message was given up
    given = event()
    one = message(envelope(given, body=body))

    # When the dead letter handler keeps it
    keep(dead_letters, one)

    # Then the object is the message, the record says where it lies, and the payload can be read back from it
    assert world.objects() == [(f"dead-letter/acme/{one.message_id}.json", one.body.encode())]
    key = world.record(given)["deadLetter"]
    assert key == f"dead-letter/acme/{one.message_id}.json"
    assert world.archive.read_dead_letter(key) == one.body
    assert Envelope.from_message(world.archive.read_dead_letter(key)).body == body


# --- messages that are no envelopes ---------------------------------------------------------------------------------


def without_field(name):
    fields = json.loads(envelope().to_message())
    del fields[name]
    return json.dumps(fields)


UNREADABLE_MESSAGES = {
    "text": "hello",
    "empty": "",
    "JSON": "{}",
    "of a later version": envelope().to_message().replace('"v":1', '"v":2'),
    "without a payload": without_field("body"),
    "with letters of every kind": "ключ \u0000 \U0001f511 \ufffd",
    "deeply nested": "[" * 50_000,
    "as large as SQS allows": "x" * 262_144,
}


@pytest.mark.parametrize("body", UNREADABLE_MESSAGES.values(), ids=UNREADABLE_MESSAGES)
def test_a_message_that_is_no_envelope_is_kept_and_recorded_under_its_own_id(world, dead_letters, body):
    # Given a message that processing cannot read
    one = message(body)

    # When the dead letter handler gets it
    kept = keep(dead_letters, one)

    # Then it is kept as it was
    assert world.objects() == [(f"dead-letter/unreadable/{one.message_id}.json", body.encode())]
    assert world.archive.read_dead_letter(f"dead-letter/unreadable/{one.message_id}.json") == body

    # And there is a record, to be found under the message's id, that says why and when it was sent
    assert (kept.event.provider, kept.event.event_id, kept.correlation_id) == (
        UNREADABLE,
        one.message_id,
        one.message_id,
    )
    (record,) = world.queries.by_event(f"unreadable:{one.message_id}")
    assert record["state"] == "DEAD_LETTERED"
    assert record["transaction"] == f"unreadable:{one.message_id}"
    assert record["receivedAt"] == times.iso(SENT_AT)
    assert record["deadLetter"] == f"dead-letter/unreadable/{one.message_id}.json"
    assert record["lastFailure"] == {"reason": kept.reason, "at": times.iso(world.clock.now)}
    assert kept.reason.startswith(("not an envelope: ", "envelope version ", "an envelope has "))
    assert [step["step"] for step in record["timeline"]] == ["received", "dead-lettered"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("provider", 5), ("event_type", 1.5), ("event_type", None), ("occurred_at", 1.5)],
    ids=["number", "fraction", "null", "fraction as time"],
)
def test_a_message_with_a_mistyped_field_is_kept_too(world, dead_letters, name, value):
    # Given a message that is an envelope but for the type of a field, which processing gave up
    fields = json.loads(envelope(event("evt_bad")).to_message())
    fields["event"][name] = value
    one = message(json.dumps(fields))

    # When the dead letter handler gets it, again and again
    keep(dead_letters, one)
    keep(dead_letters, one)

    # Then it is kept, and there is one record in whose timeline it was given up once
    assert [body for _, body in world.objects("dead-letter/")] == [one.body.encode()]
    [record] = world.all_records()
    assert record["state"] == "DEAD_LETTERED"
    assert [step["step"] for step in record["timeline"]].count("dead-lettered") == 1


def test_a_message_with_an_empty_time_of_receipt_is_kept_too(world, dead_letters):
    # Given an envelope whose time of receipt, an index key, is empty
    one = message(envelope(event("evt_bad"), received_at=""))

    # When the dead letter handler gets it
    keep(dead_letters, one)

    # Then it is kept and recorded like any other
    assert [body for _, body in world.objects("dead-letter/")] == [one.body.encode()]
    [record] = world.all_records()
    assert record["state"] == "DEAD_LETTERED"


# --- again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [envelope().to_message(), "hello"], ids=["envelope", "unreadable"])
def test_a_message_that_comes_twice_is_given_up_once(world: World, dead_letters, body):
    # Given a message that was kept
    one = message(body)
    first = keep(dead_letters, one)
    before = world.snapshot()

    # When it comes again later, since standard queues deliver at least once
    world.clock.pass_lease()
    second = keep(dead_letters, one)

    # Then nothing changes, and the answer is the same
    assert world.snapshot() == before
    assert second == first


@pytest.mark.parametrize("point", ["kept and not recorded", "recorded and not answered"])
def test_a_crash_while_keeping_loses_nothing(world, dead_letters, point):
    # Given a handler that died on the way, simulated by an error where the process would have ended
    given = event()
    one = message(envelope(given))
    calls = {"kept and not recorded": "get_item", "recorded and not answered": "update_item"}

    def die(call, arguments):
        if point == "recorded and not answered":
            call(**arguments)
        raise CrashError

    dynamodb = Unreliable(world.clients.dynamodb, calls[point], "evt_1", die)
    crashing = DeadLetters(archive=world.archive, records=type(world.records)(dynamodb, world.name), clock=world.clock)
    with pytest.raises(CrashError):
        keep(crashing, one)

    # When the message comes again
    keep(dead_letters, one)

    # Then it is kept and given up once
    assert world.objects() == [(f"dead-letter/acme/{one.message_id}.json", one.body.encode())]
    assert world.states() == {"evt_1": "DEAD_LETTERED"}
    assert world.steps(given) == ["received", "dead-lettered"]


def test_two_messages_of_one_event_are_both_kept(world, dead_letters):
    # Given an event in two messages, both given up
    given = event()
    messages = [message(envelope(given)), message(envelope(given))]

    # When the dead letter handler gets both
    for one in messages:
        keep(dead_letters, one)

    # Then both are kept, and the one record tells of both
    assert world.objects() == sorted((f"dead-letter/acme/{one.message_id}.json", one.body.encode()) for one in messages)
    assert world.states() == {"evt_1": "DEAD_LETTERED"}
    assert world.steps(given) == ["received", "dead-lettered", "dead-lettered"]


# --- events that went through all the same --------------------------------------------------------------------------


def test_a_routed_event_stays_routed(world, dead_letters):
    # Given an event that one message routed
    given = event()
    assert world.process([message(envelope(given))]).failures == {}

    # When another message of it is given up, and comes twice
    other = message(envelope(given))
    keep(dead_letters, other)
    keep(dead_letters, other)

    # Then it stays routed; its timeline tells of the message once, and the message is kept
    record = world.record(given)
    assert record["state"] == "ROUTED"
    assert "deadLetter" not in record
    assert world.steps(given) == ["received", "archived", "recorded", "routed", "dead-lettered"]
    assert world.objects("dead-letter/") == [(f"dead-letter/acme/{other.message_id}.json", other.body.encode())]

    # And a further delivery of the event does not route it again
    assert world.process([message(envelope(given))]).failures == {}
    assert world.routed_counts() == {"evt_1": 1}


def test_a_message_given_up_behind_the_bus_is_finished_by_the_next_delivery(world, dead_letters):
    # Given an event whose process died three times between claiming and publishing
    given = event()
    one = message(envelope(given))
    for receive in range(3):
        with pytest.raises(CrashError):
            trapped(world, Trap("before publish")).run([message(one.body, one.message_id, receive + 1)], 30)
        world.clock.pass_lease()
    kept = keep(dead_letters, one)
    assert world.states() == {"evt_1": "DEAD_LETTERED"}
    assert kept.reason == UNKNOWN_REASON

    # When the provider delivers the event once more
    assert world.process([message(envelope(given))]).failures == {}

    # Then it is routed
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.routed_counts() == {"evt_1": 1}
    assert world.payloads() == [payload_of("evt_1")]


def test_a_late_copy_of_a_dead_letter_does_not_undo_what_came_after(world, dead_letters):
    # Given an event that was given up, and that another delivery then routed
    given = event()
    one = message(envelope(given))
    keep(dead_letters, one)
    assert world.process([message(envelope(given))]).failures == {}
    before = world.snapshot()

    # When the dead letter queue delivers the message a second time
    keep(dead_letters, one)

    # Then nothing changes
    assert world.snapshot() == before


def test_a_message_given_up_a_second_time_leaves_its_event_given_up(world, dead_letters):
    # Given a message that was given up, and a copy of it that took the event up again and died
    given = event()
    one = message(envelope(given))
    keep(dead_letters, one)
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run(received_again([one]), 30)
    assert world.states() == {"evt_1": "RECORDED"}
    world.clock.pass_lease()

    # When the copy is given up too
    keep(dead_letters, one)

    # Then the event is given up, and its next delivery routes it
    assert world.states() == {"evt_1": "DEAD_LETTERED"}
    assert world.process([message(envelope(given))]).failures == {}
    assert world.routed_counts() == {"evt_1": 1}


def test_a_dead_letter_does_not_free_a_claim_that_is_alive(world, dead_letters):
    # Given an event that an invocation is about to publish
    given = event()
    publishing = message(envelope(given))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([publishing], 30)

    # When another message of it is given up, and a third one is processed
    keep(dead_letters, message(envelope(given)))
    outcome = world.process([message(envelope(given))])

    # Then the event is still that invocation's alone
    assert (outcome.failures, outcome.routed) == ({}, [])
    assert world.states() == {"evt_1": "RECORDED"}
    assert world.steps(given)[-1] == "dead-lettered"

    # And once its claim has ended, the next dead letter says that the event is given up
    world.clock.pass_lease()
    keep(dead_letters, publishing)
    assert world.states() == {"evt_1": "DEAD_LETTERED"}


def test_a_wild_event_keeps_its_identity(world, dead_letters):
    # Given an event whose ids hold all that an identifier may hold
    wild = "".join(chr(code) for code in range(0x21, 0x7F))
    given = WebhookEvent(provider="acme", event_id=wild, event_type=wild, transaction_id=wild, occurred_at=None)
    one = message(envelope(given))

    # When it is given up, then it is found by exactly that identity
    keep(dead_letters, one)
    assert [one["transaction"] for one in world.queries.by_event(f"acme:{wild}")] == [wild]
    assert world.archive.read_dead_letter(world.record(given)["deadLetter"]) == one.body
