"""The simulation against the deployed stack: the same settings, read from the same file, and the same arrivals.

MiniStack has neither AWS's ramp nor its quotas, so that these parts of the model are not checked here. Checked are the
throttle, and how batches, concurrency and duration make a backlog drain.
"""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from tests.e2e.observe import log_events, waiting
from tools.estimate.simulate.deployment import read
from tools.estimate.simulate.model import Load, Model
from tools.estimate.simulate.platform import AWS
from tools.estimate.simulate.timing import Timing
from tools.estimate.synthesized import Stack
from tools.local.calls import wait_for
from tools.senders import webhook

# One deployment for all that look at it.
pytestmark = pytest.mark.xdist_group("project")

FLOOD, FIRST_NUMBER = 300, 500_000
# As many as ingestion has reserved executions: Lambda throttles none of them, so that every 429 is the gateway's.
SENDERS = 8
# Percentage points: a request is throttled some milliseconds after it was sent, which the model does not know.
THROTTLE_TOLERANCE = 0.03
BACKLOG, BACKLOG_NUMBER = 160, 510_000
# Durations are logged to the millisecond, and the log's time is taken when an invocation has ended.
LOG_SECONDS = 0.1
UNLIMITED = 1e9
MINISTACK = replace(
    AWS,
    gateway_rate=UNLIMITED,
    gateway_burst=UNLIMITED,
    account_concurrency=10**6,
    scaling=UNLIMITED,
    account_rate=0.0,
    function_rate=0.0,
    # It has as many batches at once as the mapping allows, from the first message on, and none waits for the next.
    pollers=AWS.most_pollers,
    poll_s=0.0,
)


@dataclass(frozen=True)
class Sent:
    at: float
    status: int


@pytest.fixture(scope="module")
def deployment(burst):
    """The settings as they were synthesized for the stack that runs."""
    return read(Stack(json.loads((burst.workspace.folder / "cdk.tf.json").read_text(encoding="utf-8"))))


def send(stack, number, since):
    sent = webhook("generic", number, stack.secrets["generic"], int(time.time()))
    at = time.monotonic() - since
    return Sent(at, stack.post(sent).status_code)


def flood(stack, count, first):
    since = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(lambda number: send(stack, number, since), range(first, first + count)))


def test_the_same_arrivals_are_throttled_alike(burst, deployment, report):
    # Given a throttle that has not been used for as long as it takes to refill, which nothing tells
    assert (deployment.throttle_rate, deployment.throttle_burst) == (10, 20)
    time.sleep(deployment.throttle_burst / deployment.throttle_rate)

    # When many requests come at once, here and in the model
    answers = flood(burst, FLOOD, FIRST_NUMBER)
    arrivals = [answer.at for answer in answers]

    # Then as many come through the throttle
    assert {answer.status for answer in answers} == {202, 429}
    here, there = sum(answer.status == 202 for answer in answers) / FLOOD, let_through(deployment, arrivals)
    report(f"simulation: {here:.1%} of {FLOOD} requests accepted, {there:.1%} in the model")
    assert there == pytest.approx(here, abs=THROTTLE_TOLERANCE)
    # and not with any other throttle
    assert let_through(replace(deployment, throttle_rate=30.0), arrivals) != pytest.approx(here, abs=THROTTLE_TOLERANCE)
    assert let_through(replace(deployment, throttle_burst=60.0), arrivals) != pytest.approx(
        here, abs=THROTTLE_TOLERANCE
    )


def let_through(deployment, arrivals):
    """Return the share that the model lets through; senders wait here for executions, of which each has one."""
    ready = replace(deployment, ingestion_reserved=len(arrivals))
    at_once = Timing(ingestion=0, batch=0, event=0, cold_start=0)
    return Model(ready, at_once, MINISTACK, only_ingestion=True).run(Load(arrivals=arrivals)).total("accepted") / FLOOD


def test_a_backlog_drains_as_fast(burst, deployment, report):
    # Given a backlog that nobody works on
    functions = burst.aws.client("lambda")
    mapping = functions.list_event_source_mappings(FunctionName=f"webhook-processing-{burst.environment}")
    uuid = mapping["EventSourceMappings"][0]["UUID"]
    wait_for("the queue to be empty", lambda: True if waiting(burst, "queue_url") == 0 else None, 120)
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        number = BACKLOG_NUMBER
        while (waits := waiting(burst, "queue_url")) < BACKLOG:
            flood(burst, BACKLOG - waits, number)
            number += BACKLOG
        before = len(spans(burst, "processing"))
    finally:
        # When it is worked on
        functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_for("the backlog to drain", lambda: True if waiting(burst, "queue_url") == 0 else None, 120)
    # MiniStack makes a batch of each receive, of ten messages at most. The window lets the model's backlog gather.
    deployment = replace(deployment, batch_size=10, window_s=0.001)
    count = BACKLOG // deployment.batch_size
    batches = wait_for("the log", lambda: logged(burst, "processing", before, count), 30)
    assert len(batches) == count
    here = max(batch.end for batch in batches) - min(batch.start for batch in batches)

    # Then the model, told only how long a batch takes, says how long that takes, if no batch waits for another's end
    mean = sum(batch.end - batch.start for batch in batches) / count
    timing = Timing(ingestion=0, batch=mean, event=0, cold_start=0, spread=0)
    there, alone = drained(deployment, timing), drained(replace(deployment, maximum_concurrency=1), timing)
    report(
        f"simulation: {BACKLOG} events drained in {here:.2f} s, {there:.2f} s in the model, {alone:.2f} s in one that "
        "has one batch at a time"
    )
    assert there - LOG_SECONDS < here < alone


def drained(deployment, timing):
    unthrottled = replace(deployment, throttle_rate=UNLIMITED, throttle_burst=UNLIMITED, ingestion_reserved=10**6)
    outcome = Model(unthrottled, timing, MINISTACK).run(Load(arrivals=[0.0] * BACKLOG))
    assert outcome.routed == BACKLOG
    return outcome.last_routed_at


@dataclass(frozen=True)
class Span:
    """When an invocation began and ended, in seconds since the epoch."""

    start: float
    end: float


def spans(stack, function):
    """Return the span of every invocation, as the platform reports it."""
    found = (
        (event["timestamp"], re.search(r"\bDuration: ([\d.]+) ms", event["message"]))
        for event in log_events(stack, function)
    )
    return [Span(at / 1000 - float(match[1]) / 1000, at / 1000) for at, match in found if match]


def logged(stack, function, before, count):
    found = sorted(spans(stack, function), key=lambda span: span.end)[before:]
    return found if len(found) >= count else None
