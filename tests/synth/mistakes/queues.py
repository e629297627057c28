"""Mistakes with queues, dead letters and the targets of event rules."""

import json

from tests.synth.edits import map_queue
from tests.synth.mistakes.book import Book

book = Book()


@book.mistake("dead-letter-queue-kind", "queues/main", "FIFO queue, and its dead letter queue")
def fifo_with_a_standard_dead_letter_queue(edit):
    edit.at("queues/main").update(name="webhook-queue-dev.fifo", fifo_queue=True)


@book.mistake("dead-letter-queue-kind", "queues/main", "webhooks-dev/queues/dead_letter is a FIFO queue")
def standard_with_a_fifo_dead_letter_queue(edit):
    edit.at("queues/dead_letter").update(name="webhook-dlq-dev.fifo", fifo_queue=True)


@book.mistake("dead-letter-queue-kind", "jobs", "arn:aws:sqs:us-east-1:123456789012:their-dlq is a standard queue")
def fifo_with_a_standard_dead_letter_queue_of_another_stack(edit):
    edit.queue(
        "jobs",
        name="webhook-jobs-dev.fifo",
        fifo_queue=True,
        redrive_policy='{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:their-dlq","maxReceiveCount":3}',
    )


@book.mistake("dead-letter-queue-kind", "jobs", "webhooks-dev/queues/dead_letter is a standard queue")
def fifo_that_says_itself_that_its_dead_letter_queue_is_a_standard_one(edit):
    policy = edit.at("queues/redrive")["redrive_policy"]
    edit.queue("jobs", name="webhook-jobs-dev.fifo", fifo_queue=True, redrive_policy=policy)


@book.mistake("dead-letter-queue-kind", "queues/main", "no JSON that can be read", on_a_plan=False)
def redrive_policy_that_nobody_can_read(edit):
    edit.at("queues/redrive")["redrive_policy"] = "${jsonencode(var.redrive)}"
    # With it, nobody can tell either that this queue is a dead letter queue and needs none of its own.
    edit.remove("queues/dead_letter_mapping")


@book.mistake("dead-letter-queue-kind", "queues/main", "no JSON that can be read")
def redrive_policy_that_is_no_object(edit):
    edit.at("queues/redrive")["redrive_policy"] = "[]"
    edit.remove("queues/dead_letter_mapping")


@book.right
def fifo_with_a_dead_letter_queue_that_another_stack_knows(edit):
    arn = "${data.terraform_remote_state.shared.outputs.dead_letter_arn}"
    policy = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}'
    edit.queue("jobs", name="webhook-jobs-dev.fifo", fifo_queue=True, redrive_policy=policy)


@book.right
def fifo_with_a_fifo_dead_letter_queue(edit):
    edit.at("queues/main").update(name="webhook-queue-dev.fifo", fifo_queue=True)
    edit.at("queues/dead_letter").update(name="webhook-dlq-dev.fifo", fifo_queue=True)


def redrive_after(edit, count):
    """Have the main queue say how many receives a message has; nothing for None."""
    dead_letter = edit.ref("queues/dead_letter")
    said = {} if count is None else {"maxReceiveCount": count}
    edit.at("queues/redrive")["redrive_policy"] = json.dumps({"deadLetterTargetArn": dead_letter, **said})


@book.mistake("redrive-receives", "queues/main", "its redrive_policy has no maxReceiveCount")
def redrive_policy_without_a_number_of_receives(edit):
    redrive_after(edit, None)


NO_NUMBERS_OF_RECEIVES = (0, -1, 1_001, 2.5, True, "", "three", [3], float("nan"))
for wrong in NO_NUMBERS_OF_RECEIVES:
    book.mistake("redrive-receives", "queues/main", "is no whole number from 1 to 1000", name=f"{wrong!r} receives")(
        lambda edit, wrong=wrong: redrive_after(edit, wrong)
    )


@book.mistake("redrive-receives", "jobs", "its redrive_policy has no maxReceiveCount")
def queue_that_says_itself_where_and_not_after_how_many_receives(edit):
    edit.queue("jobs", redrive_policy=json.dumps({"deadLetterTargetArn": edit.ref("queues/dead_letter")}))


