"""The delivery functions' handlers as Lambda calls them, with the local SQS and Secrets Manager."""

import base64
import json
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lambdas.delivery.domain.due import GRACE_SECONDS, MAX_HOPS
from lambdas.delivery.domain.model import DeliveryState
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver, FanOut, read, write
from lambdas.delivery.sending.signing import signature_headers
from lambdas.delivery_receiver.faults import Fault, UnknownFaultError, read_fault
from lambdas.shared import times
from lambdas.shared.signatures.standard_webhooks_ed25519 import StandardWebhooksEd25519Scheme
from tests.lambdas.delivery_support import SEED, DeliveryWorld, record
from tests.lambdas.support import (
    Clock,
    World,
    api_gateway_event,
    create_delivery_tables,
    envelope,
    lambda_context,
)
from tests.lambdas.support import message as inbound_message
from tests.unit.webhooks import request

DEADLINE_SECONDS = 60


@pytest.fixture(scope="module")
def tables(clients):
    """The name that the tables' names begin with."""
    name = f"delivery-{uuid.uuid4().hex[:8]}"
    create_delivery_tables(clients.dynamodb, name)
    return name


@pytest.fixture
def world(clients, tables):
    return DeliveryWorld(dynamodb=clients.dynamodb, name=tables, clock=Clock(time.time()))


@pytest.fixture
def delivery_queue(clients):
    """URL of a queue."""
    return clients.sqs.create_queue(QueueName=f"deliveries-{uuid.uuid4().hex[:8]}")["QueueUrl"]


def maybe_received(sqs, url):
    """Return the next message of a queue, and take it off; None when none comes within a second."""
    answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"])
    for one in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return one
    return None


def received(sqs, url, seconds=DEADLINE_SECONDS):
    """Return the next message of a queue, and take it off."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (one := maybe_received(sqs, url)) is not None:
            return one
    raise AssertionError("no message came")


@pytest.fixture
def start(cold_start, tables, delivery_queue):
    """Return a function that imports the worker's handler as a new process does."""
    variables = {
        "ENDPOINTS_TABLE": f"{tables}-endpoints",
        "EVENTS_TABLE": f"{tables}-events",
        "QUEUE_URL": delivery_queue,
        "OPERATIONS_BUS": "operations",
        "ENDPOINT_RULES": "local",
        "ATTEMPT_TIMEOUT": "5",
        "RETRY_SCHEDULE": "minutes",
    }
    return lambda **changes: cold_start("delivery_worker", **(variables | changes))


def test_the_worker_delivers_and_names_only_the_messages_that_must_come_back(start, clients, world, receiver, capsys):
    # Given an event for an endpoint that wants asymmetric signatures too, and says much
    receiver.decide = lambda _: Fault(size=1_000)
    secret = clients.secretsmanager.create_secret(
        Name=f"keys-{uuid.uuid4().hex}",
        SecretString=json.dumps({"keys": [{"kid": "k1", "seed": SEED, "createdAt": times.iso(time.time())}]}),
    )
    worker = start(SIGNING_KEYS_SECRET_ARN=secret["ARN"])
    world.add_endpoint(receiver.url(), asymmetric=True)
    event = world.add_event(b'{"type":"invoice.paid","card":"4242"}')

    # When the worker gets its message, beside one that is none
    fan_out = write(FanOut(tenant_id=world.tenant, event_id=event.event_id))
    answer = worker.handler({"Records": [record(fan_out, "m1"), record("broken", "m2")]}, lambda_context(60))

    # Then the broken one comes back, and a message for the delivery is in the queue, in its tenant's group
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    message = received(clients.sqs, worker._environment.queue_url)
    assert message["Attributes"]["MessageGroupId"] == world.tenant
    assert worker.handler({"Records": [record(message["Body"], "m3")]}, lambda_context(60)) == {"batchItemFailures": []}

    # And the receiver can verify the key pair's signature
    [one] = receiver.received
    public = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SEED)).public_key().public_bytes_raw()
    verdict = StandardWebhooksEd25519Scheme().verify(
        request(one.body, dict(one.headers), int(time.time())), ["whpk_" + base64.b64encode(public).decode()]
    )
    assert verdict.scheme == "standard-webhooks-v1a"
    assert world.delivery(event).state is DeliveryState.DELIVERED

    # And logs and metrics tell of it, of its tenant, and nothing of its payload nor of the answer
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert "4242" not in output
    assert "xxxx" not in output
    assert any(line.get("correlation_id") == "correlation-1" and line.get("message") == "delivered" for line in lines)
    metrics = [line for line in lines if "_aws" in line]
    assert any(line.get("tenant") == world.tenant and line.get("Delivered") == [1.0] for line in metrics)
    assert all("provider" not in line for line in metrics)
    assert any("tenant" not in line and line.get("PipelineFailures") == [1.0] for line in metrics)
    assert all("event_id" not in line and "endpoint_id" not in line for line in metrics)


