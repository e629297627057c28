"""How long an event and its payload are kept: as long as the last of its deliveries, and no longer."""

import pytest

from lambdas.delivery.domain.model import DeliveryState, EndpointState
from lambdas.delivery.domain.retention import DAY
from lambdas.delivery.store.items import EVENT_ITEM, EVENT_KEY, EXPIRES_AT, ITEM_KEY, PAYLOAD_ITEM, event_key
from lambdas.delivery_receiver.faults import Fault
from tests.lambdas.support import NOW


def kept(world, event):
    """Return when an event and its payload expire."""
    own = [one for one in world.items() if one[EVENT_KEY] == event_key(event.tenant_id, event.event_id)]
    items = {one[ITEM_KEY]: int(one[EXPIRES_AT]) for one in own}
    return items[EVENT_ITEM], items[PAYLOAD_ITEM]


def test_what_was_delivered_is_kept_for_thirty_days_the_payload_included(world, receiver):
    world.add_endpoint(receiver.url())
    event = world.add_event()
    assert kept(world, event) == (event.expires_at, event.expires_at)

    world.run()

    delivery = world.delivery(event)
    assert delivery.state is DeliveryState.DELIVERED
    assert kept(world, event) == (delivery.expires_at,) * 2
    assert delivery.expires_at == pytest.approx(NOW + 30 * DAY, abs=60)


def test_what_was_given_up_is_kept_for_fourteen(world, receiver):
    receiver.decide = lambda _: Fault(status=410)
    world.add_endpoint(receiver.url())
    event = world.add_event()

    world.run()

    delivery = world.delivery(event)
    assert delivery.state is DeliveryState.DLQ
    assert kept(world, event) == (delivery.expires_at,) * 2
    assert delivery.expires_at == pytest.approx(NOW + 14 * DAY, abs=60)


def test_while_one_of_its_deliveries_goes_on_an_event_is_kept_for_the_longest_way(world, receiver):
    # Given one endpoint that takes it, and one that fails
    receiver.decide = lambda received: Fault(status=500 if received.path == "/failing" else 200)
    world.add_endpoint(receiver.url(), "ep_1")
    world.add_endpoint(receiver.url("/failing"), "ep_2")
    event = world.add_event()

    # When the one has it, and the other is to be tried again
    world.run(until=world.clock.now + 90)
    assert world.delivery(event, "ep_1").state is DeliveryState.DELIVERED
    assert world.delivery(event, "ep_2").state is DeliveryState.FAILED
    assert min(kept(world, event)) >= world.delivery(event, "ep_2").expires_at

    # Then it expires with the last of them once both have come to their ends
    world.run()
    ends = [world.delivery(event, name).expires_at for name in ("ep_1", "ep_2")]
    assert world.delivery(event, "ep_2").state is DeliveryState.DLQ
    assert kept(world, event) == (max(ends),) * 2


def test_a_requeue_keeps_it_for_longer_again_and_the_end_of_that_does_not(world, receiver):
    receiver.decide = lambda _: Fault(status=410)
    endpoint = world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run()
    receiver.decide = lambda _: Fault()
    world.put_endpoint(endpoint)

    world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
    assert min(kept(world, event)) >= world.delivery(event).expires_at > world.clock.now + 30 * DAY
    world.run()

    assert world.delivery(event).state is DeliveryState.DELIVERED
    assert kept(world, event) == (world.delivery(event).expires_at,) * 2


def test_what_is_given_up_after_a_requeue_keeps_its_event_although_another_run_had_found_all_done(world, receiver):
    # Given a delivery that was requeued just when a worker let its event expire with what had ended before
    endpoint = world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run()
    ended = world.delivery(event).expires_at
    world.clock.now += 20 * DAY
    world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
    world.events.keep_no_longer(event, ended)

    # When it is given up
    world.set_state(endpoint, EndpointState.DISABLED)
    world.run()

    # Then its event is there for as long, so that it can be sent again
    assert world.delivery(event).state is DeliveryState.DLQ
    assert kept(world, event) == (world.delivery(event).expires_at,) * 2


def test_a_payload_that_was_shortened_without_its_event_is_kept_for_what_is_sent_again(world, receiver):
    # Given a worker that died between the two
    receiver.decide = lambda _: Fault(status=410)
    endpoint = world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=world.clock.now + 30)
    ended = world.delivery(event)
    assert ended.state is DeliveryState.DLQ
    key = {EVENT_KEY: {"S": event_key(event.tenant_id, event.event_id)}, ITEM_KEY: {"S": PAYLOAD_ITEM}}
    world.dynamodb.update_item(
        TableName=f"{world.name}-events",
        Key=key,
        UpdateExpression=f"SET {EXPIRES_AT} = :end",
        ExpressionAttributeValues={":end": {"N": str(ended.expires_at)}},
    )
    assert kept(world, event) == (event.expires_at, ended.expires_at)

    # When a delivery starts again before that is done anew
    world.clock.now += 60
    receiver.decide = lambda _: Fault()
    world.put_endpoint(endpoint)
    world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
    world.run()

    # Then the payload is there for as long as the delivery
    assert world.delivery(event).state is DeliveryState.DELIVERED
    assert kept(world, event) == (world.delivery(event).expires_at,) * 2


def test_a_delivery_to_a_deleted_endpoint_holds_nothing_up(world, receiver):
    # Given two endpoints, one of which is deleted while its delivery waits
    receiver.decide = lambda received: Fault(status=503, retry_after="3600") if received.path == "/later" else Fault()
    world.add_endpoint(receiver.url(), "ep_1")
    later = world.add_endpoint(receiver.url("/later"), "ep_2")
    event = world.add_event()
    world.step()
    world.dynamodb.delete_item(
        TableName=f"{world.name}-endpoints",
        Key={"tenantId": {"S": world.tenant}, "item": {"S": f"endpoint#{later.endpoint_id}"}},
    )

    world.run()

    assert world.delivery(event, "ep_2").reason == "endpoint deleted"
    ends = [world.delivery(event, name).expires_at for name in ("ep_1", "ep_2")]
    assert min(ends) <= kept(world, event)[0] <= max(ends)


def test_what_nobody_subscribes_to_is_kept_as_if_it_were_delivered(world):
    event = world.add_event()

    world.run()

    assert kept(world, event) == (pytest.approx(NOW + 30 * DAY, abs=60),) * 2
    assert world.all_deliveries() == []
    assert event.expires_at > kept(world, event)[0]


def test_an_erased_payload_is_not_brought_back(world, receiver):
    receiver.decide = lambda _: Fault(status=500)
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=world.clock.now + 2)
    world.dynamodb.delete_item(
        TableName=f"{world.name}-events",
        Key={"event": {"S": f"{world.tenant}#{event.event_id}"}, "item": {"S": PAYLOAD_ITEM}},
    )

    world.run()

    assert world.delivery(event).reason == "payload erased"
    assert PAYLOAD_ITEM not in {one[ITEM_KEY] for one in world.items() if one["event"].endswith(event.event_id)}
