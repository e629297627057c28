"""Properties of Braintree's scheme and of its XML that hold for any bytes and any text."""

import base64
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.providers.xmlbody import parse_element
from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.braintree_webhooks import (
    PUBLIC,
    SECRET,
    XML,
    form,
    form_request,
    pair,
    payload_request,
    xml_request,
)

SCHEME = REGISTRY["braintree"].scheme

any_text = st.text(st.characters())  # Unlike plain `text()` this makes lone surrogates as well.
printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
public_keys = st.text(st.sampled_from("abcxyzABCXYZ0189_-"), min_size=1, max_size=16)
secrets = st.builds("{}:{}".format, public_keys, st.text(printable, min_size=1, max_size=40))
payloads = st.binary(min_size=20, max_size=200).map(lambda data: base64.encodebytes(data).decode())
CHALLENGE = st.text(st.sampled_from("0123456789abcdef"), min_size=20, max_size=32)


@given(payload=payloads, secret=secrets)
def test_whatever_braintree_signs_is_accepted(payload, secret):
    assert SCHEME.verify(payload_request(payload, secret), [secret]).key_id == key_id(secret)


@given(payload=payloads, other=payloads)
def test_a_signature_holds_for_one_payload(payload, other):
    assume(payload != other)

    with pytest.raises(SignatureRefusedError):
        SCHEME.verify(form_request(form(pair(payload), other)), [SECRET])


@given(payload=payloads, theirs=secrets, ours=secrets)
def test_any_other_key_is_refused(payload, theirs, ours):
    assume(theirs != ours)

    with pytest.raises(SignatureRefusedError):
        SCHEME.verify(payload_request(payload, theirs), [ours])


near_misses = st.one_of(
    any_text,
    st.builds("{}|{}".format, st.just(PUBLIC) | any_text, any_text),
    st.lists(st.sampled_from(["|", "&", PUBLIC, "0" * 40]), max_size=6).map("".join),
)


@given(given=near_misses, payload=payloads | any_text)
@example("\ud800|\ud800", "\ud800")
@settings(max_examples=150)
def test_no_text_whatever_is_a_signature_or_breaks_the_check(given, payload):
    body = urlencode({"bt_signature": given, "bt_payload": payload}, errors="surrogatepass").encode()

    with pytest.raises(SignatureRefusedError):
        SCHEME.verify(form_request(body), [SECRET])


FRAGMENTS = (
    b"bt_signature=",
    b"bt_payload=",
    b"&",
    b"=",
    b"%",
    b"%7C",
    b"%0A",
    b"+",
    b";",
    b"\n",
    b"\0",
    b"\xff",
    b"x",
)
bodies = st.binary() | st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(b"".join)


@given(body=bodies)
@settings(max_examples=150)
def test_no_body_whatever_is_accepted_unsigned_or_breaks_the_check(body):
    with pytest.raises(SignatureRefusedError):
        SCHEME.verify(form_request(body), [SECRET])


@given(secret=any_text)
def test_any_text_as_a_key_refuses_or_is_unavailable(secret):
    with pytest.raises((SignatureRefusedError, UnavailableError)):
        SCHEME.verify(xml_request(XML), [secret])


@given(challenge=CHALLENGE)
def test_no_answer_to_a_challenge_is_a_notification(challenge):
    given_signature = SCHEME.answer_challenge(form_request(b"", bt_challenge=challenge), [SECRET])

    for payload in (challenge, challenge + "\n"):
        with pytest.raises(SignatureRefusedError):
            SCHEME.verify(form_request(form(given_signature, payload)), [SECRET])


@given(challenge=any_text)
def test_any_text_as_a_challenge_is_answered_or_malformed(challenge):
    try:
        answer = SCHEME.answer_challenge(form_request(b"", bt_challenge=challenge), [SECRET])
    except MalformedWebhookError:
        return
    assert answer == pair(challenge)


# --- XML ------------------------------------------------------------------------------------------------------------

names = st.sampled_from(["kind", "subject", "transaction", "id", "amount", "timestamp", "dispute", "subscription"])
allowed = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=8)
elements = st.recursive(
    st.builds("<{0}>{1}</{0}>".format, names, allowed.map(escape)),
    lambda inner: st.builds(
        "<{0}{1}>{2}</{0}>".format,
        names,
        st.sampled_from(["", ' type="array"', ' nil="true"', ' type="datetime"']),
        st.lists(inner, max_size=4).map("".join),
    ),
    max_leaves=10,
)
XML_FRAGMENTS = (
    *(b"<notification>", b"</notification>", b"<a>", b"</a>", b"<a/>", b"<", b">", b"&amp;", b"&a;", b"&#0;", b"\xff"),
    *(
        b"<!DOCTYPE a [",
        b"<!ENTITY a 'b'>",
        b"]>",
        b"<?xml version='1.0'?>",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"\0",
    ),
)


@given(document=st.binary() | st.lists(st.sampled_from(XML_FRAGMENTS), max_size=12).map(b"".join))
@settings(max_examples=200)
def test_any_bytes_are_a_value_or_malformed(document):
    try:
        value = parse_element(document, "notification")
    except MalformedWebhookError:
        return
    assert value is None or isinstance(value, str | dict | list)


@given(text=allowed)
def test_any_text_is_read_back(text):
    assert parse_element(f"<a>{escape(text)}</a>".encode(), "a") == text


@given(parts=st.lists(elements, max_size=5))
@settings(max_examples=150)
def test_any_notification_is_an_event_of_identifiers_or_malformed(parts):
    webhook = xml_request(f"<notification>{''.join(parts)}</notification>".encode())
    try:
        (event,) = read_events("braintree", REGISTRY["braintree"], webhook)
    except MalformedWebhookError:
        return
    assert [is_identifier(text) for text in (event.event_id, event.event_type, event.transaction_id)] == [True] * 3
    assert event.occurred_at is None or times.iso(times.parse(event.occurred_at)) == event.occurred_at


@given(body=bodies)
def test_any_body_that_nobody_verified_is_an_event_or_malformed(body):
    with pytest.raises(MalformedWebhookError):
        read_events("braintree", REGISTRY["braintree"], form_request(body))
