"""What a list of events may be asked for, and what it says of a request that makes no sense."""

import base64
import json

import pytest

from lambdas.inbound.requests import BadRequestError
from lambdas.operator.logic import read_event_key
from lambdas.operator.request import (
    COUNTS,
    EVENTS,
    PAYLOAD,
    Position,
    read_list,
    read_parameters,
    write_position,
)

NOW = 1_790_000_000.0
NOW_TEXT, DAY_BEFORE = "2026-09-21T14:13:20.000Z", "2026-09-20T14:13:20.000Z"
RANGE = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}


def read(known=EVENTS, **query):
    return read_list({name.rstrip("_"): [value] for name, value in query.items()}, known, NOW)


def test_nothing_asked_for_is_the_newest_of_the_last_day():
    wanted = read()

    assert (wanted.start, wanted.end, wanted.limit) == (DAY_BEFORE, NOW_TEXT, 50)
    assert (wanted.event_id, wanted.transaction_id, wanted.attributes) == (None, None, {})
    assert wanted.position == Position(NOW_TEXT)


@pytest.mark.parametrize("query", [{"eventId": "x_1"}, {"transactionId": "x_1"}, {"list": "conflicts"}])
def test_what_is_looked_up_may_be_of_any_time(query):
    assert read(**query).start == "1970-01-01T00:00:00.000Z"
    assert read(**query, **{"from": RANGE["from"]}).start == "2026-01-01T00:00:00.000Z"


def test_a_list_of_its_own_has_a_time_of_its_own_which_a_record_loses_when_it_leaves():
    wanted = read(list="dead-letters", **RANGE)
    listed = {"receivedAt": NOW_TEXT, "state": "DEAD_LETTERED", "deadLetteredAt": "2026-01-01T00:00:00.000Z"}

    assert wanted.matches(listed)
    assert not wanted.matches({**listed, "deadLetteredAt": "2026-01-02T00:00:00.000Z"})
    assert not wanted.matches({"receivedAt": "2026-01-01T00:00:00.000Z", "state": "DEAD_LETTERED"})
    # What a release that knows nothing of the list has routed is still in its index.
    assert not wanted.matches({**listed, "state": "ROUTED"})


def test_at_most_a_week_is_counted():
    assert read(COUNTS, **{"from": "2026-09-14T14:13:20Z"}).end == NOW_TEXT
    with pytest.raises(BadRequestError, match=r"from: 2026-09-14T14:13:19.000Z is more than 168 hours before to, "):
        read(COUNTS, **{"from": "2026-09-14T14:13:19Z"})


def test_a_range_is_that_of_its_times_whatever_their_zone():
    wanted = read(**{"from": "2026-01-01T01:00:00+01:00", "to": "2026-01-02T00:00:00Z"})

    assert (wanted.start, wanted.end) == ("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z")


RECORD = {
    "receivedAt": DAY_BEFORE,
    "provider": "stripe",
    "eventType": "charge.failed",
    "state": "ROUTED",
    "mode": "live",
    "account": "acct_1",
    "correlationId": "c-1",
}
OF_A_RECORD = {
    "provider": "stripe",
    "type": "charge.failed",
    "state": "ROUTED",
    "mode": "live",
    "account": "acct_1",
    "correlationId": "c-1",
}
OTHER = {"state": "HELD", "mode": "test"}


@pytest.mark.parametrize("name", OF_A_RECORD)
def test_a_filter_lets_through_what_is_equal_and_nothing_else(name):
    assert read(**{name: OF_A_RECORD[name]}).matches(RECORD)
    assert not read(**{name: OTHER.get(name, "other")}).matches(RECORD)
    assert not read(**{name: OF_A_RECORD[name]}).matches({})
    assert not read(**{**OF_A_RECORD, name: OTHER.get(name, "other")}).matches(RECORD)


def test_every_parameter_but_lookups_range_and_page_is_a_filter():
    others = {"eventId", "transactionId", "list", "from", "to", "limit", "next"}

    assert {each.name for each in EVENTS if each.attribute is None} == others
    assert {each.name for each in EVENTS} - others == set(OF_A_RECORD)


def cursor(*values):
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


