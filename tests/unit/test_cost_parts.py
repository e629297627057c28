"""What the bill is made of: prices, workloads, batches, DynamoDB's units."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.priced_stack import Observed, bill, stack
from tools.estimate.assumptions import ASSUMPTIONS
from tools.estimate.cost.batches import effective_batch
from tools.estimate.cost.prices import FILE, Price, load
from tools.estimate.cost.rules.monitoring import access_log_bytes
from tools.estimate.cost.workload import Workload, WorkloadError
from tools.estimate.observed.units import size, stored_bytes, write_units


def test_tiers_apply_to_their_part_of_a_month_only():
    price = Price(id="p", what="", unit="", tiers=((100, 2.0), (300, 1.0), (None, 0.5)), source="", seen="")

    assert [price.cost(quantity) for quantity in (0, 50, 100, 101, 300, 302)] == [0, 100, 200, 201, 400, 401]


def test_tiers_count_the_whole_account():
    # 200 million from each of two lines of one price are 333 at the first tier's price, and the rest at the second's
    dearest, average = load()["api-gateway-rest-request"].usd, bill(rate=152.2).entries
    requests = next(each for each in average if each.line.what == "REST API requests")

    assert requests.quantity > 333e6
    assert requests.usd == pytest.approx(333e6 * dearest + (requests.quantity - 333e6) * 2.8e-6)


def test_every_price_says_where_it_stands_and_when_it_was_seen():
    for id_, entry in json.loads(FILE.read_text())["prices"].items():
        assert entry["source"].startswith("https://aws.amazon.com/"), id_
        assert entry["seen"], id_
        # What is said to be confirmed says by what.
        assert entry["seen"] in ("not confirmed", "undated") or entry["confirmed by"].startswith("https://"), id_
        assert load()[id_].tiers[-1][0] is None, id_


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"rate": "abc"}, "RATE: 'abc'"),
        ({"rate": "nan"}, "RATE: 'nan'"),
        ({"rate": "inf"}, "RATE: 'inf'"),
        ({"rate": "0"}, "RATE: 0"),
        ({"rate": "-1"}, "RATE: -1"),
        ({"size": "-1"}, "SIZE: -1"),
        ({"size": "1.5"}, "SIZE: '1.5'"),
        ({"size": ""}, "SIZE: ''"),
        ({"duplicates": "101"}, "DUPLICATES: 101"),
        ({"months": "0"}, "MONTHS: 0"),
    ],
)
def test_a_wrong_value_is_named(values, named):
    given_ = {"rate": "1", "size": "2048", "duplicates": "0", "months": "12"} | values

    with pytest.raises(WorkloadError) as error:
        Workload.parse(**given_)

    assert str(error.value).startswith(named)


def batch(rate, *, seconds=lambda events: 0.05 * events, groups=None, message_bytes=3_000.0, **mapping):
    resource = stack(aws_lambda_event_source_mapping__main=mapping).one("aws_lambda_event_source_mapping")
    return effective_batch(
        rate, resource, message_bytes=message_bytes, groups=groups, assume=ASSUMPTIONS, invocation_s=seconds
    )


def test_a_batch_is_of_one_while_pollers_are_idle_and_full_when_they_are_not():
    assert batch(0.1) == 1
    assert batch(1_000) == 10
    assert 1 < batch(90) < 10


def test_a_batch_holds_what_came_while_a_poller_was_busy():
    # Five pollers, 0.99 s and 0.01 s between: 5 of 25 events/s are for each
    assert batch(25, seconds=lambda _: 0.99) == pytest.approx(5)


def test_a_window_fills_batches():
    assert batch(10, batch_size=100, maximum_batching_window_in_seconds=5) == pytest.approx(11)
    assert batch(1_000, batch_size=100, maximum_batching_window_in_seconds=5) == 100


def test_groups_in_order_make_larger_batches():
    assert batch(25, seconds=lambda _: 0.99, groups=1) == 10


def test_a_batch_is_no_larger_than_an_invocation_takes():
    assert batch(1_000, batch_size=100, maximum_batching_window_in_seconds=5, message_bytes=200_000) == 31


@given(some.floats(0.01, 10_000), some.floats(0.01, 10_000))
def test_a_higher_rate_never_makes_batches_smaller(one, other):
    low, high = sorted((one, other))

    assert 1 <= batch(low) <= batch(high) + 1e-9 <= 10 + 1e-9


def table(projection="KEYS_ONLY"):
    return {
        "KeySchema": [{"AttributeName": "transactionId"}, {"AttributeName": "timestamp"}],
        "GlobalSecondaryIndexes": [
            {"KeySchema": [{"AttributeName": "eventKey"}], "Projection": {"ProjectionType": projection}}
        ],
    }


ITEM = {"transactionId": {"S": "t"}, "timestamp": {"S": "1"}, "eventKey": {"S": "e"}, "state": {"S": "RECORDED"}}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        pytest.param(None, ITEM, (1, 1), id="a new item"),
        pytest.param(ITEM, {**ITEM, "state": {"S": "ROUTED"}}, (1, 0), id="nothing that the index holds changes"),
        pytest.param(ITEM, {**ITEM, "eventKey": {"S": "f"}}, (1, 2), id="the index's key changes"),
        pytest.param(ITEM, {**ITEM, "state": {"S": "x" * 3_000}}, (3, 0), id="a unit for each kilobyte"),
        pytest.param({**ITEM, "state": {"S": "x" * 3_000}}, ITEM, (3, 0), id="the larger one of before and after"),
        pytest.param(None, {"transactionId": ITEM["transactionId"]}, (1, 0), id="an item without the index's key"),
        pytest.param(ITEM, None, (1, 1), id="a deleted item"),
        pytest.param(None, None, (1, 0), id="a refused write of nothing"),
    ],
)
def test_a_write_costs_what_the_item_has_before_or_after(before, after, units):
    assert write_units(table(), before, after) == units


def test_an_index_of_everything_is_written_with_everything():
    assert write_units(table("ALL"), ITEM, {**ITEM, "state": {"S": "ROUTED"}}) == (1, 1)


@pytest.mark.parametrize(("projection", "entry"), [("KEYS_ONLY", "transactionId timestamp eventKey"), ("ALL", "")])
def test_storage_is_billed_with_indexes_and_an_overhead_for_each(projection, entry):
    kept = {name: ITEM[name] for name in entry.split()} or ITEM

    assert stored_bytes(table(projection), ITEM) == size(ITEM) + size(kept) + 2 * 100
    assert stored_bytes(table(), None) == 0


def test_sizes_are_dynamodbs():
    # Names and texts by their bytes, a number by its digits, 3 bytes for a list or map and 1 for each in it
    assert size({"a": {"S": "ü"}}) == 3
    assert size({"a": {"N": "1234"}}) == 5
    assert size({"a": {"B": b"xyz"}}) == 1 + 3
    assert size({"a": {"L": [{"S": "xy"}]}}) == 1 + 3 + 1 + 2
    assert size({"a": {"M": {"b": {"S": "xy"}}}}) == 1 + 3 + 1 + 1 + 2


def test_the_access_log_is_as_long_as_its_variables():
    assert access_log_bytes('{"id":"$context.requestId"}') == len('{"id":""}') + 36 + 1


def test_the_archive_of_batches_counts_one_object_for_a_batch():
    full = bill(rate=5_000, archive="batch", observed=Observed())
    puts = next(each for each in full.entries if each.line.what == "payloads archived")

    assert full.case.batch == 10
    assert puts.quantity == pytest.approx(full.case.webhooks / 10)
