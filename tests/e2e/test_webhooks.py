"""One webhook at a time, from HTTP to archive, table and bus, with IAM enforced on every call."""

import hashlib
import time
from dataclasses import replace

import pytest

from lambdas.inbound.archive import read_payload
from lambdas.inbound.providers.registry import REGISTRY
from tests.e2e.observe import await_routed, await_state, invocations, log_lines, objects, records
from tests.e2e.strangers import all_log_lines, are_kept_out, operators_routes
from tools.local.calls import wait_for
from tools.senders import providers, webhook


# Those that hear the event's id; what others hear is tested in test_providers.py.
@pytest.mark.parametrize("provider", [name for name in providers() if REGISTRY[name].response.body is None])
def test_a_signed_webhook_is_archived_recorded_routed_and_queryable(stack, downstream, number, provider):
    # Given
    sent = webhook(provider, number, stack.secrets[provider], int(time.time()))

    # When
    answer = stack.post(sent)

    # Then the sender hears its provider's status with the event's id
    assert answer.status_code == REGISTRY[provider].response.status
    event_id = answer.json()["eventId"]
    # and the transaction's status tells every step
    status = await_state(stack, sent.transaction_id, "ROUTED")
    assert [entry["step"] for entry in status["timeline"]] == ["routed", "recorded", "archived", "received"]
    (event,) = status["events"]
    assert (event["provider"], event["eventId"]) == (provider, event_id)
    assert event["correlationId"] == answer.headers["X-Correlation-Id"]
    # and the archive holds exactly the bytes that were sent
    assert read_payload(stack.aws.client("s3"), stack.outputs["bucket_name"], event["archive"]) == sent.body
    assert event["archive"]["sha256"] == hashlib.sha256(sent.body).hexdigest()
    # and the subscriber of the provider's rule got the event with the same correlation id
    (routed,) = [
        item for item in await_routed(downstream, [sent.transaction_id]) if item["detail"]["eventId"] == event_id
    ]
    assert routed["source"] == f"webhooks.{provider}"
    assert routed["detail"]["correlationId"] == event["correlationId"]
    assert routed["detail"]["archive"] == {"bucket": stack.outputs["bucket_name"], **event["archive"]}


@pytest.mark.parametrize("strange", ["{}/2026/1", "..%2F{}?a=b#c;d|e"])
def test_a_transaction_id_that_no_path_can_carry_is_queryable(stack, number, strange):
    transaction_id = strange.format(f"order-{number}")
    sent = webhook("generic", number, stack.secrets["generic"], int(time.time()), {"transaction_id": transaction_id})

    assert stack.post(sent).json()["transactionId"] == transaction_id

    status = await_state(stack, transaction_id, "ROUTED")
    assert (status["transactionId"], len(status["events"])) == (transaction_id, 1)


def test_one_correlation_id_is_in_the_log_of_every_function_that_touches_the_event(stack, number):
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()))

    correlation_id = stack.post(sent).headers["X-Correlation-Id"]

    await_state(stack, sent.transaction_id, "ROUTED")
    for function in ("ingestion", "processing"):
        assert any(correlation_id in line for line in log_lines(stack, function)), function


def test_a_body_too_large_for_a_message_arrives_whole(stack, number):
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()), {"padding": "é" * 500_000})

    assert stack.post(sent).status_code == 202

    status = await_state(stack, sent.transaction_id, "ROUTED")
    archived = status["events"][0]["archive"]
    assert archived["size"] == len(sent.body)
    assert objects(stack, archived["key"]) == {archived["key"]: sent.body}


HOSTILE = {
    "a byte changed": (lambda sent: replace(sent, body=sent.body.replace(b"eur", b"usd")), 401),
    "not signed": (lambda sent: replace(sent, headers={"Content-Type": "application/json"}), 401),
    "another provider's path": (lambda sent: replace(sent, path="/webhook/github"), 401),
    "unknown provider": (lambda sent: replace(sent, path="/webhook/nobody"), 404),
    "larger than the limit": (lambda sent: replace(sent, body=sent.body + b" " * 4_300_000), 413),
    "ten megabytes": (lambda sent: replace(sent, body=b"x" * 10_000_000), 413),
    "a secret that was never filled": (lambda sent: replace(sent, path="/webhook/acme"), 503),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_refused_leaves_no_trace_in_storage(stack, number, case):
    # Given
    change, expected = HOSTILE[case]
    sent = change(webhook("stripe", number, stack.secrets["stripe"], int(time.time())))
    if case == "a secret that was never filled":
        sent = replace(sent, headers={**sent.headers, "X-Webhook-Signature": "0" * 64, "X-Webhook-Timestamp": "1"})

    # When
    answer = stack.post(sent)

    # Then
    assert answer.status_code == expected
    assert ("Retry-After" in answer.headers) == (expected >= 500)
    assert stack.status(sent.transaction_id) is None
    assert objects(stack, f"raw/stripe/evt_1Demo{number:06}") == {}


def test_a_signature_from_an_hour_ago_is_refused(stack, number):
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()) - 3600)

    answer = stack.post(sent)

    assert (answer.status_code, answer.json()["error"]) == (401, "timestamp_outside_window")


def test_the_gateway_refuses_missing_headers_before_any_function_runs(stack, number):
    sent = webhook("generic", number, stack.secrets["generic"], int(time.time()))
    before = invocations(stack, "ingestion")

    answers = [
        stack.post(replace(sent, headers={name: value for name, value in sent.headers.items() if name != missing}))
        for missing in ("X-Provider-ID", "X-Webhook-Signature")
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert invocations(stack, "ingestion") == before


@operators_routes
def test_operators_endpoints_ask_for_iam(stack, method, path):
    are_kept_out(stack, method, path)


def test_status_answers_404_for_the_unknown_and_400_for_the_impossible(stack):
    assert stack.call("GET", "/status/pi_never_seen").status_code == 404
    assert stack.call("GET", "/status/with%20blank").status_code == 400
    assert stack.call("GET", "/status/" + "x" * 257).status_code == 400


def test_a_duplicate_after_the_fact_changes_nothing(stack, number):
    sent = webhook("github", number, stack.secrets["github"], int(time.time()))
    stack.post(sent)
    first = await_state(stack, sent.transaction_id, "ROUTED")

    # When the same event comes again under another delivery id, which GitHub does not sign
    again = stack.post(
        replace(sent, headers={**sent.headers, "X-GitHub-Delivery": "11111111-1111-4111-8111-111111111111"})
    )

    # Then it is acknowledged, and processing leaves everything as it was
    assert again.status_code == 202
    duplicate = again.headers["X-Correlation-Id"]
    wait_for(
        "processing to see the duplicate",
        lambda: next((line for line in log_lines(stack, "processing") if duplicate in line), None),
        60,
    )
    assert stack.status(sent.transaction_id) == first
    assert len([item for item in records(stack) if item.get("transaction", {}).get("S") == sent.transaction_id]) == 1


def test_no_log_holds_a_payload_or_a_secret(stack, number):
    # Given payloads with a mark, accepted and refused
    mark = f"mark-of-the-payload-{number}"
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()), {"note": mark})
    stack.post(sent)
    stack.post(replace(sent, body=sent.body + b" "))
    await_state(stack, sent.transaction_id, "ROUTED")

    lines = all_log_lines(stack)

    # Then
    assert any("webhook accepted" in line for line in lines)
    assert [line for line in lines if mark in line] == []
    assert [line for line in lines for secret in stack.secrets.values() if secret in line] == []
