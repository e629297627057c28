"""Test money stays away from live consumers: what is not known to be live is recorded, told, and not routed."""

import json
from dataclasses import replace

import pytest

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.messages import BusEvent
from lambdas.delivery_worker.bus_events import tenant_event
from lambdas.delivery_worker.inbound_payloads import InboundPayloads
from lambdas.inbound.envelope import Envelope
from lambdas.replay.request import ReplayRequest
from lambdas.status.logic import describe_transaction
from tests.lambdas.support import (
    NOW,
    SECONDS_LEFT,
    CrashError,
    Trap,
    envelope,
    event,
    lambda_context,
    message,
    payload_of,
    received_again,
    sqs_event,
    trapped,
)
from tests.lambdas.test_batch_contract import variables_of
from tests.lambdas.test_replay import replayer_of, within

LIVE_ONLY = {"acme": "live"}


def in_mode(event_id, mode, **changes):
    return message(envelope(replace(event(event_id), mode=mode), **changes))


def steps(world, event_id):
    return [one["step"] for one in world.record(event(event_id))["timeline"]]


def replay(world, *event_ids, any_mode=False, replay_id="replay-1"):
    """Replay events, and return what processing made of it, and what was not sent."""
    request = ReplayRequest(event_keys=[f"acme:{one}" for one in event_ids], any_mode=any_mode)
    outcome = replayer_of(world).run(request, replay_id)
    return world.process(world.queued(), modes=LIVE_ONLY), outcome.failed


@pytest.mark.parametrize("mode", ["test", None])
def test_only_live_events_of_such_a_provider_are_routed(world, mode):
    # Given a live event, and two that are not known to be live
    messages = [in_mode("evt_1", "live"), in_mode("evt_2", mode), in_mode("evt_3", mode)]

    # When they are processed
    outcome = world.process(messages, modes=LIVE_ONLY)

    # Then one is routed, and the others are recorded, archived and counted
    assert (outcome.failures, len(outcome.routed), len(outcome.held)) == ({}, 1, 2)
    assert world.states() == {"evt_1": "ROUTED", "evt_2": "HELD", "evt_3": "HELD"}
    assert world.routed_counts() == {"evt_1": 1}
    assert steps(world, "evt_2") == ["received", "archived", "recorded", "held"]
    assert world.payload_at(world.record(event("evt_2"))["archive"]) == payload_of("evt_2")
    # And once more they are duplicates
    assert len(world.process([in_mode("evt_2", mode)], modes=LIVE_ONLY).duplicates) == 1


def test_without_the_setting_and_for_other_providers_every_mode_is_routed(world):
    outcome = world.process([in_mode("evt_1", "test"), in_mode("evt_2", None)], modes={"other": "live"})

    assert (len(outcome.routed), outcome.held) == (2, [])
    assert set(world.states().values()) == {"ROUTED"}


def test_a_held_event_is_replayed_only_if_that_is_asked_for_plainly(world):
    # Given a held event
    world.process([in_mode("evt_1", "test")], modes=LIVE_ONLY)

    # When it is replayed, then nothing is sent, and the operator reads why
    outcome, failed = replay(world, "evt_1")
    assert outcome.routed == outcome.held == []
    assert failed == {"acme:evt_1": "it is held, since it is not known to be live; anyMode true routes it"}

    # And when the replay says any mode, it is routed, once
    outcome, failed = replay(world, "evt_1", any_mode=True, replay_id="replay-2")
    assert (len(outcome.routed), failed) == (1, {})
    assert world.states() == {"evt_1": "ROUTED"}
    assert world.routed_counts() == {"evt_1": 1}


