"""Mistakes with functions, their logs and what feeds them."""

from tests.synth.edits import map_queue
from tests.synth.mistakes.book import Book

book = Book()


@book.mistake("mapping-concurrency", "queues/main_mapping", "is 101 executions, and 100 are reserved")
def mapping_asks_for_more_than_is_reserved(edit):
    edit.at("queues/main_mapping")["scaling_config"]["maximum_concurrency"] = 101


@book.mistake("mapping-concurrency", "queues/main_mapping", "is 100 executions, and 99 are reserved")
def less_reserved_than_the_mapping_asks_for(edit):
    edit.at("fleet/processing/function")["reserved_concurrent_executions"] = 99


@book.mistake("mapping-concurrency", "queues/main_mapping", "no maximum_concurrency, and")
def mapping_without_a_limit(edit):
    del edit.at("queues/main_mapping")["scaling_config"]


@book.mistake("mapping-concurrency", ("queues/main_mapping", "jobs_mapping"), "is 102 executions, and 100 are reserved")
def two_mappings_that_ask_for_more_together(edit):
    edit.queue("jobs", visibility_timeout_seconds=180, redrive_policy=edit.at("queues/redrive")["redrive_policy"])
    map_queue(edit, "jobs", "fleet/processing/function", scaling_config={"maximum_concurrency": 2})


@book.mistake("mapping-concurrency", "queues/main_mapping", "must be numbers", on_a_plan=False)
def a_limit_that_nobody_knows(edit):
    edit.at("queues/main_mapping")["scaling_config"]["maximum_concurrency"] = "${var.most}"


@book.right
def two_mappings_that_share_the_reservation(edit):
    edit.queue("jobs", visibility_timeout_seconds=180, redrive_policy=edit.at("queues/redrive")["redrive_policy"])
    edit.at("queues/main_mapping")["scaling_config"]["maximum_concurrency"] = 98
    map_queue(edit, "jobs", "fleet/processing/function", scaling_config=[{"maximum_concurrency": 2}])


@book.right
def mapping_without_a_limit_of_a_function_that_reserves_nothing(edit):
    del edit.at("queues/dead_letter_mapping")["scaling_config"]
    edit.at("fleet/dead_letter/function")["reserved_concurrent_executions"] = -1


@book.right
def mapping_of_a_stream_which_has_no_limit(edit):
    edit.add(
        "aws_lambda_event_source_mapping",
        "stream",
        event_source_arn="arn:aws:kinesis:us-east-1:123456789012:stream/theirs",
        function_name=edit.ref("fleet/processing/function"),
        function_response_types=["ReportBatchItemFailures"],
    )


@book.mistake("mapping-concurrency", "theirs", "no maximum_concurrency, and")
def mapping_without_a_limit_of_a_queue_of_another_stack(edit):
    edit.add(
        "aws_lambda_event_source_mapping",
        "theirs",
        event_source_arn="arn:aws:sqs:us-east-1:123456789012:their-queue",
        function_name=edit.ref("fleet/processing/function"),
        function_response_types=["ReportBatchItemFailures"],
    )


@book.mistake("mapping-concurrency", "queues/main_mapping", "must be numbers", on_a_plan=False)
def a_reservation_that_nobody_knows(edit):
    edit.at("fleet/processing/function")["reserved_concurrent_executions"] = "${var.reserved}"


@book.mistake("partial-batch-responses", "queues/main_mapping", "without ReportBatchItemFailures")
def mapping_without_partial_batch_responses(edit):
    del edit.at("queues/main_mapping")["function_response_types"]


@book.mistake("partial-batch-responses", "queues/dead_letter_mapping", "is []")
def mapping_with_an_empty_list_of_responses(edit):
    edit.at("queues/dead_letter_mapping")["function_response_types"] = []


@book.mistake("function-log-group", "fleet/replay/function", "no log group '/aws/lambda/webhook-replay-dev'")
def function_without_a_log_group(edit):
    edit.remove("fleet/replay/logs")


@book.mistake("function-log-group", "fleet/replay/function", "no log group")
def log_group_of_another_name(edit):
    edit.at("fleet/replay/logs")["name"] = "/aws/lambda/webhook-reply-dev"


@book.mistake("function-log-group", ("fleet/status/function", "fleet/replay/function"), "shares the log group")
def two_functions_with_one_log_group(edit):
    edit.at("fleet/replay/function")["logging_config"] = {"log_group": edit.ref("fleet/status/logs", "name")}


@book.right
def function_that_logs_to_a_group_of_another_name(edit):
    edit.at("fleet/replay/logs")["name"] = "/webhooks/replay-dev"
    edit.at("fleet/replay/function")["logging_config"] = {"log_group": edit.ref("fleet/replay/logs", "name")}


@book.right
def log_group_named_after_its_function_by_reference(edit):
    function_name = edit.ref("fleet/replay/function", "function_name")
    edit.at("fleet/replay/logs")["name"] = f"/aws/lambda/{function_name}"


@book.mistake("log-retention", "fleet/status/logs", "is 0, so that the log is kept for ever")
def log_kept_for_ever(edit):
    edit.at("fleet/status/logs")["retention_in_days"] = 0


@book.mistake("log-retention", "api/access_log", "is not set, so that")
def log_without_a_retention(edit):
    del edit.at("api/access_log")["retention_in_days"]


@book.mistake("function-architecture", "fleet/ingestion/function", "is ['x86_64']")
def function_on_x86(edit):
    edit.at("fleet/ingestion/function")["architectures"] = ["x86_64"]


@book.mistake("function-architecture", "fleet/ingestion/function", "is ['x86_64']")
def function_on_lambdas_default(edit):
    del edit.at("fleet/ingestion/function")["architectures"]
