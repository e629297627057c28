"""What was routed last, by transaction: what occurred earlier and comes later is out of order."""

import pytest

from lambdas.inbound.event import WebhookEvent
from lambdas.processing.latest import Latest


def event(at, transaction="tx_1", provider="acme"):
    occurred = None if at is None else f"2026-01-01T00:00:{at:02}.000Z"
    return WebhookEvent(
        provider=provider, event_id="e", event_type="t", transaction_id=transaction, occurred_at=occurred
    )


@pytest.mark.parametrize(
    ("routed", "then", "expected"),
    [
        ([], event(5), False),
        ([event(5)], event(4), True),
        ([event(5)], event(5), False),
        ([event(5)], event(6), False),
        # What is late itself does not count back.
        ([event(5), event(3)], event(4), True),
        ([event(5)], event(4, transaction="tx_2"), False),
        ([event(5)], event(4, provider="other"), False),
        ([event(None)], event(4), False),
        ([event(5)], event(None), False),
    ],
)
def test_an_event_that_a_later_one_passed_is_out_of_order(routed, then, expected):
    latest = Latest()
    for one in routed:
        latest.routed(one)

    assert latest.passed(then) is expected


def test_it_keeps_the_last_transactions_only():
    latest = Latest(size=2)
    for transaction in ("tx_1", "tx_2", "tx_1", "tx_3"):
        latest.routed(event(5, transaction))

    assert [latest.passed(event(4, f"tx_{number}")) for number in (1, 2, 3)] == [True, False, True]
