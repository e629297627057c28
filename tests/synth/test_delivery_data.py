"""What of the delivery stack holds data: tables, queues, the secret; and how inbound events come into its queue."""

import json

import pytest

from lambdas.delivery.queue import messages
from lambdas.delivery.store import items
from tests.synth.template import NAME_ATTRIBUTES

QUEUE = "aws_sqs_queue[webhook-delivery-queue-delivery]"
UNDELIVERED = "aws_sqs_queue[webhook-delivery-undelivered-delivery]"
# Terraform address                                what it is called in AWS, but for the environment
PINNED = {
    "aws_dynamodb_table.tables_tenants":              "webhook-delivery-tenant-identity",
    "aws_dynamodb_table.tables_endpoints":            "webhook-delivery-tenant-webhook-config",
    "aws_dynamodb_table.tables_events":               "webhook-delivery-events",
    "aws_sqs_queue.queues_main":                      "webhook-delivery-queue",
    "aws_sqs_queue.queues_dead_letter":               "webhook-delivery-dlq",
    "aws_sqs_queue.sweeps_undelivered":             "webhook-delivery-sweeps-undelivered",
    "aws_sqs_queue.subscriptions_undelivered":        "webhook-delivery-undelivered",
    "aws_secretsmanager_secret.signing_keys_secret":  "webhook-delivery-signing-keys",
    "aws_cloudwatch_event_bus.operations_bus":        "webhook-delivery-operations",
}  # fmt: skip
HOLDS_DATA = {address.split(".")[0] for address in PINNED}
KEYS = {
    # table                    partition, sort         secondary indexes: name, partition, sort
    "tenant-identity":         (("id", None),          {("byTenant", "tenantId", "id")}),
    "tenant-webhook-config":   (("tenantId", "item"),  set()),
    "events":                  (("event", "item"),     {("byState", "stateKey", "stateAt"),
                                                       ("byDue", "dueKey", "dueAt")}),
}  # fmt: skip


def table(template, name):
    return template.one("aws_dynamodb_table", f"webhook-delivery-{name}-{template.environment}")


def test_what_holds_data_has_an_address_of_its_own_that_never_changes(delivery):
    # Under another address Terraform destroys it, with all that it holds, and creates an empty one.
    held = [resource for resource in delivery.resources() if resource.type in HOLDS_DATA]

    assert {resource.address: resource.name.removesuffix("-delivery") for resource in held} == PINNED
    assert set(NAME_ATTRIBUTES) >= HOLDS_DATA


@pytest.mark.parametrize("name", KEYS)
def test_a_table_has_the_keys_and_indexes_that_the_code_uses(delivery, name):
    (partition, sort), indexes = KEYS[name]
    made = table(delivery, name)

    found = {(i["name"], i["hash_key"], i["range_key"]) for i in made.get("global_secondary_index", [])}
    assert (made["hash_key"], made.get("range_key")) == (partition, sort)
    assert found == indexes
    assert {attribute["name"] for attribute in made["attribute"]} == (
        {partition, sort, *(key for index in indexes for key in index[1:])} - {None}
    )


def test_the_index_of_the_code_is_an_index_of_the_table():
    by_state = (items.BY_STATE_INDEX, items.STATE_KEY, items.STATE_AT)
    assert {by_state, (items.BY_DUE_INDEX, items.DUE_KEY, items.DUE_AT)} == KEYS["events"][1]
    assert {(items.BY_TENANT_INDEX, items.TENANT_KEY, items.IDENTITY_KEY)} == KEYS["tenant-identity"][1]


def test_the_due_index_holds_what_a_message_needs_and_the_others_whole_items(delivery):
    # Each write that changes an attribute of the index is a second write.
    indexes = {
        index["name"]: (index["projection_type"], index.get("non_key_attributes"))
        for name in KEYS
        for index in table(delivery, name).get("global_secondary_index", [])
    }

    assert indexes == {
        "byTenant": ("ALL", None),
        "byState": ("ALL", None),
        "byDue": ("INCLUDE", ["turn", "nextAttemptAt"]),
    }