START, END = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
NOT_OURS = "next: not a cursor that this API returned"
WRONG = {
    "unknown": ({"colour": "red"}, "colour: unknown parameter; known are provider, type, state, list,"),
    "provider empty": ({"provider": ""}, "provider: '' is not 1 to 256 printable ASCII characters"),
    "provider with a blank": ({"provider": "a b"}, "provider: 'a b' is not"),
    "type not ASCII": ({"type": "é"}, "type: 'é' is not"),
    "type with a wildcard": ({"type": "payment.*"}, "type: 'payment.*' has a *, which stands for nothing here"),
    "account too long": ({"account": "x" * 257}, "account: 'xxx"),
    "event id with a line end": ({"eventId": "evt\n"}, "eventId: 'evt\\n' is not"),
    "transaction id empty": ({"transactionId": ""}, "transactionId: '' is not"),
    "correlation id empty": ({"correlationId": ""}, "correlationId: '' is not"),
    "state of no record": ({"state": "LOST"}, "state: 'LOST' is not one of RECORDED, ROUTED, HELD, DEAD_LETTERED,"),
    "state in lower case": ({"state": "routed"}, "state: 'routed' is not one of"),
    "mode": ({"mode": "prod"}, "mode: 'prod' is not one of live, test"),
    "from": ({"from": "yesterday"}, "from: 'yesterday' is not an RFC 3339 time such as"),
    "from in digits": ({"from": "20261201"}, "from: '20261201' is not an RFC 3339 time such as"),
    "to": ({"to": "2026-13-01T00:00:00Z"}, "to: '2026-13-01T00:00:00Z' is not an RFC 3339 time"),
    "range backwards": ({"from": RANGE["to"], "to": RANGE["from"]}, f"to: {START} is not after from, {END}"),
    "range empty": ({"from": RANGE["to"], "to": RANGE["to"]}, f"to: {END} is not after from, {END}"),
    "range in the future": ({"from": "2027-01-01T00:00:00Z"}, f"to: {NOW_TEXT} is not after from"),
    "list": ({"list": "dead"}, "list: 'dead' is not one of dead-letters, conflicts"),
    "two lookups": ({"eventId": "evt_1", "transactionId": "tx_1"}, "transactionId: not together with eventId"),
    "lookup in a list": ({"list": "conflicts", "transactionId": "tx_1"}, "list: not together with transactionId"),
    "limit": ({"limit": "201"}, "limit: '201' is not a whole number from 1 to 200"),
    "cursor empty": ({"next": ""}, NOT_OURS),
    "cursor of another list": ({"next": cursor(START, 1)}, NOT_OURS),
    "cursor of a number": ({"next": cursor(START, START, "", "", "1")}, NOT_OURS),
    "cursor without a time": ({"next": cursor("x", START, "", "", 1)}, NOT_OURS),
    "cursor of no day": ({"next": cursor("0000-01-01T00:00:00.000Z", START, "", "", 1)}, NOT_OURS),
    "cursor at no hour": ({"next": cursor(START, "2026-01-01T25:00:00.000Z", "", "", 1)}, NOT_OURS),
    "cursor behind the range": ({**RANGE, "next": cursor(START, "2026-01-02T00:00:00.001Z", "", "", 0)}, NOT_OURS),
    "cursor before the range": ({**RANGE, "next": cursor(START, "2025-12-31T23:59:59.999Z", "", "", 0)}, NOT_OURS),
    "cursor of another range": ({**RANGE, "next": cursor(END, END, "", "", 0)}, NOT_OURS),
    "cursor that counts backwards": ({**RANGE, "next": cursor(START, END, "", "", -1)}, NOT_OURS),
}


@pytest.mark.parametrize(("query", "error"), WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_refused_by_parameter_and_value(query, error):
    with pytest.raises(BadRequestError) as refused:
        read(**query)

    assert str(refused.value).startswith(error)


def test_a_parameter_that_comes_twice_is_refused():
    with pytest.raises(BadRequestError, match="provider: given 2 times"):
        read_list({"provider": ["stripe", "adyen"]}, EVENTS, NOW)


def test_counts_and_payloads_know_fewer_parameters():
    with pytest.raises(BadRequestError, match=r"state: unknown parameter; known are provider, from, to$"):
        read(COUNTS, state="HELD")
    with pytest.raises(BadRequestError, match="state: unknown parameter; known are record"):
        read_parameters({"state": ["HELD"]}, PAYLOAD)
    with pytest.raises(BadRequestError, match="state: unknown parameter; known are none"):
        read_parameters({"state": ["HELD"]}, ())


def test_a_cursor_goes_on_where_it_was_written_although_time_went_on():
    # Given a page of the last day
    position = Position("2026-09-21T10:00:00.000Z", "event stripe:evt_1", "-", 3)
    text = write_position(DAY_BEFORE, position)

    # When the next one is asked for an hour later
    wanted = read_list({"next": [text]}, EVENTS, NOW + 3_600)

    # Then it ends where the first one would have
    assert (wanted.start, wanted.position) == (DAY_BEFORE, position)


@pytest.mark.parametrize("key", ["stripe:evt_1", "a:b:c", "stripe:" + "x" * 256])
def test_an_event_is_named_by_provider_and_id_as_they_are_or_encoded(key):
    encoded = "~" + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")

    assert read_event_key(key) == read_event_key(encoded) == key


@pytest.mark.parametrize(
    "part", ["", "evt_1", "stripe:", ":evt_1", "stripe:a b", "stripe:é", "~", "~YS", "~AA", "a\n:b"]
)
def test_what_cannot_name_an_event_is_refused(part):
    with pytest.raises(BadRequestError, match=r"^event: "):
        read_event_key(part)
