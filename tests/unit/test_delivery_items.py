"""Items and messages that were written by an earlier version are still read, under the names that they have."""

import json
from dataclasses import replace

from lambdas.delivery.domain.lifecycle import created
from lambdas.delivery.domain.model import Event
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.messages import Deliver, ResumeEndpoint, write
from lambdas.delivery.store.items import delivery_from_item, delivery_to_item, health_from_item

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
    delivery = replace(created(EVENT, "ep", NOW, Retention()), version=7, scheduled_version=6, owner="m")

    item = delivery_to_item(delivery)

    assert set(item) == {
        *("tenantId", "eventId", "endpointId", "eventType", "state", "attempts", "seriesAttempts", "nextAttemptAt"),
        *("turn", "armedTurn", "owner", "leaseUntil", "createdAt", "updatedAt", "expiresAt"),
        *("event", "item", "stateKey", "stateAt"),
    }
    assert (item["turn"], item["armedTurn"]) == (7, 6)
    assert delivery_from_item(item) == delivery


def test_health_is_read_under_the_names_that_items_have():
    assert health_from_item({"nextWake": 5, "nextSlot": 4}).next_resume == 5


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
    }
    assert json.loads(resume) == {"v": 1, "kind": "waken", "tenant": "t", "endpoint": "p"}
