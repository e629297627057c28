"""Erasing an event's payload: it is nowhere any more, everything else stays as it was, and who did it is recorded."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.inbound.archive import PayloadChangedError
from lambdas.inbound.erasure import ERASED_AT
from lambdas.inbound.record_items import first_key
from lambdas.inbound.records import wire_key
from lambdas.shared import times
from tests.lambdas.support import (
    NOW,
    SECONDS_LEFT,
    CrashError,
    Trap,
    Unreliable,
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
from tests.lambdas.test_replay import abandon, give_up, give_up_recorded, give_up_unarchived, post, replay, route
from tools.commands.archive_proof import ArchivedPayload, Proof, prove

__all__ = ["replay"]


def erase(module, event_id="evt_1", **fields):
    return post(module, {"eventId": f"acme:{event_id}", **fields}, path="/internal/erase")


def read_payload(cold_start, world):
    operator = cold_start("operator", TABLE_NAME=world.name, BUCKET_NAME=world.name, PROVIDERS='{"acme":"generic"}')
    asked = api_gateway_event(method="GET", path="/internal/payloads/{event}", path_parameters={"event": "acme:evt_1"})
    return operator.handler(asked, lambda_context())


def has_payload(world, event_id):
    return [key for key, content in world.objects() if payload_of(event_id) in content]


def route_together(world, *event_ids, **changes):
    messages = [message(envelope(event(event_id), **changes)) for event_id in event_ids]
    assert world.process(messages).failures == {}


def entries(module):
    return module._audit.newest(None, None, 100, lambda _: True)[0]


def test_of_a_batch_one_payload_is_erased_and_the_others_stay_where_they_are(replay, world):
    # Given three payloads in one object
    route_together(world, "evt_1", "evt_2", "evt_3")
    assert len(world.objects("raw/")) == 1
    before = {name: world.record(event(name)) for name in ("evt_1", "evt_2", "evt_3")}

    # When one is erased
    status, answer = erase(replay, "evt_2", reason="the customer asked")

    # Then no version of the object has it, and the others are read from where their records say
    place = before["evt_2"]["archive"]
    assert (status, answer["sameBytes"], answer["dryRun"]) == (200, [], False)
    assert answer["places"] == [{"key": place["key"], "offset": place["offset"], "size": place["size"]}]
    assert has_payload(world, "evt_2") == []
    for name in ("evt_1", "evt_3"):
        assert world.record(event(name)) == before[name]
        assert world.payload_at(before[name]["archive"]) == payload_of(name)
    # and the record says when, and is otherwise as it was
    after = world.record(event("evt_2"))
    steps = after.pop("timeline")
    assert after.pop("erasedAt") == answer["erasedAt"] == steps[-1]["at"]
    assert (steps[-1]["step"], [*steps[:-1]]) == ("erased", before["evt_2"].pop("timeline"))
    assert after == before["evt_2"]
    with pytest.raises(PayloadChangedError):
        world.payload_at(place)
    # and the audit log who did it and why, without the payload
    (entry,) = entries(replay)
    assert (entry.action, entry.reason, entry.outcome) == ("POST /internal/erase", "the customer asked", "done")
    assert (entry.who, entry.asked) == ("arn:aws:iam::000000000000:user/operator", {"eventId": "acme:evt_2"})


def test_an_object_of_its_own_is_left_empty_and_what_is_delivered_again_is_not_archived_again(replay, world):
    route(world, "evt_1")

    assert erase(replay)[0] == 200

    ((key, content),) = world.objects("raw/")
    assert (key, content) == (world.record(event())["archive"]["key"], b"")
    route(world, "evt_1")
    assert has_payload(world, "evt_1") == []


def test_every_payload_under_the_id_is_erased_wherever_it_is(replay, world):
    # Given an event that was rendered anew, and a dead letter before it was archived
    route(world, "evt_1")
    other = envelope(event("evt_1"), body=b'{"another": "rendering of evt_1"}')
    world.process([message(other), message(envelope(event("evt_2")))])
    give_up_unarchived(world, "evt_3")
    assert [key for key, content in world.objects() if b"rendering" in content]
    letter = world.record(event("evt_3"))["deadLetter"]

    assert erase(replay, "evt_1")[0] == 200
    assert erase(replay, "evt_3")[1]["places"] == [{"key": letter, "offset": None, "size": None}]

    assert [key for key, content in world.objects() if b"rendering" in content] == []
    assert [content for key, content in world.objects("dead-letter/")] == [b""]
    assert world.payload_at(world.record(event("evt_2"))["archive"]) == payload_of("evt_2")


def test_events_that_came_in_the_same_bytes_are_named_first_and_lose_them_too(replay, world):
    # Given two events of one webhook, in an object that both name, and two in the object of a batch
    route_together(world, "evt_1", "evt_2", body=b'{"both": 1}')
    one, two = (world.record(event(name)) for name in ("evt_1", "evt_2"))
    assert one["archive"] == two["archive"]

    assert erase(replay, "evt_1", dryRun=True)[1]["sameBytes"] == ["acme:evt_2"]
    assert erase(replay, "evt_1")[1]["sameBytes"] == ["acme:evt_2"]

    assert {name: "erasedAt" in world.record(event(name)) for name in ("evt_1", "evt_2")} == dict.fromkeys(
        ("evt_1", "evt_2"), True
    )


def test_events_that_share_an_object_of_one_payload_are_found_by_their_receipt(replay, world):
    # Given two events of a webhook that was too large for a message, and another of that time
    route(world, "evt_1")
    archived = world.record(event("evt_1"))["archive"]
    route(world, "evt_2")
    route(world, "evt_3")
    world.clients.dynamodb.update_item(
        TableName=world.name,
        Key=wire_key(first_key(event("evt_2"))),
        UpdateExpression="SET #archive.#key = :key",
        ExpressionAttributeNames={"#archive": "archive", "#key": "key"},
        ExpressionAttributeValues={":key": {"S": archived["key"]}},
    )

    assert erase(replay, "evt_1")[1]["sameBytes"] == ["acme:evt_2"]
    assert "erasedAt" not in world.record(event("evt_3"))


def test_a_dry_run_changes_and_records_nothing(replay, world):
    route_together(world, "evt_1", "evt_2")
    before = world.snapshot()

    status, answer = erase(replay, dryRun=True)

    assert (status, answer["dryRun"], answer["erasedAt"], len(answer["places"])) == (200, True, None, 1)
    assert (world.snapshot(), entries(replay)) == (before, [])


def test_what_is_erased_is_neither_read_nor_replayed(replay, world, cold_start):
    route(world, "evt_1")
    give_up_recorded(world, "evt_2")
    for name in ("evt_1", "evt_2"):
        erase(replay, name)

    _, answer = post(replay, {"eventIds": ["acme:evt_1", "acme:evt_2"]})

    assert (answer["replayed"], set(answer["failed"])) == ([], {"acme:evt_1", "acme:evt_2"})
    assert "erased" in answer["failed"]["acme:evt_1"]
    assert world.queued() == []
    read = read_payload(cold_start, world)
    assert (read["statusCode"], "it was erased at" in read["body"]) == (409, True)


def test_a_payload_that_comes_again_after_its_dead_letter_was_erased_is_there_again(replay, world):
    give_up_unarchived(world, "evt_1")
    erase(replay)

    route(world, "evt_1")

    record = world.record(event("evt_1"))
    assert "erasedAt" not in record
    assert world.payload_at(record["archive"]) == payload_of("evt_1")


def test_an_event_that_is_being_processed_and_one_that_is_unknown_are_refused(replay, world):
    abandon(world, "evt_1")

    for dry_run in (True, False):
        status, answer = erase(replay, dryRun=dry_run)
        assert (status, "still being processed" in answer["error"]) == (409, True)
        assert erase(replay, "evt_9", dryRun=dry_run)[0] == 404
        assert erase(replay, record="no such record", dryRun=dry_run)[0] == 404
    assert has_payload(world, "evt_1")
    (entry,) = entries(replay)
    assert "acme:evt_1 is still being processed" in entry.outcome


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"eventId": "evt_1"}, "eventId"),
        ({"eventId": ["acme:evt_1"]}, "eventId"),
        ({"eventId": "acme:evt_1", "record": 1}, "record"),
        ({"eventId": "acme:evt_1", "dryRun": "yes"}, "dryRun"),
        ({"eventId": "acme:evt_1", "reason": ""}, "reason"),
        ({"eventId": "acme:evt_1", "eventIds": []}, "eventIds"),
        ({}, "eventId"),
    ],
)
def test_a_wrong_erasure_is_refused(replay, fields, named):
    status, answer = post(replay, fields, path="/internal/erase")

    assert (status, answer["error"].split(":")[0]) == (400, named)


# --- what other events have ---------------------------------------------------------------------------------------


def of_one_id(occurrence, body, **changes):
    return envelope(event("evt_1", occurrence=occurrence, **changes), body=body)


def marked(world):
    return {one["eventId"] for one in world.all_records() if "erasedAt" in one}


def record_of(world, event_id):
    (record,) = world.queries.by_event(f"acme:{event_id}")
    return record


def test_another_event_with_the_id_keeps_its_payload(replay, world):
    # Given two events with one id, and a third that is archived and not recorded yet
    one, two, third = (
        message(of_one_id(name, f"body {name}".encode(), content=name)) for name in ("one", "two", "three")
    )
    for given in (one, two):
        assert world.process([given]).failures == {}
    with pytest.raises(CrashError):
        trapped(world, Trap("before record create")).run([third], SECONDS_LEFT)

    status, answer = erase(replay)

    assert (status, answer["sameBytes"], marked(world)) == (200, [], {"evt_1"})
    assert world.process(received_again([third])).failures == {}
    for name in ("two", "three"):
        assert world.payload_at(record_of(world, f"evt_1:{name}")["archive"]) == f"body {name}".encode()
    assert [content for _, content in world.objects() if b"body one" in content] == []


def test_in_the_object_of_a_batch_another_event_with_the_id_keeps_its_payload(replay, world):
    given = [message(of_one_id(name, f"body {name}".encode(), content=name)) for name in ("one", "two")]
    assert world.process(given).failures == {}

    status, answer = erase(replay, "evt_1:two")

    assert (status, answer["sameBytes"], marked(world)) == (200, [], {"evt_1:two"})
    assert world.payload_at(world.record(event())["archive"]) == b"body one"


def test_an_object_with_the_same_bytes_that_another_event_names_stays(replay, world):
    # Given an event in the object of a batch, and a later one with its bytes in an object below its id
    together = [of_one_id("one", b"same"), envelope(event("evt_2"))]
    assert world.process([message(each) for each in together]).failures == {}
    later = replace(of_one_id("two", b"same"), received_at=times.iso(NOW + 1))
    assert world.process([message(later)]).failures == {}

    status, answer = erase(replay)

    assert (status, answer["sameBytes"], marked(world)) == (200, [], {"evt_1"})
    assert world.payload_at(record_of(world, "evt_1:two")["archive"]) == b"same"


def test_of_one_id_and_the_same_bytes_every_event_is_named_and_a_later_one_has_its_payload(replay, world):
    # Given events of which the bytes are the id, received at different times
    for number, name in enumerate(("one", "two")):
        later = replace(of_one_id(name, b"same"), received_at=times.iso(NOW + number))
        assert world.process([message(later)]).failures == {}

    assert erase(replay, dryRun=True)[1]["sameBytes"] == erase(replay)[1]["sameBytes"] == ["acme:evt_1:two"]

    assert marked(world) == {"evt_1", "evt_1:two"}
    assert [content for _, content in world.objects() if b"same" in content] == []
    assert world.process([message(of_one_id("three", b"same"))]).failures == {}
    assert world.payload_at(record_of(world, "evt_1:three")["archive"]) == b"same"


def test_an_event_with_the_same_bytes_that_is_not_archived_yet_is_waited_for(replay, world):
    assert world.process([message(of_one_id("one", b"same"))]).failures == {}
    give_up(world, message(of_one_id("two", b"same")))
    before = world.objects()

    status, answer = erase(replay)

    assert (status, "evt_1:two has the same bytes and is not archived yet" in answer["error"]) == (409, True)
    assert (world.objects(), marked(world)) == (before, set())


def test_a_record_that_is_chosen_limits_what_is_erased(replay, world, cold_start):
    route(world, "evt_1")
    give_up_unarchived(world, "evt_1", body=b"another")
    (letter,) = (one for one in world.queries.by_event("acme:evt_1") if "deadLetter" in one)

    status, answer = erase(replay, record=letter["timestamp"])

    assert (status, [place["key"] for place in answer["places"]]) == (200, [letter["deadLetter"]])
    assert "erasedAt" not in world.record(event())
    assert world.payload_at(world.record(event())["archive"]) == payload_of("evt_1")
    # and it does not hide what is left
    assert read_payload(cold_start, world)["statusCode"] == 200


def receive_too_large(world, *event_ids, body, of=NOW):
    """Return the messages of a webhook that was too large for them."""
    archived = world.archive.store(event(event_ids[0]), body, "application/json")
    return [
        message(replace(envelope(event(name, content="any")), received_at=times.iso(of), body=None, archived=archived))
        for name in event_ids
    ]


def test_another_payload_is_shared_with_the_events_of_its_own_webhook(replay, world):
    # Given an event that came once more, with another one in a webhook that was too large for a message
    assert world.process([message(envelope(event(content="any")))]).failures == {}
    later = receive_too_large(world, "evt_1", "evt_2", body=b"both", of=time.time() - 2)
    assert world.process(later).failures == {}

    # Then each names the other, but evt_1 would keep its first payload
    assert erase(replay, "evt_2", dryRun=True)[1]["sameBytes"] == ["acme:evt_1"]
    assert erase(replay, "evt_1")[1]["sameBytes"] == ["acme:evt_2"]
    assert marked(world) == {"evt_1", "evt_2"}


def test_what_is_lost_of_another_event_and_is_not_its_payload_does_not_mark_it(replay, world):
    assert world.process([message(envelope(event(content="any")))]).failures == {}
    assert world.process(receive_too_large(world, "evt_1", "evt_2", body=b"both")).failures == {}

    assert erase(replay, "evt_2")[1]["sameBytes"] == ["acme:evt_1"]
    assert marked(world) == {"evt_2"}
    assert world.payload_at(world.record(event())["archive"]) == payload_of("evt_1")


def test_the_payload_that_only_a_dead_letter_names_is_erased_too(replay, world):
    # Given a webhook that was too large for a message, of which the second event was given up before it was recorded
    first, second = receive_too_large(world, "evt_1", "evt_2", body=b"both")
    assert world.process([first]).failures == {}
    give_up(world, second)

    assert erase(replay, "evt_1")[0] == 409
    assert erase(replay, "evt_2")[1]["sameBytes"] == ["acme:evt_1"]

    assert marked(world) == {"evt_1", "evt_2"}
    assert [content for _, content in world.objects() if b"both" in content] == []


def test_events_of_one_webhook_are_found_on_every_page(replay, world, monkeypatch):
    monkeypatch.setattr("lambdas.inbound.erasure._MAX_TOGETHER", 1)
    names = [f"evt_{number}" for number in range(1, 5)]
    for one in receive_too_large(world, *names, body=b"all"):
        assert world.process([one]).failures == {}

    assert erase(replay)[1]["sameBytes"] == [f"acme:{name}" for name in names[1:]]
    assert marked(world) == set(names)


# --- what S3 refuses, and crashes -------------------------------------------------------------------------------------


def test_under_a_retention_the_answer_and_the_log_say_what_is_done_and_what_is_not(replay, world, monkeypatch):
    # Given a payload in a bucket that keeps every version for a day
    bucket = f"{world.name}-locked"
    s3 = world.clients.s3
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    route(world, "evt_1")
    key = world.record(event())["archive"]["key"]
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=payload_of("evt_1"),
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=1),
    )
    monkeypatch.setattr(replay._erasure, "_bucket", bucket)

    status, answer = erase(replay)

    assert status == 409
    assert f"S3 refuses to erase {key}, as it does under a retention or a legal hold" in answer["error"]
    assert "Its records may be marked as erased" in answer["error"]
    assert "erasedAt" in world.record(event())
    assert [f"payload: {one.outcome}" for one in entries(replay)] == [answer["error"]]


def test_a_payload_in_glacier_is_refused_with_what_to_do_before_anything_is_written(replay, world, monkeypatch):
    # Given that the payload is in a dead letter, too
    route_together(world, "evt_1", "evt_2")
    give_up(world, message(envelope(event())))
    before = world.objects()
    refusing = Unreliable(world.clients.s3, "get_object", "raw/", raising(aws_error("InvalidObjectState", "GetObject")))
    monkeypatch.setattr(replay._erasure, "_s3", refusing)

    status, answer = erase(replay)

    assert (status, answer["error"].endswith("is in Glacier: restore it first")) == (409, True)
    assert (world.objects(), marked(world)) == (before, set())


def test_two_erasures_in_one_object_do_not_undo_each_other(replay, world, monkeypatch):
    # Given that another payload of the object is erased between the read and the write
    route_together(world, "evt_1", "evt_2")

    def first_the_other(call, arguments):
        monkeypatch.setattr(replay._erasure, "_s3", world.clients.s3)
        assert erase(replay, "evt_2")[0] == 200
        return call(**arguments)

    between = Unreliable(world.clients.s3, "put_object", "raw/", first_the_other)
    monkeypatch.setattr(replay._erasure, "_s3", between)

    assert erase(replay, "evt_1")[0] == 409
    assert erase(replay, "evt_1")[0] == 200
    assert has_payload(world, "evt_1") == has_payload(world, "evt_2") == []


def test_what_another_erasure_wrote_meanwhile_is_not_deleted(replay, world, monkeypatch):
    # Given that another payload of the object is erased between the write and the deletion of earlier versions
    route_together(world, "evt_1", "evt_2", "evt_3")

    def then_the_other(call, arguments):
        answer = call(**arguments)
        monkeypatch.setattr(replay._erasure, "_s3", world.clients.s3)
        assert erase(replay, "evt_2")[0] == 200
        monkeypatch.setattr(replay._erasure, "_s3", behind)
        return answer

    behind = Unreliable(world.clients.s3, "put_object", "raw/", then_the_other)
    monkeypatch.setattr(replay._erasure, "_s3", behind)

    assert erase(replay, "evt_1")[0] == 200
    assert has_payload(world, "evt_1") == has_payload(world, "evt_2") == []
    assert world.payload_at(world.record(event("evt_3"))["archive"]) == payload_of("evt_3")


@pytest.mark.parametrize("operation", ["put_object", "delete_object"])
def test_an_erasure_that_died_on_the_way_is_finished_by_the_next_one(replay, world, monkeypatch, operation):
    route_together(world, "evt_1", "evt_2")
    dying = Unreliable(world.clients.s3, operation, "raw/", raising(aws_error("InternalError", operation)))
    monkeypatch.setattr(replay._erasure, "_s3", dying)
    with pytest.raises(Exception, match="InternalError"):
        erase(replay)
    # The event is not replayed from then on
    assert post(replay, {"eventIds": ["acme:evt_1"]})[1]["replayed"] == []

    monkeypatch.setattr(replay._erasure, "_s3", world.clients.s3)

    assert erase(replay)[0] == 200
    assert has_payload(world, "evt_1") == []


def test_an_event_that_changes_before_it_is_marked_is_refused(replay, world, monkeypatch):
    route(world, "evt_1")
    seen = world.queries.by_event("acme:evt_1")
    monkeypatch.setattr(replay._queries, "by_event", lambda _: [{**one, "state": "HELD"} for one in seen])

    status, answer = erase(replay)

    assert (status, "has just changed" in answer["error"]) == (409, True)
    assert has_payload(world, "evt_1")


def test_a_payload_that_only_a_dead_letter_names_is_found_by_the_next_erasure(replay, world, monkeypatch):
    _, second = receive_too_large(world, "evt_1", "evt_2", body=b"both")
    give_up(world, second)
    monkeypatch.setattr(
        replay._erasure,
        "_s3",
        Unreliable(world.clients.s3, "put_object", "raw/", raising(aws_error("InternalError", "PutObject"))),
    )
    with pytest.raises(Exception, match="InternalError"):
        erase(replay, "evt_2")

    monkeypatch.setattr(replay._erasure, "_s3", world.clients.s3)

    assert erase(replay, "evt_2")[0] == 200
    assert [content for _, content in world.objects() if content] == []


# --- proof of what is left --------------------------------------------------------------------------------------------


def test_the_archives_proof_tells_what_was_erased_from_what_was_changed(replay, world):
    route_together(world, "evt_1", "evt_2")
    route(world, "evt_3")
    for name in ("evt_1", "evt_3"):
        erase(replay, name)
    found = {}
    for key, _ in world.objects("raw/"):
        answer = world.clients.s3.get_object(Bucket=world.name, Key=key)
        for one in ArchivedPayload.of_object(key, answer["Body"].read(), answer["Metadata"]):
            found[one.event] = prove(one, (), lambda _: None)

    assert found == {"evt_1": Proof.ERASED, "evt_2": Proof.NO_EVIDENCE, "evt_3": Proof.ERASED}


def test_metadata_alone_makes_no_changed_payload_an_erased_one():
    key = "raw/acme/evt_1/" + "0" * 64
    (payload,) = ArchivedPayload.of_object(key, b"forged", {ERASED_AT: times.iso(NOW)})

    assert prove(payload, (), lambda _: None) is Proof.CHANGED
