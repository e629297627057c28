"""Other ways to build the same, as other stacks: the same rules price them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lambdas.inbound.metrics import NOT_QUARANTINED
from modules.settings.rules import MAX_DIRECT_BODY_BYTES, SMALL_BATCH
from tools.estimate.cost.bill import Bill
from tools.estimate.cost.case import Case
from tools.estimate.synthesized import Resource, Stack

_GATEWAY = "aws_api_gateway_"
# S3's own threshold for moving an object to Glacier.
_SMALL = 131_072


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another way.

    Attributes
    ----------
    name : str
        What is done instead.
    price : str
        What it costs besides money.
    stack : Stack
        The stack in which it is done.
    archive : str | None
        ``event`` or ``batch`` where payloads are archived in another way.
    """

    name: str
    price: str
    stack: Stack
    archive: str | None = None


def alternatives(bill: Bill) -> list[Alternative]:
    """Return the ways that are possible for a stack and a workload."""
    ways: tuple[Callable[[Case], Iterator[Alternative]], ...] = (
        _other_archive,
        _larger_batches,
        _no_glacier,
        _function_url,
        _direct,
        _function_integration,
        _provisioned,
    )
    return [found for way in ways for found in way(bill.case)]


def _other_archive(case: Case) -> Iterator[Alternative]:
    if not case.processed.puts:
        # What is too large for a message is archived by ingestion, by itself.
        return
    if archives_batches(case):
        yield Alternative(
            name="one S3 object for each event",
            price="each payload is an object of its own",
            stack=case.stack,
            archive="event",
        )
    else:
        yield Alternative(
            name="one S3 object for each batch",
            price="a payload is a range of an object; how full a batch is depends on the rate",
            stack=case.stack,
            archive="batch",
        )


def archives_batches(case: Case) -> bool:
    """Tell whether the observed functions put a batch into one object."""
    fresh, _ = case.observer.processing(10)
    return fresh.calls["PutObject"] < 10


def _larger_batches(case: Case) -> Iterator[Alternative]:
    if case.path.queue.get("fifo_queue"):
        return
    edited = case.stack.changed()
    values = edited.values(case.path.mapping)
    values["batch_size"], values["maximum_batching_window_in_seconds"] = 100, 5
    yield Alternative(
        name="one S3 object for up to 100 events in 5 s",
        price="events are routed up to 5 s later; a batch takes longer than 30 s unless its calls run at once",
        stack=edited.stack(),
        archive="batch",
    )


def _no_glacier(case: Case) -> Iterator[Alternative]:
    edited = case.stack.changed()
    moved = 0
    for lifecycle in case.stack.all("aws_s3_bucket_lifecycle_configuration"):
        for rule in edited.values(lifecycle)["rule"]:
            for filter_ in rule.get("filter", []):
                for joined in filter_.get("and", []):
                    if rule.get("transition") and joined.get("object_size_greater_than", _SMALL) < _SMALL:
                        joined["object_size_greater_than"] = _SMALL
                        moved += 1
    if moved:
        yield Alternative(
            name="no move to Glacier below 128 KB",
            price="small payloads stay in S3 Standard; the setting is storage.glacier_minimum_size",
            stack=edited.stack(),
        )


def _function_url(case: Case) -> Iterator[Alternative]:
    if case.path.ingestion is None or case.path.method is None or case.path.ingest_queue:
        return
    edited = case.stack.changed()
    for resource in list(case.stack.resources()):
        if resource.type.startswith(_GATEWAY) or _belongs_to_gateway(resource):
            edited.remove(resource)
    edited.add(
        "aws_lambda_function_url",
        "ingestion",
        {"authorization_type": "NONE", "function_name": _reference(case.path.ingestion, "function_name")},
    )
    yield Alternative(
        name="function URL instead of the REST API",
        price="no throttle, request validator, API key, access log or IAM routes for operators; the URL is not yours",
        stack=edited.stack(),
    )


def _belongs_to_gateway(resource: Resource) -> bool:
    name = str(resource.get("name", ""))
    return (resource.type == "aws_cloudwatch_log_group" and not name.startswith("/aws/lambda/")) or (
        resource.type == "aws_cloudwatch_metric_alarm" and resource.get("namespace") == "AWS/ApiGateway"
    )


