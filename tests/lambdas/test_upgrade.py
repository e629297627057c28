"""What version 0.1.0 left in queue and table, treated right by today's code.

`first_release.jsonl` was written by that version: for each case the request, the message that ingestion sent, and the
items that processing had written when it was in the state of the case.
"""

import base64
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.ingestion.logic import Ingestion, Verified
from lambdas.replay.logic import Replayer
from lambdas.replay.request import ReplayRequest, TimeRange
from lambdas.shared import times
from lambdas.shared.signatures.scheme import Verdict
from lambdas.status.logic import describe_transaction
from tests.lambdas.support import NOW, Unreliable, aws_error, message, raising
from tests.unit.webhooks import request


@dataclass(frozen=True)
class Case:
    """A request, and what version 0.1.0 made of it."""

    fields: dict[str, Any]

    @property
    def request(self):
        return request(base64.b64decode(self.fields["body"]), self.fields["headers"], self.fields["receivedAt"])

    @property
    def message(self):
        return message(self.fields["message"], self.fields["messageId"])

    @property
    def transaction(self):
        return Envelope.from_message(self.fields["message"]).event.transaction_id

    def record(self, world):
        """Put the items that were there yesterday into a world's table, and the dead letter into its bucket."""
        for item in self.fields["items"]:
            world.clients.dynamodb.put_item(TableName=world.name, Item=item)
            if "deadLetter" in item:
                body = self.fields["message"].encode()
                world.clients.s3.put_object(Bucket=world.name, Key=item["deadLetter"]["S"], Body=body)

    def receive(self, world, webhook=None, **verdict):
        """Have today's ingestion send the message of a request that was verified."""
        entry = REGISTRY[self.fields["entry"]].configured(self.fields["options"])
        found = Verdict(
            scheme=self.fields["scheme"],
            key_id="0" * 16,
            headers={},
            **{"signed_at": self.fields["signedAt"], "signature_id": self.fields["signatureId"], **verdict},
        )
        name = self.fields["name"]
        verified = Verified(name=name, provider=entry, request=webhook or self.request, verdict=found)
        queue = MainQueue(world.clients.sqs, world.queue_url, "provider")
        ingestion = Ingestion(
            providers={name: entry}, secrets=None, queue=queue, archive=world.archive, max_body_bytes=1_000_000
        )
        ingestion.keep(verified, "request-of-today")
        (one,) = world.queued()
        return one


CASES = [Case(json.loads(line)) for line in (Path(__file__).parent / "first_release.jsonl").read_text().splitlines()]
BY_NAME = {case.fields["case"]: case for case in CASES}
ROUTED = [case for case in CASES if case.fields["state"] == "ROUTED"]
every_provider = pytest.mark.parametrize("case", ROUTED, ids=[case.fields["case"] for case in ROUTED])
every_case = pytest.mark.parametrize("case", CASES, ids=[case.fields["case"] for case in CASES])


def events_in(world):
    return [record for record in world.all_records() if "eventId" in record]


LATER = {
    *("checkout-com", "gocardless", "mollie", "razorpay", "paddle", "klarna"),
    *("wise", "marqeta", "lithic", "paystack", "coinbase-commerce"),
}


def test_every_provider_that_version_had_is_among_the_cases():
    assert {case.fields["entry"] for case in ROUTED} == set(REGISTRY) - LATER


@every_provider
def test_a_duplicate_of_an_event_that_was_recorded_yesterday_is_one_today(world, case):
    # Given an event that yesterday's code recorded and routed
    case.record(world)
    before = world.snapshot()["records"]

    # When today's ingestion receives it again, and when its message of yesterday comes again
    for one in (case.receive(world), case.message):
        outcome = world.process([one])

        # Then it is a duplicate
        assert (outcome.failures, outcome.conflicts, outcome.rendered_anew) == ({}, [], [])
        assert len(outcome.duplicates) == 1
    assert world.routed() == []
    after = world.snapshot()["records"]
    added = {"occurrence", "content"}
    assert [{name: value for name, value in record.items() if name not in added} for record in after] == before


