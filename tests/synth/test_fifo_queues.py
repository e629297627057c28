"""FIFO queues where the preset asks for them, and nothing of FIFO where it does not."""

import json

import pytest

FIFO = {
    "fifo_queue": True,
    "content_based_deduplication": True,
    # Both are needed for high throughput: 300 calls/s for each group, and not for the queue.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
    "deduplication_scope": "messageGroup",
    "fifo_throughput_limit": "perMessageGroupId",
}
OF_FIFO = {
    "webhook-queue-ordered.fifo",
    "webhook-dlq-ordered.fifo",
    "webhook-subscriber-queue-ledger-ordered.fifo",
    "webhook-subscriber-dlq-ledger-ordered.fifo",
}
# EventBridge sends what it could not deliver to a standard queue only.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
OF_STANDARD = {"webhook-subscriber-undelivered-ledger-ordered"}


def fifo_attributes(queue):
    return {attribute: queue[attribute] for attribute in FIFO if queue.get(attribute) is not None}


def test_ordered_has_fifo_queues_of_high_throughput(ordered):
    queues = ordered.by_name("aws_sqs_queue")

    assert {name: fifo_attributes(queue) for name, queue in queues.items()} == {
        **dict.fromkeys(OF_FIFO, FIFO),
        **{name: {} for name in OF_STANDARD},
    }


@pytest.mark.parametrize("name", ["standard", "burst"])
def test_the_other_presets_say_nothing_of_fifo(preset_of, name):
    queues = preset_of(name).by_name("aws_sqs_queue")

    assert {f"webhook-queue-{name}", f"webhook-dlq-{name}"} <= set(queues)
    assert [queue for queue, values in queues.items() if fifo_attributes(values)] == []


def test_a_queue_and_its_dead_letter_queue_are_of_one_kind(preset):
    # Terraform plans any other pair, and AWS refuses it.
    kinds = [
        (queue.name.endswith(".fifo"), target.name.endswith(".fifo"))
        for queue in preset.all("aws_sqs_queue")
        for policy in preset.pointing_at("aws_sqs_queue_redrive_policy", "queue_url", queue)
        for target in [preset.target(json.loads(policy["redrive_policy"])["deadLetterTargetArn"])]
    ]

    assert [pair for pair in kinds if len(set(pair)) > 1] == []
    assert kinds != []


def test_what_sqs_asks_of_every_queue_holds_for_fifo_too(ordered):
    queues = ordered.by_name("aws_sqs_queue")

    assert {queue["visibility_timeout_seconds"] for queue in queues.values()} == {300}
    assert {queue["sqs_managed_sse_enabled"] for queue in queues.values()} == {True}
    kept = {name: queue["message_retention_seconds"] for name, queue in queues.items()}
    working = {"webhook-queue-ordered.fifo", "webhook-subscriber-queue-ledger-ordered.fifo"}
    assert kept == {name: 345_600 if name in working else 14 * 24 * 3600 for name in queues}


@pytest.mark.parametrize("ordered_by", ["provider", "transaction"])
def test_every_sender_is_told_what_is_kept_in_order(synthesize, ordered_by):
    template = synthesize(values={"preset": "ordered", "queue": {"ordered_by": ordered_by}})

    told = {
        name: function["environment"]["variables"].get("MESSAGE_GROUP_BY")
        for name, function in template.by_name("aws_lambda_function").items()
        if "QUEUE_URL" in function["environment"]["variables"]
    }

    assert told == {"webhook-ingestion-dev": ordered_by, "webhook-replay-dev": ordered_by}


@pytest.mark.parametrize("receives", [1, 7])
def test_processing_knows_the_last_receive_as_the_queue_does(synthesize, receives):
    # Were it told of fewer, it would go past a message that comes back; of more, what waits would be dead-lettered.
    template = synthesize(values={"preset": "ordered", "queue": {"max_receive_count": receives}})

    policy = template.redrive(template.one("aws_sqs_queue", "webhook-queue-dev.fifo"))
    variables = template.one("aws_lambda_function", "webhook-processing-dev")["environment"]["variables"]

    assert policy["maxReceiveCount"] == receives
    assert variables["MAX_RECEIVE_COUNT"] == str(receives)
