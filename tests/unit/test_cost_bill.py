"""The bill of a small stack, against figures that were reckoned by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.priced_stack import Observed, bill, entry, stack
from tools.estimate.assumptions import ASSUMPTIONS
from tools.estimate.cost.rules import FREE, RULES, NoPriceError, Paid

MONTH = 730 * 3600
GB = 1024**3
RATES = some.floats(0.001, 5_000)


@pytest.mark.parametrize(
    ("what", "usd"),
    [
        ("REST API requests", MONTH * 3.5e-6),
        ("answers to senders", MONTH * (500 + 500) / GB * 0.09),
        ("invocations of ingestion", MONTH * 0.2e-6),
        ("messages sent", MONTH * 0.4e-6),
        ("fair queueing of messages sent", MONTH * 0.1e-6),
        # A webhook a second finds five idle pollers, so that every batch is of one.
        ("batches received", MONTH * 0.4e-6),
        ("batches deleted", MONTH * 0.4e-6),
        ("invocations of processing", MONTH * 0.2e-6),
        ("payloads archived", MONTH * 5e-6),
        ("payloads kept in Standard", MONTH * 1_024 * 12 / GB * 0.023),
        ("writes to the table", MONTH * 2 * 0.625e-6),
        ("writes to its indexes", MONTH * 2 * 0.625e-6),
        ("records kept", MONTH * 1_024 * 12 / GB * 0.25),
        ("events published", MONTH * 1e-6),
        ("custom metrics of ingestion", 0.3),
    ],
)
def test_a_line_is_what_it_is_by_hand(what, usd):
    assert entry(bill(rate=1), what).usd == pytest.approx(usd)


def test_every_deployed_provider_has_a_metric_whichever_the_sample_is_of():
    # Given a stack with the providers a and b, and a sample of one of them
    observed = Observed()
    usage = observed.ingestion()
    counted = {"Webhooks service=ingestion Accepted", "Webhooks service=ingestion,provider=b Accepted"}
    observed.ingestion = lambda: replace(usage, metrics=counted)

    line = entry(bill(observed=observed), "custom metrics of ingestion").line

    # Then there are theirs, and that of all
    assert (line.quantity, line.formula) == (3, "Accepted x 3")


@pytest.mark.parametrize(
    ("logging", "platform"),
    [
        (None, 420),
        ({"log_format": "Text"}, 420),
        ({"log_format": "JSON"}, 570),
        ({"log_format": "JSON", "system_log_level": "INFO"}, 570),
        ({"log_format": "JSON", "system_log_level": "WARN"}, 0),
    ],
)
def test_what_lambda_itself_logs_follows_from_the_functions_configuration(logging, platform):
    assume = replace(ASSUMPTIONS, platform_log_bytes=420, platform_log_json_bytes=570)
    groups = {
        f"aws_cloudwatch_log_group__{name}": {"name": f"/aws/lambda/{name}", "retention_in_days": 7}
        for name in ("ingestion", "work")
    }
    configured = {
        f"aws_lambda_function__{name}": {} if logging is None else {"logging_config": logging}
        for name in ("ingestion", "work")
    }

    logged = bill(stack(**groups, **configured), assume=assume)

    assert entry(logged, "log of ingestion").usd == pytest.approx(MONTH * (1_000 + platform) / GB * 0.5)
    # A webhook a second is a batch of its own.
    assert entry(logged, "log of processing").usd == pytest.approx(MONTH * (500 + platform) / GB * 0.5)


def test_duration_follows_from_calls_and_memory():
    # One call of 8 ms; 2.1 + 0.3 ms of CPU on a whole core, of which 512 MB have a share of 512/1769
    assume = replace(ASSUMPTIONS, cpu_ms_per_call=2.1, cpu_ms_per_invocation=0.3, sqs_ms=8, full_core_mb=1769)
    seconds = 0.008 + 0.0024 * 1769 / 512

    found = entry(bill(rate=1, assume=assume), "duration of ingestion")

    assert found.usd == pytest.approx(MONTH * seconds * 0.5 * 0.0000133334)


def test_everything_that_is_paid_is_one_of_four():
    one = bill(rate=10)

    assert sum(one.of(paid) for paid in Paid) == pytest.approx(one.per_month)
    assert one.per_million() == pytest.approx(one.per_million(Paid.PASSING) + one.per_million(Paid.KEEPING))
    assert one.per_million() * one.case.webhooks / 1e6 + one.of(Paid.IDLE, Paid.BUSY) == pytest.approx(one.per_month)


def test_a_message_is_counted_in_pieces_of_64_kb():
    small, large = (bill(observed=Observed(message_bytes=size)) for size in (65_536, 65_537))

    assert entry(large, "messages sent").usd == 2 * entry(small, "messages sent").usd


def test_a_fifo_queue_has_its_own_price_and_no_fair_queueing():
    fifo = bill(stack(aws_sqs_queue__main={"fifo_queue": True}))

    assert entry(fifo, "messages sent").line.price.usd == 0.5e-6
    assert not [each for each in fifo.entries if each.line.what.startswith("fair queueing")]


def test_moving_small_objects_to_glacier_is_the_dearest_line():
    lifecycle = {
        "bucket": "${aws_s3_bucket.archive.id}",
        "rule": [
            {
                "filter": [{"and": [{"object_size_greater_than": 1, "prefix": "raw/"}]}],
                "transition": [{"days": 365 / 12, "storage_class": "GLACIER"}],
            }
        ],
    }
    moved = bill(stack(aws_s3_bucket_lifecycle_configuration__kept=lifecycle), months=3)

    # One month in Standard, two in Glacier, with 32 KB there and 8 KB here for each object
    assert entry(moved, "objects moved to Glacier").usd == pytest.approx(MONTH * 0.03e-3)
    assert entry(moved, "payloads kept in Standard").usd == pytest.approx(MONTH * 1_024 / GB * 0.023)
    assert entry(moved, "payloads kept in Glacier").usd == pytest.approx(MONTH * 33 * 1_024 * 2 / GB * 0.0036)
    assert entry(moved, "index of what is in Glacier").usd == pytest.approx(MONTH * 8 * 1_024 * 2 / GB * 0.023)
    assert moved.entries[0].line.what == "objects moved to Glacier"


@pytest.mark.parametrize(("least", "moves"), [(1, True), (1_023, True), (1_024, False), (None, False)])
def test_an_object_moves_when_it_is_larger_than_the_rule_says(least, moves):
    joined = {"prefix": "raw/"} | ({} if least is None else {"object_size_greater_than": least})
    rule = {"filter": [{"and": [joined]}], "transition": [{"days": 30, "storage_class": "GLACIER"}]}
    lifecycle = {"bucket": "${aws_s3_bucket.archive.id}", "rule": [rule]}

    priced = bill(stack(aws_s3_bucket_lifecycle_configuration__kept=lifecycle))

    assert any(each.line.what == "objects moved to Glacier" for each in priced.entries) is moves


@pytest.mark.parametrize(
    ("queries", "usd"),
    [([], 0.10), ([{"expression": "a / b"}, {"metric": {"period": 300}}, {"metric": {"period": 300}}], 0.20)],
)
def test_an_alarm_costs_for_each_metric(queries, usd):
    alarmed = bill(stack(aws_cloudwatch_metric_alarm__a={"metric_query": queries}))

    assert sum(each.usd for each in alarmed.entries if each.line.what.startswith("alarms")) == pytest.approx(usd)


def test_an_endpoint_costs_in_each_zone_and_for_what_goes_through():
    endpoint = {"vpc_endpoint_type": "Interface", "service_name": "com.amazonaws.us-east-1.sqs", "subnet_ids": [1, 2]}
    placed = bill(stack(aws_vpc_endpoint__sqs=endpoint, aws_vpc_endpoint__s3={"vpc_endpoint_type": "Gateway"}))

    assert entry(placed, "interface endpoints").usd == pytest.approx(2 * 730 * 0.01)
    assert entry(placed, "through the endpoint of sqs").usd == pytest.approx(MONTH * 3_000 / GB * 0.01)


def test_provisioned_capacity_is_paid_by_the_hour():
    table = {
        "billing_mode": "PROVISIONED",
        "write_capacity": 5,
        "read_capacity": 3,
        "global_secondary_index": [{"write_capacity": 2, "read_capacity": 1}],
    }
    provisioned = bill(stack(aws_dynamodb_table__records=table))

    assert entry(provisioned, "write capacity").usd == pytest.approx(7 * 730 * 0.00065)
    assert entry(provisioned, "read capacity").usd == pytest.approx(4 * 730 * 0.00013)


def test_a_subscriber_pays_for_its_messages():
    added = {
        "aws_sqs_queue__ledger": {"name": "ledger"},
        "aws_cloudwatch_event_rule__a": {"event_pattern": "{}"},
        "aws_cloudwatch_event_rule__b": {"event_pattern": "{}"},
        "aws_cloudwatch_event_rule__by_time": {"schedule_expression": "rate(1 hour)"},
        "aws_cloudwatch_event_target__ledger": {"arn": "${aws_sqs_queue.ledger.arn}"},
    }

    # Half of the webhooks, one by one in, ten by ten out
    assert entry(bill(stack(**added)), "messages of a subscriber").quantity == pytest.approx(MONTH / 2 * 1.2)


def test_duplicates_are_received_and_neither_kept_nor_routed():
    twice = bill(duplicates=50)

    assert entry(twice, "REST API requests").quantity == pytest.approx(MONTH)
    assert entry(twice, "payloads archived").quantity == pytest.approx(MONTH)
    assert entry(twice, "events published").quantity == pytest.approx(MONTH / 2)
    assert entry(twice, "writes to the table").quantity == pytest.approx(MONTH * 1.5)
    assert entry(twice, "payloads kept in Standard").quantity == pytest.approx(MONTH / 2 * 1_024 * 12 / GB)


@given(RATES, RATES)
def test_more_webhooks_never_cost_less_a_month(one, other):
    low, high = sorted((one, other))

    assert bill(rate=low).per_month <= bill(rate=high).per_month * (1 + 1e-9)


@given(RATES, some.floats(0, 100), some.floats(0.1, 100))
def test_a_batch_in_one_object_is_never_dearer_than_an_object_for_each_event(rate, duplicates, months):
    by_event, by_batch = (
        bill(rate=rate, duplicates=duplicates, months=months, archive=archive) for archive in ("event", "batch")
    )

    assert by_batch.per_month <= by_event.per_month * (1 + 1e-9)


@given(RATES)
def test_keeping_longer_never_costs_less(rate):
    assert bill(rate=rate, months=1).per_month <= bill(rate=rate, months=2).per_month


def test_a_type_without_a_rule_is_no_type_that_is_free():
    with pytest.raises(NoPriceError, match=r"aws_kinesis_stream\.events: no pricing rule for aws_kinesis_stream"):
        bill(stack(aws_kinesis_stream__events={}))


@pytest.mark.parametrize(
    "added",
    [
        {"aws_lambda_event_source_mapping__main": {"provisioned_poller_config": {"minimum_pollers": 2}}},
        {"aws_dynamodb_table__records": {"replica": [{"region_name": "eu-west-1"}]}},
        {"aws_sqs_queue__main": {"kms_master_key_id": "alias/ours"}},
        {"aws_cloudwatch_metric_alarm__a": {"period": 10}},
        {"aws_cloudwatch_log_group__other": {"name": "/somebody/else"}},
        {"aws_cloudwatch_event_target__t": {"arn": "${aws_lambda_function.work.arn}"}},
    ],
    ids=lambda added: next(iter(added)),
)
def test_what_costs_and_has_no_price_is_no_longer_free(added):
    with pytest.raises(NoPriceError):
        bill(stack(**added))


def test_no_type_is_both_priced_and_free_and_each_free_one_says_why():
    assert not set(RULES) & set(FREE)
    assert all(FREE.values())
