"""The status of a transaction: its state, its timeline newest first, and pages without gaps or repeats."""

import base64
import json
import random
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.requests import DEFAULT_LIMIT, MAX_LIMIT, BadRequestError, read_limit
from lambdas.shared import times
from lambdas.status.logic import (
    MAX_EVENTS,
    Position,
    describe_transaction,
    overall_state,
    read_cursor,
    read_events_cursor,
    write_cursor,
)

NOW = 1_614_265_330


def record(event_id, *steps, provider="stripe", state="ROUTED", **fields):
    """Return a record whose timeline has the given (step, seconds after NOW)."""
    return {
        "provider": provider,
        "eventId": event_id,
        "timestamp": "-",
        "timeline": [{"step": step, "at": times.iso(NOW + at)} for step, at in steps],
        **({"state": state} if state else {}),
        **fields,
    }


def timeline(records, limit=MAX_LIMIT, after=None):
    page = describe_transaction("pi_1", records, limit, after)
    return [(entry["eventId"], entry["step"]) for entry in page["timeline"]]


# --- order ----------------------------------------------------------------------------------------------------------

ORDERS = {
    "one event": (
        [record("a", ("received", 0), ("archived", 1), ("recorded", 2), ("routed", 3))],
        [("a", "routed"), ("a", "recorded"), ("a", "archived"), ("a", "received")],
    ),
    "several steps within a millisecond": (
        [record("a", ("received", 0), ("archived", 0), ("recorded", 0), ("routed", 0))],
        [("a", "routed"), ("a", "recorded"), ("a", "archived"), ("a", "received")],
    ),
    "two events interleaved": (
        [record("a", ("received", 0), ("routed", 4)), record("b", ("received", 2), ("routed", 6))],
        [("b", "routed"), ("a", "routed"), ("b", "received"), ("a", "received")],
    ),
    "the newest event first in the table": (
        [record("b", ("received", 9)), record("a", ("received", 1))],
        [("b", "received"), ("a", "received")],
    ),
    "two events within a millisecond, by their key": (
        [record("a", ("received", 0)), record("b", ("received", 0))],
        [("b", "received"), ("a", "received")],
    ),
    "the same id from two providers": (
        [record("a", ("received", 1), provider="github"), record("a", ("routed", 2), provider="stripe")],
        [("a", "routed"), ("a", "received")],
    ),
    "milliseconds decide": (
        [record("a", ("received", 0.002)), record("b", ("received", 0.001))],
        [("a", "received"), ("b", "received")],
    ),
    "an hour that sorts otherwise as a number than as text": (
        [record("a", ("received", 9 * 3600)), record("b", ("received", 10 * 3600))],
        [("b", "received"), ("a", "received")],
    ),
    "a record that only notes a failure has no timeline": (
        [record("a", ("received", 0)), {"provider": "p", "eventId": "b", "timestamp": "-", "lastFailure": {}}],
        [("a", "received")],
    ),
}


@pytest.mark.parametrize(("records", "expected"), ORDERS.values(), ids=ORDERS.keys())
def test_the_timeline_is_one_over_all_events_newest_first(records, expected):
    assert timeline(records) == expected


def test_an_entry_says_whose_it_is_and_keeps_its_details():
    found = record("a")
    found["timeline"] = [{"step": "routed", "at": "2021-02-25T15:02:10.000Z", "busEventId": "x"}]

    assert describe_transaction("pi_1", [found], 1, None)["timeline"] == [
        {
            "step": "routed",
            "at": "2021-02-25T15:02:10.000Z",
            "busEventId": "x",
            "provider": "stripe",
            "eventId": "a",
        }
    ]


def test_an_event_is_shown_without_what_only_processing_needs():
    found = record(
        "a", ("received", 0), owner="message-1", leaseUntil=1, receivedBucket="b", eventType="t", scheme="stripe-v1"
    )

    status = describe_transaction("pi_1", [found], 1, None)

    assert status["transactionId"] == "pi_1"
    assert status["events"] == [
        {"provider": "stripe", "eventId": "a", "eventType": "t", "state": "ROUTED", "scheme": "stripe-v1"}
    ]


def test_a_transaction_without_events_has_no_status():
    assert describe_transaction("pi_1", [], DEFAULT_LIMIT, None) is None
    assert describe_transaction("pi_1", iter(()), DEFAULT_LIMIT, Position("a", "b", 1)) is None


# --- the overall state ----------------------------------------------------------------------------------------------

STATES = [
    (["ROUTED"], "ROUTED"),
    (["ROUTED", "ROUTED"], "ROUTED"),
    (["RECORDED"], "PROCESSING"),
    (["ROUTED", "RECORDED"], "PROCESSING"),
    ([None], "PROCESSING"),
    (["ROUTED", None], "PROCESSING"),
    (["HELD"], "HELD"),
    (["ROUTED", "HELD"], "HELD"),
    (["RECORDED", "HELD"], "PROCESSING"),
    (["DEAD_LETTERED", "HELD"], "DEAD_LETTERED"),
    (["DEAD_LETTERED"], "DEAD_LETTERED"),
    (["ROUTED", "DEAD_LETTERED"], "DEAD_LETTERED"),
    (["RECORDED", "DEAD_LETTERED"], "DEAD_LETTERED"),
    ([None, "DEAD_LETTERED"], "DEAD_LETTERED"),
    (["CONFLICTING"], "CONFLICTING"),
    (["ROUTED", "CONFLICTING"], "ROUTED"),
    ([None, "CONFLICTING"], "PROCESSING"),
]


