"""The delivery worker on real tables, with receivers on the loopback address, and days in virtual time."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import EndpointConnectionError
from standardwebhooks import Webhook

from lambdas.delivery.domain import holds
from lambdas.delivery.domain.circuit_breaker import THRESHOLD
from lambdas.delivery.domain.errors import ConflictError, NotFoundError
from lambdas.delivery.domain.model import DeliveryState, EndpointState, SigningSecret
from lambdas.delivery.domain.operational_events import DISABLED_EVENT
from lambdas.delivery.domain.retry_schedules import MAX_WAIT_SECONDS, MAX_WAITS, STANDARD_WEBHOOKS, attempt_times
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.sending.headers import HOPS_HEADER
from lambdas.delivery.store.signing_keys import SigningKeyStore
from lambdas.delivery_receiver.checking import check
from lambdas.delivery_receiver.faults import Fault
from lambdas.shared import times
from lambdas.shared.request import WebhookRequest
from tests.lambdas.delivery_support import SECRET, SEED, Report, record
from tests.lambdas.support import NOW
from tools.local.faulty_receiver import FaultyReceiver

PAYLOAD = b'{ "type":"invoice.paid",\n "amount":1.10, "big":12345678901234567890123, "b":1,"a":"\\u00e9"}'


def status_of(receiver, status, **changes):
    receiver.decide = lambda received: Fault(status=status, **changes)


# --- attempts ---------------------------------------------------------------------------------------------------------


def test_an_event_arrives_byte_for_byte_signed_and_is_recorded(world, receiver):
    # Given an endpoint and an event whose bytes no parser would write again
    receiver.decide = lambda received: Fault()
    world.add_endpoint(receiver.url("/in?token=secret"), headers={"X-Team": "billing"})
    event = world.add_event(PAYLOAD)

    # When the worker runs
    world.run()

    # Then the receiver got these bytes once, and could verify them
    [received] = receiver.received
    assert received.body == PAYLOAD
    assert received.headers["x-team"] == "billing"
    assert received.headers["webhook-id"] == event.event_id
    assert received.headers["webhook-timestamp"] == str(int(NOW))
    at = datetime.fromtimestamp(NOW, UTC)
    assert received.headers["webhook-signature"] == Webhook(SECRET).sign(event.event_id, at, PAYLOAD.decode())

    # And delivery and attempt say so, with what expires when
    delivery = world.delivery(event)
    assert (delivery.state, delivery.attempts, delivery.reason) == (DeliveryState.DELIVERED, 1, None)
    assert delivery.expires_at == int(NOW) + 30 * 86_400
    [attempt] = world.attempts()
    assert (attempt.number, attempt.status, attempt.outcome) == (1, 200, "delivered")

    # And no log line holds payload, secret, header or query
    told = json.dumps(world.logged)
    assert event.correlation_id in told
    for secret in ("amount", "whsec", "token=", "billing", "v1,"):
        assert secret not in told


def test_a_failing_endpoint_is_tried_as_the_schedule_says_and_then_given_up(world, receiver):
    # Given an endpoint that fails for ever, and the default schedule of days
    world.schedule = STANDARD_WEBHOOKS
    status_of(receiver, 500)
    world.add_endpoint(receiver.url())
    event = world.add_event()

    # When all of it has happened
    world.run()

    # Then the attempts were made at the table's times, through delays and schedules
    times_made = [times.parse(attempt.at) - NOW for attempt in world.attempts()]
    expected = [earliest for _, earliest, _ in attempt_times(STANDARD_WEBHOOKS)]
    assert times_made == pytest.approx(expected, abs=len(expected))
    delivery = world.delivery(event)
    assert (delivery.state, delivery.reason) == (DeliveryState.DLQ, "attempts used up: status 500")
    assert delivery.attempts == STANDARD_WEBHOOKS.attempts
    # And every attempt had a fresh time and the same id
    assert len({received.headers["webhook-timestamp"] for received in receiver.received}) == delivery.attempts
    assert {received.headers["webhook-id"] for received in receiver.received} == {event.event_id}


def test_a_list_of_fifty_months_is_walked_to_its_end_with_the_payload_still_there(world, receiver):
    # Given an endpoint that fails for four years, one with the stack's schedule, and an operator's five days
    world.disable_after_hours = 120.0
    status_of(receiver, 500)
    waits = [MAX_WAIT_SECONDS] * MAX_WAITS
    world.add_endpoint(receiver.url(), retry_waits=waits, event_types=("invoice.*",))
    world.add_endpoint(receiver.url("/other"), "ep_2", event_types=("invoice.*",))
    event = world.add_event(PAYLOAD)

    # When each attempt has been made, and before each what has expired is deleted
    for number in range(1, len(waits) + 2):
        world.run(until=NOW + (number - 1) * MAX_WAIT_SECONDS + 60)
        expired = [one for one in world.items() if int(one["expiresAt"]) <= world.clock.now]
        mine = [one for one in expired if one["event"].endswith(event.event_id)]
        assert not [one for one in mine if one["item"] in {"event", "payload", "delivery#ep_1"}], number
        assert len([one for one in world.attempts() if one.endpoint_id == "ep_1"]) == number

    # Then all of them had the payload, and the event is kept for weeks after it, not for years
    assert {(one.path, one.body) for one in receiver.received} == {("/hook", PAYLOAD), ("/other", PAYLOAD)}
    delivery = world.delivery(event)
    assert (delivery.state, delivery.reason) == (DeliveryState.DLQ, "attempts used up: status 500")
    assert delivery.attempts == len(waits) + 1
    [stored] = [one for one in world.items() if one["item"] == "event" and one["eventId"] == event.event_id]
    assert delivery.expires_at == pytest.approx(world.clock.now + 14 * 86_400, abs=120)
    assert delivery.expires_at <= stored["expiresAt"] <= world.clock.now + 51 * 86_400


def test_a_final_status_is_not_repeated(world, receiver):
    receiver.decide = lambda received: Fault(status=422 if received.path == "/final" else 404)
    world.add_endpoint(receiver.url("/final"), final_statuses=[422])
    world.add_endpoint(receiver.url("/other"), "ep_2", final_statuses=[422])
    event = world.add_event()

    world.run(until=NOW + 90)

    assert (world.delivery(event).state, world.delivery(event).reason) == (DeliveryState.DLQ, "final status 422")
    assert (world.delivery(event).attempts, world.delivery(event, "ep_2").attempts) == (1, 2)


def test_the_library_of_svix_verifies_a_brought_secret_under_another_prefix(world, receiver):
    value = "whsec_" + base64.b64encode(b"of the other system, 24+").decode()
    secret = SigningSecret(value=value, created_at="")
    endpoint = world.add_endpoint(receiver.url(), header_prefix="svix", secrets=[secret], headers={"X-Svix": "1"})
    world.clock.now = time.time()
    event = world.add_event()

    world.run()

    [received] = receiver.received
    assert [name for name in received.headers if name.startswith("webhook-")] == [HOPS_HEADER]
    # The library has read both sets of headers since it was Svix's own; this one knows the three without a prefix.
    names = {f"webhook-{part}": received.headers[f"svix-{part}"] for part in ("id", "timestamp", "signature")}
    assert Webhook(value).verify(received.body, names) == {"type": "invoice.paid", "n": 1.1}
    # And the receivers of ours know it by the endpoint's own prefix
    request = WebhookRequest(
        body=received.body, headers={name: [one] for name, one in received.headers.items()}, received_at=received.at
    )
    assert (check(endpoint, request).scheme, check(endpoint, request).event_id) == (
        "standard-webhooks-v1",
        event.event_id,
    )
    assert check(replace(endpoint, header_prefix="webhook"), request).reason == "missing_signature_header"
    assert (received.header_prefix, receiver.ids()) == ("svix", {event.event_id: 1})


def test_an_endpoint_that_comes_back_gets_the_event(world, receiver):
    receiver.decide = lambda received: Fault(status=500 if len(receiver.received) < 3 else 200)
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run()
    assert [attempt.outcome for attempt in world.attempts()] == ["status 500", "status 500", "delivered"]
    assert world.delivery(event).state is DeliveryState.DELIVERED


def test_retry_after_puts_off_this_delivery_and_429_every_other(world, receiver):
    # Given an endpoint that answers 429 with ten minutes, once
    receiver.decide = lambda received: Fault(status=429, retry_after="600") if len(receiver.received) == 1 else Fault()
    world.add_endpoint(receiver.url())
    first = world.add_event()
    world.run(until=NOW + 10)
    assert world.delivery(first).next_attempt_at == times.iso(NOW + 600)

    # When another event comes meanwhile
    second = world.add_event()
    world.run(until=NOW + 599)

    # Then it waits as well, and spends no attempt
    assert len(receiver.received) == 1
    waiting = world.delivery(second)
    assert (waiting.state, waiting.attempts, waiting.waiting_for) == (DeliveryState.PENDING, 0, "endpoint busy")
    world.run()
    assert [world.delivery(one).attempts for one in (first, second)] == [2, 1]


def test_410_disables_the_endpoint_gives_the_delivery_up_and_tells_the_tenant_s_others(world, receiver):
    with FaultyReceiver() as other:
        status_of(receiver, 410)
        world.add_endpoint(receiver.url(), "ep_gone")
        world.add_endpoint(other.url(), "ep_ops", event_types=(DISABLED_EVENT,))
        event = world.add_event()
        waiting = world.add_event()
        world.run()

        assert world.delivery(event, "ep_gone").state is DeliveryState.DLQ
        assert world.delivery(event, "ep_gone").reason in ("status 410", "endpoint disabled")
        assert world.delivery(waiting, "ep_gone").reason in ("status 410", "endpoint disabled")
        endpoint, _ = world.endpoints.read(world.tenant, "ep_gone")
        assert (endpoint.state, endpoint.state_reason) == (EndpointState.DISABLED, "answered 410")
        # Announced once, to the other endpoint alone
        [told] = other.received
        assert json.loads(told.body)["type"] == DISABLED_EVENT
        assert json.loads(told.body)["data"] == {"endpointId": "ep_gone", "reason": "answered 410"}
        assert all(json.loads(one.body)["type"] != DISABLED_EVENT for one in receiver.received)


# --- fan-out --------------------------------------------------------------------------------------------------------


def test_each_endpoint_gets_what_it_subscribed_to_and_a_dead_one_delays_no_other(world, receiver):
    with FaultyReceiver() as dead:
        status_of(dead, 500)
        world.add_endpoint(dead.url(), "ep_dead")
        world.add_endpoint(receiver.url("/all"), "ep_all")
        world.add_endpoint(receiver.url("/eur"), "ep_eur", filters={"currency": ['"eur"']})
        world.add_endpoint(receiver.url("/other"), "ep_other", event_types=("customer.*",))
        world.add_endpoint(receiver.url("/off"), "ep_off", state=EndpointState.DISABLED)
        world.add_endpoint(receiver.url("/foreign"), "ep_all", tenant="someone-else")
        world.add_event(b'{"type":"invoice.paid","currency":"eur"}')
        world.add_event(b'{"type":"invoice.paid","currency":"usd"}')
        world.run(until=NOW + 1)
        assert sorted(one.path for one in receiver.received) == ["/all", "/all", "/eur"]
        assert {one.endpoint_id: one.state for one in world.all_deliveries()} == {
            "ep_dead": DeliveryState.FAILED,
            "ep_all": DeliveryState.DELIVERED,
            "ep_eur": DeliveryState.DELIVERED,
        }


def test_a_test_event_goes_to_its_endpoint_alone(world, receiver):
    world.add_endpoint(receiver.url("/one"), "ep_1", event_types=("nothing",))
    world.add_endpoint(receiver.url("/two"), "ep_2")
    world.add_event(only="ep_1")
    world.run()
    assert [one.path for one in receiver.received] == ["/one"]


# --- parking --------------------------------------------------------------------------------------------------------


def test_a_paused_endpoint_s_deliveries_wait_without_attempts_until_it_is_activated(world, receiver, monkeypatch):
    # Given a paused endpoint and more events than a page holds
    monkeypatch.setattr(holds, "PAGE", 8)
    endpoint = world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
    events = [world.add_event() for _ in range(20)]
    world.run(until=NOW + 3 * 3_600)
    assert receiver.received == []
    assert {(one.attempts, one.waiting_for) for one in world.all_deliveries()} == {(0, "endpoint paused")}

    # When its tenant activates it
    world.set_state(endpoint, EndpointState.ACTIVE)
    world.resume()
    activated = world.clock.now
    world.run(until=activated + 59)

    # Then the first page arrives at once, and the others in the minutes after it, each one time
    assert len(receiver.received) == 8
    world.run(until=activated + 180)
    assert receiver.ids() == dict.fromkeys((event.event_id for event in events), 1)
    world.run()
    assert sum(receiver.ids().values()) == 20
    assert {one.state for one in world.all_deliveries()} == {DeliveryState.DELIVERED}


def test_what_waits_for_too_long_is_given_up_and_says_for_what(world, receiver):
    world.add_endpoint(receiver.url(), state=EndpointState.PAUSED)
    event = world.add_event()
    # Of the hours in between, each is as the first
    world.run(until=NOW + 2 * 3_600)
    world.clock.now = NOW + 19.9 * 86_400
    world.step()
    assert world.delivery(event).waiting_for == "endpoint paused"
    world.run()
    delivery = world.delivery(event)
    assert (delivery.state, delivery.reason) == (DeliveryState.DLQ, "waited too long: endpoint paused")
    assert 20 <= (times.parse(delivery.updated_at) - NOW) / 86_400 <= 25


def test_the_breaker_opens_parks_the_rest_and_probes_with_one(world, receiver):
    # Given a dead endpoint and thirty events
    status_of(receiver, 500)
    world.add_endpoint(receiver.url())
    events = [world.add_event() for _ in range(30)]

    # When their first attempts are due, one worker at a time
    while world.queue.next_at is not None and world.queue.next_at <= NOW + 30:
        world.clock.now = max(world.clock.now, world.queue.next_at)
        world.step(most=1)

    # Then the breaker let so many out, and the others wait with all their attempts
    assert len(receiver.received) == THRESHOLD
    assert sum(one.waiting_for == "circuit breaker" for one in world.all_deliveries()) == 30 - THRESHOLD
    assert {one.attempts for one in world.all_deliveries() if one.waiting_for} == {0}

    # And when its time is over, one probes, whoever comes at the same time
    world.clock.now = NOW + 61
    before = len(receiver.received)
    while world.queue.next_at is not None and world.queue.next_at <= world.clock.now:
        world.step()
    assert len(receiver.received) - before == 1

    # And when the endpoint is back, everything arrives
    status_of(receiver, 200)
    world.run()
    assert {world.delivery(event).state for event in events} == {DeliveryState.DELIVERED}


def test_an_endpoint_with_nothing_but_failures_is_disabled_after_the_set_time(world, receiver):
    world.disable_after_hours = 2
    status_of(receiver, 500)
    world.add_endpoint(receiver.url())
    events = [world.add_event() for _ in range(15)]
    with FaultyReceiver() as other:
        world.add_endpoint(other.url(), "ep_ops", event_types=(DISABLED_EVENT,))
        world.run()
        # Announced once, to the tenant's other endpoint
        [told] = other.received
    assert json.loads(told.body)["data"] == {"endpointId": "ep_1", "reason": "nothing but failures"}
    endpoint, _ = world.endpoints.read(world.tenant, "ep_1")
    assert (endpoint.state, endpoint.state_reason) == (EndpointState.DISABLED, "nothing but failures")
    assert {world.delivery(event).state for event in events} == {DeliveryState.DLQ}
    reasons = {world.delivery(event).reason for event in events}
    assert reasons <= {"endpoint disabled", "attempts used up: status 500"}
    assert "endpoint disabled" in reasons
    assert 2 <= (world.clock.now - NOW) / 3_600 <= 6


# --- what cannot be delivered ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["endpoint deleted", "endpoint disabled", "payload erased"])
def test_a_delivery_that_cannot_be_made_any_more_ends_with_the_reason(world, receiver, what):
    status_of(receiver, 500)
    endpoint = world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=NOW + 1)
    table, key = f"{world.name}-endpoints", {"tenantId": {"S": world.tenant}, "item": {"S": "endpoint#ep_1"}}
    if what == "endpoint deleted":
        world.dynamodb.delete_item(TableName=table, Key=key)
    elif what == "endpoint disabled":
        world.set_state(endpoint, EndpointState.DISABLED)
    else:
        key = {"event": {"S": f"{world.tenant}#{event.event_id}"}, "item": {"S": "payload"}}
        world.dynamodb.delete_item(TableName=f"{world.name}-events", Key=key)
    world.run()
    delivery = world.delivery(event)
    assert (delivery.state, delivery.reason, delivery.attempts) == (DeliveryState.DLQ, what, 1)
    assert delivery.expires_at == pytest.approx(NOW + 14 * 86_400, abs=3_600)


def test_an_address_that_leads_inside_is_a_failed_attempt_with_that_reason(world):
    world.add_endpoint("http://169.254.169.254/latest/meta-data/")
    event = world.add_event()
    world.run(until=NOW + 1)
    assert world.delivery(event).reason == "address refused: cloud metadata"


@pytest.mark.parametrize("missing", ["secrets manager", "key"])
def test_what_cannot_be_signed_for_forty_minutes_spends_no_attempt_and_goes_out_afterwards(world, receiver, missing):
    # Given endpoints with and without asymmetric signatures, and Secrets Manager that is away, or has no key
    end = NOW + 40 * 60
    secret = Secret(
        lambda: [KEY] if world.clock.now >= end else [],
        broken=lambda: missing == "secrets manager" and world.clock.now < end,
    )
    signing = {"keys": SigningKeyStore(secret, "arn:secret", world.clock)}
    world.add_endpoint(receiver.url("/asymmetric"), "ep_1", asymmetric=True)
    world.add_endpoint(receiver.url("/symmetric"), "ep_2")
    events = [world.add_event() for _ in range(30)]

    # Then only what needs no key is sent meanwhile, and nothing is held against the other endpoint
    world.run(until=end - 1, **signing)
    assert Counter(one.path for one in receiver.received) == {"/symmetric": 30}
    waiting = [world.delivery(event) for event in events]
    assert {(one.state, one.waiting_for, one.attempts) for one in waiting} == {
        (DeliveryState.PENDING, "cannot be signed", 0)
    }
    told = {
        (fields["tenant"], fields["endpoint_id"])
        for what, fields in world.logged
        if what == "delivery cannot be signed"
    }
    assert told == {(world.tenant, "ep_1")}
    _, health = world.endpoints.read(world.tenant, "ep_1")
    assert health.consecutive_failures == 0

    # And all of it is sent at the first attempt within minutes after that
    world.run(until=end + 4 * 60, **signing)
    done = [world.delivery(event) for event in events]
    assert {(one.state, one.attempts) for one in done} == {(DeliveryState.DELIVERED, 1)}
    assert Counter(one.path for one in receiver.received) == {"/symmetric": 30, "/asymmetric": 30}


@dataclass(frozen=True)
class Secret:
    """Secrets Manager with one secret, which has some keys, and is away at times."""

    keys: Callable[[], list[dict[str, str]]]
    broken: Callable[[], bool]

    def get_secret_value(self, **_):
        if self.broken():
            raise EndpointConnectionError(endpoint_url="https://secretsmanager")
        return {"SecretString": json.dumps({"keys": self.keys()})}


KEY = {"kid": "key_1", "seed": SEED, "createdAt": times.iso(NOW)}


# --- again on request -----------------------------------------------------------------------------------------------


def test_a_dead_delivery_that_is_requeued_is_really_delivered(world, receiver):
    status_of(receiver, 500)
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run()
    assert world.delivery(event).state is DeliveryState.DLQ
    status_of(receiver, 200)

    # Thirteen days later, while it can still be seen
    world.clock.now += 13 * 86_400
    returned = world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
    again = world.delivery(event)
    assert returned == again
    stored, _ = world.events.read(world.tenant, event.event_id)
    assert stored.expires_at >= again.expires_at > world.clock.now + 30 * 86_400
    assert (again.state, again.series_attempts, again.attempts) == (DeliveryState.PENDING, 0, 6)
    world.run()
    delivery = world.delivery(event)
    assert (delivery.state, delivery.attempts, delivery.series_attempts) == (DeliveryState.DELIVERED, 7, 1)
    stored, _ = world.events.read(world.tenant, event.event_id)
    assert stored.expires_at >= delivery.expires_at


def test_a_delivered_one_is_sent_again_only_when_asked_for(world, receiver):
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run()
    assert world.process(Deliver(tenant_id=world.tenant, event_id=event.event_id, endpoint_id="ep_1", version=1)) == []
    assert world.process(Deliver(tenant_id=world.tenant, event_id=event.event_id, endpoint_id="ep_1", version=2)) == []
    assert sum(receiver.ids().values()) == 1
    world.requeue.resend(world.tenant, event.event_id, "ep_1", world.clock.now)
    world.run()
    assert sum(receiver.ids().values()) == 2


def test_what_cannot_be_requeued_is_refused_with_the_reason(world, receiver):
    def refused(error, event_id, endpoint_id="ep_1", tenant=world.tenant, now=None):
        with pytest.raises(error) as caught:
            world.requeue.resend(tenant, event_id, endpoint_id, now or world.clock.now)
        return caught.value.code

    endpoint = world.add_endpoint(receiver.url())
    event = world.add_event()
    world.run(until=NOW + 30)
    assert refused(NotFoundError, "evt_none")
    assert refused(NotFoundError, event.event_id, "ep_2")
    assert refused(NotFoundError, event.event_id, now=NOW + 365 * 86_400)
    assert refused(NotFoundError, event.event_id, tenant="another-tenant")
    delivery = world.delivery(event)
    world.deliveries.change(delivery, replace(delivery, owner="m", lease_until=int((NOW + 60) * 1_000)))
    assert refused(ConflictError, event.event_id) == "attempt_under_way"
    world.requeue.resend(world.tenant, event.event_id, "ep_1", NOW + 61)
    world.set_state(endpoint, EndpointState.DISABLED)
    assert refused(ConflictError, event.event_id, now=NOW + 61) == "endpoint_disabled"
    world.add_endpoint(receiver.url(), "ep_2")
    world.events.erase_payload(world.tenant, event.event_id, NOW + 62)
    assert refused(ConflictError, event.event_id, "ep_2", now=NOW + 63) == "payload_erased"
    assert len(world.all_deliveries()) == 1


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", '{"v":2,"kind":"fanout"}', '{"v":1,"kind":"deliver","tenant":"t"}', "null"]
)
def test_a_message_that_is_none_comes_back_alone(world, receiver, body):
    assert world.process(body) == ["message-1"]


def test_an_event_of_the_inbound_bus_reaches_the_tenant_once_with_its_detail_as_it_was(world, receiver):
    # Given a bus event, which the inbound stack published twice, with numbers that a parser would rewrite
    world.add_endpoint(receiver.url())
    detail = '{"provider":"acme","eventId":"e1","n":1.10,"big":1e400,"occurredAt":"2026-09-21T14:13:20.000Z"}'
    for number in (1, 2):
        event = f'{{"id":"bus-{number}","source":"webhooks.acme","detail-type":"payment.succeeded","detail": {detail}}}'
        body = f'{{"v":1,"kind":"inbound","tenant":"{world.tenant}","event":{event}}}'
        assert world.process(body, f"m{number}") == []
    world.run()
    [received] = receiver.received
    expected = '{"type": "payment.succeeded", "timestamp": "2026-09-21T14:13:20.000Z", "data": ' + detail + "}"
    assert received.body == expected.encode()
    assert received.headers["webhook-id"].startswith("evt_")


def test_a_run_with_too_little_time_left_gives_its_message_back(world, receiver):
    world.add_endpoint(receiver.url())
    event = world.add_event()
    world.step()
    body = json.dumps(
        {"v": 1, "kind": "deliver", "tenant": world.tenant, "event": event.event_id, "endpoint": "ep_1", "turn": 1}
    )
    assert world.worker().run([record(body, "m")], 14.0, Report(log=world.log)) == ["m"]
    assert receiver.received == []
