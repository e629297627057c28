"""The simulation against what queueing says, and against what can be reckoned by hand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.unit.priced_stack import stack
from tools.estimate.simulate.buckets import TokenBucket, take_from_all
from tools.estimate.simulate.deployment import Deployment, read
from tools.estimate.simulate.function import Function
from tools.estimate.simulate.lambda_capacity import Account, share_accepted
from tools.estimate.simulate.model import Load, Model
from tools.estimate.simulate.needs import needs, processing_limit, request_limit
from tools.estimate.simulate.page import sparkline
from tools.estimate.simulate.platform import AWS
from tools.estimate.simulate.timing import Timing
from tools.estimate.synthesized import NotInStackError

NO_LIMIT = 1e9
# Nothing but what a test is about.
FREE = replace(
    AWS,
    gateway_rate=NO_LIMIT,
    gateway_burst=NO_LIMIT,
    account_rate=0.0,
    function_rate=0.0,
    scaling=NO_LIMIT,
    poll_s=0.0,
)
DEPLOYED = Deployment(
    throttle_rate=NO_LIMIT,
    throttle_burst=NO_LIMIT,
    busy_status=429,
    ingestion_reserved=1_000_000,
    processing_reserved=100,
    ingestion_timeout_s=30,
    processing_timeout_s=30,
    batch_size=10,
    window_s=0,
    maximum_concurrency=100,
    visibility_s=300,
    max_receives=3,
    fifo=False,
    groups=None,
)
AT_ONCE = Timing(ingestion=0, batch=1.0, event=0, cold_start=0, spread=0)


def run(load, deployment=DEPLOYED, timing=AT_ONCE, platform=FREE, **model):
    return Model(deployment, timing, platform, **model).run(load)


def test_the_deployment_is_the_stacks():
    found = read(stack(aws_lambda_event_source_mapping__main={"maximum_batching_window_in_seconds": 5}))

    assert found == Deployment(
        throttle_rate=100,
        throttle_burst=200,
        busy_status=500,
        ingestion_reserved=50,
        processing_reserved=20,
        ingestion_timeout_s=30,
        processing_timeout_s=30,
        batch_size=10,
        window_s=5,
        maximum_concurrency=20,
        visibility_s=300,
        max_receives=3,
        fifo=False,
        groups=None,
    )


def test_a_fifo_queue_has_as_many_groups_as_providers():
    assert read(stack(aws_sqs_queue__main={"fifo_queue": True})).groups == 2


def test_what_a_sender_hears_when_all_are_busy_is_the_stacks():
    response = {"response_type": "INTEGRATION_FAILURE", "status_code": "429"}

    assert read(stack(aws_api_gateway_gateway_response__busy=response)).busy_status == 429


def test_a_stack_without_a_way_for_webhooks_is_refused():
    with pytest.raises(NotInStackError):
        read(stack(aws_lambda_event_source_mapping__main=None))


@given(some.floats(1, 1_000), some.integers(2, 500), some.integers(1, 20))
def test_a_bucket_gives_its_burst_and_then_its_rate(rate, burst, seconds):
    bucket = TokenBucket(rate, burst)

    assert sum(bucket.take(0) for _ in range(burst + 5)) == burst
    # Asked often enough that it is never full
    steps = math.ceil(seconds * rate * 2)
    taken = sum(bucket.take(seconds * step / steps) for step in range(1, steps + 1))
    assert taken == pytest.approx(seconds * rate, abs=1.01)


def test_a_token_is_taken_from_all_buckets_or_none():
    full, empty = TokenBucket(0, 1), TokenBucket(0, 0)

    assert not take_from_all([full, empty], 0)
    assert full.take(0)


def test_a_function_scales_by_a_thousand_in_ten_seconds():
    function = Function(5_000, 1.0, AWS)
    function._requests = TokenBucket(math.inf, math.inf)

    assert sum(function.begin(0) is not None for _ in range(3_000)) == 1_000
    assert sum(function.begin(5) is not None for _ in range(3_000)) == 500
    assert function.throttled == 4_500


def test_a_warm_environment_is_taken_first_and_costs_no_start():
    function = Function(1, 0.7, AWS)

    assert function.begin(0) == 0.7
    assert function.begin(0) is None
    function.end()
    assert function.begin(1) == 0.0
    assert function.cold_starts == 1


def test_a_function_takes_ten_requests_a_second_for_each_unit_of_its_reserve():
    # Each takes a millisecond, so that fifty executions could take fifty times a thousand
    quick = replace(AT_ONCE, ingestion=0.001)
    deployment = replace(DEPLOYED, ingestion_reserved=50)
    load = Load(phases=[(20, 2_000)])

    limited = run(load, deployment, quick, replace(FREE, function_rate=10.0), only_ingestion=True)

    assert limited.total("accepted") == pytest.approx(20 * 500, rel=0.02)
    assert run(load, deployment, quick, only_ingestion=True).total("busy") == 0


def test_the_gateways_throttle_lets_through_its_burst_and_its_rate():
    throttled = run(
        Load(phases=[(10, 500)]), replace(DEPLOYED, throttle_rate=100, throttle_burst=200), only_ingestion=True
    )

    assert throttled.total("accepted") == pytest.approx(200 + 10 * 100, abs=3)


def test_busy_executions_refuse_as_erlang_says():
    # 20 erlangs on 20 executions: 15.9 % find none free (Erlang's loss formula, for any distribution of durations)
    busy = run(
        Load(phases=[(4_000, 10)]),
        replace(DEPLOYED, ingestion_reserved=20, ingestion_timeout_s=300),
        replace(AT_ONCE, ingestion=2.0, spread=0.3),
        only_ingestion=True,
    )

    assert busy.total("busy") / busy.sent == pytest.approx(0.159, abs=0.01)


def test_a_known_backlog_drains_in_a_known_time():
    # The first event wakes each of five pollers: a second. 1,000 more, ten in a batch, five batches at once: 20 s.
    deployment = replace(DEPLOYED, maximum_concurrency=5)

    assert run(Load(arrivals=[0.0] * 1_005), deployment).last_routed_at == pytest.approx(21, abs=0.01)


def test_pollers_are_added_while_messages_wait():
    # 5 at first and 5 more each second: 5 + 10 + ... a second, until 10,000 events are done after a while
    outcome = run(Load(arrivals=[0.0] * 10_000))

    # n (n + 1) / 2 x 5 batches in n seconds make 1,000 batches: 19.5
    assert outcome.last_routed_at == pytest.approx(20, abs=1.5)
    assert outcome.most_processing == pytest.approx(100, abs=6)


def test_groups_in_order_are_worked_on_one_batch_at_a_time():
    deployment = replace(DEPLOYED, fifo=True, groups=2)

    ordered = run(Load(arrivals=[0.0] * 402), deployment)

    assert ordered.most_processing == 2
    assert ordered.last_routed_at == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize("fifo", [False, True])
def test_what_times_out_is_received_three_times_and_given_up(fifo):
    deployment = replace(DEPLOYED, processing_timeout_s=10, visibility_s=60, fifo=fifo, groups=1 if fifo else None)

    lost = run(Load(arrivals=[0.0]), deployment, replace(AT_ONCE, batch=20.0))

    assert (lost.dead, lost.routed, lost.left) == (1, 0, 0)
    # Three times invisible, one after the other
    assert len(lost.seconds) == pytest.approx(180, abs=2)


def test_a_slow_downstream_makes_a_backlog_that_goes_away_afterwards():
    slow = Load(phases=[(200, 50)], slowness=lambda now: 50.0 if 20 <= now < 80 else 1.0)
    deployment = replace(DEPLOYED, maximum_concurrency=10)

    outcome = run(slow, deployment, replace(AT_ONCE, batch=0.1))
    steady = run(replace(slow, slowness=lambda _: 1.0), deployment, replace(AT_ONCE, batch=0.1))

    # 50/s come, and 10 batches of 10 in 5 s leave: 30/s stay for a minute
    assert outcome.most_backlog == pytest.approx(60 * 30, rel=0.15)
    assert steady.most_backlog < 100
    assert outcome.routed == outcome.sent


def test_a_sender_tries_again_until_its_schedule_ends():
    closed = replace(DEPLOYED, throttle_rate=0, throttle_burst=0)

    outcome = run(Load(arrivals=[0.0] * 7, retries=(5, 50)), closed, only_ingestion=True)

    assert (outcome.total("attempts"), outcome.given_up, outcome.unanswered) == (21, 7, 0)
    assert 55 <= len(outcome.seconds) <= 62


def test_what_takes_longer_than_the_gateway_waits_is_504_and_tried_again():
    slow = replace(AT_ONCE, ingestion=40.0)

    outcome = run(Load(arrivals=[0.0], retries=(1,)), replace(DEPLOYED, ingestion_timeout_s=60), slow)

    assert (outcome.total("timed_out"), outcome.given_up, outcome.queued) == (2, 1, 0)


LOADS = some.builds(
    Load,
    phases=some.lists(some.tuples(some.floats(1, 10), some.floats(0, 120)), min_size=1, max_size=3),
    retries=some.lists(some.floats(0.1, 30), max_size=3),
    longest_s=some.floats(5, 200),
)
DEPLOYMENTS = some.builds(
    replace,
    some.just(DEPLOYED),
    throttle_rate=some.floats(1, 100),
    throttle_burst=some.floats(1, 100),
    ingestion_reserved=some.integers(1, 30),
    processing_reserved=some.integers(2, 30),
    maximum_concurrency=some.integers(2, 30),
    processing_timeout_s=some.floats(0.5, 5),
    visibility_s=some.floats(5, 30),
    fifo=some.booleans(),
    groups=some.integers(1, 4),
    window_s=some.sampled_from([0.0, 2.0]),
)


@settings(max_examples=60)
@given(LOADS, DEPLOYMENTS, some.floats(0.001, 2), some.floats(0.001, 2))
def test_nothing_is_lost_or_made_up(load, deployment, ingestion, batch):
    timing = Timing(ingestion=ingestion, batch=batch, event=0.01, cold_start=0.5)

    outcome = run(load, deployment, timing, AWS)

    assert outcome.sent <= outcome.queued + outcome.given_up + outcome.unanswered
    if outcome.unanswered == 0 and len(outcome.seconds) < load.longest_s:
        assert outcome.sent == outcome.queued + outcome.given_up
    assert outcome.queued == outcome.routed + outcome.dead + outcome.left
    assert outcome.total("accepted") <= outcome.queued
    assert outcome.most_ingestion <= deployment.ingestion_reserved
    assert outcome.most_processing <= min(deployment.processing_reserved, deployment.maximum_concurrency)


def test_the_same_seed_is_the_same_run_and_another_one_is_not():
    load = Load(phases=[(20, 50)], retries=(1.0,))
    deployment = replace(DEPLOYED, throttle_rate=30, throttle_burst=10)

    one, same, other = (run(load, deployment, seed=seed) for seed in (1, 1, 2))

    assert one == same
    assert one.seconds != other.seconds


@pytest.mark.parametrize(("reserved", "share"), [(5, 0.5), (9, 0.9), (12, 1.0)])
def test_a_function_accepts_the_share_that_its_reserve_allows(reserved, share):
    # 100/s from cold, at 10 ms: concurrency would do with one
    account = Account(name="", reserved=reserved, platform=AWS)

    found = share_accepted(DEPLOYED, replace(AT_ONCE, ingestion=0.01), account, 100)

    assert found == pytest.approx(share, abs=0.03)


def test_needs_are_by_duration_or_by_rate_whichever_is_more():
    timing = Timing(ingestion=0.25, batch=0.1, event=0.09, cold_start=0)
    found = needs(1_000, DEPLOYED, timing, FREE)

    assert (found.by_duration, found.processing, found.account) == (250, 100, 450)
    assert needs(1_000, DEPLOYED, replace(timing, ingestion=0.01), AWS).ingestion == 100


def test_limits_are_those_of_the_narrowest_part():
    deployment = replace(DEPLOYED, throttle_rate=1_000, ingestion_reserved=50, maximum_concurrency=20)
    timing = Timing(ingestion=0.01, batch=0.5, event=0.05, cold_start=0)

    assert request_limit(deployment, timing, AWS) == 500
    assert request_limit(replace(deployment, ingestion_reserved=500), timing, AWS) == 1_000
    assert processing_limit(deployment, timing, FREE) == pytest.approx(200)
    assert processing_limit(replace(deployment, groups=2), timing, FREE) == pytest.approx(20)


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([0, 1, 2, 4, 8], 5, " ▁▂▄█"),
        ([0, 0], 2, "  "),
        ([1, 8, 0, 0], 2, "█ "),
        ([], 5, ""),
    ],
)
def test_a_line_of_blocks_shows_the_largest_of_each_stretch(values, width, line):
    assert sparkline(values, width) == line
