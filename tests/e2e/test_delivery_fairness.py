"""A dead tenant's pile of deliveries delays no healthy tenant on the deployed stack: shown small.

MiniStack keeps ``MessageGroupId`` on a standard queue and serves the oldest message first all the same: here nothing
but the breaker and each delivery's own wait keeps the pile out of the way. What the group adds in AWS is simulated, in
``tests/unit/test_delivery_fairness.py``; that each message has its tenant for a group is seen here.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from lambdas.delivery_receiver.faults import Fault
from modules.constructs.naming import DELIVERY_PREFIX, Names
from tests.e2e.delivery import QUIET_SECONDS
from tools.local.calls import wait_for
from tools.local.faulty_receiver import FaultyReceiver

EVENTS, DEAD_ENDPOINTS, HEALTHY_EVENTS, WORKERS = 200, 2, 10, 2
PILE = EVENTS * DEAD_ENDPOINTS
SENDERS = 4
NEVER_SECONDS = 3_600.0


def mapping_of(delivery):
    """Return the event source mapping that feeds the worker."""
    worker = Names(delivery.environment, DELIVERY_PREFIX)("worker")
    (mapping,) = delivery.aws.client("lambda").list_event_source_mappings(FunctionName=worker)["EventSourceMappings"]
    return mapping


@contextmanager
def workers(delivery, count):
    """Have so many workers at most, so that a pile is a long way, and give the stack its own number back."""
    functions, mapping = delivery.aws.client("lambda"), mapping_of(delivery)
    functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": count})
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=mapping["ScalingConfig"])


@contextmanager
def resting(delivery):
    """Keep the workers from being fed, so that what is sent gathers in the queue."""
    functions, mapping = delivery.aws.client("lambda"), mapping_of(delivery)
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def attempts_at_once(delivery):
    """Return how many attempts the stack makes at once, and the seconds that one may take."""
    mapping = mapping_of(delivery)
    worker = delivery.aws.client("lambda").get_function_configuration(FunctionName=mapping["FunctionArn"])
    seconds = float(worker["Environment"]["Variables"]["ATTEMPT_TIMEOUT"])
    return mapping["ScalingConfig"]["MaximumConcurrency"] * mapping["BatchSize"], seconds


def messages_of(delivery, tenant_id):
    """Return some of a tenant's messages that wait in the queue with their groups, and leave them there."""
    sqs, queue = delivery.aws.client("sqs"), delivery.outputs["queue_url"]
    taken = []

    def look():
        answer = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
        )
        taken.extend(answer.get("Messages", []))
        return [each for each in taken if json.loads(each["Body"]).get("tenant") == tenant_id] or None

    try:
        return wait_for(f"messages of {tenant_id}", look, QUIET_SECONDS)
    finally:
        for each in taken:
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)


def seconds_to_arrive(tenant, receiver, patience):
    """Send an event, and return how long it took to reach its receiver."""
    began = time.time()
    event_id = tenant.send("invoice.paid")

    def look():
        return next((one for one in list(receiver.received) if one.headers["webhook-id"] == event_id), None)

    return wait_for(f"{event_id} to reach the healthy endpoint", look, patience).at - began


def test_a_dead_tenants_pile_does_not_delay_a_healthy_tenant(delivery, report):
    healthy, dead = delivery.make_tenant("healthy"), delivery.make_tenant("dead")
    with ExitStack() as running:
        running.enter_context(workers(delivery, WORKERS))
        at_once, timeout = attempts_at_once(delivery)
        # What the pile would hold every worker for, if each of its deliveries were attempted until the deadline.
        holding = PILE * timeout / at_once
        # Given a healthy endpoint, and two of another tenant that take a request and never answer
        good = running.enter_context(FaultyReceiver())
        hanging = running.enter_context(FaultyReceiver(decide=lambda _: Fault(delay=NEVER_SECONDS)))
        made = [(healthy, healthy.add_endpoint(good.url()))]
        made += [(dead, dead.add_endpoint(hanging.url(f"/{number}"))) for number in range(DEAD_ENDPOINTS)]
        alone = sorted(seconds_to_arrive(healthy, good, holding) for _ in range(HEALTHY_EVENTS))

        # And a pile of the other tenant's deliveries, the first of which the workers have begun
        with resting(delivery), ThreadPoolExecutor(SENDERS) as senders:
            piled = list(senders.map(lambda number: dead.send("invoice.paid", {"number": number}), range(EVENTS)))
            waiting = messages_of(delivery, "dead")
            assert {each["Attributes"].get("MessageGroupId") for each in waiting} == {"dead"}
        wait_for("the pile to begin", lambda: hanging.received or None, holding)

        # When the healthy tenant sends its events, one when the one before has arrived
        beside = [seconds_to_arrive(healthy, good, holding) for _ in range(HEALTHY_EVENTS)]
        attempts = len(hanging.received)

        # Then all arrived before the pile could have had its turn, and while most of it had not had an attempt
        first, others = beside[0], sorted(beside[1:])
        report(
            f"delivery fairness: a dead tenant's {PILE} deliveries would hold all {at_once} attempts at once for "
            f"{holding:.0f} s; beside them the healthy tenant's first event took {first:.1f} s, the next "
            f"{others[len(others) // 2]:.1f} s in the middle and {others[-1]:.1f} s at most (alone: "
            f"{alone[len(alone) // 2]:.1f} s in the middle, {alone[-1]:.1f} s at most); {attempts} attempts of the pile"
        )
        assert len(piled) == EVENTS
        assert sum(beside) < holding
        assert attempts < PILE / 2
        for tenant, endpoint in made:
            tenant.ask("DELETE", f"/v1/endpoints/{endpoint['endpointId']}")
