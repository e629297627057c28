"""Options at their longest: what is accepted at synth fits where it must be kept."""

import re

import pytest

from lambdas.inbound.evidence import Evidence
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError

LONGEST = {
    # JSON writes two characters for a quotation mark.
    "square": {"url": "https://" + '"' * 500},
    "shopify": {"topics": ",".join("a" * number + "/paid" for number in range(1, 33)) + ",b" + "b" * 73 + "/paid"},
}
TOO_LONG = {
    "square": {"url": "https://" + "x" * 501},
    "shopify": {"topics": "a" * 796 + "/paid"},
}


def settings(entry, options):
    return build_settings("dev", {"providers": [entry], "provider_options": {entry: options}})


@pytest.mark.parametrize("entry", LONGEST)
def test_the_longest_options_still_leave_room_for_the_evidence(entry):
    settings(entry, LONGEST[entry])
    evidence = Evidence(
        entry=entry,
        options=LONGEST[entry],
        scheme=f"{entry}-sha256",
        key_id="0123456789abcdef",
        headers={"x-shopify-hmac-sha256": "x" * 44, "x-shopify-topic": "a" * 128},
        received_at=1_790_000_000.123,
    )

    assert Evidence.from_metadata(evidence.to_metadata()) == evidence


@pytest.mark.parametrize("entry", TOO_LONG)
def test_an_option_that_the_evidence_could_not_hold_is_refused(entry):
    (option,) = TOO_LONG[entry]

    with pytest.raises(SettingsError, match=re.escape(f"provider_options.{entry}.{option}: ")):
        settings(entry, TOO_LONG[entry])
