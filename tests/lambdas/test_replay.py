"""Replay: what an operator names is found, sent once, and goes through processing like any other message."""

import base64
import json
import sys
import uuid
from collections import Counter
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.envelope import MAX_MESSAGE_BYTES, Envelope
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.inbound.record_items import Claim, State, first_key, received_bucket
from lambdas.inbound.records import wire_key
from lambdas.replay import logic
from lambdas.replay.logic import Replayer
from lambdas.replay.request import BadReplayError, ReplayRequest, TimeRange
from lambdas.shared import times
from tests.lambdas.support import (
    HOUR,
    NOON,
    NOW,
    SECONDS_LEFT,
    CrashError,
    HalfDone,
    Trap,
    Unreliable,
    World,
    api_gateway_event,
    aws_error,
    envelope,
    event,
    lambda_context,
    message,
    payload_of,
    raising,
    received_again,
    trapped,
)
from tools.generate import operator_openapi


@pytest.fixture
def replayer(world):
    return replayer_of(world)


def replayer_of(world, **changes):
    values = {
        "queries": world.queries,
        "archive": world.archive,
        "queue": MainQueue(world.clients.sqs, world.queue_url, "provider"),
        "clock": world.clock,
    }
    return Replayer(**(values | changes))


def naming(*event_ids, **changes):
    return ReplayRequest(event_keys=[f"acme:{event_id}" for event_id in event_ids], **changes)


def within(start, end, status=None, provider="acme", **changes):
    wanted = TimeRange(provider=provider, start=times.iso(start), end=times.iso(end), status=status)
    return ReplayRequest(time_range=wanted, **changes)


# Ways in which an event comes to stand where it stands.


def route(world, event_id, **changes):
    assert world.process([message(envelope(event(event_id), **changes))]).failures == {}


def abandon(world, event_id, **changes):
    """Record an event and leave it there, as a process does that dies before it publishes."""
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run([message(envelope(event(event_id), **changes))], SECONDS_LEFT)


def give_up(world, one):
    kept = DeadLetters(archive=world.archive, records=world.records, clock=world.clock)
    return kept.keep(one.message_id, one.body, NOW)


def give_up_recorded(world, event_id, **changes):
    """Dead-letter an event whose payload is in the archive: the bus refused it."""
    abandon(world, event_id, **changes)
    world.clock.pass_lease()
    give_up(world, message(envelope(event(event_id), **changes)))


def give_up_unarchived(world, event_id, **changes):
    """Dead-letter an event that never got as far as the archive."""
    s3 = Unreliable(world.clients.s3, "put_object", "raw/", raising(aws_error("SlowDown", "PutObject")))
    one = message(envelope(event(event_id), **changes))
    assert list(world.process([one], archive=type(world.archive)(s3, world.name)).failures) == [one.message_id]
    give_up(world, one)


def replayed_ids(world):
    """Take what is on the queue, and return the events that it holds with the replay that each names."""
    envelopes = [Envelope.from_message(one.body) for one in world.queued()]
    return Counter((one.event.event_id, one.replay and one.replay.replay_id) for one in envelopes)


# --- named events ---------------------------------------------------------------------------------------------------


def test_named_events_are_sent_and_unknown_ones_named(world, replayer):
    # Given events that were routed
    for event_id in ("evt_1", "evt_2", "evt_3"):
        route(world, event_id)

    # When an operator names some of them, and some that never were
    request = ReplayRequest(event_keys=["acme:evt_3", "acme:evt_9", "acme:evt_1", "other:evt_1"])
    outcome = replayer.run(request, "replay_1")

    # Then the answer tells them apart, and exactly the known ones are on the queue
    assert outcome.matched == 2
    assert outcome.replayed == ["acme:evt_3", "acme:evt_1"]
    assert outcome.not_found == ["acme:evt_9", "other:evt_1"]
    assert (outcome.failed, outcome.next) == ({}, None)
    assert replayed_ids(world) == Counter([("evt_3", "replay_1"), ("evt_1", "replay_1")])


def test_what_is_sent_is_the_event_as_it_was_received(world, replayer):
    # Given an event that was routed
    given = envelope(event("evt_1", occurred_at=None), content_type="text/plain; charset=utf-8")
    assert world.process([message(given)]).failures == {}

    # When it is replayed later
    world.clock.now += 86_400
    replayer.run(naming("evt_1"), "replay_1")

    # Then the message says what the first one said, where the payload lies, and who asked when
    [sent] = world.queued()
    again = Envelope.from_message(sent.body)
    assert replace(again, archived=None, replay=None, record=None, body=given.body) == given
    assert again.record == first_key(given.event)
    assert dict(world.objects("raw/"))[again.archived.key] == given.body
    assert (again.replay.replay_id, again.replay.requested_at) == ("replay_1", times.iso(world.clock.now))