@pytest.mark.parametrize("name", KEYS)
def test_a_table_is_encrypted_recoverable_and_paid_by_use(delivery, name):
    made = table(delivery, name)

    assert made["server_side_encryption"] == {"enabled": True}
    assert made["point_in_time_recovery"] == {"enabled": True}
    assert made["billing_mode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", KEYS)
def test_items_expire_by_the_attribute_that_the_code_writes(delivery, name):
    # Given an item as the code makes it
    written = items.attribute("expires_at")

    # Then it expires by that
    assert table(delivery, name)["ttl"] == {"attribute_name": written, "enabled": True}


def test_five_receives_of_three_minutes_lead_to_the_dead_letter_queue(delivery):
    queue = delivery.one("aws_sqs_queue", "webhook-delivery-queue-delivery")

    assert delivery.redrive(queue) == {
        "deadLetterTargetArn": "aws_sqs_queue[webhook-delivery-dlq-delivery].arn",
        "maxReceiveCount": 5,
    }
    assert queue["visibility_timeout_seconds"] == 180
    assert queue.get("fifo_queue", False) is False


def test_the_worker_alone_is_fed_by_the_queue_and_never_runs_into_its_reservation(delivery):
    mapping = delivery.one("aws_lambda_event_source_mapping")
    worker = delivery.target(mapping["function_name"])

    assert delivery.meaning(mapping["event_source_arn"]) == f"{QUEUE}.arn"
    assert (worker.name, worker["timeout"], worker["memory_size"]) == ("webhook-delivery-worker-delivery", 60, 1_024)
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert mapping["scaling_config"] == {"maximum_concurrency": worker["reserved_concurrent_executions"]}
    assert mapping.get("maximum_batching_window_in_seconds", 0) == 0


def test_queue_and_worker_are_as_the_settings_say(synthesize_delivery):
    template = synthesize_delivery(
        worker_timeout=30, visibility_timeout=90, max_receive_count=7, worker_concurrency=8, batch_size=3
    )

    queue = template.one("aws_sqs_queue", "webhook-delivery-queue-dev")
    mapping = template.one("aws_lambda_event_source_mapping")
    assert queue["visibility_timeout_seconds"] == 90
    assert template.redrive(queue)["maxReceiveCount"] == 7
    assert (mapping["batch_size"], mapping["scaling_config"]["maximum_concurrency"]) == (3, 8)
    assert template.target(mapping["function_name"])["timeout"] == 30


@pytest.mark.parametrize("visibility", [180, 359, 360, 43_200])
def test_a_visibility_timeout_that_every_queue_may_have_needs_no_waiver_and_stops_nothing(
    synthesize_delivery, visibility
):
    template = synthesize_delivery(worker_timeout=60, visibility_timeout=visibility, retention=1_209_599)

    assert template.one("aws_sqs_queue", "webhook-delivery-queue-dev")["visibility_timeout_seconds"] == visibility


def policy_of(template, queue):
    """Return the statements of a queue's policy."""
    (policy,) = template.pointing_at("aws_sqs_queue_policy", "queue_url", template.one("aws_sqs_queue", queue))
    return template.statements(policy["policy"])


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("queue", "webhook-tenant-stripe"),
        ("undelivered", "webhook-tenant-stripe"),
        ("sweeps-undelivered", "webhook-delivery-sweeps"),
    ],
)
def test_its_own_rule_may_send_to_a_queue_and_nothing_else_of_eventbridge(delivery, name, rule):
    queue = f"webhook-delivery-{name}-delivery"
    (allowed,) = [each for each in policy_of(delivery, queue) if each["effect"] == "Allow"]

    assert allowed["actions"] == ["sqs:SendMessage"]
    assert allowed["resources"] == [f"aws_sqs_queue[{queue}].arn"]
    assert allowed["principals"] == [{"type": "Service", "identifiers": ["events.amazonaws.com"]}]
    assert allowed["condition"] == [
        {
            "test": "ArnEquals",
            "variable": "aws:SourceArn",
            "values": [f"aws_cloudwatch_event_rule[{rule}-delivery].arn"],
        }
    ]


