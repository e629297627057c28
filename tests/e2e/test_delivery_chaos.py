"""Deliveries while workers and sweepers are killed: none is lost, and none comes twice without a kill to explain it."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from lambdas.delivery_receiver.faults import Fault
from modules.constructs.naming import DELIVERY_PREFIX, Names
from tests.e2e.chaos import kill_one_of
from tests.e2e.delivery import refused_url
from tools.local.calls import wait_for
from tools.local.faulty_receiver import FaultyReceiver

EVENTS, TENANTS, SENDERS = 500, ("one", "two", "three"), 3
EVENTS_FOR_EACH_KILL = 20
# A killed worker's messages come again after so long, instead of three minutes.
VISIBILITY_SECONDS = 20
# A wait of more than 150 seconds has no message: only a sweeper knows of it.
FLAKY, FLAKY_SECONDS = 50, 155
# What lost its message to a kill is found after ten minutes.
SETTLE_SECONDS = 900


def flaky():
    """Return a behaviour that fails the first attempt of some of the first deliveries, so few that no breaker opens."""
    seen: set[str] = set()

    def decide(received):
        event_id = received.headers["webhook-id"]
        first = event_id not in seen
        seen.add(event_id)
        if first and len(seen) <= FLAKY and event_id[-1] in "0123456789":
            return Fault(status=500, retry_after=str(FLAKY_SECONDS))
        return Fault()

    return decide


def test_every_delivery_ends_where_it_says_why_whatever_is_killed(delivery, report):
    # Given three tenants with five endpoints: three good ones, one flaky, one dead
    chance = random.Random(20_261_124)
    delivery.aws.client("sqs").set_queue_attributes(
        QueueUrl=delivery.outputs["queue_url"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    )
    tenants = {name: delivery.make_tenant(name) for name in TENANTS}
    with ExitStack() as running:
        good = {name: running.enter_context(FaultyReceiver()) for name in TENANTS}
        unsteady = running.enter_context(FaultyReceiver(decide=flaky()))
        living = {tenants[name].add_endpoint(good[name].url())["endpointId"]: good[name] for name in TENANTS}
        living[tenants["one"].add_endpoint(unsteady.url())["endpointId"]] = unsteady
        dead = tenants["two"].add_endpoint(refused_url())["endpointId"]

        # When they hand in events, and workers and sweepers are killed on the way
        began = time.monotonic()
        sent: list[tuple[str, str]] = []
        killed: Counter[str] = Counter()
        with ThreadPoolExecutor(SENDERS) as senders:
            names = [TENANTS[number % len(TENANTS)] for number in range(EVENTS)]
            for one in senders.map(lambda name: (name, tenants[name].send("invoice.paid")), names):
                sent.append(one)
                if len(sent) % EVENTS_FOR_EACH_KILL == 0:
                    killed += kill(delivery, ("worker", "sweeper")[len(sent) // EVENTS_FOR_EACH_KILL % 2], chance)
        accepted = time.monotonic()

        # Then every delivery to an endpoint that lives arrives, and every other says why it did not
        found: list[dict[str, Any]] = []

        def all_settled() -> bool | None:
            while len(found) < len(sent):
                name, event_id = sent[len(found)]
                event = tenants[name].event(event_id)
                if not settled(event, dead):
                    return None
                found.append(event)
            return True

        wait_for("every delivery to settle", all_settled, SETTLE_SECONDS)
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
            f"delivery chaos: {EVENTS} events in {accepted - began:.0f} s, {sum(states.values())} deliveries "
            f"({dict(states)}), killed {dict(killed)}, {again} accepted more than once, "
            f"settled {time.monotonic() - accepted:.0f} s after the last event"
        )
        # More than once only where a crash fell between the answer and its recording: a batch each at most.
        assert killed["worker"] > 0
        assert killed["sweeper"] > 0
        assert again <= killed["worker"] * 10


def kill(delivery, part, chance):
    """Kill one of the workers, or the sweeper in a sweep, and return how many of which were killed."""
    function = Names(delivery.environment, DELIVERY_PREFIX)(part)
    if part == "sweeper":
        delivery.aws.client("lambda").invoke(FunctionName=function, InvocationType="Event")
        time.sleep(chance.uniform(0.0, 0.5))
    return Counter({part: int(kill_one_of(delivery.aws, {function}, chance) is not None)})


def settled(event, dead):
    """Tell whether an event's deliveries are delivered, or, to the dead endpoint, wait with a reason."""
    deliveries = event["deliveries"]
    return bool(deliveries) and all(
        each["state"] == "DELIVERED" or (each["endpointId"] == dead and (each["reason"] or each["nextAttemptAt"]))
        for each in deliveries
    )
