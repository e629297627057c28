"""What holds for any bytes and any text, of schemes with one HMAC in a header and of what their events say."""

import base64
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError
from lambdas.shared.event import read_events
from lambdas.shared.providers.fields import is_identifier
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers.deployed import DEPLOYED
from tests.unit.webhooks import NOW, request

every = pytest.mark.parametrize("deployed", DEPLOYED.values(), ids=DEPLOYED.keys())

any_text = st.text(st.characters())  # Unlike plain `text()` this makes lone surrogates as well.


@every
@given(body=st.binary(), secret=st.text(min_size=1))
def test_whatever_the_provider_signs_is_verified(deployed, body, secret):
    verdict = deployed.provider.scheme.verify(request(body, deployed.sign(body, now=NOW, secret=secret)), [secret])

    assert verdict.key_id == key_id(secret)
    assert len(json.dumps(dict(verdict.headers))) < 500


@every
@given(body=st.binary(), secret=st.text(min_size=1))
def test_the_headers_of_the_verdict_prove_the_same_again(deployed, body, secret):
    scheme = deployed.provider.scheme
    verdict = scheme.verify(request(body, deployed.sign(body, now=NOW, secret=secret)), [secret])

    assert scheme.verify(request(body, verdict.headers), [secret]) == verdict


@every
@given(body=st.binary(min_size=1), bit=st.integers(min_value=0))
def test_one_flipped_bit_of_the_body_is_refused(deployed, body, bit):
    headers = deployed.sign(body, now=NOW)
    index, mask = divmod(bit % (len(body) * 8), 8)
    changed = body[:index] + bytes([body[index] ^ (1 << mask)]) + body[index + 1 :]

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(changed, headers))


@every
@given(data=st.data(), body=st.binary())
def test_one_changed_character_of_a_signed_header_is_refused(deployed, data, body):
    headers = deployed.sign(body, now=NOW)
    name = data.draw(st.sampled_from(deployed.signed_headers))
    index = data.draw(st.integers(0, len(headers[name]) - 1))
    other = data.draw(st.characters().filter(lambda char: char != headers[name][index]))
    headers[name] = headers[name][:index] + other + headers[name][index + 1 :]

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(body, headers))


@every
@given(body=st.binary(), theirs=st.text(min_size=1, max_size=60), ours=st.text(min_size=1, max_size=60))
def test_any_other_key_is_refused(deployed, body, theirs, ours):
    # HMAC fills keys up with NULs, and hashes those that are longer than a block.
    assume(theirs.encode().rstrip(b"\0") != ours.encode().rstrip(b"\0"))
    assume(max(len(theirs.encode()), len(ours.encode())) <= 64)

    with pytest.raises(SignatureRefusedError):
        deployed.provider.scheme.verify(request(body, deployed.sign(body, now=NOW, secret=theirs)), [ours])


near_misses = st.one_of(
    any_text,
    st.integers(NOW - 400, NOW + 400).map(str),
    st.sampled_from(["", "=", "v0=", "v1=", "sha256=", "sha512=", "orders/paid", str(NOW)]),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.binary(min_size=32, max_size=32).map(lambda data: base64.b64encode(data).decode()),
    st.binary(min_size=64, max_size=64).map(lambda data: "sha512=" + base64.b64encode(data).decode()),
    st.binary(min_size=32, max_size=32).map(lambda data: "v1=" + base64.urlsafe_b64encode(data).decode().rstrip("=")),
)


@every
@given(data=st.data(), body=st.binary())
@settings(max_examples=300)
def test_no_text_whatever_in_the_headers_is_accepted_or_breaks_the_check(deployed, data, body):
    names = sorted({*deployed.sign(b"", now=NOW), "X-Shopify-Topic"})
    headers = {name: data.draw(st.lists(near_misses, max_size=2) | near_misses, label=name) for name in names}

    with pytest.raises(SignatureRefusedError):
        deployed.verify(request(body, headers))


# --- events ---------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "payment_id", "amount", "amount_money", "currency", "object", "disputed_payment"])
            | any_text,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
NAMES = (
    *("event_id", "id", "type", "created_at", "updated_at", "data", "object", "payment", "refund", "dispute"),
    *("order", "order_id", "order_edit", "transactions", "total_price", "amount", "currency", "status"),
)


def nested(inner):
    """Put values where the providers' documents have them."""
    return {**inner, "data": {"id": inner.get("id"), "object": inner}}


documents = st.dictionaries(st.sampled_from(NAMES) | any_text, values, max_size=8)


@every
@given(
    document=documents | documents.map(nested),
    headers=st.dictionaries(st.sampled_from(["X-Shopify-Topic", "webhook-id", "x-github-event"]), any_text),
)
@settings(max_examples=200)
def test_any_document_is_an_event_of_identifiers_or_malformed(deployed, document, headers):
    try:
        (event,) = read_events("shop", deployed.provider, request(json.dumps(document).encode(), headers))
    except MalformedWebhookError:
        return
    assert [is_identifier(text) for text in (event.event_id, event.event_type, event.transaction_id)] == [True] * 3
    assert event.occurred_at is None or times.iso(times.parse(event.occurred_at)) == event.occurred_at
    assert [event.amount is None, event.currency is None, event.amount_unit is None].count(True) in (0, 3)


@every
@given(body=st.binary() | st.lists(st.sampled_from([b"{", b"}", b'"id":', b"[", b"1", b",", b"\xff"])).map(b"".join))
def test_any_bytes_are_an_event_or_malformed(deployed, body):
    try:
        events = read_events("shop", deployed.provider, request(body, {}))
    except MalformedWebhookError:
        return
    assert [event.provider for event in events] == ["shop"]
