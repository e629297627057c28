"""Properties that hold for any bytes and any text: of JSON bodies, of messages and of times."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lambdas.inbound.envelope import MAX_MESSAGE_BYTES, ArchivedBody, Envelope, NotAnEnvelopeError, Replay
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.providers.fields import is_identifier
from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object
from tests.unit.webhooks import NOW

any_text = st.text(st.characters())  # Unlike plain `text()` this makes lone surrogates as well.
identifiers = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=256)


# --- bodies ---------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
PUNCTUATION = (b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u", b"d800", b":", b",", b" ", b"\xef\xbb\xbf", b"\xff", b"\0")
SCALARS = (b"1", b"-", b"1e9999", b"9" * 5000, b"NaN", b"Infinity", b"true", b"null", b'"a"', b'{"a":1}', b"[" * 2000)
json_fragments = st.lists(st.sampled_from(PUNCTUATION + SCALARS), max_size=12).map(b"".join)


@given(body=st.binary() | json_fragments)
@settings(max_examples=200)
def test_any_bytes_parse_to_an_object_or_are_malformed(body):
    try:
        document = parse_object(body)
    except MalformedWebhookError:
        return
    assert isinstance(document, dict)


@given(document=st.dictionaries(any_text, json_values, max_size=6), ascii_only=st.booleans())
def test_what_any_json_library_writes_is_read_back(document, ascii_only):
    try:
        body = json.dumps(document, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        assume(False)

    # A float comes back as its digits, of which an amount loses none.
    assert parse_object(body) == json.loads(json.dumps(document), parse_float=Decimal)


@given(document=st.dictionaries(any_text, json_values, min_size=1, max_size=6))
def test_no_key_may_stand_twice(document):
    text = json.dumps(document)
    key = json.dumps(next(iter(document)))

    with pytest.raises(MalformedWebhookError):
        parse_object(f"{text[:-1]},{key}:null}}".encode())


# --- messages -------------------------------------------------------------------------------------------------------

events = st.builds(
    WebhookEvent,
    provider=identifiers,
    event_id=identifiers,
    event_type=identifiers,
    transaction_id=identifiers,
    occurred_at=st.none() | st.just("2021-02-25T15:02:10.000Z"),
    mode=st.none() | st.sampled_from(["live", "test"]),
    account=st.none() | identifiers,
    unsigned=st.none() | st.sampled_from(["account", "mode", "account,mode"]),
) | st.builds(
    WebhookEvent,
    provider=identifiers,
    event_id=identifiers,
    event_type=identifiers,
    transaction_id=identifiers,
    occurred_at=st.none(),
    amount=st.integers(-(10**30), 10**30).map(str),
    currency=st.just("EUR"),
    amount_unit=st.just("minor"),
    exponent=st.integers(0, 12),
)
places = st.builds(ArchivedBody, key=any_text, size=st.integers(0, 2**40), sha256=any_text)
envelopes = st.builds(
    lambda payload, **fields: Envelope(**payload, **fields),
    payload=st.fixed_dictionaries({"body": st.binary()}) | st.fixed_dictionaries({"archived": places}),
    event=events,
    received_at=st.integers(0, 253_402_300_799).map(times.iso),
    correlation_id=any_text,
    content_type=any_text,
    scheme=any_text,
    replay=st.none() | st.builds(Replay, replay_id=any_text, requested_at=any_text),
)


@given(envelope=envelopes)
def test_an_envelope_survives_the_queue(envelope):
    message = envelope.to_message()

    assert Envelope.from_message(message) == envelope
    # SQS counts bytes and refuses most control characters; ASCII makes both questions simple.
    assert message.isascii()
    assert message.isprintable()


@given(event=events, content_type=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=128))
@settings(max_examples=20)
def test_the_largest_message_still_has_room_for_what_replay_adds(event, content_type):
    # A dead-lettered message is replayed as it was, so that it comes back longer by an id and a time.
    def envelope(body, replay=None):
        return Envelope(
            event=event,
            received_at="2021-02-25T15:02:10.000Z",
            correlation_id="0" * 36,
            content_type=content_type,
            scheme="standard-webhooks-v1",
            body=body,
            replay=replay,
        )

    body = b"x" * ((MAX_MESSAGE_BYTES - len(envelope(b"").to_message())) // 4 * 3)
    assert MAX_MESSAGE_BYTES - 4 < len(envelope(body).to_message()) <= MAX_MESSAGE_BYTES

    replay = Replay(replay_id="0" * 36, requested_at="2021-02-25T15:02:10.000Z")
    assert len(envelope(body, replay).to_message()) <= 262_144


FIELDS = ("v", "event", "receivedAt", "correlationId", "contentType", "scheme", "body", "archived", "replay")
EVENT_FIELDS = ("provider", "event_id", "event_type", "transaction_id", "occurred_at")
MONEY = {
    "exponent": [2, "2", True, None, -1],
    "mode": ["live", 1, ""],
    "account": ["a", "a b", 1],
    "unsigned": ["mode", 1],
}


@st.composite
def damaged_messages(draw):
    """Draw a message of which one field, or one field of its event, is missing or anything."""
    message = json.loads(draw(envelopes).to_message())
    inside = draw(st.booleans())
    target = message["event"] if inside else message
    name = draw(st.sampled_from(EVENT_FIELDS if inside else FIELDS) | any_text)
    if draw(st.booleans()):
        target.pop(name, None)
    else:
        target[name] = draw(json_values | st.just([[[[]]]] * 10))
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(MONEY)))
        message["money"] = {name: draw(st.sampled_from(MONEY[name]))}
    return json.dumps(message)


@given(message=any_text | json_values.map(json.dumps) | damaged_messages())
@example('{"v":' + "[" * 5000 + "]" * 5000 + "}")
@example("[" * 100_000)
@example('{"v":1,"v":' + "9" * 5000 + "}")
@settings(max_examples=200)
def test_any_message_is_an_envelope_or_is_not_one(message):
    try:
        envelope = Envelope.from_message(message)
    except NotAnEnvelopeError:
        return
    assert [envelope.body is None, envelope.archived is None].count(True) == 1
    assert is_identifier(envelope.event.transaction_id)
    assert is_identifier(envelope.event.event_id)


PLACE = {"key": "raw/x", "size": 1, "sha256": "0" * 64}
WISH = {"replay_id": "r", "requested_at": "2021-02-25T15:02:10.000Z"}


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("event", "provider", 1.5),
        ("event", "provider", None),
        ("event", "event_type", ["a"]),
        ("event", "event_type", None),
        ("event", "occurred_at", 1614265330.5),
        ("event", "occurred_at", {}),
        ("archived", "key", None),
        ("archived", "size", "large"),
        ("archived", "size", 1.5),
        ("archived", "sha256", 0),
        ("replay", "replay_id", 1.5),
        ("replay", "replay_id", None),
        ("replay", "requested_at", {}),
    ],
)
def test_a_field_of_another_kind_than_this_system_writes_makes_it_no_envelope(part, name, value):
    # An envelope that is accepted here goes into the table, and DynamoDB refuses a float: the dead letter handler
    # then fails on the very message that it exists for.
    event = {"provider": "p", "event_id": "e", "event_type": "t", "transaction_id": "x", "occurred_at": None}
    texts = dict.fromkeys(("correlationId", "contentType", "scheme"), "-") | {"receivedAt": "2021-02-25T15:02:10.000Z"}
    message = {"v": 1, **texts, "event": event, "archived": dict(PLACE), "replay": dict(WISH)}
    assert Envelope.from_message(json.dumps(message)).archived == ArchivedBody(**PLACE)

    message[part][name] = value

    with pytest.raises(NotAnEnvelopeError):
        Envelope.from_message(json.dumps(message))


# --- times ----------------------------------------------------------------------------------------------------------

LAST_SECOND = 253402300799
# From 2**33 s, in the year 2242, a float no longer tells microseconds apart, and a millisecond may be lost on the way.
EXACT_UNTIL = 2**33


@given(milliseconds=st.integers(0, EXACT_UNTIL * 1000 - 1))
@example(0)
@example(NOW * 1000 + 1)
@example(NOW * 1000 + 999)
def test_a_time_survives_being_written_and_read(milliseconds):
    text = times.iso(milliseconds / 1000)

    assert times.parse(text) == milliseconds / 1000
    assert times.iso(times.parse(text)) == text


@given(seconds=st.integers(0, LAST_SECOND))
def test_whole_seconds_survive_until_the_end_of_the_calendar(seconds):
    assert times.parse(times.iso(seconds)) == seconds


@given(pair=st.tuples(*[st.floats(0, LAST_SECOND, allow_nan=False) | st.integers(0, LAST_SECOND)] * 2))
def test_times_as_text_sort_as_times_do(pair):
    earlier, later = sorted(pair)

    assert times.iso(earlier) <= times.iso(later)
    assert len(times.iso(earlier)) == len(times.iso(later)) == len("2021-02-25T15:02:10.000Z")


@given(
    text=any_text
    | st.from_regex(r"[0-9+_.eE-]{0,14}")
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
)
@example("nan")
@example("inf")
@example("1_000")
@example("١٢")
@example("2021-02-25T15:02:60Z")
@example("2021-02-25T15:02:10Z\n")
@example("9999-12-31T23:59:59.999999999Z")
@example("9999-12-31T23:59:59-23:59")
@example("0001-01-01T00:00:00+23:59")
@example("0000-01-01T00:00:00Z")
def test_any_text_is_a_time_that_can_be_written_or_is_none(text):
    seconds = times.parse(text)

    if seconds is not None:
        assert 0 <= seconds < LAST_SECOND + 1
        assert len(times.iso(seconds)) == len("2021-02-25T15:02:10.000Z")


NO_TIMES = (
    *("", " ", "-1", "+1", "1.5", "1e9", "1_000", "nan", "inf", "100000000000", "253402300800", f" {NOW}", f"{NOW}\n"),
    *("\u0661\u0662", "\uff11\uff12", "\u0662021-02-25T15:02:10Z"),
    *("2021-02-25", "2021-02-25T15:02Z", "2021-02-25T15:02:10", "2021-02-25 15:02:10Z", "2021-02-25T15:02:10+0100"),
    *("2021-02-30T15:02:10Z", "2021-02-25T24:00:01Z", "2021-02-25T15:02:60Z", "2021-02-25T15:02:10.Z"),
    *("1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-00:01", "2021-02-25T15:02:10Z\n"),
)


@pytest.mark.parametrize("text", NO_TIMES, ids=ascii)
def test_what_is_neither_epoch_seconds_nor_rfc_3339_is_no_time(text):
    assert times.parse(text) is None


@given(moment=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_an_rfc_3339_time_is_read_as_the_library_reads_it(moment):
    assert times.parse(moment.isoformat()) == moment.timestamp()
    assert times.parse(moment.isoformat().replace("+00:00", "Z")) == moment.timestamp()
