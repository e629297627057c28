"""Lambda entry point of the endpoints by which operators act: they replay, redrive and erase."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.inbound.archive import Archive
from lambdas.inbound.audit import audit_log
from lambdas.inbound.erasure import Erasure, NotErasableError
from lambdas.inbound.metrics import REPLAYED, REPLAYS_REFUSED
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_items import SORT_KEY
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.replay.environment import ReplayEnvironment
from lambdas.replay.logic import Replayer, ReplayOutcome
from lambdas.replay.request import BadReplayError, read_erase, read_redrive, read_request
from lambdas.shared import times
from lambdas.shared.api import json_answer
from lambdas.shared.audit import DONE, INCOMPLETE, Answer, Entry
from lambdas.shared.aws import client
from lambdas.shared.errors import MalformedWebhookError, NotRecordedError, describe
from lambdas.shared.observability import logger, metrics, tracer
from lambdas.shared.redrive import RedriveUnderWayError, redrive
from lambdas.shared.request import from_api_gateway

_environment = ReplayEnvironment.from_environment()
_dynamodb = client("dynamodb")
_sqs = client("sqs")
_s3 = client("s3")
_queries = RecordQueries(_dynamodb, _environment.table_name)
_audit = audit_log(_dynamodb, _environment.table_name)
_replayer = Replayer(
    queries=_queries,
    archive=Archive(_s3, _environment.bucket_name),
    queue=MainQueue(_sqs, _environment.queue_url, _environment.message_group_by),
    clock=time.time,
)
_erasure = Erasure(_s3, _environment.bucket_name, _queries, Records(_dynamodb, _environment.table_name))


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 202 with what was sent, 200 for a dry run and for what was erased, 400 for a wrong request."""
    del context
    # The id of the request is the id of the replay, so that log, timeline and response can be matched.
    logger.set_correlation_id(event["requestContext"]["requestId"])
    try:
        if query := event.get("queryStringParameters"):
            # What is asked for where nobody reads it would be done as if it were not asked for: dryRun above all.
            raise BadReplayError(f"query: {', '.join(sorted(query))} is not known here; the body has all that is asked")
        return _ANSWERS[event["resource"]](event)
    except (BadReplayError, MalformedWebhookError) as error:
        metrics.add_metric(name=REPLAYS_REFUSED, unit=MetricUnit.Count, value=1)
        return json_answer(400, {"error": str(error)})
    except NotRecordedError as error:
        logger.error("not recorded", error=str(error))
        return json_answer(503, {"error": "not recorded, and not done: try again in a moment"})


def _replay(event: dict[str, Any]) -> dict[str, Any]:
    replay_id = event["requestContext"]["requestId"]
    request = read_request(from_api_gateway(event).body)
    run = partial(_replayer.run, request, replay_id)
    outcome = _act(event, run, request.asked, request.reason, dry_run=request.dry_run, result_of=_result)
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


def _result(outcome: ReplayOutcome) -> tuple[str, Mapping[str, int]]:
    counts = {
        "matched": outcome.matched,
        "replayed": len(outcome.replayed),
        "failed": len(outcome.failed),
        "notFound": len(outcome.not_found),
    }
    return INCOMPLETE if outcome.failed or outcome.not_found else DONE, counts


def _redrive(event: dict[str, Any]) -> dict[str, Any]:
    dry_run, reason = read_redrive(from_api_gateway(event).body)
    url = _environment.inbox_dead_letter_queue_url
    assert url is not None, "the route is there where the queue is"
    run = partial(redrive, _sqs, url, dry_run=dry_run)
    try:
        found = _act(event, run, {}, reason, dry_run=dry_run)
    except RedriveUnderWayError:
        return json_answer(409, {"error": "the messages are being moved already"})
    return json_answer(
        200 if dry_run else 202, {"dryRun": dry_run, "messages": found.messages, "underWay": found.under_way}
    )


def _erase(event: dict[str, Any]) -> dict[str, Any]:
    request = read_erase(from_api_gateway(event).body)
    found = _queries.by_event(request.event_key)
    records = [record for record in found if request.record in (None, record[SORT_KEY])]
    if not records:
        return json_answer(404, {"error": "no such event is known"})
    at = times.iso(time.time())
    run = partial(_erasure.run, records, at, copies=request.record is None, dry_run=request.dry_run)
    try:
        erased = _act(event, run, request.asked, request.reason, dry_run=request.dry_run)
    except NotErasableError as error:
        return json_answer(409, {"error": f"payload: {error}"})
    return json_answer(
        200,
        {
            "dryRun": request.dry_run,
            "places": [{"key": place.key, "offset": place.offset, "size": place.size} for place in erased.places],
            "sameBytes": erased.same_bytes,
            "erasedAt": None if request.dry_run else at,
        },
    )


def _act(
    event: dict[str, Any],
    run: Callable[[], Answer],
    asked: Mapping[str, Any],
    reason: str | None,
    *,
    dry_run: bool,
    result_of: Callable[[Answer], tuple[str, Mapping[str, int] | None]] = lambda _: (DONE, None),
) -> Answer:
    """Carry an action out and record it, or only try it."""
    if dry_run:
        return run()
    entry = Entry.of(event, action=f"POST {event['resource']}", asked=asked, reason=reason, now=time.time())
    return _audit.record(entry, run, describe, result_of)


_ANSWERS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "/internal/replay": _replay,
    "/internal/redrive": _redrive,
    "/internal/erase": _erase,
}
