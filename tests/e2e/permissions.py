"""Have a stack's functions do all that they are for, and compare what they called with what they may."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import WebhookEvent
from modules.constructs.naming import Names
from tests.e2e.calls import callable_here, was_called
from tests.e2e.faults import send_at_once
from tests.e2e.observe import SETTLE_SECONDS, await_state
from tools.local.calls import create_operator, wait_for
from tools.local.stack import LocalStack, path_id
from tools.senders import SentWebhook, new_secret, webhook

FIRST_NUMBER = 600_000
RECEIVED_AT = "2026-11-01T00:00:00.000Z"
FUNCTIONS = ("ingestion", "processing", "status", "dead-letter", "replay", "operator")


def exercise(stack: LocalStack, *, paddings: Iterable[int] = ()) -> None:
    """Send one event alone, two together, one for each padding, a forgery, and a dead letter; replay and look at them.

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
    _dead_letter(stack, together[0].transaction_id)
    received = states[-1]["events"][0]["receivedAt"]
    span = {"from": received, "to": (datetime.fromisoformat(received) + timedelta(milliseconds=1)).isoformat()}
    dry = stack.call("POST", "/internal/replay", {"provider": "stripe", "dryRun": True, **span})
    assert dry.json()["matched"] >= 1
    _look(stack, "stripe", alone, span)


def _look(stack: LocalStack, provider: str, sent: SentWebhook, span: dict[str, str]) -> None:
    """List, show and count events, and read a payload as one who may."""
    listed = stack.call("GET", f"/internal/events?{urlencode({'provider': provider, **span}, quote_via=quote)}").json()
    assert listed["events"][0]["receivedAt"] == span["from"]
    (event,) = stack.call("GET", f"/internal/events?transactionId={sent.transaction_id}").json()["events"]
    part = path_id(f"{provider}:{event['eventId']}")
    shown = stack.call("GET", f"/internal/events/{part}").json()
    assert shown["records"][0]["timeline"][0]["step"] == "routed"
    counts = stack.call("GET", f"/internal/counts?{urlencode(span, quote_via=quote)}").json()["counts"]
    assert [one["events"] for one in counts if (one["provider"], one["state"]) == (provider, "ROUTED")] >= [1]
    # Operators may not, and those with the other policy may nothing else.
    reader = create_operator(stack.aws, f"payload-reader-{stack.environment}", stack.outputs["payload_policy_json"])
    assert stack.call("GET", f"/internal/payloads/{part}").status_code == 403
    assert stack.call("GET", f"/internal/events/{part}", operator=reader).status_code == 403
    assert stack.call("GET", f"/internal/payloads/{part}", operator=reader).content == sent.body
    _erase(stack, f"{provider}:{event['eventId']}")
    assert "it was erased" in stack.call("GET", f"/internal/payloads/{part}", operator=reader).json()["error"]


def _erase(stack: LocalStack, event: str) -> None:
    """Try to erase a payload, erase it as one who may, and find who did it and why."""
    wanted = {"eventId": event, "reason": "the customer asked"}
    eraser = create_operator(stack.aws, f"eraser-{stack.environment}", stack.outputs["erase_policy_json"])
    assert stack.call("POST", "/internal/erase", wanted).status_code == 403
    tried = stack.call("POST", "/internal/erase", {**wanted, "dryRun": True}, operator=eraser).json()
    done = stack.call("POST", "/internal/erase", wanted, operator=eraser).json()
    assert (tried["places"], tried["erasedAt"]) == (done["places"], None)
    assert stack.call("GET", "/internal/audit", operator=eraser).status_code == 403
    entry = stack.call("GET", "/internal/audit?limit=1").json()["entries"][0]
    assert entry["who"].endswith(f":user/eraser-{stack.environment}")
    assert (entry["action"], entry["reason"], entry["outcome"]) == ("POST /internal/erase", wanted["reason"], "done")
    assert entry["asked"] == {"eventId": event}


def used_and_unused(stack: LocalStack, functions: Iterable[str] = FUNCTIONS) -> tuple[list[str], list[str]]:
    """Return the actions that functions are granted and called, and those that they are granted and did not call."""
    used, unused = [], []
    for function in functions:
        name = Names(stack.environment)(function)
        for action in sorted(callable_here(stack.aws, name)):
            (used if was_called(stack.aws, name, action) else unused).append(f"{function}: {action}")
    return used, unused


def _dead_letter(stack: LocalStack, transaction: str) -> None:
    """Have an event dead-lettered before it was archived, and replay it: put into the dead letter queue by hand.

    It is of a transaction that has a later event, with which processing compares it when it is replayed.
    """
    envelope = Envelope(
        event=WebhookEvent(
            provider="stripe", event_id="evt_dead", event_type="t", transaction_id=transaction, occurred_at=RECEIVED_AT
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
    wait_for("the dead letter", lambda: "evt_dead" in _listed(stack, "dead-letters") or None, SETTLE_SECONDS)
    stack.call("POST", "/internal/replay", {"eventIds": ["stripe:evt_dead"]}).raise_for_status()
    wait_for("its replay", lambda: "evt_dead" not in _listed(stack, "dead-letters") or None, SETTLE_SECONDS)
    assert "evt_dead" not in _listed(stack, "conflicts")


def _listed(stack: LocalStack, of: str) -> list[str]:
    answer = stack.call("GET", f"/internal/events?list={of}")
    assert answer.ok, (answer.status_code, answer.text)
    return [event["eventId"] for event in answer.json()["events"]]