@pytest.mark.parametrize(("states", "expected"), STATES)
@pytest.mark.parametrize("direction", [1, -1])
def test_one_event_given_up_outweighs_all_and_one_under_way_outweighs_those_that_are_done(states, expected, direction):
    records = [record(str(index), state=state) for index, state in enumerate(states)][::direction]

    assert overall_state({one.get("state", "PROCESSING") for one in records}) == expected
    assert describe_transaction("pi_1", records, 1, None)["state"] == expected


# --- pages ----------------------------------------------------------------------------------------------------------


def walk(records, limit):
    """Read page after page and return all entries, each page but the last one as long as the limit."""
    entries, cursor = [], None
    # A cursor that does not move on must fail the test, not hang it.
    for _ in range(1 + sum(len(found["timeline"]) for found in records)):
        page = describe_transaction("pi_1", records, limit, read_cursor(cursor) if cursor else None)
        entries += page["timeline"]
        cursor = page["next"]
        if cursor is None:
            assert len(page["timeline"]) <= limit
            return entries
        assert len(page["timeline"]) == limit
    pytest.fail("the pages have no end")


# Few distinct times, so that entries share one often.
timelines = st.lists(st.tuples(st.sampled_from(["received", "routed", "replayed"]), st.integers(0, 5)), max_size=8)
transactions = st.dictionaries(
    st.tuples(st.sampled_from(["github", "stripe"]), st.text(st.characters(codec="ascii"), min_size=1, max_size=3)),
    timelines,
    min_size=1,
    max_size=5,
).map(lambda found: [record(event_id, *steps, provider=provider) for (provider, event_id), steps in found.items()])


@given(records=transactions, limit=st.integers(1, 12))
def test_the_pages_together_are_the_whole_timeline_once(records, limit):
    # Numbered, so that every entry is told apart from every other.
    for found in records:
        for number, step in enumerate(found["timeline"]):
            step["number"] = number
    expected = sorted(
        (
            {**step, "provider": found["provider"], "eventId": found["eventId"]}
            for found in records
            for step in found["timeline"]
        ),
        key=lambda entry: (entry["at"], f"{entry['provider']}:{entry['eventId']}", entry["number"]),
        reverse=True,
    )

    assert walk(records, limit) == expected


@given(records=transactions, limit=st.integers(1, 12))
def test_pages_do_not_depend_on_the_order_in_which_records_are_read(records, limit):
    assert walk(records, limit) == walk(records[::-1], limit)


def test_what_happens_between_two_pages_neither_shifts_nor_repeats_an_entry():
    records = [record("a", ("received", 0), ("archived", 1), ("recorded", 2), ("routed", 3))]
    first = describe_transaction("pi_1", records, 2, None)
    records[0]["timeline"].append({"step": "replayed", "at": times.iso(NOW + 60)})
    records.append(record("b", ("received", 61)))

    second = describe_transaction("pi_1", records, 2, read_cursor(first["next"]))

    assert [entry["step"] for entry in first["timeline"] + second["timeline"]] == [
        "routed",
        "recorded",
        "archived",
        "received",
    ]
    assert second["next"] is None


@pytest.mark.parametrize(("entries", "limit", "more"), [(3, 2, True), (2, 2, False), (1, 2, False), (0, 2, False)])
def test_a_page_has_a_next_one_only_when_something_is_left(entries, limit, more):
    page = describe_transaction("pi_1", [record("a", *[("received", at) for at in range(entries)])], limit, None)

    assert (page["next"] is not None) is more


def test_a_position_beyond_the_end_is_an_empty_last_page():
    page = describe_transaction("pi_1", [record("a", ("received", 0))], 2, Position("1970", "", 0))

    assert (page["timeline"], page["next"]) == ([], None)


def test_the_sort_key_alone_orders_entries():
    # Two records can hold equal steps; comparing dictionaries would raise.
    records = [record("a", ("received", 0)), record("b", ("received", 0)), record("c", ("received", 0))]

    assert list(map(itemgetter(0), timeline(records))) == ["c", "b", "a"]


