"""Lambda entry point of ingestion: an API Gateway event in, an HTTP response out; or quarantined webhooks to verify."""

import json
from typing import Any

from lambdas.inbound.quarantine import REQUALIFY
from lambdas.ingestion.deployed import INGESTION
from lambdas.ingestion.reporting import report_accepted, report_counts, report_failed, report_refused
from lambdas.ingestion.requalify import requalify
from lambdas.shared.errors import WebhookRefusedError
from lambdas.shared.observability import logger, tracer
from lambdas.shared.request import from_api_gateway

RETRY_AFTER_SECONDS = "5"


@report_counts
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 202 once the webhook is durable, otherwise the status of the refusal."""
    if REQUALIFY in event:
        return requalify(event, context)
    correlation_id = event["requestContext"]["requestId"]
    logger.set_correlation_id(correlation_id)
    keys: dict[str, str] = {}
    try:
        request = from_api_gateway(event)
        # The path of a provider with a throttle or an integration of its own has no parameter.
        in_path = event["resource"].removeprefix("/webhook").removeprefix("/")
        parameters = event.get("pathParameters") or {}
        name = parameters.get("provider") or in_path or request.header("x-provider-id") or ""
        keys["provider"] = name[:64]
        if event["httpMethod"] == "GET":
            return _plain(200, correlation_id, INGESTION.challenge(name, request))
        accepted = INGESTION.accept(name, request, correlation_id)
    except WebhookRefusedError as refusal:
        report_refused(refusal, **keys)
        return _json(refusal.status, correlation_id, {"error": refusal.reason})
    except Exception as error:
        report_failed(error, **keys)
        return _json(500, correlation_id, {"error": "internal_error"})
    report_accepted(accepted, **keys)
    if accepted.response.body is not None:
        return _plain(accepted.response.status, correlation_id, accepted.response.body)
    first = accepted.events[0]
    body = {"eventId": first.event_id, "transactionId": first.transaction_id}
    return _json(accepted.response.status, correlation_id, body)


def _plain(status: int, correlation_id: str, body: str) -> dict[str, Any]:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Correlation-Id": correlation_id}
    return {"statusCode": status, "headers": headers, "body": body}


def _json(status: int, correlation_id: str, body: dict[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "X-Correlation-Id": correlation_id}
    if status >= 500:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    return {
        "statusCode": status,
        "headers": headers,
        "body": json.dumps({**body, "correlationId": correlation_id}),
    }