@pytest.mark.parametrize("switch", ["on", "off"])
def test_the_worker_sends_the_providers_payload_where_the_stack_says_so(start, clients, world, capsys, switch):
    # Given a webhook that the inbound pipeline archived and published
    inbound = World.build(clients)
    payload = b'{"amount":1.10,"card":"4242"}'
    assert inbound.process([inbound_message(envelope(body=payload))]).failures == {}
    (routed,) = inbound.routed()
    body = json.dumps({"v": 1, "kind": "inbound", "tenant": world.tenant, "event": routed})

    # When the worker gets it, as EventBridge puts it into its queue
    worker = start(ORIGINAL_PAYLOADS=switch)
    answer = worker.handler({"Records": [record(body, "m1")]}, lambda_context(60))

    # Then the tenant's event has the payload, or its place, and no log line has the payload
    fan_out = read(received(clients.sqs, worker._environment.queue_url)["Body"])
    _, content = world.events.read(world.tenant, fan_out.event_id)
    assert answer == {"batchItemFailures": []}
    assert content.endswith(payload + b"}") is ("source" in json.loads(content)) is (switch == "on")
    assert "4242" not in capsys.readouterr().out


def test_what_is_delivered_of_the_inbound_stack_is_counted_by_provider_too(start, clients, world, receiver, capsys):
    routed = {"source": "webhooks", "detail": {"provider": "stripe", "eventId": "evt_1"}}
    body = json.dumps({"v": 1, "kind": "inbound", "tenant": world.tenant, "event": routed})
    world.add_endpoint(receiver.url())
    worker = start()
    worker.handler({"Records": [record(body)]}, lambda_context(60))
    for _ in ("fan-out", "delivery"):
        message = received(clients.sqs, worker._environment.queue_url)
        worker.handler({"Records": [record(message["Body"])]}, lambda_context(60))
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = {(one.get("tenant"), one.get("provider")) for one in metrics if one.get("Delivered") == [1.0]}
    assert counted == {(None, None), (world.tenant, None), (world.tenant, "stripe")}


def test_a_message_is_delayed_for_whole_seconds_and_never_comes_early(clients, delivery_queue):
    message = Deliver(tenant_id="acme", event_id="evt_1", endpoint_id="ep_1", version=1)
    now = time.time()
    DeliveryQueue(clients.sqs, delivery_queue).send(message, 1.5)
    assert read(received(clients.sqs, delivery_queue)["Body"]) == message
    assert time.time() - now >= 1.5


def test_a_chain_that_is_too_long_sends_no_message(clients, delivery_queue):
    queue = DeliveryQueue(clients.sqs, delivery_queue)
    messages = [
        Deliver(tenant_id="acme", event_id="evt_1", endpoint_id="ep_1", version=1, hops=hops)
        for hops in (MAX_HOPS + 1, MAX_HOPS)
    ]
    for message in messages:
        queue.send(message)
    assert read(received(clients.sqs, delivery_queue)["Body"]) == messages[1]


