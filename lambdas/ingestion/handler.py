"""Lambda entry point of ingestion: an API Gateway event in, an HTTP answer out."""

import json
import traceback
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.ingestion.logic import Ingestion
from lambdas.shared.archive import Archive
from lambdas.shared.aws_calls.credentials import RoleCredentials
from lambdas.shared.aws_calls.services import S3, SecretsManager, Sqs
from lambdas.shared.environment import setting
from lambdas.shared.errors import WebhookRefusedError
from lambdas.shared.observability import logger, metrics, tracer
from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.queue import MainQueue
from lambdas.shared.request import from_api_gateway
from lambdas.shared.secrets import SecretStore

RETRY_AFTER_SECONDS = "5"


def _build() -> Ingestion:
    deployed = json.loads(setting("PROVIDERS"))
    credentials = RoleCredentials()
    bucket = setting("BUCKET_NAME")
    return Ingestion(
        providers={
            name: REGISTRY[provider["entry"]].configured(provider.get("options", {}))
            for name, provider in deployed.items()
        },
        secrets=SecretStore(
            SecretsManager(credentials),
            {name: provider["secretArn"] for name, provider in deployed.items() if "secretArn" in provider},
        ),
        queue=MainQueue(Sqs(credentials), setting("QUEUE_URL"), setting("MESSAGE_GROUP_BY")),
        archive=Archive(S3(credentials, bucket), bucket),
        max_body_bytes=int(setting("MAX_BODY_BYTES")),
    )


# Clients are made while the function initialises, when Lambda gives it a whole CPU.
_ingestion = _build()


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one webhook: 202 once it is durable, otherwise the status of the refusal."""
    del context
    correlation_id = event["requestContext"]["requestId"]
    logger.set_correlation_id(correlation_id)
    try:
        request = from_api_gateway(event)
        name = (event.get("pathParameters") or {}).get("provider") or request.header("x-provider-id") or ""
        logger.append_keys(provider=name[:64])
        if event["httpMethod"] == "GET":
            return _plain(200, correlation_id, _ingestion.challenge(name, request))
        accepted = _ingestion.accept(name, request, correlation_id)
    except WebhookRefusedError as refusal:
        logger.warning("webhook refused", status=refusal.status, reason=refusal.reason)
        _count(f"Refused{refusal.status}")
        return _answer(refusal.status, correlation_id, {"error": refusal.reason})
    except Exception as error:
        # A traceback can quote what it choked on, so that only the error's type and place are logged.
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("webhook failed", status=500, error=type(error).__name__, place=f"{place.filename}:{place.lineno}")
        _count("Refused500")
        return _answer(500, correlation_id, {"error": "internal_error"})
    for one in accepted.events:
        logger.info("webhook accepted", event_id=one.event_id, event_type=one.event_type)
        _count("Accepted")
    if accepted.answer.body is not None:
        return _plain(accepted.answer.status, correlation_id, accepted.answer.body)
    first = accepted.events[0]
    body = {"eventId": first.event_id, "transactionId": first.transaction_id}
    return _answer(accepted.answer.status, correlation_id, body)


def _count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)


def _plain(status: int, correlation_id: str, body: str) -> dict[str, Any]:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Correlation-Id": correlation_id}
    return {"statusCode": status, "headers": headers, "body": body}


def _answer(status: int, correlation_id: str, body: dict[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "X-Correlation-Id": correlation_id}
    if status >= 500:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    return {
        "statusCode": status,
        "headers": headers,
        "body": json.dumps({**body, "correlationId": correlation_id}),
    }
