"""The replay request: what is good is read, and what is bad is refused by name and value."""

import base64
import json
from dataclasses import replace
from unittest.mock import create_autospec

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.inbound.archive import Archive
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_items import State
from lambdas.inbound.record_queries import RecordPage, RecordQueries
from lambdas.replay.logic import Replayer
from lambdas.replay.request import MAX_EVENTS, BadReplayError, ReplayRequest, TimeRange, read_request

RANGE = {"provider": "stripe", "from": "2026-01-31T12:00:00Z", "to": "2026-01-31T13:00:00Z"}


def read(fields):
    return read_request(fields if isinstance(fields, bytes) else json.dumps(fields).encode())


# --- named events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_ids", "event_keys"),
    [
        (["stripe:evt_1"], ("stripe:evt_1",)),
        (["stripe:evt_1", "github:sha256:44136fa3"], ("stripe:evt_1", "github:sha256:44136fa3")),
        # An id may hold colons of its own; only the first one ends the provider's name.
        (["shop:order:1:paid"], ("shop:order:1:paid",)),
        (["shop::"], ("shop::",)),
        (["b:2", "a:1", "b:2"], ("b:2", "a:1")),
        ([f"p:{'x' * 256}"], (f"p:{'x' * 256}",)),
        ([f"p:{number}" for number in range(MAX_EVENTS)], tuple(f"p:{number}" for number in range(MAX_EVENTS))),
    ],
    ids=lambda value: str(value)[:24],
)
def test_named_events_are_read_once_each_in_order(event_ids, event_keys):
    assert read({"eventIds": event_ids}) == ReplayRequest(event_keys=event_keys)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_goes_with_events_and_with_a_range(dry_run):
    assert read({"eventIds": ["a:1"], "dryRun": dry_run}).dry_run is dry_run
    assert read({**RANGE, "dryRun": dry_run}).dry_run is dry_run


def test_a_replay_is_of_live_events_unless_it_says_otherwise():
    assert not read({"eventIds": ["a:1"]}).any_mode
    assert read({"eventIds": ["a:1"], "anyMode": True}).any_mode
    assert read({**RANGE, "anyMode": True}).any_mode


# --- ranges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "start", "end"),
    [
        ({}, "2026-01-31T12:00:00.000Z", "2026-01-31T13:00:00.000Z"),
        ({"from": "2026-01-31T13:00:00+01:00"}, "2026-01-31T12:00:00.000Z", "2026-01-31T13:00:00.000Z"),
        ({"from": "2026-01-31t12:00:00.25z"}, "2026-01-31T12:00:00.250Z", "2026-01-31T13:00:00.000Z"),
        ({"from": "2026-01-24T13:00:00Z"}, "2026-01-24T13:00:00.000Z", "2026-01-31T13:00:00.000Z"),
        ({"to": "2026-01-31T12:00:00.001Z"}, "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.001Z"),
    ],
)
def test_a_range_is_read_in_utc_and_milliseconds(change, start, end):
    assert read({**RANGE, **change}).time_range == TimeRange(provider="stripe", start=start, end=end, status=None)


@pytest.mark.parametrize("status", State)
def test_a_range_may_ask_for_one_state(status):
    assert read({**RANGE, "status": str(status)}).time_range.status is status


def test_a_range_goes_on_at_a_cursor():
    assert read({**RANGE, "next": "WzAsIG51bGxd"}).cursor == "WzAsIG51bGxd"
    assert read({**RANGE, "next": None}).cursor is None


# --- refusals -------------------------------------------------------------------------------------------------------