def test_the_sweeper_hands_out_what_is_due_and_says_what_it_found(cold_start, clients, world, delivery_queue, capsys):
    # Given an event that lost its message
    event = world.add_event()
    world.clock.now -= GRACE_SECONDS
    lost = world.add_event(event_id="evt_00000000000000000000000077")
    variables = {
        "ENDPOINTS_TABLE": f"{world.name}-endpoints",
        "EVENTS_TABLE": f"{world.name}-events",
        "QUEUE_URL": delivery_queue,
        "OPERATIONS_BUS": "operations",
    }

    # When the sweeper is invoked, twice
    for _ in range(2):
        cold_start("delivery_sweeper", **variables).handler({}, lambda_context(60))

    # Then there is one message of it, and none of the other one
    found = []
    while (found_one := maybe_received(clients.sqs, delivery_queue)) is not None:
        found.append(read(found_one["Body"]))
    ours = [message for message in found if message.tenant_id == world.tenant]
    assert ours == [FanOut(tenant_id=world.tenant, event_id=lost.event_id)]
    assert event.event_id not in {message.event_id for message in ours}

    # And the metrics say so
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    first, second = [line for line in lines if "_aws" in line and "LostMessages" in line]
    assert first["LostMessages"][0] >= 1
    assert first["OldestOverdue"][0] >= GRACE_SECONDS - 1
    assert second["OldestOverdue"] == [0]
    assert (first["UnfinishedSweeps"], second["LostMessages"]) == ([0], [0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"QUEUE_URL": ""}, "QUEUE_URL is not set"),
        ({"RETRY_SCHEDULE": "bad"}, "retry schedule 'bad', expected one of"),
        ({"ENDPOINT_RULES": "bad"}, "ENDPOINT_RULES is 'bad', expected"),
    ],
)
def test_a_worker_with_a_wrong_setting_does_not_start(start, changes, told):
    with pytest.raises((RuntimeError, ValueError), match=told):
        start(**changes)


# --- the receiver ---------------------------------------------------------------------------------------------------


def receive(handler, endpoint, body, query=None, **changes):
    tenant = changes.pop("tenant", endpoint.tenant_id)
    headers = signature_headers(endpoint, changes.pop("event_id", "evt_1"), body, time.time())
    event = api_gateway_event(
        path="/receiver/x/y",
        body=changes.pop("sent", body),
        headers={**headers, **changes},
        query=query,
        path_parameters={"tenantId": tenant, "endpointId": endpoint.endpoint_id},
    )
    answer = handler(event, lambda_context(29))
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_the_receiver_verifies_with_the_endpoint_s_secrets_and_simulates_faults(cold_start, tables, world):
    handler = cold_start("delivery_receiver", ENDPOINTS_TABLE=f"{tables}-endpoints").handler
    endpoint = world.add_endpoint("https://hooks.example.com/")
    body = b'{"type":"a"}'

    status, said, _ = receive(handler, endpoint, body)
    assert (status, said["verified"], said["eventId"], said["seenBefore"]) == (200, True, "evt_1", False)
    assert receive(handler, endpoint, body)[1]["seenBefore"] is True
    assert receive(handler, endpoint, body, sent=b'{"type":"b"}')[0] == 401
    assert receive(handler, endpoint, body, tenant="another")[0] == 404
    assert receive(handler, endpoint, body, {"explode": "1"})[0] == 400

    status, _, headers = receive(handler, endpoint, body, {"status": "503", "retry-after": "7"})
    assert (status, headers["Retry-After"]) == (503, "7")
    status, _, headers = receive(handler, endpoint, body, {"status": "302", "location": "http://169.254.169.254/"})
    assert (status, headers["Location"]) == (302, "http://169.254.169.254/")
    assert receive(handler, endpoint, body, {"drip": "5", "truncate": ""})[1]["notSimulatedHere"] == [
        "drip",
        "truncate",
    ]
    # The first attempt of an id is taken and answered as if it were not, so that a second one comes.
    statuses = [receive(handler, endpoint, body, {"duplicate": ""}, event_id="evt_2")[0] for _ in range(2)]
    assert statuses == [500, 200]


BAD_FAULTS = [
    {"status": "99"},
    {"status": "x"},
    {"delay": "60"},
    {"delay": "-1"},
    {"delay": "nan"},
    {"size": "1e9"},
    {"a": "1"},
]


@pytest.mark.parametrize("query", BAD_FAULTS)
def test_a_fault_that_is_none_is_named(query):
    with pytest.raises(UnknownFaultError, match=next(iter(query))):
        read_fault(query)


def test_a_flaky_receiver_fails_the_share_that_is_asked_for():
    fault = Fault(status=500, fail=30)
    failed = sum(fault.status_for(f"evt_{number}", "1", seen_before=False) == 500 for number in range(5_000))
    assert 0.25 < failed / 5_000 < 0.35
