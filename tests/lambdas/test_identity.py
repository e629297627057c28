"""One event, one identity: from the signed request, over the queue and the records, to the bus and a replay."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.providers.fields import JsonField
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.ingestion.logic import Ingestion
from lambdas.replay.logic import Replayer
from lambdas.replay.request import ReplayRequest
from lambdas.status.logic import describe_transaction
from tests.lambdas.support import NOW, Unreliable, World, aws_error, raising
from tests.unit.providers.adyen_webhooks import KEY, REFUND, items_request
from tests.unit.providers.adyen_webhooks import signed as signed_item
from tests.unit.webhooks import SECRETS, request, signed

HOUR = 3_600.0
SHOPIFY_SECRET = "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"
TOPICS = "fulfillment_orders/placed_on_hold,orders/paid,shop/update,app/uninstalled"
ENTRIES = {
    **{name: REGISTRY[name] for name in ("stripe", "adyen", "generic", "generic-timestamped", "github", "square")},
    "standard-webhooks": REGISTRY["standard-webhooks"],
    "shopify": REGISTRY["shopify"].configured({"topics": TOPICS}),
}


class Secrets:
    """A secret store that knows the tests' secrets."""

    def get(self, name, *, max_age=0.0, recheck_seconds=0.0):
        del max_age, recheck_seconds
        return [{**SECRETS, "shopify": SHOPIFY_SECRET, "adyen": KEY}[name]]


@dataclass
class Door:
    """The inbound half of a world: what is posted is verified, queued, and processed."""

    world: World
    posted: int = 0

    def post(self, name, webhook, entry=None):
        """Have ingestion accept a webhook, and return the id that its sender is answered."""
        self.posted += 1
        ingestion = Ingestion(
            providers={name: entry or ENTRIES[name]},
            secrets=Secrets(),
            queue=MainQueue(self.world.clients.sqs, self.world.queue_url, "provider"),
            archive=self.world.archive,
            max_body_bytes=1_000_000,
        )
        return ingestion.accept(name, webhook, f"request-{self.posted}").events[0].event_id

    def process(self, **changes):
        return self.world.process(self.world.queued(), **changes)

    def take(self, name, *webhooks, entry=None):
        """Post webhooks one after the other, an hour apart, each processed before the next; return the last result."""
        outcome = None
        for webhook in webhooks:
            self.post(name, webhook, entry)
            outcome = self.process()
            assert outcome.failures == {}
            self.world.clock.now += HOUR
        return outcome

    def give_up_unarchived(self, name, webhook):
        """Have a webhook dead-lettered that S3 never took."""
        self.post(name, webhook)
        (one,) = self.world.queued()
        s3 = Unreliable(self.world.clients.s3, "put_object", "raw/", raising(aws_error("SlowDown", "PutObject")))
        broken = type(self.world.archive)(s3, self.world.name)
        assert list(self.world.process([one], archive=broken).failures) == [one.message_id]
        letters = DeadLetters(archive=self.world.archive, records=self.world.records, clock=self.world.clock)
        letters.keep(one.message_id, one.body, NOW)
        return one

    def replay(self, *keys, replay_id="replay_1"):
        replayer = Replayer(
            queries=self.world.queries,
            archive=self.world.archive,
            queue=MainQueue(self.world.clients.sqs, self.world.queue_url, "provider"),
            clock=self.world.clock,
        )
        return replayer.run(ReplayRequest(event_keys=keys), replay_id)

    def status(self, transaction_id):
        return describe_transaction(transaction_id, self.world.queries.transaction(transaction_id), 200, None)

    def routed_bodies(self):
        return Counter(self.world.payload_at(one["detail"]["archive"]) for one in self.world.routed())


@pytest.fixture
def door(world):
    return Door(world)


