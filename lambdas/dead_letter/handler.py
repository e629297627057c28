"""Lambda entry point of the dead letter handler."""

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.dead_letter.environment import DeadLetterEnvironment
from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.archive import Archive
from lambdas.inbound.metrics import DEAD_LETTER_FAILURES, DEAD_LETTERED
from lambdas.inbound.records import Records
from lambdas.shared.aws import client
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger, metrics, tracer

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
_environment = DeadLetterEnvironment.from_environment()
_dead_letters = DeadLetters(
    archive=Archive(client("s3"), _environment.bucket_name),
    records=Records(client("dynamodb"), _environment.table_name),
    clock=time.time,
)


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Keep every message of the batch; what could not be kept stays in the dead letter queue."""
    return dict(process_partial_response(event=event, record_handler=_keep, processor=_processor, context=context))


def _keep(record: SQSRecord) -> None:
    sent_at = int(record.attributes.sent_timestamp or 0) / 1000
    try:
        kept = _dead_letters.keep(record.message_id, record.body, sent_at)
    except Exception as error:
        # A partial batch response is no error of the function, so that this line and this metric are all that tells.
        logger.error("dead letter not kept", message_id=record.message_id, reason=describe(error))
        metrics.add_metric(name=DEAD_LETTER_FAILURES, unit=MetricUnit.Count, value=1)
        raise
    logger.error(
        "event dead-lettered",
        correlation_id=kept.correlation_id,
        provider=kept.event.provider,
        event_id=kept.event.event_id,
        transaction_id=kept.event.transaction_id,
        reason=kept.reason,
    )
    metrics.add_metric(name=DEAD_LETTERED, unit=MetricUnit.Count, value=1)