def test_of_a_batch_each_event_is_replayed_with_its_own_bytes(world, replayer):
    # Given events whose payloads lie in one object
    ids = ("evt_1", "evt_2", "evt_3")
    assert world.process([message(envelope(event(event_id))) for event_id in ids]).failures == {}
    before = {one["detail"]["eventId"]: one["detail"]["archive"] for one in world.routed()}
    assert len({place["key"] for place in before.values()}) == 1
    assert len({place["offset"] for place in before.values()}) == 3
    objects = world.objects()

    # When they are replayed
    replayer.run(naming(*ids), "replay_1")
    assert world.process(world.queued()).failures == {}

    # Then each says the same place as at first, where its exact bytes are, and nothing was archived again
    again = {one["detail"]["eventId"]: one["detail"]["archive"] for one in world.routed() if "replay" in one["detail"]}
    assert again == before
    assert {event_id: world.payload_at(place) for event_id, place in again.items()} == {
        event_id: payload_of(event_id) for event_id in ids
    }
    assert world.objects() == objects


def test_a_record_from_before_there_were_offsets_is_replayed_from_the_first_byte(world, replayer):
    route(world, "evt_1")
    world.clients.dynamodb.update_item(
        TableName=world.name,
        Key=wire_key(first_key(event())),
        UpdateExpression="REMOVE #archive.#offset",
        ExpressionAttributeNames={"#archive": "archive", "#offset": "offset"},
    )

    replayer.run(naming("evt_1"), "replay_1")

    [sent] = world.queued()
    assert Envelope.from_message(sent.body).archived.offset == 0
    assert world.process([sent]).failures == {}
    assert world.payload_at(world.routed()[-1]["detail"]["archive"]) == payload_of("evt_1")


STANDING = {
    "routed": (route, "ROUTED"),
    "abandoned": (abandon, "RECORDED"),
    "dead-lettered with its payload archived": (give_up_recorded, "DEAD_LETTERED"),
    "dead-lettered without": (give_up_unarchived, "DEAD_LETTERED"),
}


@pytest.mark.parametrize(("arrange", "state"), STANDING.values(), ids=STANDING)
def test_an_event_in_any_state_is_replayed_through_processing(world, replayer, arrange, state):
    # Given an event that stands somewhere, and what became of it so far
    arrange(world, "evt_1")
    assert world.states() == {"evt_1": state}
    before, routed_before = world.steps(event()), world.routed()
    world.clock.pass_lease()

    # When it is replayed and processing gets the message
    assert replayer.run(naming("evt_1"), "replay_1").replayed == ["acme:evt_1"]
    batch = world.queued()
    outcome = world.process(batch)

    # Then it is routed, once more if it was before, and the routed event says that it is a replay
    assert outcome.failures == {}
    assert world.states() == {"evt_1": "ROUTED"}
    routed = world.routed()[len(routed_before) :]
    assert [one["detail"]["replay"]["replayId"] for one in routed] == ["replay_1"]
    assert routed[0]["detail"]["eventId"] == "evt_1"
    assert routed[0]["detail"]["correlationId"] == "correlation-evt_1"

    # And the timeline goes on with the replay and ends with the routing
    steps = world.steps(event())
    assert steps[: len(before) + 1] == [*before, "replayed"]
    assert steps[-1] == "routed"
    assert world.record(event())["timeline"][len(before)]["replayId"] == "replay_1"

    # And the payload is in the archive once, exactly, where the routed event says
    assert world.objects("raw/") == [(routed[0]["detail"]["archive"]["key"], payload_of("evt_1"))]

    # And what was published before never named a replay
    assert [one["detail"].get("replay") for one in routed_before] == [None] * len(routed_before)


def test_a_replay_message_that_comes_twice_routes_once(world, replayer):
    # Given a replay of a routed event, processed
    route(world, "evt_1")
    replayer.run(naming("evt_1"), "replay_1")
    batch = world.queued()
    assert world.process(batch).failures == {}
    before = world.snapshot()

    # When the same message comes again, and the same replay in another message
    world.clock.pass_lease()
    outcomes = [world.process(received_again(batch)), world.process([message(batch[0].body)])]

    # Then nothing changes
    assert [outcome.failures for outcome in outcomes] == [{}, {}]
    assert [[one.event.event_id for one in outcome.duplicates] for outcome in outcomes] == [["evt_1"], ["evt_1"]]
    assert world.snapshot() == before


def test_every_replay_routes_once_more(world, replayer):
    # Given a routed event, when it is replayed three times
    route(world, "evt_1")
    for number in (1, 2, 3):
        replayer.run(naming("evt_1"), f"replay_{number}")
        assert world.process(world.queued()).failures == {}

    # Then each replay routed it once
    wishes = [one["detail"].get("replay", {}).get("replayId") for one in world.routed()]
    assert wishes == [None, "replay_1", "replay_2", "replay_3"]
    assert world.steps(event())[-2:] == ["replayed", "routed"]
    assert world.payloads() == [payload_of("evt_1")]


def test_a_replay_of_an_event_that_is_just_being_published_waits(world, replayer):
    # Given an event that an invocation has claimed, and its replay
    abandon(world, "evt_1")
    replayer.run(naming("evt_1"), "replay_1")
    batch = world.queued()

    # When processing gets the replay while the claim holds, then its message fails
    assert list(world.process(batch).failures) == [batch[0].message_id]
    assert world.routed_counts() == {}

    # And when the claim has ended, it is carried out
    world.clock.pass_lease()
    assert world.process(received_again(batch)).failures == {}
    assert world.routed_counts() == {"evt_1": 1}