def shopify(body, event_id, topic="fulfillment_orders/placed_on_hold"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.digest(SHOPIFY_SECRET.encode(), content, "sha256")
    return request(
        content,
        {
            "X-Shopify-Hmac-SHA256": base64.b64encode(digest).decode(),
            "X-Shopify-Topic": topic,
            "X-Shopify-Event-Id": event_id,
            "X-Shopify-Webhook-Id": f"of-{event_id}",
        },
    )


def github(body, delivery):
    webhook = signed("github", json.dumps(body).encode())
    return replace(webhook, headers={**webhook.headers, "x-github-event": ["star"], "x-github-delivery": [delivery]})


def adyen(*items, **fields):
    return items_request(*(signed_item({**item, **fields}) for item in items))


def stripe(document):
    return signed("stripe", json.dumps(document).encode())


def json_of(provider, document, **options):
    return signed(provider, json.dumps(document).encode(), **options)


# --- the same bytes, and no id --------------------------------------------------------------------------------------

ORDER = {"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1", "status": "open"}}
UNDATED = {
    "a topic without a time": ("shopify", shopify(ORDER, "event-1"), shopify(ORDER, "event-2")),
    "a body cut by include_fields": (
        "shopify",
        shopify({"id": 820982911946154508, "tags": "vip"}, "event-1", "orders/paid"),
        shopify({"id": 820982911946154508, "tags": "vip"}, "event-2", "orders/paid"),
    ),
    # Neither changes when an order changes, or tells one order from another.
    "a body cut to a time that does not change": (
        "shopify",
        shopify({"id": 1, "processed_at": "2026-11-01T12:00:00Z"}, "event-1", "orders/paid"),
        shopify({"id": 1, "processed_at": "2026-11-01T12:00:00Z"}, "event-2", "orders/paid"),
    ),
    "a body cut to a time": (
        "shopify",
        shopify({"updated_at": "2026-11-01T12:00:00Z", "total_price": "9.99"}, "event-1", "orders/paid"),
        shopify({"updated_at": "2026-11-01T12:00:00Z", "total_price": "9.99"}, "event-2", "orders/paid"),
    ),
    "a body of two topics": (
        "shopify",
        shopify({"id": 1, "updated_at": "2026-11-01T12:00:00Z"}, "event-1", "shop/update"),
        shopify({"id": 1, "updated_at": "2026-11-01T12:00:00Z"}, "event-2", "app/uninstalled"),
    ),
    "a star that is taken away twice": (
        "github",
        github({"action": "deleted", "starred_at": None}, "delivery-1"),
        github({"action": "deleted", "starred_at": None}, "delivery-2"),
    ),
    # The day on which a plan changes, and not when somebody asked for it.
    "a plan that is to be changed, is not, and is after all": (
        "github",
        github({"action": "pending_change", "effective_date": "2026-12-25T00:00:00+00:00"}, "delivery-1"),
        github({"action": "pending_change", "effective_date": "2026-12-25T00:00:00+00:00"}, "delivery-2"),
    ),
    "a generic body without an id": ("generic", *[json_of("generic", {"status": "open"})] * 2),
    "a generic body without an id, signed again": (
        "generic-timestamped",
        json_of("generic-timestamped", {"status": "open"}),
        json_of("generic-timestamped", {"status": "open"}, timestamp=1_614_265_331),
    ),
}


@pytest.mark.parametrize(("name", "first", "second"), UNDATED.values(), ids=UNDATED)
def test_the_same_bytes_of_another_event_are_routed_and_marked(door, name, first, second):
    # When the same bytes are sent for two events, an hour apart
    door.take(name, first, second)

    # Then both are routed, the second says of which event it has the bytes, and each has an id and a record of its own
    earlier, later = (one["detail"] for one in door.world.routed())
    assert "sameBytesAs" not in earlier
    assert later["sameBytesAs"] == earlier["eventId"] != later["eventId"]
    records = {record["eventId"]: record for record in door.world.all_records()}
    assert {event_id: record["state"] for event_id, record in records.items()} == {
        earlier["eventId"]: "ROUTED",
        later["eventId"]: "ROUTED",
    }
    assert records[later["eventId"]]["sameBytesAs"] == earlier["eventId"]
    # and the status of its transaction says so too
    found = {one["eventId"]: one.get("sameBytesAs") for one in door.status(later["transactionId"])["events"]}
    assert found[later["eventId"]] == earlier["eventId"]


