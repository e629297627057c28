"""Ingestion behind the inbox: a batch of unverified requests in, a partial batch response out.

Nobody waits for an answer here. What is not verified is dropped, and counted as it would be at the door. What cannot be
checked or kept now, and what its provider signed and cannot be accepted at all, comes back, until its last receive
leaves it in the inbox's dead letter queue: its sender heard 202, and does not try again.
"""

from dataclasses import replace
from typing import Any

from lambdas.inbound.secrets import INBOX_RECHECK_SECONDS
from lambdas.ingestion.deployed import INGESTION
from lambdas.ingestion.inbox import read
from lambdas.ingestion.reporting import report_accepted, report_failed, report_refused
from lambdas.shared.errors import UnavailableError, WebhookRefusedError
from lambdas.shared.observability import logger, metrics, tracer

_ingestion = replace(INGESTION, recheck_seconds=INBOX_RECHECK_SECONDS)


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Verify a batch and name the messages that must come back.

    The response is written by hand: Powertools' batch processor would be all that ingestion's bundle has it for.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    half = context.get_remaining_time_in_millis() / 2
    come_back = []
    for position, record in enumerate(event["Records"]):
        # Were the function to run out of time, all of the batch would come back, what is done of it too.
        in_time = position == 0 or context.get_remaining_time_in_millis() >= half
        if not (in_time and _settle(record)):
            come_back.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": come_back}


def _settle(record: dict[str, Any]) -> bool:
    """Deal with one message; tell whether the inbox may forget it."""
    keys = {"message_id": record["messageId"]}
    verified = None
    try:
        message = read(record["body"])
        keys |= {"correlation_id": message.correlation_id, "provider": message.provider[:64]}
        verified = _ingestion.verify(message.provider, message.request)
        accepted = _ingestion.keep(verified, message.correlation_id)
    except WebhookRefusedError as refusal:
        # Or a stranger could fill the dead letter queue, and what is in flight.
        forget = verified is None and not isinstance(refusal, UnavailableError)
        report_refused(refusal, "webhook dropped" if forget else "webhook comes back", **keys)
        return forget
    except Exception as error:
        report_failed(error, **keys)
        return False
    report_accepted(accepted, **keys)
    return True