@pytest.mark.parametrize("any_mode", [False, True])
def test_a_test_event_that_was_routed_before_the_setting_is_not_routed_by_a_replay(world, any_mode):
    # Given a test event that was routed
    world.process([in_mode("evt_1", "test")])

    # When it is replayed after test events are kept away
    outcome, failed = replay(world, "evt_1", any_mode=any_mode)

    # Then it is held, unless any mode was asked for
    assert failed == {}
    assert (len(outcome.routed), len(outcome.held)) == ((1, 0) if any_mode else (0, 1))
    assert world.states() == {"evt_1": "ROUTED" if any_mode else "HELD"}
    assert world.routed_counts() == {"evt_1": 2 if any_mode else 1}
    # And the same replay does nothing twice
    again = [one for one in world.record(event("evt_1"))["timeline"] if one.get("replayId") == "replay-1"]
    assert [one["step"] for one in again] == ["replayed", "routed" if any_mode else "held"]


def test_a_range_may_be_of_held_events(world):
    world.process([in_mode("evt_1", "test"), in_mode("evt_2", "live")], modes=LIVE_ONLY)

    outcome = replayer_of(world).run(
        within(world.clock() - 3600, world.clock() + 3600, status="HELD", any_mode=True), "replay-1"
    )

    assert outcome.replayed == ["acme:evt_1"]
    assert [Envelope.from_message(one.body).any_mode for one in world.queued()] == [True]


@pytest.mark.parametrize("point", ["before record create", "after record create", "before mark", "after mark"])
def test_a_held_event_survives_a_crash(world, point):
    # Given processing that dies anywhere
    one = in_mode("evt_1", "test")
    with pytest.raises(CrashError):
        replace(trapped(world, Trap(point)), modes=LIVE_ONLY).run([one], SECONDS_LEFT)

    # When SQS delivers the message again
    world.clock.pass_lease()
    outcome = world.process([*received_again([one])], modes=LIVE_ONLY)

    # Then the event is held, once
    assert outcome.failures == {}
    assert world.states() == {"evt_1": "HELD"}
    assert steps(world, "evt_1").count("held") == 1
    assert world.routed_counts() == {}


def test_record_bus_status_and_tenant_say_the_same_of_the_money(world):
    # Given an event that says all of it
    said = {
        "amount": 1099,
        "currency": "EUR",
        "amountUnit": "minor",
        "exponent": 2,
        "mode": "live",
        "account": "acct_1",
        "unsigned": "account",
        "occurredAt": "2021-02-25T15:02:10.000Z",
    }
    money = {"amount": "1099", "currency": "EUR", "amount_unit": "minor", "exponent": 2, "mode": "live"}
    told = replace(event("evt_1"), **money, account="acct_1", unsigned="account", occurred_at=said["occurredAt"])

    # When it is routed
    world.process([message(envelope(told))])

    # Then each of them has it, and numbers are numbers
    [routed] = world.routed()
    [shown] = describe_transaction(told.transaction_id, [world.record(told)], 50, None)["events"]
    inbound = BusEvent(tenant_id="acme", event=routed, detail=json.dumps(routed["detail"]))
    _, payload, _ = tenant_event(inbound, NOW, Retention(), InboundPayloads(s3=world.clients.s3, max_bytes=250_000))
    for found in (world.record(told), routed["detail"], shown, json.loads(payload)["source"]):
        assert {name: found.get(name) for name in said} == said
        assert not isinstance(found["amount"], str)


def test_processing_reads_the_setting_and_counts_what_it_holds(cold_start, world, capsys):
    processing = cold_start("processing", **variables_of(world), ROUTED_MODES=json.dumps(LIVE_ONLY))

    answer = processing.handler(sqs_event([in_mode("evt_1", "test")]), lambda_context())

    assert answer == {"batchItemFailures": []}
    assert world.states() == {"evt_1": "HELD"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line["event_id"] for line in lines if line.get("message") == "event held back"] == ["evt_1"]
    assert [line["Held"] for line in lines if "Held" in line] == [[1.0]]


def test_the_same_bytes_are_counted_of_a_held_event_too(cold_start, world, capsys):
    processing = cold_start("processing", **variables_of(world), ROUTED_MODES=json.dumps(LIVE_ONLY))
    of_two = [message(envelope(replace(event("evt_1"), mode="test", occurrence=name))) for name in ("first", "second")]

    assert processing.handler(sqs_event(of_two), lambda_context()) == {"batchItemFailures": []}

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line["SameBytes"] for line in lines if "SameBytes" in line] == [[1.0]]
