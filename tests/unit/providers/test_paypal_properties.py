"""PayPal's scheme and entry on anything at all: what PayPal did not sign is refused, and nothing else ever escapes."""

import base64
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError, WebhookRefusedError
from tests.unit.providers.paypal_world import NOW, CertificateHost, delivery, forge, headers_for
from tests.unit.webhooks import request

SCHEME = CertificateHost().scheme()
HEADERS = sorted(headers_for())
anything = st.text(st.characters(codec=None))


@given(body=st.binary(), transmission_id=st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True))
def test_whatever_paypal_signs_is_accepted(body, transmission_id):
    verdict = SCHEME.verify(delivery(body, headers_for(body, transmission_id=transmission_id)), ())

    assert (verdict.signature_id, verdict.signed_at) == (transmission_id, NOW)


@given(body=st.binary(min_size=1), bit=st.integers(min_value=0))
def test_one_flipped_bit_of_the_body_is_refused(body, bit):
    index, mask = divmod(bit % (len(body) * 8), 8)
    changed = body[:index] + bytes([body[index] ^ (1 << mask)]) + body[index + 1 :]

    with pytest.raises(SignatureRefusedError):
        SCHEME.verify(delivery(changed, headers_for(body)), ())


@given(name=st.sampled_from(HEADERS), bit=st.integers(min_value=0))
def test_one_flipped_bit_of_any_header_is_refused(name, bit):
    headers = headers_for()
    raw = headers[name].encode()
    index, mask = divmod(bit % (len(raw) * 8), 8)
    headers[name] = (raw[:index] + bytes([raw[index] ^ (1 << mask)]) + raw[index + 1 :]).decode("latin-1")
    host = CertificateHost()

    # The certificate's address is not signed: one that names another certificate of PayPal's is asked for, and there
    # is nothing there.
    host.served = _Nowhere(host.served)
    with pytest.raises(SignatureRefusedError):
        host.scheme().verify(delivery(headers=headers), ())


class _Nowhere(dict):
    def __missing__(self, key):
        return SignatureRefusedError("certificate_unknown")


near_misses = st.one_of(
    anything,
    st.sampled_from([*headers_for().values(), "SHA256withRSA", "2026-09-21T14:13:20Z", "|", ""]),
    st.binary(min_size=256, max_size=256).map(lambda raw: base64.b64encode(raw).decode()),
    st.from_regex(r"https://api\.paypal\.com/v1/notifications/certs/CERT-[0-9a-f]{4}", fullmatch=True),
    st.from_regex(r"https://\S*paypal\.com\S*", fullmatch=True),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
)


@given(data=st.data(), body=st.binary())
@settings(max_examples=150)
def test_no_text_whatever_in_the_headers_is_accepted_or_breaks_the_check(data, body):
    headers = {name: data.draw(st.lists(near_misses, max_size=2) | near_misses, label=name) for name in HEADERS}
    host = CertificateHost()
    host.served = _Nowhere(host.served)

    with pytest.raises(WebhookRefusedError) as refusal:
        host.scheme().verify(request(body, headers, NOW), ())
    assert refusal.value.status == 401


@given(content=st.binary() | st.text().map(lambda text: f"-----BEGIN CERTIFICATE-----\n{text}\n-----END".encode()))
def test_nothing_that_is_served_breaks_the_check(content):
    with pytest.raises(UnavailableError) as refusal:
        CertificateHost(dict.fromkeys([headers_for()["PAYPAL-CERT-URL"]], content)).scheme().verify(delivery(), ())
    assert refusal.value.reason == "certificate_unreadable"


@given(body=st.binary(), wanted=st.dictionaries(st.text(), st.integers(), max_size=3))
@settings(max_examples=20)
def test_the_forger_of_the_tests_finds_another_body_for_any(body, wanted):
    # CRC32 as an attacker meets it: were this hard, the record of transmissions would not be needed.
    forged = forge(body, wanted)

    assert (
        SCHEME.verify(delivery(forged, headers_for(body)), ()).signature_id == headers_for()["PAYPAL-TRANSMISSION-ID"]
    )
    assert wanted.items() <= json.loads(forged).items()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | anything,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "rel",
                    "href",
                    "amount",
                    "value",
                    "total",
                    "currency_code",
                    "seller_transaction_id",
                    "dispute_id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
resources = st.dictionaries(
    st.sampled_from(
        [
            *(
                "id",
                "links",
                "amount",
                "dispute_amount",
                "disputed_transactions",
                "dispute_id",
                "sale_id",
                "capture_id",
            ),
            *("supplementary_data", "parent_payment"),
        ]
    ),
    values,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "id": values,
        "event_type": values,
        "create_time": values,
        "resource_type": st.sampled_from(["capture", "refund", "dispute", "authorization", "sale"]) | values,
        "resource": resources | values,
    },
)


@given(document=documents)
@settings(max_examples=200)
def test_any_document_is_an_event_of_identifiers_or_malformed(document):
    try:
        body = json.dumps(document).encode()
    except UnicodeEncodeError:
        assume(False)
    try:
        (event,) = read_events("paypal", REGISTRY["paypal"], delivery(body, {}))
    except MalformedWebhookError:
        return
    assert [is_identifier(text) for text in (event.event_id, event.event_type, event.transaction_id)] == [True] * 3
    assert event.occurred_at is None or times.iso(times.parse(event.occurred_at)) == event.occurred_at
