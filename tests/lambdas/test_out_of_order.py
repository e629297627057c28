"""An event that comes after a later one of its transaction says so: on the bus, in the timeline, in the status."""

from dataclasses import replace

import pytest

from lambdas.processing.rules import LATE_SECONDS
from lambdas.shared import times
from lambdas.status.logic import describe_transaction
from tests.lambdas.support import NOW, Unreliable, aws_error, envelope, event, message, raising, received_again


def at(event_id, seconds, transaction="tx_1", provider="stripe"):
    """Return the message of an event that was received some seconds after it occurred."""
    occurred = replace(event(event_id, transaction), provider=provider, occurred_at=times.iso(NOW - seconds))
    return message(envelope(occurred, received_at=times.iso(NOW)))


def marked_on_the_bus(world):
    return {one["detail"]["eventId"]: one["detail"].get("outOfOrder") for one in world.routed()}


def marked_in_the_timeline(world):
    steps = {record["eventId"]: record["timeline"][-1] for record in world.all_records()}
    assert {step["step"] for step in steps.values()} == {"routed"}
    return {event_id: step.get("outOfOrder") for event_id, step in steps.items()}


def marked_in_the_status(world, transaction="tx_1"):
    status = describe_transaction(transaction, world.queries.transaction(transaction), 50, None)
    return {one["eventId"]: one.get("outOfOrder") for one in status["events"]}


def test_a_late_event_is_marked_and_the_others_are_not(world):
    # Given an event that was routed
    world.process([at("evt_2", 60)])
    world.clock.pass_lease()

    # When an earlier one comes, a later one, and earlier ones of another transaction and another provider
    others = [at("evt_4", 90, "tx_2"), at("evt_5", 90, provider="github")]
    world.process([at("evt_1", 90), at("evt_3", 30), *others])

    # Then bus, timeline and status mark the earlier one alone
    expected = {"evt_1": True, "evt_2": None, "evt_3": None, "evt_4": None, "evt_5": None}
    assert marked_on_the_bus(world) == expected
    assert marked_in_the_timeline(world) == expected
    assert marked_in_the_status(world) == {name: expected[name] for name in ("evt_1", "evt_2", "evt_3", "evt_5")}


def test_an_event_that_failed_while_a_later_one_was_routed_is_marked(world):
    # Given an event that came in time, and that the bus refused
    events = Unreliable(world.clients.events, "put_events", "evt_1", raising(aws_error("Throttling", "PutEvents")))
    first = at("evt_1", 2)
    assert world.process([first], bus=type(world.bus)(events, world.name, world.name)).failures
    world.process([at("evt_2", 1)])
    world.clock.pass_lease()

    # When SQS delivers it again
    world.process(received_again([first]))

    assert marked_on_the_bus(world) == {"evt_1": True, "evt_2": None}


def test_what_was_not_routed_passes_nothing(world):
    # Given a later event that the bus refused
    events = Unreliable(world.clients.events, "put_events", "evt_2", raising(aws_error("Throttling", "PutEvents")))
    assert world.process([at("evt_2", 60)], bus=type(world.bus)(events, world.name, world.name)).failures

    world.process([at("evt_1", 90)])

    assert marked_on_the_bus(world) == {"evt_1": None}


@pytest.mark.parametrize(("seconds", "looks"), [(LATE_SECONDS, 0), (LATE_SECONDS + 1, 1), (None, 0)])
def test_an_event_that_comes_in_time_costs_no_read(world, seconds, looks):
    calls = []

    def look(call, arguments):
        calls.append(arguments)
        return call(**arguments)

    table = Unreliable(world.clients.dynamodb, "query", "byTransaction", look)
    one = at("evt_1", seconds or 0)
    if seconds is None:
        one = message(envelope(replace(event("evt_1", "tx_1"), occurred_at=None)))

    world.process([one], queries=type(world.queries)(table, world.name))

    assert len(calls) == looks
    assert marked_on_the_bus(world) == {"evt_1": None}


def test_a_late_event_that_is_alone_in_its_transaction_costs_one_read(world):
    reads = []

    def look(call, arguments):
        reads.append(arguments)
        return call(**arguments)

    table = Unreliable(world.clients.dynamodb, "batch_get_item", world.name, look)

    world.process([at("evt_1", 60)], queries=type(world.queries)(table, world.name))

    assert reads == []


def test_an_event_is_routed_and_the_log_says_so_when_it_cannot_be_compared(world):
    failing = raising(aws_error("ThrottlingException", "Query"))
    table = Unreliable(world.clients.dynamodb, "query", "tx_1", failing)
    told = []

    outcome = world.process(
        [at("evt_1", 90), at("evt_2", 90, "tx_2")],
        queries=type(world.queries)(table, world.name),
        on_fallback=lambda *why: told.append(why),
    )

    assert not outcome.failures
    assert marked_on_the_bus(world) == {"evt_1": None, "evt_2": None}
    assert [call for call, _ in told] == ["compare with later events"]
