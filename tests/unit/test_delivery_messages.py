"""Messages of the delivery queue, and the verbatim text of a member of a JSON object."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.queue.messages import Deliver, FanOut, NotAMessageError, ResumeEndpoint, member, read, write

NAMES = st.text(min_size=1, max_size=30)
NUMBERS = st.integers(1, 10**9)
MESSAGES = st.one_of(
    st.builds(Deliver, tenant_id=NAMES, event_id=NAMES, endpoint_id=NAMES, version=NUMBERS, hops=NUMBERS),
    st.builds(FanOut, tenant_id=NAMES, event_id=NAMES, hops=NUMBERS),
    st.builds(ResumeEndpoint, tenant_id=NAMES, endpoint_id=NAMES, hops=NUMBERS),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(MESSAGES)
def test_what_is_written_is_read(message):
    assert read(write(message)) == message


@given(st.text() | VALUES.map(json.dumps))
def test_everything_else_is_no_message(body):
    with pytest.raises(NotAMessageError):
        read(body)


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=5), st.sampled_from([None, 1, "\t"]), st.data())
def test_a_member_is_the_text_that_stands_there(document, indent, data):
    name = data.draw(st.sampled_from(sorted(document)))
    text = json.dumps(document, indent=indent)
    found = member(text, name)
    assert found in text
    assert json.loads(found) == document[name]


VERBATIM = [
    ('{"a":1.10}', "1.10"),
    (' {"b":[1,{"a":2}] ,\n "a" : 1e400 }', "1e400"),
    ('{"a":0,"a":12345678901234567890.10}', "12345678901234567890.10"),
    ('{"\\u0061":{"x" : [ 1.0 ]}}', '{"x" : [ 1.0 ]}'),
    ('{"b":"a\\":3,","a":-0.0}', "-0.0"),
]


@pytest.mark.parametrize(("text", "found"), VERBATIM)
def test_no_number_is_rewritten(text, found):
    assert member(text, "a") == found


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"b":1}', "nothing", '{"a"', '{"a":'])
def test_an_object_without_it_raises(text):
    with pytest.raises((ValueError, IndexError)):
        member(text, "a")


INBOUND = '{"v":1,"kind":"inbound","tenant":"t","event":%s}'


@pytest.mark.parametrize("event", ["[]", "1", "null", "{}", '{"detail-type":"a"}'])
def test_an_inbound_event_without_detail_is_no_message(event):
    with pytest.raises(NotAMessageError):
        read(INBOUND % event)


def test_an_inbound_event_keeps_its_detail_as_it_stands():
    message = read(INBOUND % '{"id":"1","detail" : {"n": 1.10, "m":1E+2}}')
    assert message.detail == '{"n": 1.10, "m":1E+2}'
    assert message.tenant_id == "t"
