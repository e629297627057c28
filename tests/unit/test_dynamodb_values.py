"""Our wire form of values is boto3's."""

from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.record_items import State
from lambdas.shared.dynamodb import from_item, from_wire, to_item, to_wire

leaves = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(-(10**37), 10**37),
    st.binary(),
    st.sets(st.text(), min_size=1, max_size=3),
    st.sampled_from(State),
)
values = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3))
)


def comparable(wire):
    """Return a wire form in which the order of a set is of no importance."""
    if isinstance(wire, dict):
        return {name: sorted(one) if name == "SS" else comparable(one) for name, one in wire.items()}
    return [comparable(one) for one in wire] if isinstance(wire, list) else wire


@given(value=values)
def test_a_value_is_written_and_read_as_boto3_does(value):
    wire = to_wire(value)

    assert comparable(wire) == comparable(TypeSerializer().serialize(value))
    assert from_wire(wire) == TypeDeserializer().deserialize(wire)


def test_a_state_is_plain_text_on_the_wire():
    assert type(to_wire(State.ROUTED)["S"]) is str


def test_an_item_is_read_as_it_was_written():
    item = {"a": "x", "n": 12, "list": [{"b": True}, 3], "set": {"y"}}

    assert from_item(to_item(item)) == item
    assert isinstance(from_item(to_item(item))["n"], Decimal)


@pytest.mark.parametrize("value", [None, 1.5, set(), {1}, object()])
def test_what_no_item_of_ours_has_is_refused(value):
    with pytest.raises(TypeError):
        to_wire(value)


def test_a_type_that_no_item_of_ours_has_is_refused():
    with pytest.raises(TypeError):
        from_wire({"NS": ["1"]})