def _direct(case: Case) -> Iterator[Alternative]:
    ingestion, path = case.path.ingestion, case.path
    too_large = case.workload.size > MAX_DIRECT_BODY_BYTES
    if ingestion is None or path.method is None or path.ingest_queue or path.queue.get("fifo_queue") or too_large:
        return
    # What api.ingest "direct" deploys, as far as it costs anything.
    edited = case.stack.changed()
    edited.add("aws_sqs_queue", "ingest", {"name": "ingest"})
    edited.add(
        "aws_lambda_event_source_mapping",
        "ingest",
        {
            "event_source_arn": "${aws_sqs_queue.ingest.arn}",
            "function_name": _reference(ingestion, "arn"),
            "batch_size": SMALL_BATCH,
        },
    )
    values = edited.values(path.entry_point)
    values["type"] = "AWS"
    values["uri"] = "arn:aws:apigateway:us-east-1:sqs:path/account/${aws_sqs_queue.ingest.name}"
    watched = [each for each in case.stack.all("aws_cloudwatch_metric_alarm") if each.get("namespace") == "AWS/SQS"]
    # Age and depth of the ingest queue, and whether its dead letter queue is empty.
    for number, alarm in enumerate(watched[:3]):
        edited.add("aws_cloudwatch_metric_alarm", f"ingest_{number}", dict(alarm.values))
    if not _quarantine_alarms(case):
        edited.add("aws_cloudwatch_metric_alarm", "not_quarantined", {"metric_name": NOT_QUARANTINED})
    yield Alternative(
        name="direct integration instead of a function in the request",
        price="202 before the signature is verified; forged webhooks are paid for up to the ingest queue; bodies of "
        "180 KB at most; the setting is api.ingest",
        stack=edited.stack(),
    )


def _function_integration(case: Case) -> Iterator[Alternative]:
    ingestion, ingest_queue, mapping = case.path.ingestion, case.path.ingest_queue, case.path.ingest_mapping
    if ingestion is None or ingest_queue is None or mapping is None:
        return
    edited = case.stack.changed()
    queues = [ingest_queue, *case.stack.referred(case.stack.redrive_policy(ingest_queue))]
    for integration in case.stack.pointing_at("aws_api_gateway_integration", "uri", ingest_queue):
        edited.values(integration).update(type="AWS_PROXY", uri=_reference(ingestion, "invoke_arn"))
    for queue in queues:
        for alarm in case.stack.pointing_at("aws_cloudwatch_metric_alarm", "dimensions", queue):
            edited.remove(alarm)
        edited.remove(queue)
    edited.remove(mapping)
    # By default, the quarantine goes with the ingest queue.
    for alarm in _quarantine_alarms(case):
        edited.remove(alarm)
    yield Alternative(
        name="a function integration instead of the ingest queue",
        price="202 after the signature is verified, and 10 requests/s at most for each reserved execution; faster "
        "requests receive 429; the setting is api.ingest",
        stack=edited.stack(),
    )


def _quarantine_alarms(case: Case) -> list[Resource]:
    alarms = case.stack.all("aws_cloudwatch_metric_alarm")
    return [alarm for alarm in alarms if alarm.get("metric_name") == NOT_QUARANTINED]


def _provisioned(case: Case) -> Iterator[Alternative]:
    for table in case.stack.all("aws_dynamodb_table"):
        if table.get("billing_mode") != "PAY_PER_REQUEST":
            return
        edited = case.stack.changed()
        values = edited.values(table)
        indexes = values.get("global_secondary_index", [])
        rate, seen = case.workload.rate / case.assume.capacity_use, case.processed
        values["billing_mode"] = "PROVISIONED"
        values["write_capacity"] = _capacity(rate * seen.table_units)
        values["read_capacity"] = _capacity(rate * seen.read_units)
        for index in indexes:
            index["write_capacity"] = _capacity(rate * seen.index_units / len(indexes))
            index["read_capacity"] = 1
        yield Alternative(
            name="provisioned instead of on-demand DynamoDB",
            price=f"sized for the average at {case.assume.capacity_use:.0%} use: a peak waits until it scales",
            stack=edited.stack(),
        )
        return


def _capacity(units: float) -> int:
    return max(1, math.ceil(units))


def _reference(resource: Resource, attribute: str) -> str:
    return f"${{{resource.address}.{attribute}}}"
