"""Lambda entry point of processing: a batch from the main queue in, a partial batch response out."""

import json
import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.inbound.archive import Archive
from lambdas.inbound.metrics import (
    CONFLICTING_DUPLICATES,
    DUPLICATES,
    HELD,
    PROCESSING_FAILURES,
    RENDERED_ANEW,
    ROUTED,
    SAME_BYTES,
)
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.inbound.record_queries import RecordQueries
from lambdas.processing.bus import Bus
from lambdas.processing.environment import ProcessingEnvironment
from lambdas.processing.ordering import run_in_order
from lambdas.processing.pipeline import Pipeline
from lambdas.processing.work import BatchResult, Message
from lambdas.shared.aws import client
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger, metrics, tracer

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def _log_failure(message: Message, error: Exception) -> None:
    logger.error(
        "message failed",
        message_id=message.message_id,
        receive_count=message.receive_count,
        reason=describe(error),
    )


def _log_fallback(call: str, reason: str) -> None:
    logger.warning("call failed, done without it", call=call, reason=reason)


_environment = ProcessingEnvironment.from_environment()
_pipeline = Pipeline(
    archive=Archive(client("s3"), _environment.bucket_name),
    records=BatchedRecords(client("dynamodb"), _environment.table_name),
    queries=RecordQueries(client("dynamodb"), _environment.table_name),
    bus=Bus(client("events"), _environment.event_bus_name, _environment.bucket_name),
    archive_by=_environment.archive_by,
    modes=json.loads(_environment.routed_modes or "{}"),
    clock=time.time,
    on_failure=_log_failure,
    on_fallback=_log_fallback,
)


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch and return the ids of the messages that SQS must deliver again."""
    messages = [_message(record) for record in event["Records"]]
    batch = _pipeline.start(messages, context.get_remaining_time_in_millis() / 1000)
    outcome = run_in_order(messages, batch.process, _environment.max_receive_count)
    _report(outcome)

    def raise_failure(record: SQSRecord) -> None:
        if (failure := outcome.failures.get(record.message_id)) is not None:
            raise failure

    return dict(
        process_partial_response(event=event, record_handler=raise_failure, processor=_processor, context=context)
    )


def _message(record: dict[str, Any]) -> Message:
    attributes = record["attributes"]
    # Messages of a standard queue have a group too, for fair queueing, but no sequence number.
    sequence = attributes.get("SequenceNumber")
    return Message(
        message_id=record["messageId"],
        body=record["body"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        group=attributes["MessageGroupId"] if sequence else None,
        sequence=sequence,
    )


def _report(outcome: BatchResult) -> None:
    new = [one for one in outcome.routed + outcome.held if one.replay is None]
    same_bytes = [one for one in new if one.event.same_bytes_as is not None]
    for name, envelopes in (
        ("event routed", outcome.routed),
        ("event held back", outcome.held),
        ("event has the same bytes as an earlier one", same_bytes),
        ("duplicate event", outcome.duplicates),
        ("event rendered anew", outcome.rendered_anew),
        ("event id or signature used again for another payload", outcome.conflicts),
    ):
        for envelope in envelopes:
            logger.info(
                name,
                correlation_id=envelope.correlation_id,
                provider=envelope.event.provider,
                event_id=envelope.event.event_id,
            )
    for name, count in (
        (ROUTED, len(outcome.routed)),
        (DUPLICATES, len(outcome.duplicates)),
        (CONFLICTING_DUPLICATES, len(outcome.conflicts)),
        (PROCESSING_FAILURES, len(outcome.failures)),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    # Most batches have none of these, and a metric costs bytes in the log.
    for name, count in (
        (HELD, len(outcome.held)),
        (SAME_BYTES, len(same_bytes)),
        (RENDERED_ANEW, len(outcome.rendered_anew)),
    ):
        if count:
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