@every_case
def test_a_message_that_was_queued_yesterday_is_processed_today(world, case):
    # Given a message that yesterday's code had not processed
    outcome = world.process([case.message])

    # Then it is routed as it was read, and its record is found by its transaction
    assert (outcome.failures, len(outcome.routed)) == ({}, 1)
    (record,) = events_in(world)
    assert [one["eventId"] for one in world.queries.transaction(case.transaction)] == [record["eventId"]]

    # And what comes again today is a duplicate
    outcome = world.process([case.receive(world), case.message])
    assert (outcome.failures, outcome.conflicts, len(outcome.duplicates)) == ({}, [], 2)
    assert len(world.routed()) == 1


@every_case
def test_yesterday_s_message_behind_today_s_is_a_duplicate(world, case):
    assert len(world.process([case.receive(world)]).routed) == 1

    outcome = world.process([case.message])

    assert (outcome.failures, outcome.conflicts, len(outcome.duplicates)) == ({}, [], 1)
    assert len(world.routed()) == len(events_in(world)) == 1


@every_case
def test_yesterday_s_code_can_read_today_s_message(world, case):
    # Both versions run while the functions are updated.
    today, yesterday = json.loads(case.receive(world).body), json.loads(case.fields["message"])

    assert today["v"] == yesterday["v"]
    assert today["event"].keys() == yesterday["event"].keys()
    assert today.keys() >= yesterday.keys()


@pytest.mark.parametrize("name", ["RECORDED", "FAILING", "DEAD_LETTERED"])
def test_what_was_left_unfinished_yesterday_is_finished_today(world, name):
    # Given an event that yesterday's code left as it is
    case = BY_NAME[name]
    case.record(world)
    world.clock.pass_lease()

    # When its message comes again
    assert world.process([case.message]).failures == {}

    # Then it is routed once, in the record that it had, which all that looks for it finds
    assert len(world.routed()) == 1
    (record,) = events_in(world)
    assert (record["transactionId"], record["state"]) == (case.transaction, "ROUTED")
    assert record["eventKey"] == f"generic:evt_{name}"
    assert (
        world.queries.by_event(f"generic:evt_{name}") == list(world.queries.transaction(case.transaction)) == [record]
    )


@pytest.mark.parametrize("by", ["id", "time"])
@pytest.mark.parametrize("name", ["RECORDED", "DEAD_LETTERED", "stripe"])
def test_what_was_recorded_yesterday_is_replayed_today(world, name, by):
    case = BY_NAME[name]
    case.record(world)
    world.clock.pass_lease()
    (record,) = events_in(world)
    replayer = Replayer(
        queries=world.queries,
        archive=world.archive,
        queue=MainQueue(world.clients.sqs, world.queue_url, "provider"),
        clock=world.clock,
    )
    wanted = ReplayRequest(event_keys=[record["eventKey"]])
    if by == "time":
        span = TimeRange(provider=record["provider"], start=times.iso(NOW - 1), end=times.iso(NOW + 1), status=None)
        wanted = ReplayRequest(time_range=span)

    assert replayer.run(wanted, "replay_1").replayed == [record["eventKey"]]
    assert world.process(world.queued()).failures == {}

    (routed,) = world.routed()
    assert (routed["detail"]["eventId"], routed["detail"]["transactionId"]) == (record["eventId"], case.transaction)
    (after,) = events_in(world)
    assert (after["timestamp"], after["state"]) == (record["timestamp"], "ROUTED")


def test_another_rendering_of_an_event_of_yesterday_is_noted_in_its_record(world):
    case = BY_NAME["stripe"]
    case.record(world)
    rendered = replace(case.request, body=case.request.body.replace(b'"pi_3Demo000001"', b'"pi_other"'))

    outcome = world.process([case.receive(world, rendered)])

    assert (len(outcome.duplicates), len(outcome.rendered_anew), outcome.conflicts) == (1, 1, [])
    (record,) = events_in(world)
    assert record["timeline"][-1]["step"] == "rendered-anew"
    assert world.routed() == []