def test_a_replay_that_fails_for_good_is_dead_lettered_and_can_be_replayed(world, replayer):
    # Given an event whose replay was given up as well
    give_up_unarchived(world, "evt_1")
    replayer.run(naming("evt_1"), "replay_1")
    [first] = world.queued()
    give_up(world, first)
    assert world.states() == {"evt_1": "DEAD_LETTERED"}

    # When it is replayed again
    replayer.run(naming("evt_1"), "replay_2")
    [second] = world.queued()
    assert world.process([second]).failures == {}

    # Then that replay is the one that routed it
    assert [one["detail"]["replay"]["replayId"] for one in world.routed()] == ["replay_2"]
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.payloads() == [payload_of("evt_1")]


def test_a_dead_letter_of_the_largest_size_can_be_replayed(world, replayer):
    # Given an event whose message was as large as ingestion sends them, and which never reached the archive
    room = MAX_MESSAGE_BYTES - len(envelope(body=b"").to_message())
    body = bytes(index % 251 for index in range(room // 4 * 3))
    assert MAX_MESSAGE_BYTES - 4 < len(envelope(body=body).to_message()) <= MAX_MESSAGE_BYTES
    give_up_unarchived(world, "evt_1", body=body)

    # When it is replayed, under an id as long as API Gateway's
    outcome = replayer.run(naming("evt_1"), "c6af9ac6-7b61-11e6-9a41-93e8deadbeef")

    # Then SQS takes the message, and processing archives every byte
    assert (outcome.failed, outcome.replayed) == ({}, ["acme:evt_1"])
    assert world.process(world.queued()).failures == {}
    assert world.payloads() == [body]


def test_an_unreadable_message_is_found_and_not_sent(world, replayer):
    # Given a message that was no envelope
    one = message("hello")
    give_up(world, one)
    key = f"unreadable:{one.message_id}"

    # When an operator replays it
    outcome = replayer.run(ReplayRequest(event_keys=[key]), "replay_1")

    # Then the answer says why that cannot be
    assert outcome.matched == 1
    assert outcome.failed == {key: "its message cannot be read: not an envelope: JSONDecodeError"}
    assert outcome.replayed == []
    assert world.queued() == []


def test_an_event_that_cannot_be_sent_is_named_and_the_others_are_sent(world):
    # Given a queue that refuses one message, simulated because the local SQS refuses nothing
    for event_id in ("evt_1", "evt_2", "evt_3"):
        route(world, event_id)
    sqs = Unreliable(world.clients.sqs, "send_message", "evt_2", raising(aws_error("RequestThrottled", "SendMessage")))
    replayer = replayer_of(world, queue=MainQueue(sqs, world.queue_url, "provider"))

    # When three events are replayed
    outcome = replayer.run(naming("evt_1", "evt_2", "evt_3"), "replay_1")

    # Then the one that failed is named
    assert outcome.replayed == ["acme:evt_1", "acme:evt_3"]
    assert list(outcome.failed) == ["acme:evt_2"]
    assert outcome.failed["acme:evt_2"].endswith("try again")
    assert replayed_ids(world) == Counter([("evt_1", "replay_1"), ("evt_3", "replay_1")])


def test_a_dead_letter_whose_object_is_gone_is_named_and_the_others_are_sent(world, replayer):
    # Given two dead-lettered events, and one whose object somebody deleted
    for event_id in ("evt_1", "evt_2"):
        give_up_unarchived(world, event_id)
    world.clients.s3.delete_object(Bucket=world.name, Key=world.record(event("evt_1"))["deadLetter"])

    # When both are replayed, then one is named and the other is sent
    outcome = replayer.run(naming("evt_1", "evt_2"), "replay_1")
    assert (outcome.replayed, list(outcome.failed)) == (["acme:evt_2"], ["acme:evt_1"])
    assert replayed_ids(world) == Counter([("evt_2", "replay_1")])


# --- ranges ---------------------------------------------------------------------------------------------------------

# Where an event stands, when it was received, and whether the range from 11:30 to 12:30 holds it.
RANGE = (NOON - HOUR / 2, NOON + HOUR / 2)
RECEIVED = {
    "before": (RANGE[0] - 0.001, False),
    "first": (RANGE[0], True),
    "hour-end": (NOON - 0.001, True),
    "hour-start": (NOON, True),
    "last": (RANGE[1] - 0.001, True),
    "end": (RANGE[1], False),
    "after": (RANGE[1] + HOUR, False),
}
ARRANGE = {"routed": route, "abandoned": abandon, "given-up": give_up_recorded, "unarchived": give_up_unarchived}
OF_STATE = {
    None: {"routed", "abandoned", "given-up", "unarchived"},
    State.ROUTED: {"routed"},
    State.RECORDED: {"abandoned"},
    State.DEAD_LETTERED: {"given-up", "unarchived"},
}


@pytest.fixture(scope="module")
def noon(clients):
    """A world of events in every state at every time, and one of another provider, which replays do not change."""
    world = World.build(clients)
    for when, (received_at, _) in RECEIVED.items():
        for how, arrange in ARRANGE.items():
            arrange(world, f"{how}@{when}", received_at=times.iso(received_at))
    other = envelope(event("evt_other", provider="other"), received_at=times.iso(NOON))
    assert world.process([message(other)]).failures == {}
    return world


@pytest.fixture
def around_noon(noon):
    return with_own_queue(noon)


def with_own_queue(world):
    """Return a world with the same events, and a queue of which no other test takes anything."""
    return replace(world, queue_url=world.clients.sqs.create_queue(QueueName=f"test-{uuid.uuid4().hex}")["QueueUrl"])


@pytest.mark.parametrize("status", OF_STATE)
def test_a_range_holds_what_was_received_in_it_in_the_state_asked_for(around_noon, status):
    # Given events in every state, before, in and after a range, when the range is replayed
    outcome = replayer_of(around_noon).run(within(*RANGE, status), "replay_1")

    # Then exactly those in it and in that state are sent, the start included and the end not
    inside = [when for when, (_, is_inside) in RECEIVED.items() if is_inside]
    expected = Counter(f"{how}@{when}" for how in OF_STATE[status] for when in inside)
    assert Counter(outcome.replayed) == Counter(f"acme:{event_id}" for event_id in expected)
    assert (outcome.matched, outcome.not_found, outcome.failed, outcome.next) == (expected.total(), [], {}, None)
    assert replayed_ids(around_noon) == Counter((event_id, "replay_1") for event_id in expected)


@pytest.mark.parametrize(
    "request_",
    [within(*RANGE, dry_run=True), within(*RANGE, State.DEAD_LETTERED, dry_run=True)],
    ids=["range", "range and status"],
)
def test_a_dry_run_counts_and_changes_nothing(around_noon, request_):
    # Given events in a range
    before = around_noon.snapshot()
    wet = sum(is_inside for _, is_inside in RECEIVED.values()) * len(OF_STATE[request_.time_range.status])

    # When a replay of it is tried out
    outcome = replayer_of(around_noon).run(request_, "replay_1")

    # Then it counts what it would replay, and nothing is sent or changed
    assert (outcome.matched, list(outcome.replayed), dict(outcome.failed)) == (wet, [], {})
    assert around_noon.queued() == []
    assert around_noon.snapshot() == before


# --- events that were recorded together ------------------------------------------------------------------------------


def batch_at(received, prefix="evt"):
    """Return a batch of messages, of which each was received at one of some times."""
    events = {f"{prefix}_{number}": at for number, at in enumerate(received)}
    return [
        message(envelope(event(event_id, f"tx-{event_id}"), received_at=times.iso(at)))
        for event_id, at in events.items()
    ]


def replayed_of(world, wanted):
    outcome = replayer_of(world).run(wanted, "replay_1")
    assert (outcome.failed, outcome.next, outcome.matched) == ({}, None, len(outcome.replayed))
    return sorted(outcome.replayed)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 60, [0, 1, 2, 3, 4]),
        (2, 4, [2, 3]),
        # The listing is in the index at the time of the first, which is before the range.
        (4, 100, [4]),
        (-HOUR, 0.001, [0]),
        (-HOUR, 0, []),
        (5, HOUR, []),
    ],
)
def test_a_range_holds_of_a_listing_what_was_received_in_it(world, start, end, expected):
    # Given events of five seconds that were recorded together
    assert world.process(batch_at(NOON + number for number in range(5))).failures == {}
    assert len(world.listings()) == 1

    # When a range is replayed, then exactly those in it are sent
    assert replayed_of(world, within(NOON + start, NOON + end)) == [f"acme:evt_{number}" for number in expected]


