"""Lambda entry point of the sweeper, which an EventBridge rule invokes every minute."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.delivery.domain.metrics import SweeperMetric
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery_sweeper.environment import SweeperEnvironment
from lambdas.delivery_sweeper.wiring import build_sweeper
from lambdas.shared.aws import client
from lambdas.shared.observability import logger, metrics, tracer

_environment = SweeperEnvironment.from_environment()
_sweeper = build_sweeper(
    dynamodb=client("dynamodb"),
    endpoints_table=_environment.endpoints_table,
    events_table=_environment.events_table,
    queue=DeliveryQueue(client("sqs"), _environment.queue_url),
    retention=Retention(delivered_days=_environment.delivered_ttl_days, dead_days=_environment.dead_ttl_days),
)


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> None:
    """Sweep, and say what was found; the alarms miss it when nobody says anything."""
    del event
    result = _sweeper.run(context.get_remaining_time_in_millis() / 1000)
    for metric, number in (
        (SweeperMetric.HANDED_OUT, result.handed_out),
        (SweeperMetric.RELEASED, result.released),
        (SweeperMetric.LOST_MESSAGES, result.lost_messages),
        (SweeperMetric.UNFINISHED_SWEEPS, int(not result.finished)),
    ):
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=number)
    metrics.add_metric(name=SweeperMetric.OLDEST_OVERDUE, unit=MetricUnit.Seconds, value=round(result.oldest_overdue))
