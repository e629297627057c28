"""The load test: many webhooks at once, a third of them duplicates, while functions are killed.

One test serves function and direct integration, so both are held to the same.
"""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

from lambdas.inbound.archive import read_payload
from lambdas.shared.dynamodb import from_item
from tests.e2e.chaos import Killer, deliver
from tests.e2e.observe import payloads, records, waiting
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.local.stack import LocalStack
from tools.senders import providers, webhook

DISTINCT = 667
TOTAL = 1_000
SENDERS = 6
FIRST_NUMBER = 100_000
REQUESTS_FOR_EACH_KILL = 25
DRAIN_SECONDS = 400
OUTAGE = slice(450, 550)


def withstand(
    stack: LocalStack,
    downstream: Downstream,
    report: Callable[[str], None],
    *,
    queues: Sequence[str],
    outage: AbstractContextManager[None] | None = None,
) -> Counter[int]:
    """Send 1,000 webhooks, show that none is lost and none recorded twice, and count the answers by status.

    Parameters
    ----------
    queues : Sequence[str]
        Outputs with the URLs of the queues that must drain, in the order in which an event passes through them: what
        goes from one to the next is seen in one of them then.
    outage : AbstractContextManager[None] | None
        What fails while a part is sent. The API must answer meanwhile, since the senders wait for it.
    """
    # Given 667 distinct events of every provider, and 333 duplicates of some of them, shuffled
    chance = random.Random(20_261_122)
    kinds = providers()
    numbers = list(range(FIRST_NUMBER, FIRST_NUMBER + DISTINCT))
    sending = numbers + chance.sample(numbers, TOTAL - DISTINCT)
    chance.shuffle(sending)

    def make(number):
        provider = kinds[number % len(kinds)]
        return webhook(provider, number, stack.secrets[provider], int(time.time()))

    downstream.receive()

    # When they are sent by several senders at once while functions are killed
    killer = Killer(stack, chance, REQUESTS_FOR_EACH_KILL)
    started = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:

        def send(part):
            return list(pool.map(lambda number: deliver(stack, make(number), killer), part))

        answers = send(sending[: OUTAGE.start])
        with outage or nullcontext():
            answers += send(sending[OUTAGE])
        answers += send(sending[OUTAGE.stop :])
    sent_after = time.monotonic() - started

    await_drained(stack, queues)
    # and an operator replays what a third kill in a row dead-lettered
    replayed = replay_dead_letters(stack)
    await_drained(stack, queues)
    drained_after = time.monotonic() - started

    # Then each distinct event has one record, and none is missing
    expected = {make(number).transaction_id: make(number).body for number in numbers}
    found = [item for item in records(stack) if item.get("transaction", {}).get("S") in expected]
    assert Counter(item["transaction"]["S"] for item in found) == Counter(list(expected))
    assert {item["state"]["S"] for item in found} == {"ROUTED"}
    # and the exact bytes where its record says; what came again, or was in a batch that did, may lie there once more
    s3, bucket = stack.aws.client("s3"), stack.outputs["bucket_name"]
    for item in map(from_item, found):
        assert read_payload(s3, bucket, item["archive"]) == expected[item["transaction"]]
    archived = Counter(hashlib.sha256(body).hexdigest() for body in payloads(stack))
    assert all(archived[hashlib.sha256(body).hexdigest()] for body in expected.values())
    # and at least one routed event
    routed = Counter()
    wait_for("every event to be routed", lambda: collect(downstream, routed, expected), 120)
    twice = {transaction: count for transaction, count in routed.items() if count > 1 and transaction in expected}
    statuses = Counter(status for tries in answers for status in tries)
    load = f"load on {stack.environment}"
    report(
        f"{load}: {TOTAL} webhooks, {DISTINCT} distinct, from {SENDERS} senders in {sent_after:.0f} s, "
        f"settled after {drained_after:.0f} s"
    )
    report(f"{load}: answers {dict(statuses)}; killed {dict(killer.killed)}; dead-lettered and replayed {replayed}")
    kept = sum(archived[hashlib.sha256(body).hexdigest()] for body in expected.values())
    missing = len(expected.keys() - routed.keys())
    report(
        f"{load}: records {len(found)}, payloads archived {kept} times, "
        f"routed events {sum(routed[key] for key in expected)} ({len(twice)} events more than once), missing {missing}"
    )
    assert len(killer.killed) == 2, "no function of one kind was killed, so that nothing was shown for it"
    return statuses


def await_drained(stack, queues):
    left = {}

    def look():
        left.update((queue, waiting(stack, queue)) for queue in queues)
        return None if any(left.values()) else True

    try:
        wait_for("the queues to drain", look, DRAIN_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {left}") from error


def replay_dead_letters(stack):
    replayed = 0
    for item in records(stack):
        if item["state"]["S"] == "DEAD_LETTERED":
            event = f"{item['provider']['S']}:{item['eventId']['S']}"
            answer = stack.call("POST", "/internal/replay", {"eventIds": [event]})
            assert answer.json()["replayed"] == [event]
            replayed += 1
    return replayed


def collect(downstream, routed, expected):
    routed.update(event["detail"]["transactionId"] for event in downstream.receive())
    return True if expected.keys() <= routed.keys() else None
