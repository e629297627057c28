"""An event that comes after a later one of its transaction says so: on the bus, in the timeline, in the status."""

from dataclasses import replace

import pytest

from lambdas.processing.latest import Latest
from lambdas.shared import times
from lambdas.status.logic import describe_transaction
from tests.lambdas.support import NOW, Unreliable, aws_error, envelope, event, message, raising


def at(event_id, seconds, transaction="tx_1"):
    return message(envelope(replace(event(event_id, transaction), occurred_at=times.iso(NOW + seconds))))


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
    # Given an execution environment that routed an event
    latest = Latest()
    world.process([at("evt_2", 20)], latest=latest)

    # When an earlier one, a later one, and one of another transaction come
    world.process([at("evt_1", 10), at("evt_3", 30), at("evt_4", 5, "tx_2")], latest=latest)

    # Then bus and timeline mark the earlier one alone
    expected = {"evt_1": True, "evt_2": None, "evt_3": None, "evt_4": None}
    assert marked_on_the_bus(world) == expected
    assert marked_in_the_timeline(world) == expected


@pytest.mark.parametrize("apart", [True, False])
def test_the_status_knows_it_of_every_execution_environment(world, apart):
    latest = [Latest(), Latest()] if apart else [Latest()] * 2
    world.process([at("evt_2", 20)], latest=latest[0])
    world.clock.pass_lease()
    world.process([at("evt_1", 10)], latest=latest[1])
    world.clock.pass_lease()
    world.process([at("evt_3", 30)], latest=latest[1])

    assert marked_in_the_status(world) == {"evt_1": True, "evt_2": None, "evt_3": None}
    assert marked_on_the_bus(world) == {"evt_1": None if apart else True, "evt_2": None, "evt_3": None}


def test_what_was_not_published_passes_nothing(world):
    # Given a later event that the bus refused
    latest = Latest()
    events = Unreliable(world.clients.events, "put_events", "evt_2", raising(aws_error("Throttling", "PutEvents")))
    assert world.process([at("evt_2", 20)], latest=latest, bus=type(world.bus)(events, world.name, world.name)).failures

    world.process([at("evt_1", 10)], latest=latest)

    assert marked_on_the_bus(world) == {"evt_1": None}
