"""Have a stack's functions do all that they are for, and compare what they called with what they may."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import WebhookEvent
from modules.constructs.naming import Names
from tests.e2e.calls import CALLED_BY_LAMBDA, granted, was_called
from tests.e2e.faults import send_at_once
from tests.e2e.observe import await_state
from tools.local.stack import LocalStack
from tools.senders import new_secret, webhook

FIRST_NUMBER = 600_000
RECEIVED_AT = "2026-11-01T00:00:00.000Z"
FUNCTIONS = ("ingestion", "processing", "status", "dead-letter", "replay")


def exercise(stack: LocalStack, *, paddings: Iterable[int] = ()) -> None:
    """Send one event alone, two together, one for each padding, a forgery, and a dead letter; replay by id and by time.

    Parameters
    ----------
    paddings : Iterable[int]
        Characters by which a body is made larger.
    """
    now = int(time.time())
    secret = stack.secrets["stripe"]
    alone, *together = [webhook("stripe", FIRST_NUMBER + index, secret, now) for index in range(3)]
    padded = [
        webhook("stripe", FIRST_NUMBER + 3 + index, secret, now, {"padding": "x" * padding})
        for index, padding in enumerate(paddings)
    ]
    for sent in ([alone], together, *([one] for one in padded)):
        send_at_once(stack, sent)
        states = [await_state(stack, one.transaction_id, "ROUTED") for one in sent]
    # What is quarantined where there is a quarantine
    stack.post(webhook("stripe", FIRST_NUMBER, new_secret("stripe"), now))
    _dead_letter(stack)
    received = states[-1]["events"][0]["receivedAt"]
    span = {"from": received, "to": (datetime.fromisoformat(received) + timedelta(milliseconds=1)).isoformat()}
    dry = stack.call("POST", "/internal/replay", {"provider": "stripe", "dryRun": True, **span})
    assert dry.json()["matched"] >= 1


def used_and_unused(stack: LocalStack) -> tuple[list[str], list[str]]:
    """Return the actions that functions are granted and called, and those that they are granted and did not call."""
    used, unused = [], []
    for function in FUNCTIONS:
        name = Names(stack.environment)(function)
        for action in sorted(granted(stack.aws, name) - CALLED_BY_LAMBDA):
            (used if was_called(stack.aws, name, action) else unused).append(f"{function}: {action}")
    return used, unused


def _dead_letter(stack: LocalStack) -> None:
    """Have an event dead-lettered before it was archived, and replay it: put into the dead letter queue by hand."""
    envelope = Envelope(
        # With a time, so that processing compares it with later events when it is replayed.
        event=WebhookEvent(
            provider="stripe", event_id="evt_dead", event_type="t", transaction_id="pi_dead", occurred_at=RECEIVED_AT
        ),
        received_at=RECEIVED_AT,
        correlation_id="by-hand",
        content_type="application/json",
        scheme="stripe-v1",
        body=b"{}",
    )
    stack.aws.client("sqs").send_message(
        QueueUrl=stack.outputs["dead_letter_queue_url"], MessageBody=envelope.to_message()
    )
    await_state(stack, "pi_dead", "DEAD_LETTERED")
    stack.call("POST", "/internal/replay", {"eventIds": ["stripe:evt_dead"]}).raise_for_status()
    await_state(stack, "pi_dead", "ROUTED")
