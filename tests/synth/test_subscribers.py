"""Queues of downstream systems, attached to a provider's events by setting alone."""

import json
import re
from functools import cache

import pytest

NAMES = {
    # what it is       name in AWS, and its suffix in the preset `ordered`
    "queue":       ("webhook-subscriber-queue-ledger",       ".fifo"),
    "dead letter": ("webhook-subscriber-dlq-ledger",         ".fifo"),
    "undelivered": ("webhook-subscriber-undelivered-ledger", ""),
}  # fmt: skip
SUBSCRIBED = {"routing": {"subscribers": {"ledger": "stripe"}}}


@pytest.fixture(scope="session")
def subscribed(synthesize, ordered):
    """Return a function that gives a stack with a subscriber whose queues are of a kind: FIFO or standard."""
    return cache(lambda kind: ordered if kind == "FIFO" else synthesize("plain", SUBSCRIBED))


@pytest.fixture(params=["FIFO", "standard"])
def template(request, subscribed):
    return subscribed(request.param)


def queue(template, what):
    """Return one of the subscriber's queues."""
    name, suffix = NAMES[what]
    return template.one("aws_sqs_queue", f"{name}-{template.environment}{suffix if is_fifo(template) else ''}")


def is_fifo(template):
    return template.environment == "ordered"


def test_without_the_setting_there_is_none(standard, burst):
    for template in (standard, burst):
        assert template.all("aws_cloudwatch_event_target") == []
        assert [name for name in template.by_name("aws_sqs_queue") if "subscriber" in name] == []


def test_the_providers_events_go_to_the_subscribers_queue(template):
    target = template.one("aws_cloudwatch_event_target")
    rule = template.target(target["rule"])

    assert json.loads(rule["event_pattern"]) == {"source": ["webhooks.stripe"]}
    assert template.meaning(target["event_bus_name"]) == f"{rule.label}.event_bus_name"
    assert template.meaning(target["arn"]) == f"{queue(template, 'queue').label}.arn"
    assert target["target_id"] == "ledger"


def test_a_fifo_queue_gets_them_as_one_group_and_a_standard_queue_without(subscribed):
    assert subscribed("FIFO").one("aws_cloudwatch_event_target")["sqs_target"] == {"message_group_id": "stripe"}
    assert subscribed("standard").one("aws_cloudwatch_event_target").get("sqs_target") is None


def test_what_eventbridge_cannot_deliver_is_kept_in_a_standard_queue(template):
    target = template.one("aws_cloudwatch_event_target")
    undelivered = queue(template, "undelivered")

    assert template.meaning(target["dead_letter_config"]) == {"arn": f"{undelivered.label}.arn"}
    assert undelivered.get("fifo_queue") is None
    assert template.redrive(undelivered) is None
    assert undelivered["message_retention_seconds"] == 14 * 24 * 3600


def test_what_the_subscriber_fails_on_goes_to_its_own_dead_letter_queue(template):
    dead_letter = queue(template, "dead letter")
    policy = template.redrive(queue(template, "queue"))
    allowed = [
        json.loads(template.meaning(allow["redrive_allow_policy"]))
        for allow in template.pointing_at("aws_sqs_queue_redrive_allow_policy", "queue_url", dead_letter)
    ]

    assert policy == {"deadLetterTargetArn": f"{dead_letter.label}.arn", "maxReceiveCount": 3}
    assert allowed == [{"redrivePermission": "byQueue", "sourceQueueArns": [f"{queue(template, 'queue').label}.arn"]}]


def deny_plain_http(arn):
    return {
        "sid": "DenyPlainHttp",
        "effect": "Deny",
        "actions": ["sqs:*"],
        "resources": [arn],
        "principals": [{"type": "*", "identifiers": ["*"]}],
        "condition": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}],
    }


@pytest.mark.parametrize("what", NAMES)
def test_only_the_providers_rule_sends_to_it_and_nobody_to_the_dead_letter_queue(template, what):
    target = queue(template, what)
    (policy,) = template.pointing_at("aws_sqs_queue_policy", "queue_url", target)
    arn = f"{target.label}.arn"

    rule = f"aws_cloudwatch_event_rule[webhook-events-stripe-{template.environment}].arn"
    from_the_rule = {
        "sid": "RuleSends",
        "effect": "Allow",
        "actions": ["sqs:SendMessage"],
        "resources": [arn],
        "principals": [{"type": "Service", "identifiers": ["events.amazonaws.com"]}],
        "condition": [{"test": "ArnEquals", "variable": "aws:SourceArn", "values": [rule]}],
    }
    allowed = [] if what == "dead letter" else [from_the_rule]
    assert template.statements(policy["policy"]) == [*allowed, deny_plain_http(arn)]


ALARMS = {"webhook-subscriber-dlq-ledger": "dead letter", "webhook-subscriber-undelivered-ledger": "undelivered"}


@pytest.mark.parametrize("name", ALARMS)
def test_an_operator_is_told_of_what_was_given_up_and_of_what_could_not_be_sent(template, name):
    alarm = template.one("aws_cloudwatch_metric_alarm", f"{name}-{template.environment}")

    assert (alarm["namespace"], alarm["metric_name"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert template.meaning(alarm["dimensions"]) == {"QueueName": f"{queue(template, ALARMS[name]).label}.name"}
    assert (alarm["statistic"], alarm["comparison_operator"], alarm["threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        0,
    )
    assert alarm["alarm_actions"] != []


def test_the_output_says_where_the_subscriber_receives(template):
    output = template.outputs()["subscriber_queue_urls"]

    assert output["value"] == {"ledger": f"{queue(template, 'queue').label}.url"}
    assert output["description"].strip() != ""


def test_subscribers_of_one_provider_or_of_several_have_queues_and_targets_of_their_own(synthesize):
    given = {"ledger": "acme", "fraud": "acme", "mail": "acme-eu"}
    values = {"providers": dict.fromkeys(("acme", "acme-eu"), "generic"), "routing": {"subscribers": given}}
    template = synthesize(values={"preset": "ordered", **values})

    targets = {
        target["target_id"]: (
            template.target(target["arn"]).name,
            template.target(target["rule"]).name,
            target["sqs_target"]["message_group_id"],
        )
        for target in template.all("aws_cloudwatch_event_target")
    }

    assert targets == {
        "ledger": ("webhook-subscriber-queue-ledger-dev.fifo", "webhook-events-acme-dev", "acme"),
        "fraud": ("webhook-subscriber-queue-fraud-dev.fifo", "webhook-events-acme-dev", "acme"),
        "mail": ("webhook-subscriber-queue-mail-dev.fifo", "webhook-events-acme_eu-dev", "acme-eu"),
    }
    undelivered = [
        template.target(t["dead_letter_config"]["arn"]).name for t in template.all("aws_cloudwatch_event_target")
    ]
    assert sorted(undelivered) == [f"webhook-subscriber-undelivered-{name}-dev" for name in sorted(given)]


def test_no_function_may_do_anything_with_a_subscribers_queue(template):
    allowed = {
        template.meaning(resource)
        for policy in template.all("aws_iam_role_policy")
        for statement in template.statements(policy["policy"])
        for resource in statement["resources"]
    }

    assert [resource for resource in allowed if re.search("subscriber", resource)] == []
