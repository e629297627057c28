"""One provider's signature for another."""

import pytest

from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.event import read_events
from lambdas.shared.providers.registry import REGISTRY
from tests.unit.outcomes import (
    ACCEPTED,
    BAD_TIME,
    HEX_FORMS,
    MALFORMED,
    MISMATCH,
    MISSING,
    outcome,
)
from tests.unit.signers import hex_signature, sign, standard_signature
from tests.unit.webhooks import BODY, NOW, OTHER_SECRET, PROVIDERS, SECRETS, TIMESTAMPED, request

PAIRS = [(theirs, ours) for theirs in PROVIDERS for ours in PROVIDERS if theirs != ours]
# Same header and same construction but for the time, or the same digest of the same bytes.
SAME_CONSTRUCTION = {
    ("github", "generic"),
    ("generic", "github"),
    ("stripe", "generic-timestamped"),
    ("generic-timestamped", "stripe"),
}


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_another_provider_s_headers_are_refused_even_under_the_same_secret(theirs, ours):
    headers = sign(theirs, BODY, OTHER_SECRET, NOW)

    # Only these two share their header, and the plain one finds a signature over other bytes in it.
    expected = MISMATCH if (theirs, ours) == ("generic-timestamped", "generic") else MISSING
    assert outcome(ours, request(BODY, headers), [OTHER_SECRET]) == expected


def raw_signature(provider, secret):
    if provider == "standard-webhooks":
        return standard_signature(BODY, secret, NOW)
    return hex_signature(BODY, secret, NOW if provider in TIMESTAMPED else None)


def headers_around(provider, signature):
    forms = {"standard-webhooks": ("webhook-signature", "v1,{}"), **HEX_FORMS}
    name, form = forms[provider]
    return sign(provider, BODY, OTHER_SECRET, NOW) | {name: form.format(signature)}


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_another_provider_s_signature_in_our_header_is_refused(theirs, ours):
    headers = headers_around(ours, raw_signature(theirs, SECRETS[theirs]))

    assert outcome(ours, request(BODY, headers)) == MISMATCH


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_a_shared_secret_lets_only_schemes_of_one_construction_stand_in_for_each_other(theirs, ours):
    # No scheme names its receiver in what it signs, so that this cannot be told apart: it is why every deployed
    # provider has a secret of its own.
    headers = headers_around(ours, raw_signature(theirs, OTHER_SECRET))

    expected = ACCEPTED if (theirs, ours) in SAME_CONSTRUCTION else MISMATCH
    assert outcome(ours, request(BODY, headers), [OTHER_SECRET]) == expected


TIMED_TEXT = f"{NOW}.".encode() + BODY


@pytest.mark.parametrize(
    ("provider", "headers", "expected"),
    [
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}"}, MISSING),
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}", "X-Webhook-Timestamp": ""}, MISSING),
        ("generic-timestamped", {"X-Webhook-Signature": "{ok}", "X-Webhook-Timestamp": f"{NOW}"}, MISMATCH),
        ("stripe", {"Stripe-Signature": "v1={ok}"}, MALFORMED),
        ("stripe", {"Stripe-Signature": "t=,v1={ok}"}, BAD_TIME),
        ("stripe", {"Stripe-Signature": f"t={NOW},v1={{ok}}"}, MISMATCH),
    ],
)
def test_time_and_body_signed_together_do_not_pass_as_a_body_without_a_time(provider, headers, expected):
    signature = hex_signature(BODY, SECRETS[provider], NOW)
    given = {name: value.format(ok=signature) for name, value in headers.items()}

    assert outcome(provider, request(TIMED_TEXT, given)) == expected


def test_time_and_body_signed_together_are_no_event_of_the_generic_provider_even_under_the_same_secret():
    webhook = request(TIMED_TEXT, {"X-Webhook-Signature": hex_signature(BODY, SECRETS["generic"], NOW)})

    assert outcome("generic", webhook) == ACCEPTED
    with pytest.raises(MalformedWebhookError) as refusal:
        read_events("generic", REGISTRY["generic"], webhook)
    assert refusal.value.reason == "body_not_json"
