"""Items and messages that were written by an earlier version are still read, under the names that they have."""

import json
from dataclasses import replace

import pytest

from lambdas.delivery.domain.lifecycle import created
from lambdas.delivery.domain.model import Event
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.messages import Deliver, ResumeEndpoint, read, write
from lambdas.delivery.store.items import delivery_from_item, delivery_to_item, due_shards, health_from_item

NOW = 1_790_000_000.0
EVENT = Event(
    tenant_id="t",
    event_id="evt",
    event_type="a",
    created_at="2026-09-21T14:13:20.000Z",
    size=2,
    sha256="",
    correlation_id="c",
    expires_at=int(NOW) + 1,
)


def test_a_delivery_is_stored_under_the_names_that_items_have():
    delivery = replace(created(EVENT, "ep", NOW, Retention()), version=7, owner="m", due_at="2026-09-21T14:23:20.000Z")

    item = delivery_to_item(delivery)

    assert set(item) == {
        *("tenantId", "eventId", "endpointId", "eventType", "state", "attempts", "seriesAttempts", "nextAttemptAt"),
        *("turn", "owner", "leaseUntil", "createdAt", "updatedAt", "expiresAt"),
        *("event", "item", "stateKey", "stateAt", "dueKey", "dueAt"),
    }
    assert item["turn"] == 7
    assert item["dueKey"] in due_shards("t")
    assert delivery_from_item(item) == delivery


def test_a_delivery_that_is_held_up_is_in_its_endpoint_s_partition_of_the_due_index():
    held = replace(created(EVENT, "ep", NOW, Retention()), due_at="2026-10-12T14:13:20.000Z", held=True)

    item = delivery_to_item(held)

    assert item["dueKey"] == "hold#t#ep"
    assert delivery_from_item(item) == held


def test_a_delivery_that_has_ended_is_not_in_the_due_index():
    assert {"dueKey", "dueAt"} & set(delivery_to_item(created(EVENT, "ep", NOW, Retention()))) == set()


def test_items_of_earlier_releases_are_read():
    item = delivery_to_item(created(EVENT, "ep", NOW, Retention()))

    assert delivery_from_item({**item, "armedTurn": 1}) == created(EVENT, "ep", NOW, Retention())
    assert health_from_item({"nextWake": 5, "nextSlot": 4}).next_slot == 4


def test_messages_have_the_members_that_waiting_ones_have():
    deliver = write(Deliver(tenant_id="t", event_id="e", endpoint_id="p", version=3))
    resume = write(ResumeEndpoint(tenant_id="t", endpoint_id="p"))

    assert json.loads(deliver) == {
        "v": 1,
        "kind": "deliver",
        "tenant": "t",
        "event": "e",
        "endpoint": "p",
        "turn": 3,
        "hops": 1,
        "lineage": 1,
    }
    assert json.loads(resume) == {"v": 1, "kind": "waken", "tenant": "t", "endpoint": "p", "hops": 1, "lineage": 1}


@pytest.mark.parametrize("kind", ["deliver", "due"])
def test_messages_of_earlier_releases_and_of_their_schedules_are_read(kind):
    body = {"v": 1, "kind": kind, "tenant": "t", "event": "e", "endpoint": "p", "turn": 3}

    assert read(json.dumps(body)) == Deliver(tenant_id="t", event_id="e", endpoint_id="p", version=3, hops=1)