def test_the_first_delivery_after_the_upgrade_counts_as_the_one_of_yesterday_and_the_next_is_told_apart(world):
    # Given a body without a time, of which yesterday's code did not record the delivery
    case = BY_NAME["shopify without a time"]
    case.record(world)

    def delivered(number):
        headers = {**case.request.headers, "x-shopify-event-id": [f"event-{number}"]}
        return world.process([case.receive(world, replace(case.request, headers=headers))])

    # When it comes under one event id, and then under another
    assert len(delivered(1).duplicates) == 1
    assert len(delivered(2).routed) == 1

    # Then each of the two ids is known from now on
    assert (len(delivered(1).duplicates), len(delivered(2).duplicates)) == (1, 1)
    (routed,) = world.routed()
    assert routed["detail"]["sameBytesAs"] == case.fields["items"][0]["eventId"]["S"]


def test_an_item_that_adyen_renders_anew_is_told_when_yesterday_s_record_does_not_say_what_was_signed(world):
    case = BY_NAME["adyen"]
    case.record(world)
    later = replace(case.request, body=case.request.body.replace(b"12:00:00+01:00", b"13:00:00+01:00"))

    outcome = world.process([case.receive(world, later)])

    assert (len(outcome.conflicts), outcome.routed) == (1, [])


def test_the_id_of_two_records_of_yesterday_is_compared_with_both(world):
    # Given an id that yesterday's code routed for two orders
    case = BY_NAME["generic"]
    case.record(world)
    (item,) = case.fields["items"]
    other = b'{"id":"other"}'
    digest = "a" * 64
    archive = {"M": {**item["archive"]["M"], "sha256": {"S": digest}}}
    world.clients.dynamodb.put_item(
        TableName=world.name, Item={**item, "transactionId": {"S": "0-first"}, "archive": archive}
    )

    # When one of the two bodies comes again, and then another one
    assert len(world.process([case.receive(world)]).duplicates) == 1
    event_id = item["eventId"]["S"]
    body = json.dumps({"id": event_id, "other": other.decode()}).encode()
    outcome = world.process([case.receive(world, replace(case.request, body=body))])

    # Then the one is a duplicate, and the other a conflict
    assert len(outcome.conflicts) == 1
    assert world.routed() == []


def test_a_dead_letter_of_an_event_of_yesterday_is_marked_in_its_record(world):
    case = BY_NAME["RECORDED"]
    case.record(world)
    (record,) = events_in(world)
    world.clock.now = int(record["leaseUntil"]) / 1000 + 1
    letters = DeadLetters(archive=world.archive, records=world.records, clock=world.clock)
    one = case.receive(world)

    letters.keep(one.message_id, one.body, NOW)

    (record,) = events_in(world)
    assert record["state"] == "DEAD_LETTERED"


def test_the_status_shows_the_events_of_both_versions(world):
    # Given an event of yesterday
    case = BY_NAME["generic"]
    case.record(world)

    # When another one of its transaction comes today
    body = json.dumps({"id": "evt_today", "transaction_id": case.transaction}).encode()
    assert world.process([case.receive(world, replace(case.request, body=body))]).failures == {}

    status = describe_transaction(case.transaction, world.queries.transaction(case.transaction), 200, None)
    assert Counter(one["state"] for one in status["events"]) == {"ROUTED": 2}
    assert "evt_today" in {one["eventId"] for one in status["events"]}


def test_without_the_index_of_yesterday_s_records_nothing_is_routed(world):
    # Given a table whose index of yesterday's records cannot be asked
    case = BY_NAME["stripe"]
    case.record(world)
    throttled = raising(aws_error("ThrottlingException", "ExecuteStatement"))
    dynamodb = Unreliable(world.clients.dynamodb, "execute_statement", "", throttled)
    one = case.receive(world)

    outcome = world.process([one], records=type(world.records)(dynamodb, world.name))

    assert list(outcome.failures) == [one.message_id]
    assert world.routed() == []


def test_a_stack_without_records_of_yesterday_asks_once(world):
    case = BY_NAME["stripe"]
    asked = []

    def count(call, arguments):
        asked.append(arguments)
        return call(**arguments)

    dynamodb = Unreliable(world.clients.dynamodb, "execute_statement", "", count)
    pipeline = world.pipeline(records=type(world.records)(dynamodb, world.name))
    for number in range(3):
        body = json.dumps({"id": f"evt_{number}"}).encode()
        assert pipeline.run([case.receive(world, replace(case.request, body=body))], 30.0).failures == {}

    assert len(asked) == 1