for number_of_receives in (1, 1_000, "5"):
    book.right(
        lambda edit, count=number_of_receives: redrive_after(edit, count), name=f"{number_of_receives!r} receives"
    )


@book.mistake("dead-letter-queue-missing", "queues/main", "has no redrive_policy")
def queue_of_a_function_without_a_dead_letter_queue(edit):
    edit.remove("queues/redrive")
    edit.remove("queues/dead_letter_mapping")


@book.mistake("dead-letter-queue-missing", "jobs", "feeds a function through webhooks-dev/jobs_mapping")
def queue_added_without_a_dead_letter_queue(edit):
    edit.queue("jobs", visibility_timeout_seconds=180)
    map_queue(edit, "jobs", "fleet/status/function")


@book.right
def queue_that_feeds_nothing_and_has_no_dead_letter_queue(edit):
    edit.queue("outbox")


@book.right
def function_fed_by_what_events_could_not_be_delivered_to(edit):
    edit.queue("undelivered", visibility_timeout_seconds=180)
    target(edit, dead_letter_config={"arn": edit.ref("undelivered")})
    map_queue(edit, "undelivered", "fleet/status/function")


@book.mistake("dead-letter-retention", "queues/dead_letter", "is 345600 s, and that of its source")
def dead_letters_kept_no_longer_than_messages(edit):
    edit.at("queues/dead_letter")["message_retention_seconds"] = 345_600


@book.mistake("dead-letter-retention", "queues/dead_letter", "of its source webhooks-dev/queues/main is 1209600 s")
def messages_kept_as_long_as_dead_letters(edit):
    edit.at("queues/main")["message_retention_seconds"] = 1_209_600


@book.mistake("dead-letter-retention", "queues/dead_letter", "is 345600 s")
def dead_letters_kept_for_the_default(edit):
    del edit.at("queues/dead_letter")["message_retention_seconds"]


@book.mistake("dead-letter-retention", "queues/dead_letter", "not known", on_a_plan=False)
def dead_letters_kept_for_a_time_that_nobody_knows(edit):
    edit.at("queues/dead_letter")["message_retention_seconds"] = "${var.retention}"


@book.right
def dead_letters_kept_a_second_longer(edit):
    edit.at("queues/dead_letter")["message_retention_seconds"] = 345_601


@book.mistake("visibility-timeout", "queues/main", "is 179 s, less than 181 s: six times")
def visibility_under_six_time_outs(edit):
    edit.at("queues/main")["visibility_timeout_seconds"] = 179


@book.mistake("visibility-timeout", "queues/main", "of webhooks-dev/fleet/processing/function, 51 s")
def time_out_over_a_sixth_of_visibility(edit):
    edit.at("fleet/processing/function")["timeout"] = 51


@book.mistake("visibility-timeout", "queues/main", "less than 301 s")
def batch_window_that_uses_up_visibility(edit):
    edit.at("fleet/processing/function")["timeout"] = 50
    edit.at("queues/main_mapping")["maximum_batching_window_in_seconds"] = 1


@book.mistake("visibility-timeout", "queues/main", "is 30 s")
def visibility_by_default(edit):
    del edit.at("queues/main")["visibility_timeout_seconds"]


@book.mistake("visibility-timeout", "jobs", "six times the time-out of webhooks-dev/fleet/status/function, 30 s")
def visibility_too_short_for_a_function_behind_an_alias(edit):
    edit.add("aws_lambda_alias", "live", name="live", function_name=edit.ref("fleet/status/function", "function_name"))
    edit.queue("jobs", visibility_timeout_seconds=60, redrive_policy=edit.at("queues/redrive")["redrive_policy"])
    map_queue(edit, "jobs", "live")


