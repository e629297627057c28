"""The preset ``ordered``: what was accepted first is routed first, and a failure holds up nobody else."""

import json
import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.chaos import Killer, deliver
from tests.e2e.faults import no_archive_grant, send_at_once
from tests.e2e.observe import await_state, waiting
from tools.local.calls import wait_for
from tools.local.downstream import receive_events
from tools.senders import webhook

# One deployment for all that look at it.
pytestmark = pytest.mark.xdist_group("project")

# Subscriber of each provider, as the environment's settings name them.
SUBSCRIBERS = {"stripe": "orders", "github": "code", "generic": "shop"}
EVENTS_OF_A_PROVIDER = 200
FIRST_NUMBER = 200_000
SENT_AGAIN = 0.2
REQUESTS_FOR_EACH_KILL = 30
# Longer than the 12 s after which a message is received again: a message that is given up would be out of order.
REST_SECONDS = 20


def make(stack, provider, number):
    return webhook(provider, number, stack.secrets[provider], int(time.time()))


def receive(stack, provider):
    """Return the transactions and sequence numbers of the events that came to a provider's subscriber, in order."""
    events = receive_events(stack.aws, stack.outputs["subscriber_queue_urls"][SUBSCRIBERS[provider]])
    return [(event["detail"]["transactionId"], event["detail"]["sequence"]) for event in events]


def test_events_are_routed_in_the_order_in_which_they_were_accepted(ordered, report):
    # Given three providers that each send 200 events, one after the other, and some of those again later
    chance = random.Random(20_261_122)
    killer = Killer(ordered, chance, REQUESTS_FOR_EACH_KILL, rest=REST_SECONDS)
    numbers = range(FIRST_NUMBER, FIRST_NUMBER + EVENTS_OF_A_PROVIDER)

    def send_all(provider):
        own_chance = random.Random(provider)
        for number in numbers:
            deliver(ordered, make(ordered, provider, number), killer)
            if own_chance.random() < SENT_AGAIN:
                earlier = own_chance.randint(FIRST_NUMBER, number)
                deliver(ordered, make(ordered, provider, earlier), killer)

    # When they do so at the same time, while functions are killed
    started = time.monotonic()
    with ThreadPoolExecutor(len(SUBSCRIBERS)) as pool:
        list(pool.map(send_all, SUBSCRIBERS))
    wait_for("the queue to drain", lambda: True if waiting(ordered, "queue_url") == 0 else None, 400)
    settled = time.monotonic() - started

    # Then each provider's subscriber got them in that order
    seen = defaultdict(list)
    wanted = {provider: [make(ordered, provider, n).transaction_id for n in numbers] for provider in SUBSCRIBERS}

    def complete():
        for provider in SUBSCRIBERS:
            seen[provider] += receive(ordered, provider)
        return True if all({t for t, _ in seen[p]} >= set(wanted[p]) for p in SUBSCRIBERS) else None

    wait_for("the subscribers to get every event", complete, 120)
    for provider, events in seen.items():
        first = dict(reversed(events))
        assert list(dict.fromkeys(transaction for transaction, _ in events)) == wanted[provider]
        # and the sequence that each carries says so too
        assert list(first) != []
        assert sorted(first.values()) == [first[transaction] for transaction in wanted[provider]]
    again = sum(len(events) for events in seen.values()) - 3 * EVENTS_OF_A_PROVIDER
    report(
        f"ordered: {3 * EVENTS_OF_A_PROVIDER} events of 3 providers and their retries, settled after {settled:.0f} s; "
        f"killed {dict(killer.killed)}; order kept for each provider; {again} routed again after a kill"
    )
    assert len(killer.killed) == 2, "no function of one kind was killed, so that nothing was shown for it"


def test_a_poisoned_event_parks_its_provider_and_no_other(ordered):
    # Given a poisoned Stripe event, five healthy ones behind it, and GitHub's
    stripe = [make(ordered, "stripe", FIRST_NUMBER + 900 + index) for index in range(6)]
    github = [make(ordered, "github", FIRST_NUMBER + 900 + index) for index in range(3)]
    poisoned, healthy = stripe[0], [item.transaction_id for item in stripe[1:]]
    event_id = json.loads(poisoned.body)["id"]

    # When
    with no_archive_grant(ordered, [event_id]):
        answers = send_at_once(ordered, [*stripe, *github])
        assert [answer.status_code for answer in answers] == [202] * 9
        routed = await_transactions(ordered, "github", {item.transaction_id for item in github})

        # Then GitHub's are routed while Stripe's wait
        assert routed == [item.transaction_id for item in github]
        assert receive(ordered, "stripe") == []
        assert ordered.status(poisoned.transaction_id)["state"] == "PROCESSING"

        # and when the poisoned one had its three receives, those behind it are routed, in order
        assert await_transactions(ordered, "stripe", set(healthy)) == healthy
        dead = await_state(ordered, poisoned.transaction_id, "DEAD_LETTERED")
    assert dead["events"][0]["lastFailure"]["receiveCount"] == 3

    # and none of them went with it
    states = {transaction: await_state(ordered, transaction, "ROUTED")["state"] for transaction in healthy}
    assert set(states.values()) == {"ROUTED"}

    # and what was given up can be replayed
    answer = ordered.call("POST", "/internal/replay", {"eventIds": [f"stripe:{event_id}"]})
    assert answer.json()["replayed"] == [f"stripe:{event_id}"]
    await_state(ordered, poisoned.transaction_id, "ROUTED")
    assert await_transactions(ordered, "stripe", {poisoned.transaction_id}) == [poisoned.transaction_id]


def await_transactions(stack, provider, wanted):
    """Return the transactions that come to a provider's subscriber, in order, once all that are wanted came."""
    came = []

    def look():
        came.extend(transaction for transaction, _ in receive(stack, provider))
        return True if wanted <= set(came) else None

    wait_for(f"the subscriber of {provider}", look, 120)
    return came
