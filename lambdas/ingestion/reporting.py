"""What ingestion logs and counts of a webhook, from either entry point. It is never the payload."""

import traceback
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from lambdas.inbound.metrics import ACCEPTED, NOT_QUARANTINED, QUARANTINED, refused
from lambdas.ingestion.logic import Accepted
from lambdas.shared.errors import SignatureRefusedError, WebhookRefusedError
from lambdas.shared.observability import logger, metrics


def report_accepted(accepted: Accepted, **keys: Any) -> None:
    """Log and count each event of a webhook that is durable."""
    for one in accepted.events:
        logger.info("webhook accepted", event_id=one.event_id, event_type=one.event_type, **keys)
        _count(ACCEPTED)


def report_refused(refusal: WebhookRefusedError, message: str = "webhook refused", **keys: Any) -> None:
    """Log and count a webhook that is refused, for good or for now, and whether the quarantine has it."""
    quarantined = refusal.quarantined if isinstance(refusal, SignatureRefusedError) else None
    more: dict[str, Any] = {} if quarantined is None else {"quarantined": quarantined}
    logger.warning(message, status=refusal.status, reason=refusal.reason, **more, **keys)
    _count(refused(refusal.status))
    if quarantined:
        _count(QUARANTINED)
    elif quarantined is False:
        _count(NOT_QUARANTINED)
        # Only deployed providers come here, so that senders cannot make metrics of their own.
        with single_metric(name=NOT_QUARANTINED, unit=MetricUnit.Count, value=1) as metric:
            metric.add_dimension("service", str(metrics.service))
            metric.add_dimension("provider", keys["provider"])


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