def test_what_comes_again_in_other_batches_is_replayed_once(world):
    # Given a batch whose process died when it had written the listing and half of the records
    batch = batch_at(NOON + number for number in range(6))
    with pytest.raises(CrashError):
        world.process(batch, records=BatchedRecords(HalfDone(world.clients.dynamodb, "INSERT"), world.name))
    world.clock.pass_lease()

    # And SQS hands its messages out again, beside others and copies of them
    again = [*received_again(batch), *batch_at((NOON + number for number in range(4)), "new")]
    assert world.process(again).failures == {}
    assert world.process(batch_at(NOON + 10 + number for number in range(6))).failures == {}
    assert len(world.listings()) == 3

    # When the range is replayed, then each event is sent once
    ids = [f"evt_{number}" for number in range(6)] + [f"new_{number}" for number in range(4)]
    assert replayed_of(world, within(NOON, NOON + HOUR)) == [f"acme:{event_id}" for event_id in ids]


def test_a_listed_event_that_is_dead_lettered_later_is_found_once_by_its_state(world):
    # Given events that were recorded together, and never published
    batch = batch_at(NOON + HOUR - 5 + number for number in range(4))
    with pytest.raises(CrashError):
        trapped(world, Trap("before publish")).run(batch, SECONDS_LEFT)
    world.clock.pass_lease()

    # When one is given up, by a copy that was received in the next hour
    copy = envelope(event("evt_1", "tx-evt_1"), received_at=times.iso(NOON + HOUR + 5))
    give_up(world, message(copy))

    # Then it is found where it was received first, and nowhere else
    wanted = within(NOON, NOON + 2 * HOUR, State.DEAD_LETTERED)
    assert replayed_of(world, wanted) == ["acme:evt_1"]
    assert len(replayed_of(world, within(NOON, NOON + 2 * HOUR))) == 4