# What is wrong, and what the refusal must say: the field first, and the value.
NO_KEY = 'is not of the form "<provider>:<event id>"'
NO_TIME = "is not an RFC 3339 time such as 2026-01-31T12:00:00Z"
NO_STATE = "is not one of RECORDED, ROUTED, HELD, DEAD_LETTERED, CONFLICTING"
REFUSED = {
    "event id without provider": ({"eventIds": ["evt_1"]}, f'eventIds: "evt_1" {NO_KEY}'),
    "event id without id": ({"eventIds": ["stripe:"]}, f'eventIds: "stripe:" {NO_KEY}'),
    "event id with an empty provider": ({"eventIds": [":evt_1"]}, f'eventIds: ":evt_1" {NO_KEY}'),
    "empty event id": ({"eventIds": [""]}, f'eventIds: "" {NO_KEY}'),
    "second event id bad": ({"eventIds": ["a:1", "b"]}, f'eventIds: "b" {NO_KEY}'),
    "event id with a blank": ({"eventIds": ["a:1 2"]}, f'eventIds: "a:1 2" {NO_KEY}'),
    "event id with a newline": ({"eventIds": ["a:1\n"]}, f'eventIds: "a:1\\n" {NO_KEY}'),
    "event id not ASCII": ({"eventIds": ["a:é"]}, f'eventIds: "a:\\u00e9" {NO_KEY}'),
    "event id of 257 characters": ({"eventIds": ["a:" + "x" * 257]}, f'eventIds: "a:{"x" * 57} {NO_KEY}'),
    "event id a number": ({"eventIds": [1]}, f"eventIds: 1 {NO_KEY}"),
    "event id null": ({"eventIds": [None]}, f"eventIds: null {NO_KEY}"),
    "event id a list": ({"eventIds": [["a:1"]]}, f'eventIds: ["a:1"] {NO_KEY}'),
    "event id an object": ({"eventIds": [{}]}, f"eventIds: {{}} {NO_KEY}"),
    "no provider": ({key: RANGE[key] for key in ("from", "to")}, "provider: null is not the name of a provider"),
    "provider empty": ({**RANGE, "provider": ""}, 'provider: "" is not the name of a provider'),
    "provider with a blank": ({**RANGE, "provider": "a b"}, 'provider: "a b" is not the name of a provider'),
    "provider a list": ({**RANGE, "provider": ["stripe"]}, 'provider: ["stripe"] is not the name of a provider'),
    "provider a number": ({**RANGE, "provider": 1}, "provider: 1 is not the name of a provider"),
    "provider an object": ({**RANGE, "provider": {}}, "provider: {} is not the name of a provider"),
    "no from": ({key: RANGE[key] for key in ("provider", "to")}, f"from: null {NO_TIME}"),
    "no to": ({key: RANGE[key] for key in ("provider", "from")}, f"to: null {NO_TIME}"),
    "from without a zone": ({**RANGE, "from": "2026-01-31T12:00:00"}, f'from: "2026-01-31T12:00:00" {NO_TIME}'),
    "from a date": ({**RANGE, "from": "2026-01-31"}, f'from: "2026-01-31" {NO_TIME}'),
    "from no date": ({**RANGE, "from": "2026-02-30T12:00:00Z"}, f'from: "2026-02-30T12:00:00Z" {NO_TIME}'),
    "from in digits": ({**RANGE, "from": "20261201"}, f'from: "20261201" {NO_TIME}'),
    "from before 1970": ({**RANGE, "from": "1969-12-31T23:59:59Z"}, f'from: "1969-12-31T23:59:59Z" {NO_TIME}'),
    "from a number": ({**RANGE, "from": 1769860800}, f"from: 1769860800 {NO_TIME}"),
    "from true": ({**RANGE, "from": True}, f"from: true {NO_TIME}"),
    "from a list": ({**RANGE, "from": []}, f"from: [] {NO_TIME}"),
    "to text": ({**RANGE, "to": "tomorrow"}, f'to: "tomorrow" {NO_TIME}'),
    "to with blanks": ({**RANGE, "to": " 2026-01-31T13:00:00Z"}, f'to: " 2026-01-31T13:00:00Z" {NO_TIME}'),
    "to before from": (
        {**RANGE, "to": "2026-01-31T11:00:00Z"},
        "to: 2026-01-31T11:00:00.000Z is not after from, 2026-01-31T12:00:00.000Z",
    ),
    "to equal to from": (
        {**RANGE, "to": RANGE["from"]},
        "to: 2026-01-31T12:00:00.000Z is not after from, 2026-01-31T12:00:00.000Z",
    ),
    "status in lower case": ({**RANGE, "status": "routed"}, f'status: "routed" {NO_STATE}'),
    "status empty": ({**RANGE, "status": ""}, f'status: "" {NO_STATE}'),
    "status of the API, not of a record": ({**RANGE, "status": "PROCESSING"}, f'status: "PROCESSING" {NO_STATE}'),
    "status a number": ({**RANGE, "status": 1}, f"status: 1 {NO_STATE}"),
    "status false": ({**RANGE, "status": False}, f"status: false {NO_STATE}"),
    "status a list": ({**RANGE, "status": ["ROUTED"]}, f'status: ["ROUTED"] {NO_STATE}'),
    "status an object": ({**RANGE, "status": {}}, f"status: {{}} {NO_STATE}"),
    "dryRun text": ({**RANGE, "dryRun": "false"}, 'dryRun: "false" is not true or false'),
    "dryRun null": ({**RANGE, "dryRun": None}, "dryRun: null is not true or false"),
    "dryRun a number": ({"eventIds": ["a:1"], "dryRun": 0}, "dryRun: 0 is not true or false"),
    "anyMode text": ({"eventIds": ["a:1"], "anyMode": "true"}, 'anyMode: "true" is not true or false'),
    "next a number": ({**RANGE, "next": 1}, "next: 1 is not a cursor that this API returned"),
    "next an object": ({**RANGE, "next": {}}, "next: {} is not a cursor that this API returned"),
}