def test_in_one_batch_too(door):
    for number in (1, 2, 3, 2):
        door.post("shopify", shopify(ORDER, f"event-{number}"))

    outcome = door.process()

    assert outcome.failures == {}
    assert len(outcome.routed) == 3
    assert len(outcome.duplicates) == 1
    assert sorted(one.event.same_bytes_as is None for one in outcome.routed) == [False, False, True]
    assert len(door.world.routed_counts()) == 3


@pytest.mark.parametrize(("name", "first", "second"), UNDATED.values(), ids=UNDATED)
def test_each_of_them_is_found_and_replayed_by_its_own_id(door, name, first, second):
    door.take(name, first, second)
    earlier, later = (one["detail"]["eventId"] for one in door.world.routed())

    assert door.replay(f"{name}:{later}").replayed == [f"{name}:{later}"]
    assert door.process().failures == {}

    assert door.world.routed_counts() == {earlier: 1, later: 2}
    replayed = door.world.routed()[-1]["detail"]
    assert (replayed["sameBytesAs"], replayed["replay"]["replayId"]) == (earlier, "replay_1")
    assert len(door.world.all_records()) == 2


AGAIN = {
    "Shopify's retry": ("shopify", *[shopify(ORDER, "event-1")] * 2),
    "Shopify, another subscription to the same event": (
        "shopify",
        shopify(ORDER, "event-1"),
        replace(
            shopify(ORDER, "event-1"), headers={**shopify(ORDER, "event-1").headers, "x-shopify-webhook-id": ["w"]}
        ),
    ),
    # Somebody who has a delivery cannot have it routed again, because the body says when it happened.
    "Shopify, a replay under another event id": (
        "shopify",
        shopify({"id": 1, "updated_at": "2026-11-01T12:00:00Z"}, "event-1", "orders/paid"),
        shopify({"id": 1, "updated_at": "2026-11-01T12:00:00Z"}, "event-2", "orders/paid"),
    ),
    "Shopify, a refund under another event id": (
        "shopify",
        shopify({"id": 1, "order_id": 2, "processed_at": "2026-11-01T12:00:00Z"}, "event-1", "orders/paid"),
        shopify({"id": 1, "order_id": 2, "processed_at": "2026-11-01T12:00:00Z"}, "event-2", "orders/paid"),
    ),
    "GitHub's redelivery": ("github", *[github({"action": "deleted", "starred_at": None}, "delivery-1")] * 2),
    "GitHub, a replay under another delivery id": (
        "github",
        github({"issue": {"updated_at": "2026-11-01T12:00:00Z"}}, "delivery-1"),
        github({"issue": {"updated_at": "2026-11-01T12:00:00Z"}}, "delivery-2"),
    ),
    "a generic request with its id": ("generic", *[json_of("generic", {"id": "evt_1"})] * 2),
    # Not printable ASCII without blanks, so that the body stands for it.
    "a generic request with an id that is no identifier": ("generic", *[json_of("generic", {"id": "Nr. 42"})] * 2),
    "a generic request with a signed time": (
        "generic-timestamped",
        *[json_of("generic-timestamped", {"status": "open"})] * 2,
    ),
}


@pytest.mark.parametrize(("name", "first", "second"), AGAIN.values(), ids=AGAIN)
def test_a_delivery_that_comes_again_is_a_duplicate(door, name, first, second):
    outcome = door.take(name, first, second)

    assert (len(outcome.duplicates), outcome.routed, outcome.conflicts) == (1, [], [])
    assert len(door.world.routed()) == len(door.world.all_records()) == 1


# --- Adyen ----------------------------------------------------------------------------------------------------------

REPORT = {
    **REFUND,
    "eventCode": "REPORT_AVAILABLE",
    "pspReference": "settlement_detail_report_batch_12.csv",
    "originalReference": "",
    "merchantReference": "",
    "amount": {"currency": "EUR", "value": 0},
}