@pytest.mark.parametrize("page", [1, 30, 200])
def test_paging_covers_every_listed_event_exactly_once(world, monkeypatch, page):
    # Given full and less full listings of some minutes, and events by themselves
    for number, size in enumerate((60, 3, 25, 1, 2, 40)):
        at = NOON + number * 45
        assert world.process(batch_at([at + n / 10 for n in range(size)], f"b{number}")).failures == {}
    monkeypatch.setattr(logic, "PAGE", page)

    # When an operator follows the cursor to its end, then every event was sent once
    pages = follow(replayer_of(world), within(NOON, NOON + HOUR), 200)
    found = Counter(key for one in pages for key in one.replayed)
    assert set(found.values()) == {1}
    assert found.total() == 60 + 3 + 25 + 1 + 2 + 40

    # And no page was larger than a page and a listing
    assert max(one.matched for one in pages) < page + 25


def test_a_dry_run_of_named_events_changes_nothing(world, replayer):
    # Given a routed event, when a replay of it and of an unknown one is tried out
    route(world, "evt_1")
    before = world.snapshot()
    outcome = replayer.run(naming("evt_1", "evt_9", dry_run=True), "replay_1")

    # Then the answer counts, and nothing is sent or changed
    assert (outcome.matched, list(outcome.replayed), outcome.not_found) == (1, [], ["acme:evt_9"])
    assert world.queued() == []
    assert world.snapshot() == before


def record_only(world, event_id, received_at):
    """Write a record without processing, which would take longer and change nothing that a page is made of."""
    of = envelope(event(event_id, f"tx-{event_id}"), received_at=times.iso(received_at))
    archived = world.archive.store(of.event, of.body, of.content_type)
    assert world.records.create(first_key(of.event), of, archived, Claim(owner="message_1", until=0), []) is None


@pytest.fixture(scope="module")
def crowd(clients):
    """A world of many events in three hours, which replays read and do not change, and what the range holds of them.

    Some came at the same millisecond, and some just before and after.
    """
    world = World.build(clients)
    received = {f"evt_{number}": NOON + number * 211.0 for number in range(40)}
    received |= {f"same_{number}": NOON + HOUR for number in range(25)}
    expected = Counter(received.keys())
    received |= {"early": NOON - 0.001, "late": NOON + 3 * HOUR}
    for event_id, at in received.items():
        record_only(world, event_id, at)
    return world, expected


def follow(replayer, wanted, at_most):
    """Return what each page of a replay came to, from the first to the one without a cursor."""
    pages, cursor = [], None
    while not pages or cursor is not None:
        assert len(pages) < at_most, "the cursor does not come to an end"
        pages.append(replayer.run(replace(wanted, cursor=cursor), "replay_1"))
        cursor = pages[-1].next
    return pages


@pytest.mark.parametrize("page", [1, 2, 3, 7, 64, 65, 66])
def test_paging_covers_every_event_of_a_range_exactly_once(crowd, monkeypatch, page):
    # Given many events, and pages smaller than their number or about as large
    world, expected = with_own_queue(crowd[0]), crowd[1]
    monkeypatch.setattr(logic, "PAGE", page)

    # When an operator follows the cursor to its end
    pages = follow(replayer_of(world), within(NOON, NOON + 3 * HOUR), 2 * expected.total())

    # Then every event was sent once, and no page was larger than a page
    assert Counter(key for one in pages for key in one.replayed) == Counter(f"acme:{event_id}" for event_id in expected)
    assert [one.failed for one in pages] == [{}] * len(pages)
    assert max(one.matched for one in pages) <= page
    assert replayed_ids(world) == Counter((event_id, "replay_1") for event_id in expected)


def test_a_page_may_be_larger_than_one_read_of_the_table(world, replayer):
    # Given more events than one BatchGetItem returns
    ids = [f"evt_{number}" for number in range(130)]
    for event_id in ids:
        record_only(world, event_id, NOON)

    # When they are replayed in one page, then every one is sent once
    outcome = replayer.run(within(NOON, NOON + 1), "replay_1")
    assert Counter(outcome.replayed) == Counter(f"acme:{event_id}" for event_id in ids)
    assert outcome.next is None


def test_pages_and_states_can_be_combined(around_noon, monkeypatch):
    # Given a range of which a few events are in the state asked for, and pages of two
    monkeypatch.setattr(logic, "PAGE", 2)
    inside = [when for when, (_, is_inside) in RECEIVED.items() if is_inside]

    # When an operator follows the cursor
    pages = follow(replayer_of(around_noon), within(*RANGE, State.ROUTED), len(inside) * len(ARRANGE))

    # Then pages without a match do not end it
    found = Counter(key for one in pages for key in one.replayed)
    assert found == Counter(f"acme:routed@{when}" for when in inside)


