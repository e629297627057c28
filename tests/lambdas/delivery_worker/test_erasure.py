"""An erased payload is nowhere: not in a table, not in a message, not in a log line."""

import json

import pytest

from lambdas.delivery.domain.model import DeliveryState
from lambdas.delivery.store.items import ITEM_KEY, PAYLOAD_ITEM
from lambdas.delivery_receiver.faults import Fault

NAME = "Jane Doe"
PAYLOAD = b'{"type":"invoice.paid","name":"Jane Doe"}'


def everything_but_the_payloads_item(world):
    """Return all that is stored, waits or was logged, as one text."""
    items = [one for one in world.items() if one[ITEM_KEY] != PAYLOAD_ITEM]
    return repr([items, world.queue.bodies(), world.logged])


@pytest.mark.parametrize("seconds", ["50", "3600"])
def test_an_erased_payload_is_nowhere_and_what_was_not_delivered_never_is(world, receiver, seconds):
    # Given a delivery that failed once, and waits
    receiver.decide = lambda _: Fault(status=503, retry_after=seconds)
    world.add_endpoint(receiver.url(), filters={"name": [json.dumps(NAME)]})
    event = world.add_event(PAYLOAD)
    world.run(until=world.clock.now + 10)
    assert world.delivery(event).state is DeliveryState.FAILED
    # A short wait has its message, a long one has not yet.
    assert bool(world.queue.bodies()) is (seconds == "50")
    assert len(receiver.received) == 1
    # Then its payload lies in one place alone
    assert NAME not in everything_but_the_payloads_item(world)
    assert NAME in repr(world.items())

    # When it is erased, and the time of the next attempt comes
    assert world.events.erase_payload(world.tenant, event.event_id, world.clock.now)
    assert NAME not in repr(world.items())
    world.run()

    # Then nothing was sent any more, and the delivery says why
    assert len(receiver.received) == 1
    delivery = world.delivery(event)
    assert (delivery.state, delivery.reason) == (DeliveryState.DLQ, "payload erased")
    assert NAME not in repr([world.items(), world.queue.bodies(), world.logged])