@pytest.mark.parametrize(("fields", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_field_is_refused_by_name_and_value(fields, message):
    with pytest.raises(BadReplayError) as refusal:
        read(fields)

    assert str(refusal.value) == message


# The module promises field and value for every refusal; of a count or a length it is the number that says what is
# wrong.
NAMED = {
    "eventIds text": ({"eventIds": "stripe:evt_1"}, "eventIds: ", '"stripe:evt_1"'),
    "eventIds null": ({"eventIds": None}, "eventIds: ", "null"),
    "eventIds an object": ({"eventIds": {"stripe": "evt_1"}}, "eventIds: ", '{"stripe": "evt_1"}'),
    "eventIds empty": ({"eventIds": []}, "eventIds: ", "[]"),
    "101 eventIds": ({"eventIds": [f"a:{number}" for number in range(101)]}, "eventIds: ", "101"),
    "range of 168 hours and a moment": ({**RANGE, "from": "2026-01-24T12:59:59.999Z"}, "to: ", "2026-01-31T13:00:00"),
}


@pytest.mark.parametrize(("fields", "field", "value"), NAMED.values(), ids=NAMED.keys())
def test_a_bad_list_or_length_is_refused_by_name_and_value(fields, field, value):
    with pytest.raises(BadReplayError) as refusal:
        read(fields)

    assert str(refusal.value).startswith(field)
    assert value in str(refusal.value).removeprefix(field)


@pytest.mark.parametrize(
    "more",
    [{"provider": "stripe"}, {"from": RANGE["from"]}, {"to": RANGE["to"]}, {"status": "ROUTED"}, {"next": "x"}, RANGE],
    ids=str,
)
def test_events_and_a_range_are_not_mixed(more):
    with pytest.raises(BadReplayError, match=r"^eventIds: give either eventIds, or provider, from, to and status$"):
        read({"eventIds": ["a:1"], **more})


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({**RANGE, "dryrun": True}, "dryrun"),
        ({**RANGE, "limit": 1}, "limit"),
        ({"eventids": ["a:1"]}, "eventids"),
        ({**RANGE, "": 1}, ""),
        ({**RANGE, "x" * 100: 1}, "x" * 40),
        ({**RANGE, "b": 1, "a": 1}, "a"),
    ],
)
def test_an_unknown_field_is_refused_before_it_can_be_overlooked(fields, shown):
    with pytest.raises(BadReplayError) as refusal:
        read(fields)

    known = "anyMode, dryRun, eventIds, from, next, provider, reason, status, to"
    assert str(refusal.value) == f"{shown}: unknown field; known are {known}"


def test_a_refusal_quotes_no_more_than_the_beginning_of_a_long_value():
    with pytest.raises(BadReplayError) as refusal:
        read({**RANGE, "provider": "é" * 10_000})

    assert len(str(refusal.value)) < 120