def test_a_report_of_the_same_name_of_two_merchant_accounts_is_two_events(door):
    # Given a report of one account, and one of the same name of another
    first, second = adyen(REPORT, merchantAccountCode="ShopOne"), adyen(REPORT, merchantAccountCode="ShopTwo")

    # When they come, and each comes again
    door.take("adyen", first, second)
    outcome = door.take("adyen", first, second)

    # Then each is routed once
    assert (outcome.conflicts, len(outcome.duplicates)) == ([], 1)
    assert door.routed_bodies() == {first.body: 1, second.body: 1}
    assert all("sameBytesAs" not in one["detail"] for one in door.world.routed())


def test_two_merchant_accounts_in_one_body_are_two_events(door):
    items = [signed_item({**REPORT, "merchantAccountCode": account}) for account in ("ShopOne", "ShopTwo")]

    outcome = door.take("adyen", items_request(*items))

    assert (len(outcome.routed), outcome.duplicates, outcome.conflicts) == (2, [], [])
    assert len(door.world.routed_counts()) == 2


def test_what_adyen_sends_again_with_another_date_is_a_duplicate(door):
    # Given an item, and the same item as Adyen sends it again: later, and in another batch
    first = adyen(REFUND)
    later = signed_item({**REFUND, "eventDate": "2021-02-25T17:30:00+01:00"})
    other = signed_item({**REFUND, "pspReference": "8825408195409506"})

    # When both come
    door.take("adyen", first)
    door.post("adyen", items_request(later, other))
    outcome = door.process()

    # Then the one is a duplicate and noted, and the other is routed
    assert (outcome.failures, outcome.conflicts) == ({}, [])
    assert [one.event.event_id for one in outcome.duplicates] == ["8825408195409505:REFUND:true"]
    assert [one.event.event_id for one in outcome.rendered_anew] == ["8825408195409505:REFUND:true"]
    assert sum(door.world.routed_counts().values()) == 2
    steps = [step["step"] for step in door.status(REFUND["originalReference"])["timeline"]]
    assert steps.count("rendered-anew") == 1


def test_another_signed_field_under_one_reference_is_a_conflict(door):
    changed = adyen({**REFUND, "amount": {"currency": "EUR", "value": 999_999}})

    outcome = door.take("adyen", adyen(REFUND), changed)

    assert [one.event.amount for one in outcome.conflicts] == ["999999"]
    assert sum(door.world.routed_counts().values()) == 1


# --- ids that are unique at their sender ----------------------------------------------------------------------------


def rendered(event_type, transaction):
    invoice = {"id": "in_1", "object": "invoice", "status": "paid", "amount_paid": 4200, "currency": "eur"}
    document = {"id": "evt_1", "type": event_type, "created": 1_614_265_330, "data": {"object": invoice}}
    return [
        {**document, "api_version": "2024-06-20", "data": {"object": {**invoice, **transaction}}},
        {**document, "api_version": "2025-03-31.basil"},
    ]


RENDERED = {
    "an invoice, in another transaction": (
        "stripe",
        *map(stripe, rendered("invoice.paid", {"payment_intent": "pi_1"})),
    ),
    "a charge, in the same": ("stripe", *map(stripe, rendered("charge.succeeded", {"livemode": False}))),
    "Standard Webhooks": (
        "standard-webhooks",
        json_of("standard-webhooks", {"type": "a", "data": {"id": "1"}}),
        json_of("standard-webhooks", {"type": "a", "data": {"id": "1"}, "sent": 2}),
    ),
}


@pytest.mark.parametrize("at_once", [False, True], ids=["an hour apart", "in one batch"])
@pytest.mark.parametrize(("name", "first", "second"), RENDERED.values(), ids=RENDERED)
def test_another_rendering_of_a_known_id_is_a_duplicate_and_is_noted(door, name, first, second, at_once):
    # When one event comes in two renderings
    if at_once:
        door.post(name, first)
        door.post(name, second)
        outcome = door.process()
    else:
        outcome = door.take(name, first, second)

    # Then it is routed once, nobody is alarmed, and the second is archived, counted and named
    (routed,) = door.world.routed()
    assert (outcome.failures, outcome.conflicts) == ({}, [])
    assert (len(outcome.duplicates), len(outcome.rendered_anew)) == (1, 1)
    (record,) = door.world.all_records()
    (noted,) = [step for step in record["timeline"] if step["step"] == "rendered-anew"]
    (digest,) = record["otherPayloads"]
    place = {"key": noted["archive"], "offset": noted["offset"], "size": noted["size"], "sha256": digest}
    bodies = {door.world.payload_at(one) for one in (routed["detail"]["archive"], place)}
    assert bodies == {first.body, second.body}


