"""Properties of Adyen's schemes that hold for any item, any body and any text."""

import json

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.adyen import signed_text
from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.adyen_webhooks import (
    KEY,
    OTHER_KEY,
    SIGNED_FIELDS,
    body_request,
    changed,
    items_request,
    readings,
    signature_of,
    signed,
    with_signature,
)
from tests.unit.webhooks import request

ITEMS = REGISTRY["adyen"]
PLATFORM = REGISTRY["adyen-platform"]

any_text = st.text(st.characters())  # Unlike plain `text()` this makes lone surrogates as well.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
fields = texts.filter(lambda text: ":" not in text)
references = texts | st.lists(st.sampled_from([":", "a", "1", "EUR", "true"]), max_size=8).map("".join)
items = st.fixed_dictionaries(
    {
        **dict.fromkeys(("pspReference", "originalReference", "merchantAccountCode", "eventCode", "success"), fields),
        "merchantReference": references,
        "amount": st.fixed_dictionaries({"value": st.integers(-(10**20) + 1, 10**20 - 1), "currency": fields}),
    }
)
keys = st.binary(min_size=1, max_size=40).map(bytes.hex)


def json_of(numbers):
    return st.recursive(
        st.none() | st.booleans() | st.integers() | numbers | any_text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
        max_leaves=8,
    )


json_values = json_of(st.floats())
finite_values = json_of(st.floats(allow_nan=False, allow_infinity=False))
BARE = {"amount": {"value": 1, "currency": "EUR"}, "pspReference": "1"}


@given(item=items, key=keys)
def test_whatever_adyen_signs_is_accepted(item, key):
    assert ITEMS.scheme.verify(items_request(signed(item, key)), [key]).key_id == key_id(key)


@given(item=items, reference=st.lists(st.sampled_from([":", "a", "1", "EUR"]), max_size=5).map("".join))
@settings(max_examples=50)
def test_of_all_readings_of_a_signed_text_one_is_accepted(item, reference):
    given_item = {**item, "merchantReference": reference}
    signature = signature_of(given_item)
    accepted = []
    for each in readings(signed_text(given_item).decode()):
        try:
            ITEMS.scheme.verify(items_request(with_signature(each, signature)), [KEY])
        except SignatureRefusedError:
            continue
        accepted.append({name: each[name] for name in given_item})

    assert accepted == [given_item]


@given(item=items, path=st.sampled_from(SIGNED_FIELDS), value=json_values)
def test_any_other_value_in_a_signed_field_is_refused(item, path, value):
    item_with_value = changed(signed(item), path, value)
    try:
        same = signed_text(item_with_value) == signed_text(item)
    except SignatureRefusedError:
        same = False
    assume(not same)

    with pytest.raises(SignatureRefusedError):
        ITEMS.scheme.verify(items_request(item_with_value), [KEY])


@given(item=items, signature=json_values)
@example(BARE, "\ud800")
def test_nothing_else_is_a_signature(item, signature):
    assume(signature != signature_of(item))

    with pytest.raises(SignatureRefusedError):
        ITEMS.scheme.verify(items_request(with_signature(item, signature)), [KEY])


@given(item=items, extra=st.dictionaries(any_text, finite_values, max_size=3))
def test_what_is_not_signed_changes_nothing_of_the_event(item, extra):
    webhook = signed({**item, "pspReference": "8825408195409505"})

    first, second = (read_events("adyen", ITEMS, items_request(each)) for each in (webhook, {**extra, **webhook}))

    assert second == first


broken_items = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("pspReference", "amount", "eventCode", "success", "additionalData"), json_values)
)
BODIES = st.one_of(
    st.binary(),
    json_values.map(json.dumps).map(str.encode),
    st.lists(json_values | broken_items, max_size=3).map(
        lambda given: json.dumps({"notificationItems": [{"NotificationRequestItem": item} for item in given]}).encode()
    ),
)


@given(body=BODIES)
@settings(max_examples=150)
def test_no_body_whatever_is_accepted_unsigned_or_breaks_the_check(body):
    with pytest.raises(SignatureRefusedError):
        ITEMS.scheme.verify(request(body, {}), [KEY])


@pytest.mark.parametrize("provider", [ITEMS, PLATFORM], ids=lambda entry: entry.name)
@given(secret=any_text)
def test_any_text_as_a_key_refuses_or_is_unavailable(provider, secret):
    webhook = body_request(b"{}") if provider is PLATFORM else items_request(signed(BARE))

    with pytest.raises((SignatureRefusedError, UnavailableError)):
        provider.scheme.verify(webhook, [secret])


@given(body=st.binary(), key=keys)
def test_whatever_adyen_signs_in_the_header_is_accepted(body, key):
    assert PLATFORM.scheme.verify(body_request(body, key), [key]).key_id == key_id(key)


@given(body=st.binary(min_size=1), bit=st.integers(min_value=0))
def test_one_flipped_bit_of_a_body_is_refused(body, bit):
    webhook = body_request(body)
    index, mask = divmod(bit % (len(body) * 8), 8)
    flipped = body[:index] + bytes([body[index] ^ (1 << mask)]) + body[index + 1 :]

    with pytest.raises(SignatureRefusedError):
        PLATFORM.scheme.verify(request(flipped, webhook.headers), [KEY])


@given(body=st.binary(), values=st.lists(any_text, max_size=2))
@example(b"{}", ["\ud800"])
def test_no_text_whatever_in_the_header_is_accepted_or_breaks_the_check(body, values):
    with pytest.raises(SignatureRefusedError):
        PLATFORM.scheme.verify(request(body, {"HmacSignature": values}), [KEY])


def test_a_body_signed_with_another_key_is_refused():
    with pytest.raises(SignatureRefusedError):
        PLATFORM.scheme.verify(body_request(b"{}", OTHER_KEY), [KEY])


platform_documents = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("type", "eventType", "eventId", "timestamp", "createdAt", "eventDate"), json_values),
        "data": json_values
        | st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("id", "amount", "updatedAt", "creationDate", "transfer"), json_values),
                "categoryData": json_values | st.fixed_dictionaries({"pspPaymentReference": json_values}),
            },
        ),
    },
)


@given(document=platform_documents)
@settings(max_examples=150)
def test_any_platform_document_is_an_event_of_identifiers_or_malformed(document):
    _is_read_or_malformed("adyen-platform", request(json.dumps(document).encode(), {}))


@given(
    body=BODIES
    | items.map(lambda item: json.dumps({"notificationItems": [{"NotificationRequestItem": item}]}).encode())
)
@settings(max_examples=150)
def test_any_items_are_events_of_identifiers_or_malformed(body):
    _is_read_or_malformed("adyen", request(body, {}))


def _is_read_or_malformed(name, webhook):
    try:
        events = read_events(name, REGISTRY[name], webhook)
    except MalformedWebhookError:
        return
    for event in events:
        assert [is_identifier(text) for text in (event.event_id, event.event_type, event.transaction_id)] == [True] * 3
        assert event.occurred_at is None or times.iso(times.parse(event.occurred_at)) == event.occurred_at
