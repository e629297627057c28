"""The preset ``burst``: what API Gateway answers by itself, before any function runs."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests

from tests.e2e.observe import await_routed, await_state, log_lines, waiting
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.senders import webhook

# One deployment for all that look at it.
pytestmark = pytest.mark.xdist_group("project")

FIRST_NUMBER = 300_000
FLOOD = 300
# At once; each of ingestion's reserved executions takes one or more.
SENDERS = 8


@pytest.fixture(scope="module")
def subscribed(burst):
    downstream = Downstream.subscribe(burst)
    yield downstream
    downstream.unsubscribe()


def make(stack, number, provider="generic"):
    return webhook(provider, number, stack.secrets[provider], int(time.time()))


def post(stack, sent, **headers):
    """Send a webhook with exactly these headers besides its own."""
    return requests.post(
        stack.base_url + sent.path,
        data=sent.body,
        headers={**sent.headers, **{name.replace("_", "-"): value for name, value in headers.items()}},
        verify=str(stack.aws.certificate_authority),
        timeout=60,
    )


def taken(stack):
    """Return how many webhooks came to ingestion, which takes several of the ingest queue at once."""
    lines = log_lines(stack, "ingestion")
    return sum("webhook accepted" in line or "webhook refused" in line for line in lines)


def await_taken(stack, count):
    """Wait until as many came as should have; one too many shows in the number returned."""
    wait_for("ingestion's log", lambda: True if taken(stack) >= count else None, 120)
    return taken(stack)


@pytest.mark.parametrize("provider", ["generic", "generic-timestamped"])
def test_a_webhook_with_the_key_is_routed(burst, subscribed, provider):
    sent = make(burst, FIRST_NUMBER + len(provider), provider)

    answer = burst.post(sent)

    assert answer.status_code == 202
    await_routed(subscribed, [sent.transaction_id])
    assert await_state(burst, sent.transaction_id, "ROUTED")["events"][0]["provider"] == provider


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "wrong"}, {"x_api_key": ""}], ids=["none", "wrong", "empty"])
def test_without_the_key_it_does_not_come_to_ingestion(burst, headers):
    before = taken(burst)

    answer = post(burst, make(burst, FIRST_NUMBER + 100), **headers)

    assert answer.status_code == 403
    # One that does run comes after it, so that the count cannot be read too early.
    assert burst.post(make(burst, FIRST_NUMBER + 101)).status_code == 202
    assert await_taken(burst, before + 1) == before + 1


@pytest.mark.parametrize("missing", ["X-Provider-ID", "X-Webhook-Signature"])
def test_without_a_required_header_it_does_not_come_to_ingestion(burst, missing):
    before = taken(burst)
    whole = make(burst, FIRST_NUMBER + 200)
    headers = {name: value for name, value in whole.headers.items() if name != missing}

    answer = burst.post(replace(whole, headers=headers))

    assert answer.status_code == 400
    assert burst.post(make(burst, FIRST_NUMBER + 201)).status_code == 202
    assert await_taken(burst, before + 1) == before + 1


def test_over_the_throttle_it_does_not_come_to_ingestion(burst, report):
    # Given a throttle of 10 requests/s with a burst of 20, which a busy machine too is faster than
    before = taken(burst)

    # When 300 requests come at once
    started = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        answers = list(pool.map(lambda number: burst.post(make(burst, number)), range(400_000, 400_000 + FLOOD)))
    seconds = time.monotonic() - started

    # Then those over it hear 429 with the time to wait
    kinds = Counter((answer.status_code, answer.json().get("error", "")) for answer in answers)
    throttled = [answer for answer in answers if answer.json().get("error") == "too many requests, try again"]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in throttled} == {(429, "1")}
    # and the others only came to the ingest queue; MiniStack takes what Lambda throttles from it again minutes later
    ran = sum(count for (status, _), count in kinds.items() if status == 202)
    wait_for(
        "each to be in the ingest queue or taken from it",
        lambda: True if taken(burst) - before + waiting(burst, "inbox_url") == ran else None,
        60,
    )
    assert set(kinds) == {(202, ""), (429, "too many requests, try again")}
    assert ran <= 20 + 10 * (seconds + 1)
    report(f"burst: {FLOOD} requests in {seconds:.1f} s over a throttle of 10/s: {dict(kinds)}")


def test_the_key_is_sensitive(burst):
    printed = burst.workspace.run("output")

    assert burst.outputs["api_key"] not in printed
    assert "api_key = <sensitive>" in printed
