"""Deliveries while workers are killed at random: none is lost, and none is sent twice without a crash to explain it."""

import random
import time
from collections import Counter
from contextlib import ExitStack

from lambdas.delivery_receiver.faults import Fault
from modules.constructs.naming import DELIVERY_PREFIX, Names
from tests.e2e.chaos import kill_one_of
from tests.e2e.delivery import refused_url
from tools.local.calls import wait_for
from tools.local.faulty_receiver import FaultyReceiver

EVENTS, TENANTS, KILLS = 120, ("one", "two", "three"), 6
# A killed worker's messages come again after so long, instead of three minutes.
VISIBILITY_SECONDS = 20
# What lost its message to a kill is found after ten minutes.
SETTLE_SECONDS = 900


def flaky():
    """Return a behaviour that fails the first attempt of some deliveries; the next comes after five seconds."""
    seen: set[str] = set()

    def decide(received):
        event_id = received.headers["webhook-id"]
        first = event_id not in seen
        seen.add(event_id)
        return Fault(status=500 if first and event_id[-1] in "0123456789" else 200)

    return decide


def test_every_delivery_ends_where_it_says_why_whatever_is_killed(delivery, report):
    # Given three tenants with five endpoints: three good ones, one flaky, one dead
    chance = random.Random(20_261_124)
    # A killed worker's messages come again sooner than a quarter of an hour.
    delivery.aws.client("sqs").set_queue_attributes(
        QueueUrl=delivery.outputs["queue_url"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    )
    worker = Names(delivery.environment, DELIVERY_PREFIX)("worker")
    tenants = {name: delivery.make_tenant(name) for name in TENANTS}
    with ExitStack() as running:
        good = {name: running.enter_context(FaultyReceiver()) for name in TENANTS}
        unsteady = running.enter_context(FaultyReceiver(decide=flaky()))
        living = {tenants[name].add_endpoint(good[name].url())["endpointId"]: good[name] for name in TENANTS}
        living[tenants["one"].add_endpoint(unsteady.url())["endpointId"]] = unsteady
        dead = tenants["two"].add_endpoint(refused_url())["endpointId"]

        # When they hand in events, and workers are killed on the way
        sent, killed = [], 0
        for number in range(EVENTS):
            name = TENANTS[number % len(TENANTS)]
            sent.append((name, tenants[name].send("invoice.paid", {"number": number})))
            if number % (EVENTS // KILLS) == EVENTS // KILLS - 1:
                killed += kill_one_of(delivery.aws, {worker}, chance) is not None

        # Then every delivery to an endpoint that lives arrives, and every other says why it did not
        def unsettled() -> list[str]:
            return [event_id for name, event_id in sent if not settled(tenants[name].event(event_id), dead)]

        started = time.monotonic()
        wait_for("every delivery to settle", lambda: None if unsettled() else True, SETTLE_SECONDS)
        found = [tenants[name].event(event_id) for name, event_id in sent]
        states = Counter(each["state"] for event in found for each in event["deliveries"])
        receipts = Counter(
            (endpoint_id, event_id)
            for endpoint_id, receiver in living.items()
            for event_id, times in receiver.accepted.items()
            for _ in range(times)
        )
        expected = {
            (each["endpointId"], event["eventId"])
            for event in found
            for each in event["deliveries"]
            if each["endpointId"] != dead
        }
        assert set(receipts) == expected
        again = sum(times - 1 for times in receipts.values())
        report(
            f"delivery chaos: {EVENTS} events, {sum(states.values())} deliveries ({dict(states)}), {killed} workers "
            f"killed, {again} accepted more than once, settled {time.monotonic() - started:.0f} s after the last event"
        )
        # More than once only where a crash fell between the answer and its recording: a batch each at most.
        assert killed > 0
        assert again <= killed * 10


def settled(event, dead):
    """Tell whether an event's deliveries are delivered, or, to the dead endpoint, wait with a reason."""
    deliveries = event["deliveries"]
    return bool(deliveries) and all(
        each["state"] == "DELIVERED" or (each["endpointId"] == dead and (each["reason"] or each["nextAttemptAt"]))
        for each in deliveries
    )
