"""Every action that a function is granted is one that it calls."""

import hashlib
import json
import time

from lambdas.shared.envelope import Envelope
from lambdas.shared.event import WebhookEvent
from modules.naming import Names
from tests.e2e.observe import await_state
from tools.ministack import ACCOUNT_ID, REGION
from tools.senders import webhook

FUNCTIONS = ("ingestion", "processing", "status", "dead-letter", "replay")
# Called on the function's behalf by Lambda itself, with the function's role: by its log and trace writers, and by the
# poller of its queue. MiniStack does these inside, without a call that could be recorded.
CALLED_BY_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}


# Actions that IAM names otherwise than the calls that need them.
CALLS = {"dynamodb:PartiQLInsert": "BatchExecuteStatement", "dynamodb:PartiQLUpdate": "BatchExecuteStatement"}


def granted(stack, function):
    """Return the actions in a function's policy, as IAM has them."""
    name = Names(stack.environment)(function)
    document = stack.aws.client("iam").get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    statements = document["Statement"] if isinstance(document, dict) else json.loads(document)["Statement"]
    actions = set()
    for statement in statements:
        action = statement["Action"]
        actions |= {action} if isinstance(action, str) else set(action)
    return actions


def was_called(stack, function, action):
    """Tell whether a function called an action, from the local AWS's record of all calls.

    MiniStack gives each function one access key, made of the ARNs of the function and its role.
    """
    name = Names(stack.environment)(function)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}:arn:aws:iam::{ACCOUNT_ID}:role/{name}"
    key = "ASIA" + hashlib.sha256(arn.encode()).hexdigest()[:16].upper()
    attributes = {"AccessKeyId": key, "EventName": CALLS.get(action, action.partition(":")[2])}
    found = stack.aws.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": name, "AttributeValue": value} for name, value in attributes.items()]
    )
    return bool(found["Events"])


def test_every_granted_action_is_called(stack, number, report):
    # Given the calls of all tests so far, and the two paths that need a large body and a kept dead letter
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()), {"padding": "x" * 300_000})
    stack.post(sent)
    await_state(stack, sent.transaction_id, "ROUTED")
    dead_letter(stack)

    # When
    used, unused = [], []
    for function in FUNCTIONS:
        for action in sorted(granted(stack, function) - CALLED_BY_LAMBDA):
            (used if was_called(stack, function, action) else unused).append(f"{function}: {action}")

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