def test_a_crash_before_the_second_rendering_publishes_what_was_recorded(door):
    # Given an event that was recorded in one rendering, whose process ended before it was published
    first, second = map(stripe, rendered("invoice.paid", {"payment_intent": "pi_1"}))
    door.post("stripe", first)
    broken = type(door.world.bus)(
        Unreliable(door.world.clients.events, "put_events", "", raising(aws_error("InternalFailure", "PutEvents"))),
        door.world.name,
        door.world.name,
    )
    assert len(door.process(bus=broken).failures) == 1

    # When another rendering comes
    outcome = door.take("stripe", second)

    # Then the event is published as it was recorded
    assert len(outcome.routed) == 1
    (routed,) = door.world.routed()
    assert routed["detail"]["transactionId"] == "pi_1"
    assert door.world.payload_at(routed["detail"]["archive"]) == first.body


def test_a_generic_id_of_two_orders_is_a_conflict(door):
    orders = [json_of("generic", {"id": "evt_1", "transaction_id": order}) for order in ("order-1", "order-2")]

    outcome = door.take("generic", *orders)

    assert [one.event.transaction_id for one in outcome.conflicts] == ["order-2"]
    assert door.routed_bodies() == {orders[0].body: 1}
    # and the order that has the event says where the other payload is
    assert door.status("order-1")["timeline"][0]["step"] == "conflicting"


# --- other versions of this product ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "webhook"),
    [
        ("stripe", stripe({"id": "evt_1", "created": 1_614_265_330, "data": {"object": {"id": "pi_1"}}})),
        ("generic", json_of("generic", {"id": "evt_1", "transaction_id": "order-1"})),
        ("shopify", shopify({"id": 1, "order_id": 2, "updated_at": "2026-11-01T12:00:00Z"}, "event-1", "orders/paid")),
        ("adyen", adyen(REFUND)),
    ],
)
def test_the_same_bytes_are_one_event_however_a_version_reads_them(door, name, webhook):
    # Given a version that reads transaction, time, type and amount from elsewhere
    elsewhere = (JsonField("nowhere"),)
    entry = replace(
        ENTRIES[name], transaction_id=elsewhere, occurred_at=(JsonField("created"),), event_type=elsewhere, amount=None
    )

    # When the same bytes come before and after the upgrade
    door.take(name, webhook)
    outcome = door.take(name, webhook, entry=entry)

    assert len(door.world.routed()) == len(door.world.all_records()) == 1
    assert (len(outcome.duplicates), outcome.conflicts, outcome.rendered_anew) == (1, [], [])


# --- dead letters ---------------------------------------------------------------------------------------------------


def order(number, amount="1.00"):
    return json_of("generic", {"id": "evt_1", "transaction_id": f"order-{number}", "amount": amount})


def test_two_payloads_under_one_id_that_were_dead_lettered_are_both_named_and_replayed(door):
    # Given two payloads under one id, neither of which was archived
    first, second = order(1), order(2)
    letters = [door.give_up_unarchived("generic", webhook) for webhook in (first, second)]

    # Then each transaction has its dead letter
    for number, letter in enumerate(letters, 1):
        status = door.status(f"order-{number}")
        assert status["state"] == "DEAD_LETTERED"
        assert [one["deadLetter"] for one in status["events"]] == [f"dead-letter/generic/{letter.message_id}.json"]

    # When the id is replayed
    outcome = door.replay("generic:evt_1")
    assert (outcome.matched, outcome.failed) == (2, {})
    processed = door.process()

    # Then the first one is routed, the second one is a conflict, and neither waits any more
    assert processed.failures == {}
    assert door.routed_bodies() == {first.body: 1}
    assert [one.body for one in processed.conflicts] == [second.body]
    assert second.body in door.world.payloads()
    assert door.status("order-1")["state"] == "ROUTED"
    assert [one["state"] for one in door.status("order-2")["events"]] == ["CONFLICTING"]
    assert door.replay("generic:evt_1", replay_id="replay_2").replayed == ["generic:evt_1"]


