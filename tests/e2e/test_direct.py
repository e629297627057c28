"""``api.ingest`` ``direct``: API Gateway accepts every request, and ingestion verifies it behind the ingest queue.

MiniStack renders templates and converts bodies as AWS's documents say it, by ``tools/local/aws_direct.py``; its own
code does neither. It does not check that API Gateway's role may send to the ingest queue;
``tests/synth/test_direct.py`` does.
"""

import hashlib
import hmac
import json
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lambdas.inbound.archive import read_payload
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.ingestion.ingest_message import read
from tests.copies import a_copy
from tests.e2e.observe import (
    await_state,
    counted_by_provider,
    invocations,
    log_lines,
    objects,
    records,
    waiting,
)
from tests.e2e.permissions import exercise, used_and_unused
from tests.e2e.proven import every_event, every_sender, follow_to_the_proof, hear_braintrees_challenge, make
from tests.e2e.smoking import left_by_smoke, run_smoke
from tests.e2e.strangers import all_log_lines, are_kept_out, operators_routes
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.local.stack import BOTH_QUEUES
from tools.senders import SENDERS, SentWebhook, new_secret, webhook

ENVIRONMENT = "local-direct"
SETTLE_SECONDS = 180


@pytest.fixture(scope="module")
def stack(bundles):
    del bundles
    with a_copy(ENVIRONMENT) as stack:
        shorten_retries(stack)
        yield stack


@pytest.fixture(scope="module")
def subscriber(stack):
    return Downstream.subscribe(stack)


def shorten_retries(stack):
    stack.shorten_retries(12, ("inbox_url", *BOTH_QUEUES))


@contextmanager
def giving_up_after(stack, receives):
    """Lower the ingest queue's maxReceiveCount from twelve to this.

    Receives stay twelve seconds apart: a batch that starts ingestion takes seconds, and what is received again
    meanwhile would be given up too.
    """
    sqs, ingest_queue = stack.aws.client("sqs"), stack.outputs["inbox_url"]
    found = sqs.get_queue_attributes(QueueUrl=ingest_queue, AttributeNames=["RedrivePolicy"])
    before = found["Attributes"]["RedrivePolicy"]
    redrive = json.dumps({**json.loads(before), "maxReceiveCount": receives})
    sqs.set_queue_attributes(QueueUrl=ingest_queue, Attributes={"RedrivePolicy": redrive})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=ingest_queue, Attributes={"RedrivePolicy": before})


def take_dead_letter(stack):
    """Return the body of the only dead letter of the ingest queue, once it is there, and remove it."""
    wait_for(
        "the dead letter",
        lambda: True if waiting(stack, "inbox_dead_letter_queue_url") == 1 else None,
        SETTLE_SECONDS,
    )
    sqs, dead = stack.aws.client("sqs"), stack.outputs["inbox_dead_letter_queue_url"]
    (given_up,) = sqs.receive_message(QueueUrl=dead)["Messages"]
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=given_up["ReceiptHandle"])
    return given_up["Body"]


