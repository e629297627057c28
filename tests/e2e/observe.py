"""Looking at what the deployed stack did."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tools.commands.archive_reader import payloads_of
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.local.stack import LocalStack

SETTLE_SECONDS = 240


def await_state(stack: LocalStack, transaction: str, state: str) -> dict[str, Any]:
    """Return a transaction's status once it is in a state."""

    def look() -> dict[str, Any] | None:
        status = stack.status(transaction)
        return status if status and status["state"] == state else None

    return wait_for(f"{transaction} to be {state}", look, SETTLE_SECONDS)


def await_routed(downstream: Downstream, transactions: Iterable[str]) -> list[dict[str, Any]]:
    """Return the subscriber's events once every transaction is among them."""
    wanted, events = set(transactions), []

    def look() -> bool | None:
        events.extend(downstream.receive())
        return True if wanted <= {event["detail"]["transactionId"] for event in events} else None

    wait_for("the subscriber to get every event", look, SETTLE_SECONDS)
    return events


def objects(stack: LocalStack, prefix: str) -> dict[str, bytes]:
    """Return the archive's objects below a prefix."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["bucket_name"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def payloads(stack: LocalStack) -> list[bytes]:
    """Return every payload of the archive, one that lies there twice twice."""
    return [body for key, content in objects(stack, "raw/").items() for body in payloads_of(key, content)]


def records(stack: LocalStack) -> list[dict[str, Any]]:
    """Return every record, in DynamoDB's wire form, without the table's other items."""
    pages = stack.aws.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["table_name"])
    return [item for page in pages for item in page["Items"] if "eventId" in item]


def waiting(stack: LocalStack, queue: str) -> int:
    """Return how many messages a queue holds, received ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.aws.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=names)
    return sum(int(value) for value in answer["Attributes"].values())


def log_events(stack: LocalStack, function: str) -> list[dict[str, Any]]:
    """Return everything that a function logged, with the platform's own lines."""
    pages = stack.aws.client("logs").get_paginator("filter_log_events")
    name = f"/aws/lambda/webhook-{function}-{stack.environment}"
    return [event for page in pages.paginate(logGroupName=name) for event in page["events"]]


def log_lines(stack: LocalStack, function: str) -> list[str]:
    """Return the lines of `log_events`."""
    return [event["message"] for event in log_events(stack, function)]


def invocations(stack: LocalStack, function: str) -> int:
    """Return how often a function was invoked."""
    return sum(line.startswith("START ") for line in log_lines(stack, function))


def counted_by_provider(stack: LocalStack) -> Counter[tuple[str, ...]]:
    """Return what ingestion counted by provider, and by provider and reason, from the EMF lines of its log.

    MiniStack does not extract metrics from them.
    """
    counted: Counter[tuple[str, ...]] = Counter()
    for line in log_lines(stack, "ingestion"):
        if '"CloudWatchMetrics"' in line:
            document = json.loads(line)
            (block,) = document["_aws"]["CloudWatchMetrics"]
            for _, *names in block["Dimensions"]:
                for metric in block["Metrics"] if names else ():
                    counted[metric["Name"], *(document[name] for name in names)] += sum(document[metric["Name"]])
    return counted


def by_transaction(events: Iterable[dict[str, Any]]) -> Counter[str]:
    """Count events by transaction."""
    return Counter(event["detail"]["transactionId"] for event in events)
