"""What operators meet: a poisoned message, its dead letter, its alarm, and replays."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.inbound.envelope import Envelope
from modules.constructs.naming import Names
from tests.e2e.faults import no_archive_grant, send_at_once
from tests.e2e.observe import (
    await_routed,
    await_state,
    by_transaction,
    counted_by_provider,
    log_lines,
    objects,
    waiting,
)
from tools.local.calls import wait_for
from tools.senders import SENDERS, SentWebhook, webhook


def emitted(stack, function, metric):
    """Return how often a function counted a metric, from the EMF lines of its log."""
    total = 0.0
    for line in log_lines(stack, function):
        if '"CloudWatchMetrics"' in line and f'"{metric}"' in line:
            total += sum(json.loads(line)[metric])
    return total


@dataclass(frozen=True)
class GivenUp:
    """Ten events that came as one batch: nine were routed, and one was given up, of which ``dead`` is the status."""

    sent: list[SentWebhook]
    poisoned: SentWebhook
    dead: dict[str, Any]
    routed: list[dict[str, Any]]

    @property
    def event_id(self) -> str:
        return str(json.loads(self.poisoned.body)["id"])


@pytest.fixture(scope="module")
def given_up(stack, downstream):
    """Ten events in one batch, one of which processing may not archive, until that is dead-lettered."""
    sent = [webhook("stripe", 500 + index, stack.secrets["stripe"], int(time.time())) for index in range(10)]
    with no_archive_grant(stack, [json.loads(sent[4].body)["id"]]):
        answers = send_at_once(stack, sent)
        assert [answer.status_code for answer in answers] == [202] * 10
        dead = await_state(stack, sent[4].transaction_id, "DEAD_LETTERED")
    # Every look at the subscriber's queue takes away what is there: the next test's look would find nothing.
    routed = await_routed(downstream, [each.transaction_id for each in sent if each is not sent[4]])
    return GivenUp(sent=sent, poisoned=sent[4], dead=dead, routed=routed)


def test_a_poisoned_message_in_a_batch_of_ten_takes_none_with_it(stack, given_up):
    poisoned, dead = given_up.poisoned, given_up.dead
    healthy = [item.transaction_id for item in given_up.sent if item is not poisoned]

    # Then the nine were routed once each, and the tenth not at all
    routed = by_transaction(given_up.routed)
    assert {transaction: routed[transaction] for transaction in healthy} == dict.fromkeys(healthy, 1)
    assert poisoned.transaction_id not in routed
    # and the tenth is marked with the reason, after exactly three receives
    assert dead["events"][0]["lastFailure"] | {"at": ""} == {
        "reason": "PutObject: AccessDenied",
        "at": "",
        "receiveCount": 3,
    }
    assert dead["timeline"][0]["step"] == "dead-lettered"
    assert dead["timeline"][0]["reason"] == "PutObject: AccessDenied"
    # and its message is kept, payload included
    kept = objects(stack, dead["events"][0]["deadLetter"])
    (message,) = kept.values()
    assert Envelope.from_message(message.decode()).body == poisoned.body
    wait_for("the dead letter to be worked off", lambda: waiting(stack, "dead_letter_queue_url") == 0 or None, 60)


@contextmanager
def pager(stack):
    """Subscribe to the stack's topic, and give a function that counts something and waits for the page of its alarm."""
    sqs, sns, cloudwatch = (stack.aws.client(service) for service in ("sqs", "sns", "cloudwatch"))
    url, arn = stack.aws.queue_for("sns.amazonaws.com", "pager")
    topic = stack.outputs["alarm_topic_arn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]

    def page(alarm_name, metric, value, **dimensions):
        # What CloudWatch takes from the function's log. MiniStack does not extract embedded metrics, so the test does
        # that step; namespace, name and dimensions are those of the line that the function wrote.
        named = [{"Name": name, "Value": text} for name, text in dimensions.items()]
        data = {"MetricName": metric, "Dimensions": named, "Value": value, "Unit": "Count"}
        cloudwatch.put_metric_data(Namespace="Webhooks", MetricData=[data])

        def look():
            messages = sqs.receive_message(QueueUrl=url).get("Messages", [])
            texts = [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
            return next((text for text in texts if text["AlarmName"] == alarm_name), None)

        return wait_for(f"the page of {alarm_name}", look, 60)

    yield page
    # Nothing looks again when the metrics' periods are over: they would stay on for every later test of this stack.
    for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="the test")
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


def test_a_dead_letter_sets_off_its_alarm(stack, given_up):
    del given_up
    count = wait_for("the dead letter's log", lambda: emitted(stack, "dead-letter", "DeadLettered") or None, 60)
    assert count >= 1

    # Then whoever is subscribed to the topic hears it
    with pager(stack) as page:
        alarm = page(
            "webhook-dead-lettered-local", "DeadLettered", count, service=Names(stack.environment)("dead-letter")
        )

    assert alarm["NewStateValue"] == "ALARM"


def test_refusals_of_one_provider_are_counted_by_reason_and_set_off_its_own_alarm(stack, number):
    before = counted_by_provider(stack)
    now = int(time.time())

    # When a provider's secret is wrong, somebody else sends unsigned webhooks in its name, and all is well with another
    forged = [webhook("razorpay", number * 10 + each, SENDERS["razorpay"].new_secret(), now) for each in range(4)]
    unsigned = [replace(each, headers={"Content-Type": "application/json"}) for each in forged[:2]]
    good = webhook("lithic", number, stack.secrets["lithic"], now)
    assert [stack.post(each).status_code for each in (*forged, *unsigned, good)] == [401] * 6 + [202]

    # Then each is counted apart
    def look():
        counted = counted_by_provider(stack) - before
        return counted if counted["Accepted", "lithic"] else None

    counted = wait_for("ingestion's log", look, 60)
    assert counted == {
        ("Accepted", "lithic"): 1,
        ("Refused", "razorpay"): 6,
        ("Refused", "razorpay", "signature_mismatch"): 4,
        ("Refused", "razorpay", "missing_signature_header"): 2,
    }
    # and an alarm goes off that all six are too few for in the sum of all
    assert counted["Refused", "razorpay"] < 20
    with pager(stack) as page:
        alarm = page(
            "webhook-provider-refused-razorpay-local",
            "Refused",
            counted["Refused", "razorpay"],
            service=Names(stack.environment)("ingestion"),
            provider="razorpay",
        )
    assert alarm["AlarmDescription"] == "more than 5 webhooks of razorpay were refused in an hour"


def test_a_dead_letter_is_replayed_once_its_cause_is_mended(stack, downstream, given_up):
    # Given
    transaction, event = given_up.poisoned.transaction_id, f"stripe:{given_up.event_id}"
    assert stack.status(transaction)["state"] == "DEAD_LETTERED"

    # When
    dry = stack.call("POST", "/internal/replay", {"eventIds": [event], "dryRun": True})
    assert (dry.status_code, dry.json()["matched"], dry.json()["replayed"]) == (200, 1, [])
    assert stack.status(transaction)["state"] == "DEAD_LETTERED"
    real = stack.call("POST", "/internal/replay", {"eventIds": [event, "stripe:evt_unknown"]})

    # Then
    assert (real.status_code, real.json()["replayed"], real.json()["notFound"]) == (
        202,
        [event],
        ["stripe:evt_unknown"],
    )
    status = await_state(stack, transaction, "ROUTED")
    steps = [entry["step"] for entry in status["timeline"]]
    assert steps == ["routed", "recorded", "archived", "replayed", "dead-lettered", "received"]
    (routed,) = [
        item for item in await_routed(downstream, [transaction]) if item["detail"]["transactionId"] == transaction
    ]
    assert routed["detail"]["replay"]["replayId"] == real.json()["replayId"]


def test_a_replay_by_time_and_state_processes_again_what_was_routed(stack, downstream, number):
    # Given
    sent = webhook("generic", number, stack.secrets["generic"], int(time.time()))
    stack.post(sent)
    received = await_state(stack, sent.transaction_id, "ROUTED")["events"][0]["receivedAt"]
    await_routed(downstream, [sent.transaction_id])
    start = datetime.fromisoformat(received)
    span = {"from": received, "to": (start + timedelta(milliseconds=1)).astimezone(UTC).isoformat()}
    wanted = {"provider": "generic", "status": "ROUTED", **span}

    # When
    dry = stack.call("POST", "/internal/replay", {**wanted, "dryRun": True}).json()
    real = stack.call("POST", "/internal/replay", wanted).json()

    # Then
    assert (dry["matched"], dry["replayed"]) == (1, [])
    assert real["replayed"] == [f"generic:gen-{number:06}"]
    again = await_routed(downstream, [sent.transaction_id])
    assert [item["detail"]["replay"]["replayId"] for item in again] == [real["replayId"]]
    steps = [entry["step"] for entry in stack.status(sent.transaction_id)["timeline"]]
    assert steps[-3:] == ["recorded", "archived", "received"]
    assert "replayed" in steps


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "provider"),
        ({"eventIds": []}, "eventIds"),
        ({"eventIds": ["no-colon"]}, "no-colon"),
        ({"provider": "stripe", "from": "yesterday", "to": "today"}, "yesterday"),
        ({"provider": "stripe", "from": "2026-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"}, "to"),
        ({"eventIds": ["a:b"], "colour": "red"}, "colour"),
    ],
)
def test_a_replay_that_cannot_be_is_refused_by_field_and_value(stack, body, named):
    answer = stack.call("POST", "/internal/replay", body)

    assert answer.status_code == 400
    assert named in answer.json()["error"]
