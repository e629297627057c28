"""Signed times: what is a time, and how old one may be."""

import pytest

from tests.unit.outcomes import (
    ACCEPTED,
    BAD_TIME,
    MISMATCH,
    MISSING,
    OUTSIDE,
    TOO_LONG,
    every_timestamped_provider,
    outcome,
)
from tests.unit.signers import sign
from tests.unit.webhooks import BODY, NOW, SECRETS, request, signed

# Each text is signed correctly, so that nothing but its reading as a time can refuse it.
TIMESTAMPS = [
    (f"{NOW}", ACCEPTED),
    (f"0{NOW}", ACCEPTED),
    (f"{NOW}.0", BAD_TIME),
    (f"+{NOW}", BAD_TIME),
    (f"-{NOW}", BAD_TIME),
    (f" {NOW}", BAD_TIME),
    (f"{NOW} ", BAD_TIME),
    (f"{NOW}\n", BAD_TIME),
    (f"\t{NOW}", BAD_TIME),
    (f"{NOW}\0", BAD_TIME),
    (f"{NOW}000", BAD_TIME),
    (f"00{NOW}", BAD_TIME),
    ("1_614_265_330", BAD_TIME),
    ("1.61426533e9", BAD_TIME),
    (hex(NOW), BAD_TIME),
    ("2021-02-25T15:02:10Z", BAD_TIME),
    ("nan", BAD_TIME),
    ("NaN", BAD_TIME),
    ("inf", BAD_TIME),
    ("-inf", BAD_TIME),
    ("+1", BAD_TIME),
    ("-1", BAD_TIME),
    ("1_000", BAD_TIME),
    ("null", BAD_TIME),
    ("é", BAD_TIME),
    ("".join(chr(0x660 + int(digit)) for digit in str(NOW)), BAD_TIME),
    ("".join(chr(0xFF10 + int(digit)) for digit in str(NOW)), BAD_TIME),
    (f"{NOW // 10}⁰", BAD_TIME),
    ("0", OUTSIDE),
    ("99999999999", OUTSIDE),
]


@every_timestamped_provider
@pytest.mark.parametrize(("timestamp", "expected"), TIMESTAMPS, ids=lambda value: ascii(value)[:24])
def test_a_signed_time_is_ascii_digits_or_refused(provider, timestamp, expected):
    assert outcome(provider, signed(provider, timestamp=timestamp)) == expected


@every_timestamped_provider
def test_a_signed_time_of_five_thousand_digits_is_refused_before_it_is_read(provider):
    assert outcome(provider, signed(provider, timestamp="9" * 5000)) == TOO_LONG


@pytest.mark.parametrize(
    ("provider", "expected"),
    [("stripe", BAD_TIME), ("standard-webhooks", MISSING), ("generic-timestamped", MISSING)],
)
def test_a_signed_time_that_is_empty_is_refused(provider, expected):
    assert outcome(provider, signed(provider, timestamp="")) == expected


AGES = [
    (0, ACCEPTED),
    (299.999, ACCEPTED),
    (300, ACCEPTED),
    (300.001, OUTSIDE),
    (301, OUTSIDE),
    (86_400, OUTSIDE),
    (-299.999, ACCEPTED),
    (-300, ACCEPTED),
    (-300.001, OUTSIDE),
    (-301, OUTSIDE),
    (-86_400, OUTSIDE),
]


@every_timestamped_provider
@pytest.mark.parametrize(("age", "expected"), AGES)
def test_the_replay_window_is_300_seconds_on_either_side_of_the_receipt(provider, age, expected):
    assert outcome(provider, signed(provider, timestamp=NOW, received_at=NOW + age)) == expected


@every_timestamped_provider
def test_a_stale_webhook_cannot_be_made_fresh(provider):
    stale = sign(provider, BODY, SECRETS[provider], NOW - 301)
    fresh = {name: value.replace(str(NOW - 301), str(NOW)) for name, value in stale.items()}

    assert outcome(provider, request(BODY, stale)) == OUTSIDE
    assert outcome(provider, request(BODY, fresh)) == MISMATCH
