"""The preset ``burst``: what API Gateway answers by itself, before any function runs."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
import requests

from tests.e2e.observe import await_routed, await_state, log_lines
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.senders import webhook

# One deployment for all that look at it.
pytestmark = pytest.mark.xdist_group("project")

FIRST_NUMBER = 300_000
numbers = count(100)
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


def came(stack):
    """Return how often each webhook came to ingestion, by its event's id, and how many more it refused."""
    lines = [
        json.loads(line)
        for line in log_lines(stack, "ingestion")
        if "webhook accepted" in line or "webhook refused" in line
    ]
    return Counter(line.get("event_id", "refused") for line in lines)


def event_id(sent):
    return json.loads(sent.body)["id"]


def await_came(stack, sent):
    """Wait until a webhook came to ingestion; return all that did."""
    return wait_for(
        "a webhook in ingestion's log", lambda: found if event_id(sent) in (found := came(stack)) else None, 120
    )


@pytest.mark.parametrize("provider", ["generic", "generic-timestamped"])
def test_a_webhook_with_the_key_is_routed(burst, subscribed, provider):
    sent = make(burst, FIRST_NUMBER + len(provider), provider)

    answer = burst.post(sent)

    assert answer.status_code == 202
    await_routed(subscribed, [sent.transaction_id])
    assert await_state(burst, sent.transaction_id, "ROUTED")["events"][0]["provider"] == provider


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "wrong"}, {"x_api_key": ""}], ids=["none", "wrong", "empty"])
def test_without_the_key_it_does_not_come_to_ingestion(burst, headers):
    refused, after = make(burst, FIRST_NUMBER + next(numbers)), make(burst, FIRST_NUMBER + next(numbers))

    answer = post(burst, refused, **headers)

    assert answer.status_code == 403
    # One that does run comes after it, so that the log cannot be read too early.
    assert burst.post(after).status_code == 202
    assert event_id(refused) not in await_came(burst, after)


@pytest.mark.parametrize("missing", ["X-Provider-ID", "X-Webhook-Signature"])
def test_without_a_required_header_it_does_not_come_to_ingestion(burst, missing):
    before = came(burst)["refused"]
    whole, after = make(burst, FIRST_NUMBER + next(numbers)), make(burst, FIRST_NUMBER + next(numbers))
    headers = {name: value for name, value in whole.headers.items() if name != missing}

    answer = burst.post(replace(whole, headers=headers))

    assert answer.status_code == 400
    assert burst.post(after).status_code == 202
    found = await_came(burst, after)
    assert (event_id(whole) in found, found["refused"]) == (False, before)


def test_over_the_throttle_it_does_not_come_to_ingestion(burst, report):
    # Given a throttle of 10 requests/s with a burst of 20, which a busy machine too is faster than
    flood = [make(burst, number) for number in range(400_000, 400_000 + FLOOD)]

    # When 300 requests come at once
    started = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        answers = list(pool.map(burst.post, flood))
    seconds = time.monotonic() - started

    # Then those over it hear 429 with the time to wait
    kinds = Counter((answer.status_code, answer.json().get("error", "")) for answer in answers)
    throttled = [answer for answer in answers if answer.json().get("error") == "too many requests, try again"]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in throttled} == {(429, "1")}
    # and only others come to ingestion; that none of those is lost is the load test's to tell
    ran = {event_id(sent) for sent, answer in zip(flood, answers, strict=True) if answer.status_code == 202}
    # One that comes after them, so that the log cannot be read too early.
    after = make(burst, 400_000 + FLOOD)
    wait_for("the throttle to let one through", lambda: burst.post(after).status_code == 202 or None, 60)
    found = await_came(burst, after).keys() & {event_id(sent) for sent in flood}
    assert found
    assert found <= ran
    assert set(kinds) == {(202, ""), (429, "too many requests, try again")}
    assert len(ran) <= 20 + 10 * (seconds + 1)
    report(f"burst: {FLOOD} requests in {seconds:.1f} s over a throttle of 10/s: {dict(kinds)}; {len(found)} came")


def test_the_key_is_sensitive(burst):
    printed = burst.workspace.run("output")

    assert burst.outputs["api_key"] not in printed
    assert "api_key = <sensitive>" in printed
