"""A signature that other bodies can be made to fit, as PayPal's: one body is recorded for it, whoever sends another."""

import hashlib
import json
from dataclasses import replace

import pytest

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.archive import CERTIFICATE_PREFIX
from lambdas.inbound.envelope import Replay
from lambdas.inbound.evidence import METADATA_NAME, Evidence
from lambdas.inbound.identity import ANY_CONTENT
from lambdas.replay.request import ReplayRequest
from tests.lambdas.support import (
    NOW,
    SECONDS_LEFT,
    CrashError,
    Trap,
    Unreliable,
    aws_error,
    envelope,
    event,
    losing_the_answer,
    message,
    raising,
    received_again,
    trapped,
)
from tests.lambdas.test_replay import replayer_of

TRANSMISSION = "69cd13f0-d67a-11e5-baa3-778b53f4ae55"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n"
EVIDENCE = Evidence(
    entry="paypal",
    scheme="paypal-rsa-sha256",
    key_id="392c8da50d02a6bf",
    headers={"paypal-transmission-id": TRANSMISSION},
    received_at=1.5,
    certificate=CERTIFICATE,
)


def signed(event_id="WH-1", body=b'{"id":"WH-1","amount":"1.00"}', signature_id=TRANSMISSION, **changes):
    return envelope(replace(event(event_id), content=ANY_CONTENT), body=body, signature_id=signature_id, **changes)


def test_a_forged_event_under_a_signature_that_was_seen_is_archived_and_goes_no_further(world):
    genuine = signed()
    forged = signed("WH-2", b'{"id":"WH-2","amount":"9999.00","pad":"oIKz"}')
    world.process([message(genuine)])

    outcome = world.process([message(forged)])

    assert outcome.failures == {}
    assert [one.event.event_id for one in outcome.conflicts] == ["WH-2"]
    assert world.record(forged.event) == {}
    assert world.routed_counts() == {"WH-1": 1}
    # and the timeline of the event that has the signature says where the other body is
    (noted,) = [one for one in world.record(genuine.event)["timeline"] if one["step"] == "conflicting"]
    place = {"key": noted["archive"], "offset": noted["offset"], "size": noted["size"]}
    assert world.payload_at({**place, "sha256": forged.sha256}) == forged.body


def test_a_forged_event_in_one_batch_with_the_genuine_one_goes_no_further(world):
    outcome = world.process([message(signed()), message(signed("WH-2", b'{"id":"WH-2"}'))])

    assert [one.event.event_id for one in outcome.routed] == ["WH-1"]
    assert [one.event.event_id for one in outcome.conflicts] == ["WH-2"]
    assert world.routed_counts() == {"WH-1": 1}


def test_another_body_under_the_genuine_event_s_own_id_goes_no_further(world):
    world.process([message(signed())])

    outcome = world.process([message(signed(body=b'{"id":"WH-1","amount":"9999.00"}'))])

    assert len(outcome.conflicts) == 1
    assert world.record(event("WH-1"))["archive"]["sha256"] == hashlib.sha256(signed().body).hexdigest()
    assert world.routed_counts() == {"WH-1": 1}


def test_a_genuine_event_that_comes_again_is_a_duplicate(world):
    world.process([message(signed())])

    outcome = world.process([message(signed()), message(signed())])

    assert (len(outcome.duplicates), outcome.conflicts, outcome.failures) == (2, [], {})
    assert world.routed_counts() == {"WH-1": 1}


def test_other_signatures_and_other_providers_are_not_held_up(world):
    messages = [
        message(signed()),
        message(signed("WH-2", b'{"id":"WH-2"}', "another")),
        message(envelope(event("WH-3", provider="paypal-2"), body=b'{"id":"WH-3"}', signature_id=TRANSMISSION)),
        message(envelope(event("evt_4"))),
    ]

    outcome = world.process(messages)

    assert {one.event.event_id for one in outcome.routed} == {"WH-1", "WH-2", "WH-3", "evt_4"}


@pytest.mark.parametrize("point", ["after archive", "before record create", "after record create", "before mark"])
def test_a_crash_after_the_signature_was_taken_does_not_lock_its_own_event_out(world, point):
    messages = [message(signed())]
    with pytest.raises(CrashError):
        trapped(world, Trap(point)).run(messages, SECONDS_LEFT)
    world.clock.pass_lease()

    outcome = world.process(received_again(messages))

    assert (outcome.failures, outcome.conflicts) == ({}, [])
    assert world.states()["WH-1"] == "ROUTED"


@pytest.mark.parametrize("fail", [raising, losing_the_answer], ids=["refused", "answer lost"])
def test_a_table_that_cannot_be_asked_lets_nothing_through(world, fail):
    throttled = aws_error("ProvisionedThroughputExceededException", "UpdateItem")
    flaky = Unreliable(world.clients.dynamodb, "update_item", "signature ", fail(throttled))
    messages = [message(signed())]

    outcome = world.process(messages, records=type(world.records)(flaky, world.name))

    assert list(outcome.failures) == [messages[0].message_id]
    assert world.routed_counts() == {}
    assert world.process(received_again(messages)).failures == {}
    assert world.routed_counts() == {"WH-1": 1}