def cursor_of(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


KEYS = {
    "transactionId": "tx_1",
    "timestamp": "x",
    "receivedBucket": received_bucket("acme", times.iso(NOON), 0),
    "receivedAt": times.iso(NOON),
}
FOREIGN_CURSORS = {
    "not base64": "%%%",
    "not JSON": base64.urlsafe_b64encode(b"[0").decode(),
    "not a pair": cursor_of(0),
    "a negative bucket": cursor_of(-1, None),
    "a bucket that is true": cursor_of(True, None),
    "a bucket that is a text": cursor_of("0", None),
    "a key that is a text": cursor_of(0, "tx_1"),
    "a key with a number in it": cursor_of(0, {**KEYS, "timestamp": 1}),
    "a bucket beyond the range": cursor_of(10_000, None),
    "a key of other attributes": cursor_of(0, {"a": "b"}),
    "a key with a field too many": cursor_of(0, {**KEYS, "provider": "acme"}),
    "a key outside the range": cursor_of(0, {**KEYS, "receivedAt": times.iso(NOON - HOUR)}),
    "a key of another bucket": cursor_of(0, {**KEYS, "receivedBucket": "other#2026-09-21T10#0"}),
}


def test_a_cursor_may_be_at_a_listing_that_began_before_the_range(world):
    # The listing's first event was received in the minute in which the range begins, and before the range.
    wanted = within(NOON + 30, NOON + HOUR, cursor=cursor_of(0, KEYS))

    assert replayer_of(world).run(wanted, "replay_1").failed == {}


@pytest.mark.parametrize("cursor", FOREIGN_CURSORS.values(), ids=FOREIGN_CURSORS)
def test_a_cursor_that_does_not_belong_to_the_range_is_refused(world, cursor):
    # Given a range with an event in it, when it is asked to go on where it never was
    record_only(world, "evt_1", NOON)

    # Then it is refused rather than replayed in part
    with pytest.raises(BadReplayError, match="next: "):
        replayer_of(world).run(within(NOON, NOON + 3 * HOUR, cursor=cursor), "replay_1")
    assert world.queued() == []


@pytest.mark.parametrize(
    "other",
    [within(NOON, NOON + 3 * HOUR, provider="other"), within(NOON - 9 * HOUR, NOON - 6 * HOUR)],
    ids=["another provider", "another time"],
)
def test_a_cursor_of_another_range_is_refused(crowd, monkeypatch, other):
    # Given a cursor that another request got
    world, _ = crowd
    monkeypatch.setattr(logic, "PAGE", 3)
    cursor = replayer_of(world).run(within(NOON, NOON + 3 * HOUR, dry_run=True), "replay_1").next

    # When it is used for this range, then it is refused
    with pytest.raises(BadReplayError, match="next: "):
        replayer_of(world).run(replace(other, cursor=cursor), "replay_2")


# --- over HTTP ------------------------------------------------------------------------------------------------------


@pytest.fixture
def replay(cold_start, world):
    return cold_start(
        "replay",
        TABLE_NAME=world.name,
        BUCKET_NAME=world.name,
        QUEUE_URL=world.queue_url,
        MESSAGE_GROUP_BY="provider",
        INBOX_DEAD_LETTER_QUEUE_URL=world.queue_url,
    )


def post(module, body, request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef", path="/internal/replay"):
    text = body if isinstance(body, str) else json.dumps(body)
    answer = module.handler(api_gateway_event(path=path, body=text, request_id=request_id), lambda_context())
    return answer["statusCode"], json.loads(answer["body"])


def test_the_endpoint_replays_and_says_what_it_did(replay, world, capfd):
    # Given a routed event
    route(world, "evt_1")

    # When an operator posts a replay of it and of an unknown one
    status, body = post(replay, {"eventIds": ["acme:evt_1", "acme:evt_9"]})

    # Then the answer says so, under the id that timeline, routed event and log carry
    replay_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    assert status == 202
    assert body == {
        "replayId": replay_id,
        "dryRun": False,
        "matched": 1,
        "replayed": ["acme:evt_1"],
        "notFound": ["acme:evt_9"],
        "failed": {},
        "next": None,
    }
    assert world.process(world.queued()).failures == {}
    assert [one["detail"].get("replay", {}).get("replayId") for one in world.routed()] == [None, replay_id]
    assert world.record(event())["timeline"][-2]["replayId"] == replay_id
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    [line] = [line for line in lines if line.get("message") == "replay"]
    assert line["correlation_id"] == replay_id
    assert line["caller"] == "arn:aws:iam::000000000000:user/operator"
    assert (line["dry_run"], line["matched"], line["replayed"]) == (False, 1, 1)
    assert [line["Replayed"] for line in lines if "_aws" in line] == [[1.0]]


def test_a_replay_is_recorded_with_who_asked_for_it_and_why_and_a_dry_run_is_not(replay, world):
    # Given replays of every kind
    route(world, "evt_1")
    post(replay, {"eventIds": ["acme:evt_1"], "dryRun": True, "reason": "look"})
    post(replay, {"eventIds": "evt_1", "reason": "wrong"})
    post(replay, {"eventIds": ["acme:evt_1"], "reason": "the shop was down"})

    (entry,), cursor = replay._audit.newest(None, None, 10, lambda _: True)

    assert (entry.who, entry.reason) == ("arn:aws:iam::000000000000:user/operator", "the shop was down")
    assert (entry.action, entry.asked) == ("POST /internal/replay", {"eventIds": ["acme:evt_1"]})
    assert (entry.request_id, entry.outcome, cursor) == ("c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "done", None)
    assert entry.counts == {"matched": 1, "replayed": 1, "failed": 0, "notFound": 0}


AROUND_NOON = {"provider": "acme", "from": times.iso(NOON - HOUR), "to": times.iso(NOON + HOUR)}


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ({"eventIds": ["acme:evt_1"]}, {"matched": 1, "replayed": 0, "failed": 1, "notFound": 0}),
        (AROUND_NOON, {"matched": 1, "replayed": 0, "failed": 1, "notFound": 0}),
        ({"eventIds": ["acme:evt_9"]}, {"matched": 0, "replayed": 0, "failed": 0, "notFound": 1}),
    ],
    ids=["named and refused", "a range and refused", "unknown"],
)
def test_a_replay_that_did_not_send_all_is_recorded_as_such(replay, world, monkeypatch, asked, counts):
    # Given an event, and SQS that refuses
    route(world, "evt_1", received_at=times.iso(NOON))
    monkeypatch.setattr(replay._replayer.queue, "send", raising(aws_error("AccessDenied", "SendMessage")))

    # When an operator replays what is not sent
    assert post(replay, asked)[0] == 202

    # Then the entry does not say that it was done, and says how much was
    (entry,), _ = replay._audit.newest(None, None, 10, lambda _: True)
    assert (entry.outcome, entry.counts) == ("incomplete", counts)


def test_requests_in_the_dead_letter_queue_of_the_ingest_queue_are_sent_back_once(replay, world, monkeypatch):
    # The local SQS moves nothing.
    world.clients.sqs.send_message(QueueUrl=world.queue_url, MessageBody="{}")
    moves = []
    monkeypatch.setattr(replay._sqs, "list_message_move_tasks", lambda **_: {"Results": moves})
    monkeypatch.setattr(
        replay._sqs, "start_message_move_task", lambda **task: moves.append({**task, "Status": "RUNNING"})
    )

    def ask(body, request_id="1"):
        return post(replay, body, request_id, path="/internal/redrive")

    assert ask({"dryRun": True}) == (200, {"dryRun": True, "messages": 1, "underWay": False})
    assert moves == []
    assert ask({"reason": "S3 is back"}) == (202, {"dryRun": False, "messages": 1, "underWay": True})
    assert [task["SourceArn"].rsplit(":", 1)[1] for task in moves] == [world.queue_url.rsplit("/", 1)[1]]
    assert ask("", "2")[0] == 409
    # A dry run says how far the move is.
    assert ask({"dryRun": True}) == (200, {"dryRun": True, "messages": 1, "underWay": True})
    assert ask({"from": "2026-01-31T12:00:00Z"})[1]["error"].startswith("from: unknown field")
    entries, _ = replay._audit.newest(None, None, 10, lambda _: True)
    assert sorted((one.action, one.reason, one.outcome) for one in entries if one.reason) == [
        ("POST /internal/redrive", "S3 is back", "done")
    ]
    assert [one.outcome for one in entries if not one.reason] == ["RedriveUnderWayError"]


def test_what_is_asked_and_answered_has_the_fields_that_the_document_says(replay, world, monkeypatch):
    monkeypatch.setattr(replay._sqs, "list_message_move_tasks", lambda **_: {"Results": []})
    route(world, "evt_1")
    document = operator_openapi.document()
    schemas = document["components"]["schemas"]
    assert {path for path, operations in document["paths"].items() if "post" in operations} == set(replay._ANSWERS)
    for path, request, answer, given in (
        ("/internal/replay", "ReplayRequest", "Replay", {"eventIds": ["acme:evt_1"]}),
        ("/internal/redrive", "RedriveRequest", "Redrive", {}),
        ("/internal/erase", "EraseRequest", "Erased", {"eventId": "acme:evt_1"}),
    ):
        _, refused = post(replay, {"no such field": 1}, path=path)
        status, answered = post(replay, {**given, "dryRun": True}, path=path)

        assert refused["error"].partition("known are ")[2].split(", ") == sorted(schemas[request]["properties"])
        assert set(answered) == set(schemas[answer]["required"]) == set(schemas[answer]["properties"])
        assert str(status) in document["paths"][path]["post"]["responses"]


def test_a_replay_that_cannot_be_recorded_is_not_carried_out(replay, world, monkeypatch):
    route(world, "evt_1")
    refusing = Unreliable(replay._dynamodb, "put_item", "", raising(aws_error("PutItem", "InternalServerError")))
    monkeypatch.setattr(replay._audit, "_dynamodb", refusing)

    status, body = post(replay, {"eventIds": ["acme:evt_1"]})

    assert (status, body["error"].split(":")[0]) == (503, "not recorded, and not done")
    assert world.queued() == []


def test_a_redrive_that_another_one_came_before_is_refused_like_one_under_way(replay, world, monkeypatch):
    # Given another operator's move, which began after this one had looked
    moves = iter([[], [{"Status": "RUNNING"}], [], []])
    monkeypatch.setattr(replay._sqs, "list_message_move_tasks", lambda **_: {"Results": next(moves)})
    refusal = raising(aws_error("InvalidParameterValue", "StartMessageMoveTask"))
    monkeypatch.setattr(replay._sqs, "start_message_move_task", lambda **asked: refusal(None, asked))

    assert post(replay, {}, path="/internal/redrive")[0] == 409
    # And what is refused for another reason is an error
    with pytest.raises(ClientError):
        post(replay, {}, path="/internal/redrive")


def test_the_endpoint_pages(replay, world, monkeypatch):
    # Given three events and pages of two
    for number in range(3):
        route(world, f"evt_{number}", received_at=times.iso(NOON + number))
    monkeypatch.setattr(sys.modules["lambdas.replay.logic"], "PAGE", 2)
    wanted = {"provider": "acme", "from": times.iso(NOON), "to": times.iso(NOON + 60), "status": "ROUTED"}

    # When an operator tries it out, and then follows the cursor
    assert post(replay, {**wanted, "dryRun": True})[0] == 200
    assert world.queued() == []
    status, first = post(replay, wanted)
    assert (status, first["matched"]) == (202, 2)
    _, second = post(replay, {**wanted, "next": first["next"]})

    # Then every event is sent once
    assert second["next"] is None
    assert Counter(first["replayed"] + second["replayed"]) == Counter(f"acme:evt_{number}" for number in range(3))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("", "body"),
        ("[]", "body"),
        ({}, "provider"),
        ({"eventIds": []}, "eventIds"),
        ({"eventIds": ["evt_1"]}, "eventIds"),
        ({"provider": "acme", "from": "yesterday", "to": "2026-01-01T00:00:00Z"}, "from"),
        ({"provider": "acme", "from": times.iso(NOON), "to": times.iso(NOON + 1), "next": "%%%"}, "next"),
        ({"provider": "acme", "from": times.iso(NOON), "to": times.iso(NOON + 1), "next": cursor_of(0, {})}, "next"),
        ({"provider": "acme", "from": times.iso(NOON), "to": times.iso(NOON + 1), "status": "LOST"}, "status"),
    ],
    ids=["empty", "array", "no range", "no ids", "id without provider", "time", "cursor", "foreign cursor", "status"],
)
def test_the_endpoint_refuses_what_it_cannot_carry_out_and_names_the_field(replay, world, body, named):
    # Given a request that makes no sense, when it is posted
    status, answer = post(replay, body)

    # Then the answer names the field, and nothing is sent
    assert status == 400
    assert answer["error"].split(":")[0] == named
    assert world.queued() == []


