"""Ingestion behind the ingest queue: a batch of unverified requests in, a partial batch response out.

The sender has received 202 already and does not send again. Three kinds of message result:

* accepted: on the main queue;
* not verified: quarantined if another secret may prove it, and dropped; counted under the status that the sender would
  have received in the response;
* not possible now, or signed by its provider and not acceptable (too large, unreadable): returned to the ingest queue
  until SQS moves it to the dead letter queue.
"""

from dataclasses import replace
from typing import Any

from lambdas.inbound.secrets import INGEST_QUEUE_RECHECK_SECONDS
from lambdas.ingestion.deployed import INGESTION
from lambdas.ingestion.ingest_message import read
from lambdas.ingestion.reporting import report_accepted, report_counts, report_failed, report_refused
from lambdas.shared.errors import UnavailableError, WebhookRefusedError
from lambdas.shared.observability import logger, tracer

_ingestion = replace(INGESTION, recheck_seconds=INGEST_QUEUE_RECHECK_SECONDS)


@report_counts
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Verify a batch and return the ids of the messages that SQS must deliver again.

    The response is written by hand: nothing else in ingestion's bundle needs Powertools' batch processor.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    half = context.get_remaining_time_in_millis() / 2
    failures = []
    for position, record in enumerate(event["Records"]):
        # If the function ran out of time, SQS would deliver the whole batch again, with all that is done already.
        in_time = position == 0 or context.get_remaining_time_in_millis() >= half
        if not (in_time and _process(record)):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _process(record: dict[str, Any]) -> bool:
    """Process one message; return whether SQS may delete it."""
    keys = {"message_id": record["messageId"]}
    verified = None
    try:
        message = read(record["body"])
        keys |= {"correlation_id": message.correlation_id, "provider": message.provider[:64]}
        verified = _ingestion.verify_or_quarantine(message.provider, message.request, message.correlation_id)
        accepted = _ingestion.keep(verified, message.correlation_id)
    except WebhookRefusedError as refusal:
        # What is not verified is deleted: otherwise anybody could fill the dead letter queue, and the messages in
        # flight.
        delete = verified is None and not isinstance(refusal, UnavailableError)
        report_refused(refusal, "webhook dropped" if delete else "webhook returned to the queue", **keys)
        return delete
    except Exception as error:
        report_failed(error, **keys)
        return False
    report_accepted(accepted, **keys)
    return True