def test_a_transaction_with_thousands_of_events_is_answered_in_pages_that_a_function_may_return():
    # Given a transaction with 13,000 events, which are read in any order
    records = [record(f"{number:05}{'x' * 200}", ("received", 0), ("routed", 1)) for number in range(13_000)][::-1]
    shuffled = random.Random(1).sample(records, len(records))

    # When it is looked up page by page
    found, cursor = [], None
    for _ in range(13_000 // MAX_EVENTS + 1):
        after = read_events_cursor(cursor) if cursor else None
        answer = describe_transaction("pi_1", iter(shuffled), DEFAULT_LIMIT, None, events_after=after)
        # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        assert len(json.dumps(answer)) < 1_000_000
        found += [event["eventId"] for event in answer["events"]]
        if (cursor := answer["nextEvents"]) is None:
            break

    # Then each event is on one page
    assert found == [one["eventId"] for one in records]


@pytest.mark.parametrize(("events", "more"), [(MAX_EVENTS, False), (MAX_EVENTS + 1, True)])
def test_a_page_of_events_has_a_next_one_only_when_something_is_left(events, more):
    records = [record(f"{number:05}") for number in range(events)][::-1]

    assert (describe_transaction("pi_1", records, 1, None)["nextEvents"] is not None) is more


def test_the_state_is_that_of_all_events_on_every_page():
    records = [record(f"{number:05}") for number in range(MAX_EVENTS + 2)][::-1]
    records[-1]["state"] = "DEAD_LETTERED"
    first = describe_transaction("pi_1", records, 1, None)
    after = read_events_cursor(first["nextEvents"])

    assert first["state"] == "DEAD_LETTERED"
    assert describe_transaction("pi_1", records[:-1], 1, None, events_after=after)["state"] == "ROUTED"


# --- cursors --------------------------------------------------------------------------------------------------------

any_text = st.text(st.characters())


@given(at=any_text, event_key=any_text, number=st.integers(0, 10_000))
def test_a_cursor_is_read_back_and_fits_a_url(at, event_key, number):
    cursor = write_cursor(Position(at, event_key, number))

    assert read_cursor(cursor) == Position(at, event_key, number)
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in cursor)


def encoded(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


GARBAGE = {
    "empty": "",
    "blank": " ",
    "text": "garbage",
    "not ASCII": "é",
    "lone surrogate": "\ud800",
    "punctuation": "!!!!",
    "one letter": "A",
    "padding only": "====",
    "not JSON": encoded(b"at,key,1"),
    "not UTF-8": encoded(b'["\xff","b",1]'),
    "deep": encoded(b"[" * 100_000),
    "number of 5,000 digits": encoded(b'["a","b",' + b"9" * 5000 + b"]"),
    "null": encoded(None),
    "number": encoded(1),
    "text of three": encoded("abc"),
    "object of three": encoded({"a": 1, "b": 2, "c": 3}),
    "too few": encoded(["a", "b"]),
    "too many": encoded(["a", "b", 1, 2]),
    "no text as time": encoded([1, "b", 1]),
    "no text as key": encoded(["a", None, 1]),
    "text as number": encoded(["a", "b", "1"]),
    "fraction as number": encoded(["a", "b", 1.5]),
    "true as number": encoded(["a", "b", True]),
    "NaN as number": encoded(b'["a","b",NaN]'),
    "array as number": encoded(["a", "b", [1]]),
    "cut off": write_cursor(Position("2021-02-25T15:02:10.000Z", "stripe:evt_1", 3))[:-6],
}


@pytest.mark.parametrize("cursor", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_cursor_that_we_never_wrote_is_a_bad_request(cursor):
    with pytest.raises(BadRequestError, match=r"^next: not a cursor that this API returned$"):
        read_cursor(cursor)


@pytest.mark.parametrize(
    "cursor", [*(one for name, one in GARBAGE.items() if name != "too few"), encoded("ab"), encoded([1, "b"])]
)
def test_a_cursor_of_events_that_we_never_wrote_is_a_bad_request(cursor):
    with pytest.raises(BadRequestError, match=r"^nextEvents: not a cursor that this API returned$"):
        read_events_cursor(cursor)


@given(text=any_text | st.binary().map(encoded))
def test_any_text_is_a_position_or_a_bad_request(text):
    try:
        position = read_cursor(text)
    except BadRequestError:
        return
    # What is read must sort among real positions.
    assert sorted([position, Position("a", "b", 1)], reverse=True)[0] >= position


# --- the limit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit"), [(None, DEFAULT_LIMIT), ("1", 1), ("50", 50), ("200", MAX_LIMIT), ("007", 7), ("0010", 10)]
)
def test_a_limit_is_a_whole_number_from_1_to_200(text, limit):
    assert read_limit(text) == limit


BAD_LIMITS = (
    *("0", "0000", "201", "-1", "+1", "00010", "9" * 5000),
    *("1.0", "1e2", "1_0", "0x1", "1,2", "nan", "ten", "null"),
    *("", " ", " 1", "1 ", "1\n", "\u0661\u0662", "\uff11", "\u00b2", "\ud800"),
)


@pytest.mark.parametrize("text", BAD_LIMITS, ids=lambda text: ascii(text)[:16])
def test_any_other_limit_is_a_bad_request_that_names_it(text):
    with pytest.raises(BadRequestError) as refusal:
        read_limit(text)

    assert str(refusal.value) == f"limit: {text[:20]!r} is not a whole number from 1 to 200"