@pytest.mark.parametrize("path", ["/internal/replay", "/internal/redrive", "/internal/erase"])
def test_a_dry_run_that_is_asked_for_where_nobody_reads_it_is_no_call(replay, world, path):
    route(world, "evt_1")
    before = world.clients.dynamodb.scan(TableName=world.name)["Items"]
    body = {"eventIds": ["acme:evt_1"]} if path.endswith("replay") else {"eventId": "acme:evt_1"}
    event = api_gateway_event(path=path, body=json.dumps({} if path.endswith("redrive") else body))
    event["queryStringParameters"] = {"dryRun": "true"}

    answer = replay.handler(event, lambda_context())

    assert (answer["statusCode"], json.loads(answer["body"])["error"].split(":")[0]) == (400, "query")
    assert (world.clients.dynamodb.scan(TableName=world.name)["Items"], world.queued()) == (before, [])


# --- other bytes ----------------------------------------------------------------------------------------------------


def test_a_replayed_dead_letter_does_not_take_the_place_of_a_payload_that_was_routed_meanwhile(world, replayer):
    # Given an event that was given up before it was archived, by a version that did not note which bytes it has, its
    # replay on the queue, and other bytes that came first
    give_up_unarchived(world, "evt_1", body=b"first \xff")
    world.clients.dynamodb.update_item(
        TableName=world.name, Key=wire_key(first_key(event("evt_1"))), UpdateExpression="REMOVE sha256"
    )
    replayer.run(naming("evt_1"), "replay_1")
    [replay] = world.queued()
    route(world, "evt_1", body=b"second \xfe")

    # When the replay is processed
    outcome = world.process([replay])

    # Then it is a conflict, which is told and kept, and the event is what was routed
    assert ([one.event.event_id for one in outcome.conflicts], outcome.routed) == (["evt_1"], [])
    record = world.record(event("evt_1"))
    assert world.payload_at(record["archive"]) == b"second \xfe"
    assert (record["timeline"][-1]["step"], b"first \xff" in world.payloads()) == ("conflicting", True)
    assert world.routed_counts() == {"evt_1": 1}
