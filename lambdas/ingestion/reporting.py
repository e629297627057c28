"""What ingestion logs and counts of a webhook, from either entry point. It is never the payload."""

import traceback
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.inbound.metrics import ACCEPTED, refused
from lambdas.ingestion.logic import Accepted
from lambdas.shared.errors import WebhookRefusedError
from lambdas.shared.observability import logger, metrics


def report_accepted(accepted: Accepted, **keys: Any) -> None:
    """Log and count each event of a webhook that is durable."""
    for one in accepted.events:
        logger.info("webhook accepted", event_id=one.event_id, event_type=one.event_type, **keys)
        _count(ACCEPTED)


def report_refused(refusal: WebhookRefusedError, message: str = "webhook refused", **keys: Any) -> None:
    """Log and count a webhook that is refused, for good or for now."""
    logger.warning(message, status=refusal.status, reason=refusal.reason, **keys)
    _count(refused(refusal.status))


def report_failed(error: Exception, **keys: Any) -> None:
    """Log and count an unexpected error: its type and place only, because its text can quote the payload."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error(
        "webhook failed",
        status=500,
        error=type(error).__name__,
        place=f"{place.filename}:{place.lineno}",
        **keys,
    )
    _count(refused(500))


def _count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
