"""The main queue, its dead letter queue, and the functions that they feed."""

import pytest

from tests.synth.labels import DLQ, QUEUE

FORTNIGHT_SECONDS = 14 * 24 * 3600


def test_a_message_goes_to_the_dead_letter_queue_after_three_receives(template):
    queue = template.one("aws_sqs_queue", "webhook-queue-dev")

    assert template.redrive(queue) == {"deadLetterTargetArn": f"{DLQ}.arn", "maxReceiveCount": 3}


def test_the_dead_letter_queue_is_the_end(template):
    assert template.redrive(template.one("aws_sqs_queue", "webhook-dlq-dev")) is None


@pytest.mark.parametrize("name", ["webhook-queue-dev", "webhook-dlq-dev"])
def test_a_queue_is_encrypted_standard_and_hides_messages_for_five_minutes(template, name):
    queue = template.one("aws_sqs_queue", name)

    assert queue["sqs_managed_sse_enabled"] is True
    assert queue["visibility_timeout_seconds"] == 300
    assert queue.get("fifo_queue", False) is False


@pytest.mark.parametrize("retention", [901, 345_600, 1_209_599])
def test_the_dead_letter_queue_keeps_messages_for_longer_than_any_source(synthesize, retention):
    queues = synthesize(values={"queue": {"retention": retention}}).by_name("aws_sqs_queue")

    kept = {name: queue["message_retention_seconds"] for name, queue in queues.items()}

    assert kept == {"webhook-queue-dev": retention, "webhook-dlq-dev": FORTNIGHT_SECONDS}
    assert retention < FORTNIGHT_SECONDS


MAPPINGS = {f"{QUEUE}.arn": "webhook-processing-dev", f"{DLQ}.arn": "webhook-dead-letter-dev"}


def mappings(template):
    return {template.meaning(m["event_source_arn"]): m for m in template.all("aws_lambda_event_source_mapping")}


def test_each_queue_feeds_its_function(template):
    fed = {queue: template.target(mapping["function_name"]).name for queue, mapping in mappings(template).items()}

    assert fed == MAPPINGS


@pytest.mark.parametrize("queue", MAPPINGS)
def test_one_failed_message_does_not_take_its_batch_with_it(template, queue):
    mapping = mappings(template)[queue]

    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


def test_a_batch_is_gathered_of_events_and_not_of_dead_letters(template):
    found = {
        queue: (mapping["batch_size"], mapping.get("maximum_batching_window_in_seconds"))
        for queue, mapping in mappings(template).items()
    }

    assert sorted(found.values(), key=str) == [(10, None), (100, 1)]
    assert found[f"{QUEUE}.arn"] == (100, 1)


@pytest.mark.parametrize(
    ("reserved", "maximum"), [(2, 2), (3, 3), (100, 100), (1_000, 1_000), (1_001, 1_000), (10_000, 1_000)]
)
def test_the_mapping_never_runs_into_the_reserved_concurrency(synthesize, reserved, maximum):
    template = synthesize(
        values={"functions": {"processing_reserved_concurrency": reserved, "account_concurrency": 20_000}}
    )

    mapping = mappings(template)[f"{QUEUE}.arn"]
    function = template.target(mapping["function_name"])

    assert mapping["scaling_config"] == {"maximum_concurrency": maximum}
    assert function["reserved_concurrent_executions"] == reserved
    assert maximum <= reserved


def test_no_function_outlives_a_sixth_of_the_visibility_timeout(template):
    times = {
        queue: (template.target(mapping["function_name"])["timeout"], queue)
        for queue, mapping in mappings(template).items()
    }
    visibility = {f"{q.label}.arn": q["visibility_timeout_seconds"] for q in template.all("aws_sqs_queue")}

    assert {queue for queue, (timeout, _) in times.items() if 6 * timeout > visibility[queue]} == set()


def test_the_queues_numbers_are_settings(synthesize):
    chosen = {"visibility_timeout": 600, "max_receive_count": 5, "batch_size": 4, "batch_window": 7}
    template = synthesize(values={"queue": chosen})

    queue = template.one("aws_sqs_queue", "webhook-queue-dev")

    assert queue["visibility_timeout_seconds"] == 600
    assert template.redrive(queue)["maxReceiveCount"] == 5
    assert mappings(template)[f"{QUEUE}.arn"]["batch_size"] == 4
    assert mappings(template)[f"{QUEUE}.arn"]["maximum_batching_window_in_seconds"] == 7