@book.mistake("visibility-timeout", "jobs", "six times the time-out of webhooks-dev/fleet/status/function, 30 s")
def visibility_too_short_for_a_function_that_is_spelt_out(edit):
    edit.queue("jobs", visibility_timeout_seconds=60, redrive_policy=edit.at("queues/redrive")["redrive_policy"])
    map_queue(edit, "jobs", "fleet/status/function")
    edit.at("jobs_mapping").update(
        event_source_arn="arn:aws:sqs:us-east-1:123456789012:webhook-jobs-dev", function_name="webhook-status-dev"
    )


@book.mistake("visibility-timeout", "queues/main", "must be numbers", on_a_plan=False)
def visibility_that_nobody_knows(edit):
    edit.at("queues/main")["visibility_timeout_seconds"] = "${var.visibility}"


@book.mistake("visibility-timeout", "queues/main", "must be numbers", on_a_plan=False)
def time_out_that_nobody_knows(edit):
    edit.at("fleet/processing/function")["timeout"] = "${var.timeout}"


@book.mistake("visibility-timeout", "queues/main", "must be numbers", on_a_plan=False)
def batch_window_that_nobody_knows(edit):
    edit.at("queues/main_mapping")["maximum_batching_window_in_seconds"] = "${var.window}"


@book.mistake("visibility-timeout", "queues/main", "webhooks-dev/fleet/processing/function, 3 s")
def visibility_under_six_of_lambdas_default(edit):
    del edit.at("fleet/processing/function")["timeout"]
    edit.at("queues/main")["visibility_timeout_seconds"] = 17


@book.right
def numbers_that_are_written_as_text(edit):
    edit.at("queues/main")["visibility_timeout_seconds"] = "300"


@book.right
def a_function_of_another_stack(edit):
    edit.queue("jobs", redrive_policy=edit.at("queues/redrive")["redrive_policy"])
    map_queue(edit, "jobs", "fleet/status/function")
    edit.at("jobs_mapping")["function_name"] = "arn:aws:lambda:us-east-1:123456789012:function:theirs"


@book.right
def visibility_of_exactly_six_time_outs_and_the_window(edit):
    edit.at("fleet/processing/function")["timeout"] = 49
    edit.at("queues/main_mapping")["maximum_batching_window_in_seconds"] = 6


@book.right
def a_queue_of_another_stack(edit):
    edit.add(
        "aws_lambda_event_source_mapping",
        "theirs",
        event_source_arn="arn:aws:sqs:us-east-1:123456789012:their-queue",
        function_name=edit.ref("fleet/status/function"),
        function_response_types=["ReportBatchItemFailures"],
    )


def target(edit, **values):
    edit.add(
        "aws_cloudwatch_event_target",
        "target",
        rule=edit.ref("routing/rule_stripe", "name"),
        event_bus_name=edit.ref("routing/bus", "name"),
        **{"arn": edit.ref("queues/main"), **values},
    )


@book.mistake("event-target-dead-letter-queue", "target", "no dead_letter_config")
def target_of_a_rule_without_a_dead_letter_queue(edit):
    target(edit)


@book.mistake("event-target-dead-letter-queue", "target", "webhooks-dev/undelivered is a FIFO queue")
def target_of_a_rule_with_a_fifo_dead_letter_queue(edit):
    edit.queue("undelivered", name="webhook-undelivered-dev.fifo", fifo_queue=True)
    target(edit, dead_letter_config={"arn": edit.ref("undelivered")})


@book.mistake("event-target-dead-letter-queue", "target", "their-dlq.fifo is a FIFO queue")
def target_of_a_rule_with_a_fifo_dead_letter_queue_of_another_stack(edit):
    target(edit, dead_letter_config={"arn": "arn:aws:sqs:us-east-1:123456789012:their-dlq.fifo"})


@book.right
def fifo_target_with_a_standard_dead_letter_queue(edit):
    edit.queue("ledger", name="webhook-ledger-dev.fifo", fifo_queue=True)
    edit.queue("undelivered")
    target(
        edit,
        arn=edit.ref("ledger"),
        sqs_target={"message_group_id": "stripe"},
        dead_letter_config=[{"arn": edit.ref("undelivered")}],
    )
