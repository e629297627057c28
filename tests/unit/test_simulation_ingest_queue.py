"""The simulation of an ingest queue, against what can be reckoned by hand; and of batches that Lambda throttles."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.unit.priced_stack import direct_stack
from tests.unit.test_simulation_parts import AT_ONCE, DEPLOYED, FREE, run
from tools.estimate.simulate.deployment import Feed, read
from tools.estimate.simulate.model import Load
from tools.estimate.simulate.needs import ingest_queue_limit, needs, request_limit
from tools.estimate.simulate.page import deployed
from tools.estimate.simulate.platform import AWS
from tools.estimate.simulate.timing import Timing

INGEST_QUEUE = Feed(batch_size=10, window_s=0, maximum_concurrency=50, timeout_s=30, visibility_s=300, max_receives=12)
DIRECT = replace(DEPLOYED, ingestion_reserved=50, ingest_queue=INGEST_QUEUE)
QUICK = replace(AT_ONCE, ingestion=0.01, batch=0.01)


def test_the_ingest_queue_is_the_stacks():
    found = read(direct_stack())

    assert found.ingest_queue == Feed(
        batch_size=10, window_s=0, maximum_concurrency=50, timeout_s=30, visibility_s=300, max_receives=12
    )
    assert (found.ingestion_reserved, found.batch_size, found.max_receives) == (50, 10, 3)


def test_before_an_ingest_queue_no_request_finds_all_executions_taken():
    # 2,000/s, of which fifty executions in the request would take 500
    limited = replace(FREE, function_rate=10.0)

    outcome = run(Load(phases=[(10, 2_000)]), DIRECT, QUICK, limited)

    assert (outcome.total("busy"), outcome.accepted_at_once) == (0, outcome.sent)
    assert outcome.routed == outcome.sent


def test_each_message_of_a_batch_takes_its_own_time_behind_an_ingest_queue():
    # The first message wakes each of five pollers: a tenth of a second. 1,000 more, ten in a batch that takes a second,
    # five batches at once: 20 s.
    slow = replace(QUICK, ingestion=0.1, batch=0.0)
    deployment = replace(DIRECT, ingest_queue=replace(INGEST_QUEUE, maximum_concurrency=5))

    assert run(Load(arrivals=[0.0] * 1_005), deployment, slow).last_routed_at == pytest.approx(20.1, abs=0.1)


def test_what_ingestion_cannot_finish_is_received_twelve_times_and_given_up():
    short = replace(DIRECT, ingest_queue=replace(INGEST_QUEUE, timeout_s=10, visibility_s=60))

    lost = run(Load(arrivals=[0.0]), short, replace(AT_ONCE, ingestion=20.0))

    assert (lost.dead, lost.routed, lost.left) == (1, 0, 0)
    assert len(lost.seconds) == pytest.approx(12 * 60, abs=2)


def test_what_lambda_throttles_is_invoked_again_before_its_visibility_timeout():
    # Given a function that takes ten batches a second, and twice as many messages that come one by one
    deployment = replace(DIRECT, ingestion_reserved=1, ingest_queue=replace(INGEST_QUEUE, maximum_concurrency=20))

    outcome = run(Load(phases=[(30, 20)]), deployment, QUICK, replace(FREE, function_rate=10.0))

    # Then messages wait for each other, become larger batches, and are done with long before
    assert outcome.routed == outcome.sent
    assert outcome.drained_after(30) < 30


def test_what_lambda_throttles_until_its_visibility_timeout_is_given_back():
    # Given two pollers for one execution, which the first batch keeps for longer than three receives take
    deployment = replace(DEPLOYED, processing_reserved=1, processing_timeout_s=400, visibility_s=60)
    arrivals = [0.0] * 11

    outcome = run(Load(arrivals=arrivals), deployment, replace(AT_ONCE, batch=350.0))

    assert (outcome.routed, outcome.dead) == (1, 10)


@settings(max_examples=40)
@given(
    some.lists(some.tuples(some.floats(1, 10), some.floats(0, 120)), min_size=1, max_size=3),
    some.integers(1, 30),
    some.floats(0.001, 1),
    some.floats(0.5, 5),
)
def test_behind_an_ingest_queue_nothing_is_lost_or_made_up(phases, reserved, ingestion, timeout):
    ingest_queue = replace(INGEST_QUEUE, timeout_s=timeout, visibility_s=20.0)
    deployment = replace(
        DIRECT, throttle_rate=100, throttle_burst=100, ingestion_reserved=reserved, ingest_queue=ingest_queue
    )
    timing = Timing(ingestion=ingestion, batch=0.1, event=0.01, cold_start=0.5)

    outcome = run(Load(phases=phases, longest_s=120), deployment, timing, AWS)

    assert outcome.total("accepted") == outcome.queued
    assert outcome.sent == outcome.queued + outcome.given_up
    assert outcome.queued == outcome.routed + outcome.dead + outcome.left
    assert outcome.most_ingestion <= reserved


def test_behind_an_ingest_queue_a_batch_is_one_request_of_lambdas():
    assert needs(1_000, DIRECT, QUICK, AWS).by_rate == 10
    assert needs(1_000, DEPLOYED, QUICK, AWS).by_rate == 100


def test_before_an_ingest_queue_the_api_accepts_what_its_throttle_lets_through():
    assert request_limit(replace(DIRECT, throttle_rate=1_000), QUICK, AWS) == 1_000
    assert request_limit(replace(DIRECT, throttle_rate=20_000), QUICK, AWS) == 10_000


@pytest.mark.parametrize(
    ("ingestion", "limit"),
    [(0.1, 500), (0.001, 5_000)],
    ids=["by duration, 50 / 0.1 s", "by Lambda's ten batches a second for each of 50"],
)
def test_behind_an_ingest_queue_ingestion_takes_what_its_reservation_lets_it(ingestion, limit):
    timing = replace(QUICK, ingestion=ingestion)

    assert ingest_queue_limit(INGEST_QUEUE, DIRECT, timing, replace(FREE, function_rate=10.0)) == pytest.approx(limit)


def test_it_says_what_limits_ingestion_behind_an_ingest_queue_and_which_setting_changes_it():
    slow = replace(QUICK, ingestion=0.1)

    text = "\n".join(deployed("direct", DIRECT, slow, AWS, needs(1_000, DIRECT, slow, AWS)))

    assert "495 webhooks/s behind the ingest queue (functions.ingestion_reserved_concurrency)" in text
    in_request = "\n".join(deployed("function", DEPLOYED, slow, AWS, needs(1_000, DEPLOYED, slow, AWS)))
    assert "ingest queue" not in in_request


def test_it_names_the_quotas_that_must_be_raised_and_no_others():
    def raised(**changes):
        text = list(deployed("direct", replace(DIRECT, **changes), QUICK, AWS, needs(1_000, DIRECT, QUICK, AWS)))
        return next(line for line in text if "quotas to raise" in line).split(maxsplit=3)[3]

    assert raised(throttle_rate=10_000, throttle_burst=5_000, ingestion_reserved=700, processing_reserved=200) == (
        "none of those simulated"
    )
    assert raised(throttle_rate=10_001, throttle_burst=5_001, ingestion_reserved=701, processing_reserved=200) == (
        "API Gateway's rate from 10,000 to 10,001, API Gateway's burst from 5,000 to 5,001, "
        "Lambda's concurrent executions from 1,000 to 1,001"
    )
