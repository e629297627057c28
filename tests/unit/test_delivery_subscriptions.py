"""Which events an endpoint gets: patterns, filters, and JSON that languages read differently."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.domain.model import Endpoint, Event
from lambdas.delivery.domain.subscriptions import (
    SubscriptionRefusedError,
    check_filters,
    check_patterns,
    matches_type,
    passes,
    wants,
)

TYPES = [
    ("*", "invoice.paid", True),
    ("invoice.paid", "invoice.paid", True),
    ("invoice.*", "invoice.paid", True),
    ("invoice.*", "invoice.item.added", True),
    ("invoice.*", "invoice", False),
    ("invoice.*", "invoices.paid", False),
    ("invoice.paid", "invoice.paid.late", False),
    ("invoice.paid", "Invoice.paid", False),
    ("invoice", "invoice.paid", False),
]


@pytest.mark.parametrize(("pattern", "event_type", "expected"), TYPES)
def test_a_pattern_matches_what_it_says(pattern, event_type, expected):
    assert matches_type([pattern], event_type) is expected
    assert matches_type(["other", pattern], event_type) is expected


@pytest.mark.parametrize("pattern", ["", ".*", "a.*.b", "a*", "a..b", "a.", "a b", "**", "a\n", "x" * 200, "é"])
def test_a_pattern_that_means_nothing_is_refused_by_name(pattern):
    with pytest.raises(SubscriptionRefusedError, match="eventTypes"):
        check_patterns(["ok", pattern])


def test_too_few_and_too_many_patterns_are_refused():
    check_patterns(["*", "invoice.*", "payment_intent.succeeded", "a-b/c:d"])
    for patterns in ([], ["a"] * 51):
        with pytest.raises(SubscriptionRefusedError, match="expected 1 to 50"):
            check_patterns(patterns)


FILTERS = [
    ({"data.currency": ['"eur"']}, b'{"data":{"currency":"eur"}}', True),
    ({"data.currency": ['"eur"', '"usd"']}, b'{"data":{"currency":"usd"}}', True),
    ({"data.currency": ['"eur"']}, b'{"data":{"currency":"EUR"}}', False),
    ({"data.currency": ['"eur"'], "livemode": ["true"]}, b'{"data":{"currency":"eur"},"livemode":false}', False),
    ({"data.currency": ['"eur"']}, b'{"data":{}}', False),
    ({"data.currency": ['"eur"']}, b'{"data":"eur"}', False),
    ({"data.currency": ["null"]}, b'{"data":{"currency":null}}', True),
    ({"data.currency": ["null"]}, b'{"data":{}}', False),
    # To Python, true is 1.
    ({"n": ["1"]}, b'{"n":true}', False),
    ({"n": ["true"]}, b'{"n":1}', False),
    ({"n": ["1"]}, b'{"n":"1"}', False),
    ({"n": ["1"]}, b'{"n":1.0}', True),
    ({"n": ["1e3"]}, b'{"n":1000}', True),
    # As floats these two are one.
    ({"n": ["9007199254740993"]}, b'{"n":9007199254740992}', False),
    ({"n": ["0.1"]}, b'{"n":0.1000000000000000055511151231257827}', False),
    ({"n": ["1e400"]}, b'{"n":1e401}', False),
    ({"n": ["1"]}, b'{"n":NaN}', False),
    ({"n": ["-0"]}, b'{"n":0}', True),
    ({"n": ["1"]}, b'{"n":' + b"1" * 5_000 + b"}", False),
    ({"n": ["1" * 1_000]}, b'{"n":' + b"1" * 1_000 + b"}", True),
    ({"n": ["1"]}, b'{"n":[1]}', False),
    ({"list.0": ["1"]}, b'{"list":[1]}', False),
    ({"n": ["1"]}, b"not json", False),
    ({"n": ["1"]}, b'{"n":1e99999999999999999999}', False),
    ({"n": ["1"]}, b"[" * 100_000, False),
    ({"n": ['"\\u00e9"']}, '{"n":"é"}'.encode(), True),
]


@pytest.mark.parametrize(("filters", "payload", "expected"), FILTERS)
def test_filters_compare_json_scalars_exactly(filters, payload, expected):
    check_filters(filters)
    assert passes(filters, payload) is expected


BAD_FILTERS = [
    {"": ['"a"']},
    {"a..b": ['"a"']},
    {"a": []},
    {"a": ["eur"]},
    {"a": ["[1]"]},
    {"a": ["{}"]},
    {"a": ["NaN"]},
    {"a": ["1 2"]},
    {"a": ['"' + "x" * 2_000 + '"']},
    {"x" * 300: ["1"]},
    {str(number): ["1"] for number in range(11)},
]


@pytest.mark.parametrize("filters", BAD_FILTERS)
def test_a_filter_that_means_nothing_is_refused_by_name(filters):
    with pytest.raises(SubscriptionRefusedError, match="filters"):
        check_filters(filters)


SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)


@given(SCALARS, SCALARS)
def test_a_value_passes_its_own_filter_and_no_value_of_another_kind(value, other):
    payload = json.dumps({"at": {"this": value}}).encode()
    assert passes({"at.this": [json.dumps(value)]}, payload)
    kinds = [float if type(one) is int else type(one) for one in (value, other)]
    if kinds[0] is not kinds[1]:
        assert not passes({"at.this": [json.dumps(other)]}, payload)


ENDPOINT = Endpoint(
    tenant_id="t", endpoint_id="ep_1", url="", filters={}, secrets=(), headers={}, created_at="", updated_at=""
)
EVENT = Event(
    tenant_id="t",
    event_id="evt_1",
    event_type="invoice.paid",
    created_at="",
    size=2,
    sha256="",
    correlation_id="",
    expires_at=1,
)


def test_a_test_event_is_for_its_endpoint_alone_and_news_about_an_endpoint_for_all_others():
    picky = replace(ENDPOINT, event_types=("other",), filters={"a": ["1"]})
    assert wants(picky, replace(EVENT, only="ep_1"), b"{}")
    assert not wants(ENDPOINT, replace(EVENT, only="ep_2"), b"{}")
    assert not wants(ENDPOINT, replace(EVENT, not_for="ep_1"), b"{}")
    assert wants(ENDPOINT, replace(EVENT, not_for="ep_2"), b"{}")
    assert not wants(picky, EVENT, b'{"a":1}')
    assert wants(replace(picky, event_types=("invoice.*",)), EVENT, b'{"a":1}')
    assert not wants(replace(picky, event_types=("invoice.*",)), EVENT, b'{"a":2}')