def test_a_dead_letter_beside_a_routed_event_of_its_id_has_a_name_and_is_what_a_replay_sends_too(door):
    # Given an event that was routed, and another payload under its id that was dead-lettered
    first, second = order(1), order(2)
    door.take("generic", first)
    letter = door.give_up_unarchived("generic", second)

    # Then the event stays as it was, and the dead letter is found by its own transaction
    assert door.status("order-1")["state"] == "ROUTED"
    assert [step["step"] for step in door.status("order-1")["timeline"]] == [
        "routed",
        "recorded",
        "archived",
        "received",
    ]
    (event,) = door.status("order-2")["events"]
    assert event["deadLetter"] == f"dead-letter/generic/{letter.message_id}.json"

    # When the id is replayed, then both go through processing again
    assert door.replay("generic:evt_1").matched == 2
    processed = door.process()
    assert [one.body for one in processed.conflicts] == [second.body]
    assert door.routed_bodies() == {first.body: 2}


def test_a_dead_letter_is_not_replaced_by_a_later_payload(door):
    # Given a payload that was dead-lettered, and another one under its id that comes later
    first, second = order(1), order(1, "9999.00")
    door.give_up_unarchived("generic", first)
    outcome = door.take("generic", second)

    # Then the second one is told as a conflict
    assert [one.body for one in outcome.conflicts] == [second.body]
    assert door.world.routed() == []

    # And a replay sends the first one
    door.replay("generic:evt_1")
    assert door.process().failures == {}
    assert door.routed_bodies() == {first.body: 1}


def test_a_dead_letter_of_another_event_with_the_same_bytes_is_replayed_as_that_event(door):
    # Given two events with the same bytes, the second one dead-lettered before it was archived
    door.take("shopify", shopify(ORDER, "event-1"))
    door.give_up_unarchived("shopify", shopify(ORDER, "event-2"))
    (earlier,) = [one["detail"]["eventId"] for one in door.world.routed()]

    # When it is replayed by the id that its record has
    (waiting,) = [record for record in door.world.all_records() if record["state"] == "DEAD_LETTERED"]
    assert waiting["sameBytesAs"] == earlier
    door.replay(f"shopify:{waiting['eventId']}")
    assert door.process().failures == {}

    # Then both are routed
    assert door.world.routed_counts() == {earlier: 1, waiting["eventId"]: 1}


def test_a_rendering_that_was_dead_lettered_does_not_hold_up_another_one(door):
    first, second = map(stripe, rendered("invoice.paid", {"payment_intent": "pi_1"}))
    door.give_up_unarchived("stripe", first)

    outcome = door.take("stripe", second)

    assert (len(outcome.routed), outcome.conflicts) == (1, [])
    assert hashlib.sha256(second.body).hexdigest() in {
        one["detail"]["archive"]["sha256"] for one in door.world.routed()
    }
    (record,) = door.world.all_records()
    assert (record["state"], record["transaction"]) == ("ROUTED", "in_1")


def test_of_two_renderings_that_were_dead_lettered_the_first_is_replayed_and_both_are_named(door):
    first, second = map(stripe, rendered("invoice.paid", {"payment_intent": "pi_1"}))
    letters = [
        f"dead-letter/stripe/{door.give_up_unarchived('stripe', one).message_id}.json" for one in (first, second)
    ]

    (event,) = door.status("pi_1")["events"]
    later = door.status("pi_1")["timeline"][0]
    assert [event["deadLetter"], later["deadLetter"]] == letters
    door.replay("stripe:evt_1")
    assert door.process().failures == {}
    assert door.routed_bodies() == {first.body: 1}
