"""Every action that a function is granted is one that it calls."""

import time
from datetime import datetime, timedelta

from lambdas.shared.envelope import Envelope
from lambdas.shared.event import WebhookEvent
from modules.naming import Names
from tests.e2e.calls import CALLED_BY_LAMBDA, granted, was_called
from tests.e2e.faults import send_at_once
from tests.e2e.observe import await_state
from tools.senders import webhook

FIRST_NUMBER = 600_000
FUNCTIONS = ("ingestion", "processing", "status", "dead-letter", "replay")


def test_every_granted_action_is_called(stack, report):
    # Given one event alone, two together, one with a large body, a dead letter, and replays by id and by time
    now = int(time.time())
    alone, *together = [webhook("stripe", FIRST_NUMBER + index, stack.secrets["stripe"], now) for index in range(3)]
    large = webhook("stripe", FIRST_NUMBER + 3, stack.secrets["stripe"], now, {"padding": "x" * 300_000})
    for sent in ([alone], together, [large]):
        send_at_once(stack, sent)
        states = [await_state(stack, one.transaction_id, "ROUTED") for one in sent]
    dead_letter(stack)
    received = states[-1]["events"][0]["receivedAt"]
    span = {"from": received, "to": (datetime.fromisoformat(received) + timedelta(milliseconds=1)).isoformat()}
    dry = stack.call("POST", "/internal/replay", {"provider": "stripe", "dryRun": True, **span})
    assert dry.json()["matched"] == 1

    # When
    used, unused = [], []
    for function in FUNCTIONS:
        name = Names(stack.environment)(function)
        for action in sorted(granted(stack.aws, name) - CALLED_BY_LAMBDA):
            (used if was_called(stack.aws, name, action) else unused).append(f"{function}: {action}")

    # Then
    report(f"permissions: {len(used)} granted actions, each seen called: {', '.join(used)}")
    assert unused == []


def dead_letter(stack):
    """Have an event dead-lettered before it was archived, and replay it: put into the dead letter queue by hand."""
    envelope = Envelope(
        event=WebhookEvent(
            provider="stripe", event_id="evt_dead", event_type="t", transaction_id="pi_dead", occurred_at=None
        ),
        received_at="2026-11-01T00:00:00.000Z",
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
