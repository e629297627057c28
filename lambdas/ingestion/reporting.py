"""What ingestion logs and counts of a webhook, from either entry point. It is never the payload."""

import json
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from lambdas.inbound.metrics import ACCEPTED, NOT_QUARANTINED, QUARANTINED, REFUSED, REQUALIFIED, refused
from lambdas.ingestion.deployed import INGESTION
from lambdas.ingestion.logic import Accepted
from lambdas.shared.errors import SignatureRefusedError, WebhookRefusedError
from lambdas.shared.observability import logger, metrics

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

# What this invocation counted: by metric, provider and reason, the last two empty where it is not by them.
_counted: Counter[tuple[str, str, str]] = Counter()


def report_counts(handler: Handler) -> Handler:
    """Write what an invocation counts at its end: a line for each provider and reason, as dimensions are of a line.

    A line counts without its provider and its reason too.
    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    @wraps(handler)
    def run(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        finally:
            _write()

    return run


def report_accepted(accepted: Accepted, *, provider: str, **keys: Any) -> None:
    """Log and count each event of a webhook that is durable."""
    for one in accepted.events:
        logger.info("webhook accepted", event_id=one.event_id, event_type=one.event_type, provider=provider, **keys)
    _counted[ACCEPTED, provider, ""] += len(accepted.events)


def report_refused(refusal: WebhookRefusedError, message: str = "webhook refused", **keys: Any) -> None:
    """Log and count a webhook that is refused, for good or for now, and whether the quarantine has it."""
    quarantined = refusal.quarantined if isinstance(refusal, SignatureRefusedError) else None
    more: dict[str, Any] = {} if quarantined is None else {"quarantined": quarantined}
    logger.warning(message, status=refusal.status, reason=refusal.reason, **more, **keys)
    _count_refused(refusal.status, refusal.reason, keys)
    if quarantined:
        _counted[QUARANTINED, "", ""] += 1
    elif quarantined is False:
        # Only deployed providers come here, so that senders cannot make metrics of their own.
        _counted[NOT_QUARANTINED, keys["provider"], ""] += 1


def report_requalified(accepted: int, **keys: Any) -> None:
    """Log that quarantined webhooks were verified anew, and count those that were handed over."""
    logger.info("webhooks requalified", **keys)
    _counted[REQUALIFIED, "", ""] += accepted


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
    _count_refused(500, "internal_error", keys)


def _count_refused(status: int, reason: str, keys: dict[str, Any]) -> None:
    _counted[refused(status), "", ""] += 1
    # Anybody can make up a name, and each would be a metric that is paid for.
    if (provider := keys.get("provider", "")) in INGESTION.providers:
        _counted[REFUSED, provider, reason] += 1


def _write() -> None:
    # Powertools would take 7 % of a webhook's CPU here, for checks of names that are all constants.
    for (metric, provider, reason), count in _counted.items():
        said = {"service": metrics.service, "provider": provider, "reason": reason}
        dimensions = {name: value for name, value in said.items() if value}
        names = list(dimensions)
        directive = {
            "Namespace": metrics.namespace,
            "Dimensions": [names[:length] for length in range(1, len(names) + 1)],
            "Metrics": [{"Name": metric, "Unit": "Count"}],
        }
        stamp = {"Timestamp": int(time.time() * 1_000), "CloudWatchMetrics": [directive]}
        print(json.dumps({"_aws": stamp, **dimensions, metric: [count]}, separators=(",", ":")))
    _counted.clear()