def test_without_subscriptions_nobody_may_send_from_outside(synthesize_delivery):
    template = synthesize_delivery()

    for queue in ("webhook-delivery-queue-dev", "webhook-delivery-dlq-dev"):
        assert [each["effect"] for each in policy_of(template, queue)] == ["Deny"]
    assert [rule.name for rule in template.all("aws_cloudwatch_event_rule")] == ["webhook-delivery-sweeps-dev"]
    assert "webhook-delivery-undelivered-dev" not in template.by_name("aws_sqs_queue")


SUBSCRIPTION = "webhook-tenant-stripe-delivery"


def targets(template):
    rule = template.one("aws_cloudwatch_event_rule", SUBSCRIPTION)
    return {target["target_id"]: target for target in template.pointing_at("aws_cloudwatch_event_target", "rule", rule)}


def test_a_providers_events_go_to_each_tenant_that_subscribes(delivery):
    rule = delivery.one("aws_cloudwatch_event_rule", SUBSCRIPTION)

    assert set(targets(delivery)) == {"acme", "globex"}
    assert json.loads(rule["event_pattern"]) == {"source": ["webhooks.stripe"]}
    assert rule["event_bus_name"] == "webhook-events-prod"
    for tenant, target in targets(delivery).items():
        assert delivery.target(target["rule"]).address == rule.address
        assert delivery.meaning(target["arn"]) == f"{QUEUE}.arn"
        # Fair queueing: the group on a standard queue is the tenant.
        assert target["sqs_target"] == {"message_group_id": tenant}
        assert delivery.meaning(target["dead_letter_config"]) == {"arn": f"{UNDELIVERED}.arn"}


def test_what_the_rule_sends_is_a_message_that_the_worker_reads(delivery):
    event = {"source": "webhooks.stripe", "detail-type": "charge.succeeded", "detail": {"text": 'quo"ted', "n": [1]}}

    # EventBridge puts the whole event where its variable stands
    template = targets(delivery)["acme"]["input_transformer"]["input_template"]
    body = template.replace("<aws.events.event.json>", json.dumps(event))

    read = messages.read(body)
    assert isinstance(read, messages.BusEvent)
    assert (read.tenant_id, read.event, json.loads(read.detail)) == ("acme", event, event["detail"])


def test_beside_an_inbound_stack_the_bus_is_that_of_its_name(synthesize_delivery, template):
    beside = synthesize_delivery(subscriptions={"github": "acme"})
    bus = template.one("aws_cloudwatch_event_bus")

    rule = beside.one("aws_cloudwatch_event_rule", "webhook-tenant-github-dev")
    assert rule["event_bus_name"] == bus["name"] == "webhook-events-dev"


def test_eventbridge_invokes_the_sweeper_every_minute_and_makes_up_for_no_minute(delivery):
    # Given the rule
    rule = delivery.one("aws_cloudwatch_event_rule", "webhook-delivery-sweeps-delivery")
    (target,) = delivery.pointing_at("aws_cloudwatch_event_target", "rule", rule)
    sweeper = delivery.target(target["arn"])

    # Then it is of the default bus, where alone rules have schedules
    assert (rule["schedule_expression"], rule.get("event_bus_name")) == ("rate(1 minute)", None)
    assert sweeper.name == "webhook-delivery-sweeper-delivery"

    # And what it cannot deliver says why
    undelivered = "aws_sqs_queue[webhook-delivery-sweeps-undelivered-delivery].arn"
    assert delivery.meaning(target["dead_letter_config"]) == {"arn": undelivered}

    # And neither EventBridge nor Lambda tries again: the next minute does what was left
    once = {"maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0}
    assert target["retry_policy"] == once
    (invocations,) = delivery.pointing_at("aws_lambda_function_event_invoke_config", "function_name", sweeper)
    assert {name: invocations[name] for name in once} == once

    # And a sweep ends before the next one begins
    assert sweeper["timeout"] == 60
    assert sweeper.get("reserved_concurrent_executions") is None


def test_the_secret_of_the_keys_goes_at_once_and_no_value_passes_through(delivery):
    secret = delivery.one("aws_secretsmanager_secret")

    assert secret["recovery_window_in_days"] == 0
    assert delivery.all("aws_secretsmanager_secret_version") == []
