"""Secrets as a careless operator would keep them, and while they rotate."""

import pytest

from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.signatures.scheme import key_id
from tests.unit.outcomes import (
    ACCEPTED,
    MISMATCH,
    NO_SECRET,
    UNUSABLE,
    every_provider,
    outcome,
)
from tests.unit.signers import hex_signature, sign, standard_signature
from tests.unit.webhooks import BODY, HEX, NOW, OTHER_SECRET, SECRETS, request, signed


@every_provider
@pytest.mark.parametrize("secrets", [[], [""], ["", ""], ["", None], [None, ""]], ids=str)
def test_without_a_secret_nothing_is_accepted(provider, secrets):
    # None stands for the right secret: an empty one beside it is an operator's mistake that must not go unnoticed.
    given = [SECRETS[provider] if secret is None else secret for secret in secrets]

    assert outcome(provider, signed(provider), given) == NO_SECRET


@pytest.mark.parametrize("provider", HEX)
def test_a_signature_with_the_empty_key_is_not_accepted(provider):
    headers = sign(provider, BODY, "", NOW)

    assert outcome(provider, request(BODY, headers), [""]) == NO_SECRET
    assert outcome(provider, request(BODY, headers), []) == NO_SECRET
    assert outcome(provider, request(BODY, headers)) == MISMATCH


WRONG_SECRETS = {
    "another": lambda secret: OTHER_SECRET,
    "last letter changed": lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "E"),
    "other case": str.swapcase,
}


@every_provider
@pytest.mark.parametrize("change", WRONG_SECRETS.values(), ids=WRONG_SECRETS.keys())
def test_a_wrong_secret_accepts_nothing(provider, change):
    wrong = change(SECRETS[provider].removeprefix("whsec_"))

    assert outcome(provider, signed(provider, secret=wrong)) == MISMATCH


@pytest.mark.parametrize("provider", HEX)
@pytest.mark.parametrize("change", [lambda s: s + "\n", lambda s: s + " ", lambda s: " " + s, lambda s: s[1:]])
def test_every_character_of_a_hex_scheme_s_secret_counts(provider, change):
    assert outcome(provider, signed(provider), [change(SECRETS[provider])]) == MISMATCH


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_not base64", "whsec_====", "MfKQ9r8G\n", "whsec_é", "whsk_MfKQ9r8G", "whsec_AQ-_", "\ud800", "A"],
    ids=ascii,
)
def test_a_standard_webhooks_secret_that_is_not_base64_is_unusable_and_not_guessed_at(secret):
    webhook = signed("standard-webhooks")

    assert outcome("standard-webhooks", webhook, [secret]) == UNUSABLE
    assert outcome("standard-webhooks", webhook, [SECRETS["standard-webhooks"], secret]) == UNUSABLE


@every_provider
def test_a_secret_that_has_no_utf_8_form_is_unusable(provider):
    # JSON in Secrets Manager can spell it: {"secrets": ["\ud800"]}.
    assert outcome(provider, signed(provider), ["\ud800"]) == UNUSABLE


@every_provider
@pytest.mark.parametrize(
    ("signed_with", "secrets", "index"),
    [
        ("new", ["new"], 0),
        ("new", ["new", "old"], 0),
        ("old", ["new", "old"], 1),
        ("older", ["new", "old", "older"], 2),
        ("new", ["new", "new"], 0),
    ],
)
def test_while_secrets_rotate_the_verdict_says_which_one_is_in_use(provider, signed_with, secrets, index):
    keys = {"new": SECRETS[provider], "old": OTHER_SECRET, "older": "whsec_c2VjcmV0LW9mLXR3ZW50eS1maXZlLWJ5dGU="}
    webhook = signed(provider, secret=keys[signed_with])

    verdict = REGISTRY[provider].scheme.verify(webhook, [keys[name] for name in secrets])

    assert verdict.key_id == key_id(keys[secrets[index]])


@pytest.mark.parametrize("order", [("new", "old"), ("old", "new")])
def test_a_webhook_signed_with_both_secrets_counts_as_signed_with_the_newest(order):
    keys = {"new": SECRETS["stripe"], "old": OTHER_SECRET}
    stripe = f"t={NOW}," + ",".join(f"v1={hex_signature(BODY, keys[name], NOW)}" for name in order)
    standard = " ".join(f"v1,{standard_signature(BODY, keys[name], NOW)}" for name in order)
    headers = sign("standard-webhooks", BODY, OTHER_SECRET, NOW) | {
        "Stripe-Signature": stripe,
        "webhook-signature": standard,
    }

    for provider in ("stripe", "standard-webhooks"):
        verdict = REGISTRY[provider].scheme.verify(request(BODY, headers), [keys["new"], keys["old"]])
        assert verdict.key_id == key_id(keys["new"])


@every_provider
def test_a_secret_that_was_retired_is_refused(provider):
    assert outcome(provider, signed(provider, secret=OTHER_SECRET), [OTHER_SECRET]) == ACCEPTED
    assert outcome(provider, signed(provider, secret=OTHER_SECRET), [SECRETS[provider]]) == MISMATCH