BODIES = {
    "empty": b"",
    "array": b'[{"eventIds":["a:1"]}]',
    "text": b'"a:1"',
    "null": b"null",
    "duplicate key": b'{"eventIds":["a:1"],"eventIds":["a:2"]}',
    "NaN": b'{"dryRun":NaN}',
    "deep": b'{"dryRun":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": b'{"provider":"\xff"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_no_plain_json_object_is_refused(body):
    with pytest.raises(BadReplayError, match=r"^body: a JSON object expected$"):
        read(body)


@pytest.mark.parametrize("depth", [100, 1_000, 9_000])
def test_a_deep_value_that_still_parses_is_refused_like_any_other(depth):
    with pytest.raises(BadReplayError, match=r"^(dryRun|body): "):
        read(b'{"dryRun":' + b"[" * depth + b"]" * depth + b"}")


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters()) | st.sampled_from([*RANGE.values(), "a:1", "ROUTED"])
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
names = st.sampled_from(["eventIds", "provider", "from", "to", "status", "dryRun", "next"])


# One field at a time, so that nothing else refuses the request first.
@given(name=names, value=values, base=st.sampled_from([{}, RANGE, {"eventIds": ["a:1"]}]))
@settings(max_examples=150)
def test_any_request_is_read_or_refused(name, value, base):
    try:
        request = read({**base, name: value})
    except BadReplayError:
        return
    assert (request.time_range is None) is (len(request.event_keys) > 0)


# --- cursors of a range ---------------------------------------------------------------------------------------------


def replayer(page):
    queries = create_autospec(RecordQueries, instance=True)
    queries.by_received.return_value = page
    return Replayer(
        queries=queries,
        archive=create_autospec(Archive, instance=True),
        queue=create_autospec(MainQueue, instance=True),
        clock=lambda: 0.0,
    )


def encoded(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


CURSORS = {
    "blank": " ",
    "text": "garbage",
    "not ASCII": "é",
    "lone surrogate": "\ud800",
    "not JSON": encoded(b"0,null"),
    "not UTF-8": encoded(b'["\xff"]'),
    "deep": encoded(b"[" * 100_000),
    "null": encoded(None),
    "number": encoded(1),
    "text of two": encoded("ab"),
    "object of two": encoded({"a": 1, "b": 2}),
    "too few": encoded([0]),
    "too many": encoded([0, None, 1]),
    "negative bucket": encoded([-1, None]),
    "bucket true": encoded([True, None]),
    "bucket text": encoded(["0", None]),
    "bucket a fraction": encoded([0.0, None]),
    "key text": encoded([0, "a"]),
    "key a list": encoded([0, []]),
    "key of a number": encoded([0, {"transactionId": 1}]),
    "key of an object": encoded([0, {"transactionId": {"S": "x"}}]),
}


@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS.keys())
def test_a_cursor_that_we_never_wrote_is_refused_and_nothing_is_read(cursor):
    subject = replayer(RecordPage(records=[], bucket=0, after=None, complete=True))

    with pytest.raises(BadReplayError, match=r"^next: not a cursor that this API returned$"):
        subject.run(read({**RANGE, "next": cursor}), "replay-1")
    assert subject.queries.by_received.call_count == 0


INDEX_KEY = {
    "transactionId": "pi_1",
    "timestamp": "-#stripe:evt_1",
    "receivedBucket": "stripe#2026-01-31T12#7",
    "receivedAt": "2026-01-31T12:30:00.000Z",
}


@pytest.mark.parametrize("after", [None, INDEX_KEY], ids=["at a bucket's beginning", "within a bucket"])
def test_a_range_goes_on_where_its_cursor_says(after):
    subject = replayer(RecordPage(records=[], bucket=7, after=after, complete=False))
    first = subject.run(read(RANGE), "replay-1")

    subject.run(read({**RANGE, "next": first.next}), "replay-2")

    arguments = subject.queries.by_received.call_args.kwargs
    assert (arguments["bucket"], arguments["after"]) == (7, after)


def test_an_empty_cursor_does_not_quietly_begin_anew():
    # A client that lost its place would replay the first page over and over.
    subject = replayer(RecordPage(records=[], bucket=0, after=None, complete=True))

    with pytest.raises(BadReplayError, match=r"^next: "):
        subject.run(read({**RANGE, "next": ""}), "replay-1")


class RecordTable:
    """A stub: what DynamoDB answers to a foreign key cannot be had without DynamoDB, and no item is needed here."""

    def query(self, **arguments):
        if "ExclusiveStartKey" in arguments:
            code, message = "ValidationException", "The provided starting key is outside query boundaries"
            raise ClientError({"Error": {"Code": code, "Message": message}}, "Query")
        return {"Items": []}


@pytest.mark.parametrize(
    "cursor",
    [
        [99, None],
        [0, {"transactionId": "x"}],
        [0, {"transactionId": "x", "timestamp": "-", "receivedBucket": "github#2026-01-31T12#0", "receivedAt": "-"}],
    ],
    ids=["a bucket beyond the range", "an invalid key", "a key of another provider"],
)
def test_a_cursor_of_another_range_is_refused(cursor):
    # `Replayer.run` promises it; the bucket is otherwise the quiet end of the range, and the key an error of ours.
    subject = replace(replayer(None), queries=RecordQueries(RecordTable(), "t"))

    with pytest.raises(BadReplayError, match=r"^next: "):
        subject.run(read({**RANGE, "next": encoded(cursor)}), "replay-1")


def test_a_range_at_the_end_of_the_calendar_is_read():
    wanted = {**RANGE, "from": "9999-12-31T22:30:00Z", "to": "9999-12-31T23:30:00Z"}
    subject = replace(replayer(None), queries=RecordQueries(RecordTable(), "t"))

    assert subject.run(read(wanted), "replay-1").matched == 0