def test_an_operator_s_replay_is_not_taken_for_a_forgery(world):
    first = signed()
    world.process([message(first)])
    archived = world.archive.store(first.event, first.body, first.content_type)
    replay = replace(
        envelope(first.event),
        body=None,
        archived=archived,
        replay=Replay(replay_id="r-1", requested_at="2026-09-21T14:13:20.000Z"),
    )

    outcome = world.process([message(replay)])

    assert (outcome.failures, outcome.conflicts) == ({}, [])
    assert world.routed_counts() == {"WH-1": 2}


def test_what_was_taken_is_found_by_no_query(world):
    world.process([message(signed())])

    taken = [record for record in world.all_records() if "eventId" not in record]

    assert [record["transactionId"] for record in taken] == [f"signature acme:{TRANSMISSION}"]
    # A blank is in no identifier, so that no event and no request for a status can have this key; and it has none of
    # the attributes that the indexes are made of.
    assert {"eventKey", "receivedBucket", "receivedAt"} & set(taken[0]) == set()


# --- certificates ---------------------------------------------------------------------------------------------------


def test_a_certificate_is_archived_once_and_named_by_the_evidence_beside_each_payload(world):
    pipeline = world.pipeline()
    for number in (1, 2, 3):
        pipeline.run(
            [message(signed(f"WH-{number}", b"{}%d" % number, f"t-{number}", evidence=EVIDENCE))], SECONDS_LEFT
        )
    # Another process, which does not know that it is there.
    world.process([message(signed("WH-4", b"{}4", "t-4", evidence=EVIDENCE))])

    assert world.objects(CERTIFICATE_PREFIX) == [(f"{CERTIFICATE_PREFIX}392c8da50d02a6bf.pem", CERTIFICATE.encode())]
    keys = [key for key, _ in world.objects("raw/")]
    assert len(keys) == 4
    for key in keys:
        metadata = world.clients.s3.head_object(Bucket=world.name, Key=key)["Metadata"]
        assert Evidence.from_metadata(metadata).key_id == "392c8da50d02a6bf"
        assert "CERTIFICATE" not in json.dumps(metadata)
        assert set(metadata) == {METADATA_NAME}


def test_a_certificate_comes_along_with_a_payload_that_ingestion_archived(world):
    of = event("WH-1")
    archived = world.archive.store(of, b"large", "application/json", EVIDENCE)

    outcome = world.process([message(replace(signed(evidence=EVIDENCE), body=None, archived=archived))])

    assert outcome.failures == {}
    assert [key for key, _ in world.objects(CERTIFICATE_PREFIX)] == [f"{CERTIFICATE_PREFIX}392c8da50d02a6bf.pem"]


def test_a_certificate_that_cannot_be_archived_holds_its_payload_back(world):
    flaky = Unreliable(world.clients.s3, "put_object", CERTIFICATE_PREFIX, raising(aws_error("SlowDown", "PutObject")))
    messages = [message(signed(evidence=EVIDENCE))]

    outcome = world.process(messages, archive=type(world.archive)(flaky, world.name))

    assert list(outcome.failures) == [messages[0].message_id]
    assert world.payloads() == []


# --- dead letters ---------------------------------------------------------------------------------------------------

FORGED = b'{"id":"WH-1","amount":"9999.00","pad":"oIKz"}'


def give_up(world, letter):
    """Have an event dead-lettered that S3 never took."""
    one = message(letter)
    s3 = Unreliable(world.clients.s3, "put_object", "raw/", raising(aws_error("SlowDown", "PutObject")))
    assert list(world.process([one], archive=type(world.archive)(s3, world.name)).failures) == [one.message_id]
    DeadLetters(archive=world.archive, records=world.records, clock=world.clock).keep(one.message_id, one.body, NOW)
    return f"dead-letter/acme/{one.message_id}.json"


def replay_all(world):
    replayer_of(world).run(ReplayRequest(event_keys=("acme:WH-1",)), "replay-1")
    return world.process(world.queued())


def test_a_body_that_comes_after_a_dead_letter_does_not_take_its_place(world):
    # Given a genuine event that was dead-lettered before it was archived
    give_up(world, signed())

    # When another body comes under its signature and id
    outcome = world.process([message(signed(body=FORGED))])

    # Then it is a conflict, and the genuine one is what a replay routes
    assert [one.body for one in outcome.conflicts] == [FORGED]
    assert [one.body for one in replay_all(world).routed] == [signed().body]


def test_of_two_bodies_that_were_dead_lettered_the_first_is_routed_and_both_are_named(world):
    # Given a genuine event and another body under its signature, neither of which was archived
    letters = [give_up(world, letter) for letter in (signed(), signed(body=FORGED))]

    # Then each dead letter has a record
    waiting = [record for record in world.all_records() if record.get("state") == "DEAD_LETTERED"]
    assert sorted(record["deadLetter"] for record in waiting) == sorted(letters)

    # When the id is replayed, then the genuine one is routed, and the other one is a conflict and waits no more
    outcome = replay_all(world)
    assert (outcome.failures, [one.body for one in outcome.conflicts]) == ({}, [FORGED])
    assert [one.body for one in outcome.routed] == [signed().body]
    assert sorted(record["state"] for record in world.all_records() if "state" in record) == ["CONFLICTING", "ROUTED"]


def test_a_dead_letter_that_comes_again_is_routed(world):
    give_up(world, signed())

    assert len(world.process([message(signed())]).routed) == 1
    assert replay_all(world).conflicts == []
