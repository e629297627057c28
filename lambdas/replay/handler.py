"""Lambda entry point of the replay endpoint."""

import time
from functools import partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.inbound.archive import Archive
from lambdas.inbound.metrics import REPLAYED, REPLAYS_REFUSED
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_items import AUDIT, PARTITION_KEY, SORT_KEY
from lambdas.inbound.record_queries import RecordQueries
from lambdas.replay.environment import ReplayEnvironment
from lambdas.replay.logic import Replayer
from lambdas.replay.request import BadReplayError, read_request
from lambdas.shared.api import json_answer
from lambdas.shared.audit import AuditLog, Entry
from lambdas.shared.aws import client
from lambdas.shared.errors import MalformedWebhookError, describe
from lambdas.shared.observability import logger, metrics, tracer
from lambdas.shared.request import from_api_gateway

_environment = ReplayEnvironment.from_environment()
_dynamodb = client("dynamodb")
_audit = AuditLog(_dynamodb, _environment.table_name, partition=(PARTITION_KEY, AUDIT), sort=SORT_KEY)
_replayer = Replayer(
    queries=RecordQueries(_dynamodb, _environment.table_name),
    archive=Archive(client("s3"), _environment.bucket_name),
    queue=MainQueue(client("sqs"), _environment.queue_url, _environment.message_group_by),
    clock=time.time,
)


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 202 with what was sent, 200 for a dry run, 400 for a wrong request."""
    del context
    # The id of the request is the id of the replay, so that log, timeline and response can be matched.
    replay_id = event["requestContext"]["requestId"]
    logger.set_correlation_id(replay_id)
    try:
        request = read_request(from_api_gateway(event).body)
        run = partial(_replayer.run, request, replay_id)
        entry = Entry.of(
            event, action="POST /internal/replay", asked=request.asked, reason=request.reason, now=time.time()
        )
        outcome = run() if request.dry_run else _audit.record(entry, run, describe)
    except (BadReplayError, MalformedWebhookError) as error:
        metrics.add_metric(name=REPLAYS_REFUSED, unit=MetricUnit.Count, value=1)
        return json_answer(400, {"error": str(error)})
    logger.info(
        "replay",
        caller=event["requestContext"].get("identity", {}).get("userArn"),
        dry_run=request.dry_run,
        matched=outcome.matched,
        replayed=len(outcome.replayed),
    )
    metrics.add_metric(name=REPLAYED, unit=MetricUnit.Count, value=len(outcome.replayed))
    return json_answer(
        200 if request.dry_run else 202,
        {
            "replayId": replay_id,
            "dryRun": request.dry_run,
            "matched": outcome.matched,
            "replayed": outcome.replayed,
            "notFound": outcome.not_found,
            "failed": outcome.failed,
            "next": outcome.next,
        },
    )