def signed_body(stack, body, path="/webhook/generic"):
    """Return a webhook of the entry ``generic`` with exactly these bytes."""
    signature = hmac.new(stack.secrets["generic"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Webhook-Signature": signature, "X-Provider-ID": "generic", "Content-Type": "application/json"}
    return SentWebhook(provider="generic", path=path, body=body, headers=headers, transaction_id="")


def ingestions_words(stack, correlation_id):
    """Return ingestion's lines of one request."""
    return [json.loads(line) for line in log_lines(stack, "ingestion") if f'"{correlation_id}"' in line]


def await_word(stack, correlation_id, message):
    """Return ingestion's first line of a request with a message."""

    def look():
        return next((line for line in ingestions_words(stack, correlation_id) if line["message"] == message), None)

    return wait_for(f"{message} of {correlation_id}", look, SETTLE_SECONDS)


def refusals_counted(stack, status):
    lines = [json.loads(line) for line in log_lines(stack, "ingestion") if f'"Refused{status}"' in line]
    return sum(sum(line[f"Refused{status}"]) for line in lines)


# --- accepted ---------------------------------------------------------------------------------------------------------


@every_event
def test_a_signed_webhook_is_routed_archived_and_proven(stack, subscriber, number, entry, event):
    sent = make(stack, entry, number, event=event)

    answer = stack.post(sent)

    # Then its provider hears what it wants to hear, before anybody verified anything
    wanted = REGISTRY[entry].response
    assert answer.status_code == wanted.status
    if wanted.body is None:
        assert answer.json() == {"correlationId": answer.headers["X-Correlation-Id"]}
    else:
        assert (answer.text, answer.headers["Content-Type"]) == (wanted.body, "text/plain; charset=utf-8")
    routed = follow_to_the_proof(stack, subscriber, sent)
    # under the id that the sender was told
    assert routed["detail"]["correlationId"] == answer.headers["X-Correlation-Id"]


BODIES = {
    "a byte order mark": b"\xef\xbb\xbf%s",
    "CRLF, and a newline at the end": b"{\r\n%s\r\n}\n",
    "trailing newlines": b"%s\n\r\n",
    "what templates and forms are made of": b"%s",
}


@pytest.mark.parametrize("case", BODIES)
def test_the_bytes_arrive_as_they_were_sent(stack, number, case):
    more = ' "odd": "$input.body #set($x) & = + %41 \\u0027 \' é",' if "templates" in case else ""
    members = f'"id":"evt_{number}","type":"payment.succeeded",{more}"transaction_id":"tx_{number}"'.encode()
    body = BODIES[case].replace(b"%s", members if b"{" in BODIES[case] else b"{" + members + b"}")

    assert stack.post(signed_body(stack, body)).status_code == 202

    (event,) = await_state(stack, f"tx_{number}", "ROUTED")["events"]
    assert read_payload(stack.aws.client("s3"), stack.outputs["bucket_name"], event["archive"]) == body


def no_text(number):
    """Return a body that is no UTF-8, and so no event."""
    return b'{"id":"evt_%d","odd":"\xff\xfe\x00\xc3\x28"}' % number


def too_large(number):
    """Return a body that fits into a message of the ingest queue and is larger than the limit."""
    return b'{"id":"evt_%d","type":"t","odd":"%s"}' % (number, b"x" * 183_000)


@pytest.mark.parametrize(("body", "status"), [(no_text, 400), (too_large, 413)], ids=["no text", "too large"])
def test_what_is_signed_and_cannot_be_accepted_is_kept_as_it_was_sent(stack, number, body, status):
    before = refusals_counted(stack, status)
    sent = signed_body(stack, body(number))

    with giving_up_after(stack, 2):
        answer = stack.post(sent)

        # Then its signature is right, which it could not be were a byte replaced, and it comes back
        line = await_word(stack, answer.headers["X-Correlation-Id"], "webhook returned to the queue")
        assert (answer.status_code, line["status"]) == (202, status)
        # and lies in the dead letter queue after its last receive, and has been counted
        assert read(take_dead_letter(stack)).request.body == sent.body
    assert refusals_counted(stack, status) == before + 2


@pytest.mark.parametrize("body", [no_text, too_large])
def test_what_anybody_could_have_sent_is_not_kept(stack, number, body):
    forged = signed_body(stack, body(number))

    answer = stack.post(replace(forged, body=forged.body + b" "))

    assert await_word(stack, answer.headers["X-Correlation-Id"], "webhook dropped")["status"] == 401
    wait_for("the ingest queue to be empty", lambda: None if waiting(stack, "inbox_url") else True, SETTLE_SECONDS)
    assert waiting(stack, "inbox_dead_letter_queue_url") == 0


def test_a_form_arrives_as_it_was_sent(stack, number):
    # A form that is a call of SQS by itself, were it passed through
    forged = SentWebhook(
        provider="generic",
        path="/webhook/generic",
        body=b"Action=SendMessage&MessageBody=forged",
        headers={"Content-Type": "application/x-www-form-urlencoded", "X-Webhook-Signature": "0" * 64},
        transaction_id="",
    )

    answer = stack.post(forged)

    assert await_word(stack, answer.headers["X-Correlation-Id"], "webhook dropped")["status"] == 401


def test_a_body_of_the_largest_size_arrives(stack, number):
    head = f'{{"id":"evt_{number}","type":"t","transaction_id":"tx_{number}","x":"'.encode()
    body = head + b"x" * (180_000 - len(head) - 2) + b'"}'

    assert stack.post(signed_body(stack, body)).status_code == 202

    (event,) = await_state(stack, f"tx_{number}", "ROUTED")["events"]
    assert event["archive"]["size"] == 180_000


def test_a_duplicate_ends_as_one_record(stack, number):
    sent = make(stack, "stripe", number)

    answers = [stack.post(sent) for _ in range(3)]

    for answer in answers:
        await_word(stack, answer.headers["X-Correlation-Id"], "webhook accepted")
    await_state(stack, sent.transaction_id, "ROUTED")
    wait_for("the queue to be empty", lambda: None if waiting(stack, "queue_url") else True, SETTLE_SECONDS)
    found = [record for record in records(stack) if record.get("transaction", {}).get("S") == sent.transaction_id]
    assert len(found) == 1


def test_a_provider_in_a_header_needs_both_headers(stack, number):
    body = f'{{"id":"evt_{number}","type":"t","transaction_id":"tx_{number}"}}'.encode()
    sent = signed_body(stack, body, path="/webhook")
    before = waiting(stack, "inbox_url")

    for missing in ("X-Provider-ID", "X-Webhook-Signature"):
        headers = {name: value for name, value in sent.headers.items() if name != missing}
        assert stack.post(replace(sent, headers=headers)).status_code == 400
    assert waiting(stack, "inbox_url") == before

    assert stack.post(sent).status_code == 202
    await_state(stack, f"tx_{number}", "ROUTED")


# --- refused ----------------------------------------------------------------------------------------------------------


def test_each_provider_is_counted_apart_behind_the_queue(stack, number):
    before, now = counted_by_provider(stack), int(time.time())

    sent = [webhook("lithic", number * 10 + each, stack.secrets["lithic"], now) for each in range(2)]
    sent.append(webhook("razorpay", number, new_secret("razorpay"), now))
    assert [stack.post(each).status_code for each in sent] == [202] * 3

    def look():
        counted = counted_by_provider(stack) - before
        return counted if counted.total() >= 4 else None

    assert wait_for("ingestion's log", look, SETTLE_SECONDS) == {
        ("Accepted", "lithic"): 2,
        ("Refused", "razorpay"): 1,
        ("Refused", "razorpay", "signature_mismatch"): 1,
    }


@every_sender
def test_what_somebody_else_signed_is_dropped_and_counted(stack, number, entry):
    before = refusals_counted(stack, 401)
    forged = make(stack, entry, number, secret=SENDERS[entry].new_secret())

    answer = stack.post(forged)

    assert answer.status_code == REGISTRY[entry].response.status
    line = await_word(stack, answer.headers["X-Correlation-Id"], "webhook dropped")
    assert (line["status"], line["provider"]) == (401, entry)
    assert refusals_counted(stack, 401) == before + 1
    # Nothing of it is anywhere: not in the archive, not in the table, not in a queue.
    assert stack.status(forged.transaction_id) is None
    assert objects(stack, f"raw/{entry}/") == {
        key: content for key, content in objects(stack, f"raw/{entry}/").items() if forged.body not in content
    }
    wait_for("the ingest queue to be empty", lambda: None if waiting(stack, "inbox_url") else True, SETTLE_SECONDS)


NOT_SIGNED_FOR_THIS = {
    "a byte changed": lambda sent: replace(sent, body=sent.body.replace(b"eur", b"usd")),
    "not signed": lambda sent: replace(sent, headers={"Content-Type": "application/json"}),
    "another provider's path": lambda sent: replace(sent, path="/webhook/github"),
}


@pytest.mark.parametrize("case", NOT_SIGNED_FOR_THIS)
def test_what_was_not_signed_for_this_provider_is_dropped(stack, number, case):
    sent = NOT_SIGNED_FOR_THIS[case](make(stack, "stripe", number))

    answer = stack.post(sent)

    assert answer.status_code == 202
    assert await_word(stack, answer.headers["X-Correlation-Id"], "webhook dropped")["status"] == 401
    assert stack.status(sent.transaction_id) is None


def test_a_signature_from_an_hour_ago_is_dropped(stack, number):
    answer = stack.post(make(stack, "stripe", number, now=int(time.time()) - 3600))

    line = await_word(stack, answer.headers["X-Correlation-Id"], "webhook dropped")
    assert (line["status"], line["reason"]) == (401, "timestamp_outside_window")


BY_API_GATEWAY = {
    "an unknown provider": (lambda sent: replace(sent, path="/webhook/nobody"), 404, "unknown_provider"),
    "too large for a message": (lambda sent: replace(sent, body=sent.body + b" " * 200_000), 413, "payload_too_large"),
    "a type without a template": (
        lambda sent: replace(sent, headers={**sent.headers, "Content-Type": "image/png"}),
        415,
        "this Content-Type is not taken; send application/json",
    ),
}


@pytest.mark.parametrize("case", BY_API_GATEWAY)
def test_what_api_gateway_rejects_reaches_no_queue(stack, number, case):
    change, status, error = BY_API_GATEWAY[case]
    before = invocations(stack, "ingestion")

    answer = stack.post(change(make(stack, "stripe", number)))

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "Retry-After" not in answer.headers
    assert waiting(stack, "inbox_url") == 0
    assert invocations(stack, "ingestion") == before


def test_braintree_hears_the_answer_to_its_challenge(stack):
    hear_braintrees_challenge(stack)


# --- what comes back --------------------------------------------------------------------------------------------------


def test_what_waits_for_its_secret_is_processed_once_that_is_filled(stack, number):
    # Given a provider whose secret was never filled
    secret = new_secret("generic")
    sent = replace(webhook("generic", number, secret, int(time.time())), path="/webhook/acme")

    answer = stack.post(sent)

    # Then its webhook returned to the queue
    assert answer.status_code == 202
    line = await_word(stack, answer.headers["X-Correlation-Id"], "webhook returned to the queue")
    assert (line["status"], line["reason"]) == (503, "secret_missing")
    assert stack.status(sent.transaction_id) is None
    # When the secret is filled, then it is accepted, with the time at which it came
    stack.aws.client("secretsmanager").put_secret_value(
        SecretId=stack.outputs["secret_arns"]["acme"], SecretString=secret
    )
    (event,) = await_state(stack, sent.transaction_id, "ROUTED")["events"]
    assert event["provider"] == "acme"
    assert event["correlationId"] == answer.headers["X-Correlation-Id"]


def test_a_poisoned_message_leaves_its_neighbours_alone_and_can_be_redriven(stack, number):
    sqs, ingest_queue = stack.aws.client("sqs"), stack.outputs["inbox_url"]
    with giving_up_after(stack, 3):
        # When something that nobody can read is among the webhooks
        good = [make(stack, "generic", 100_000 + number * 10 + offset) for offset in range(5)]
        sqs.send_message(QueueUrl=ingest_queue, MessageBody="poison")
        for sent in good:
            assert stack.post(sent).status_code == 202

        # Then they are routed, and it lies in the dead letter queue as it was
        for sent in good:
            await_state(stack, sent.transaction_id, "ROUTED")
        assert take_dead_letter(stack) == "poison"
    # When an operator redrives it, then ingestion has it again
    failures = refusals_counted(stack, 500)
    # MiniStack has no StartMessageMoveTask, so that the test does what SQS would.
    sqs.send_message(QueueUrl=ingest_queue, MessageBody="poison")
    wait_for("it to be tried again", lambda: True if refusals_counted(stack, 500) > failures else None, SETTLE_SECONDS)
    sqs.purge_queue(QueueUrl=ingest_queue)


def test_smoke_asks_for_what_aws_does_not_document(stack, monkeypatch, capsys):
    code = run_smoke(stack, monkeypatch, "stripe")

    page = " ".join(capsys.readouterr().out.split())
    assert code == 0, page
    assert "ok the local AWS says: what SQS has no room for is answered 413" in page
    assert "ok the local AWS says: application/json; charset=utf-8 is taken" in page
    assert page.count("│ ok │ ok │ ok │ ok │ ok │") == 2
    assert left_by_smoke(stack) == []


# --- operators --------------------------------------------------------------------------------------------------------


@operators_routes
def test_operators_endpoints_ask_for_iam(stack, method, path):
    are_kept_out(stack, method, path)


def test_every_granted_action_is_called(stack, report):
    exercise(stack)

    used, unused = used_and_unused(stack)

    report(f"direct: {len(used)} granted actions, each seen called: {', '.join(used)}")
    # Ingestion puts into the quarantine. Below raw/ it would put a payload that needs more room than the main queue
    # has, which here none does; a certificate of PayPal's could be so long, and no stack for these tests has one.
    assert unused == []


def test_one_correlation_id_is_in_the_log_of_every_function_that_touches_the_event(stack, number):
    sent = make(stack, "stripe", number)

    correlation_id = stack.post(sent).headers["X-Correlation-Id"]

    await_state(stack, sent.transaction_id, "ROUTED")
    for function in ("ingestion", "processing"):
        assert any(correlation_id in line for line in log_lines(stack, function)), function


def test_no_log_holds_a_payload_a_signature_or_a_secret(stack, number):
    # Given payloads with a mark, accepted and dropped
    mark = f"mark-of-the-payload-{number}"
    sent = webhook("stripe", number, stack.secrets["stripe"], int(time.time()), {"note": mark})
    stack.post(sent)
    dropped = stack.post(replace(sent, body=sent.body + b" "))
    await_state(stack, sent.transaction_id, "ROUTED")
    await_word(stack, dropped.headers["X-Correlation-Id"], "webhook dropped")

    lines = all_log_lines(stack)

    assert any("webhook accepted" in line for line in lines)
    secrets = (mark, sent.headers["Stripe-Signature"], *stack.secrets.values())
    assert [line for line in lines for secret in secrets if secret in line] == []
