"""Lambda entry point of the daily statement: a schedule in, the days of what was written out."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.inbound.archive import Archive
from lambdas.inbound.metrics import STATEMENT_DIFFERENCES, STATEMENT_FAILURES, STATEMENTS_WRITTEN
from lambdas.inbound.record_queries import RecordQueries
from lambdas.shared.aws import client
from lambdas.shared.errors import describe
from lambdas.shared.observability import count_at_once, logger, metrics, tracer
from lambdas.statement.chain import Statement
from lambdas.statement.environment import StatementEnvironment
from lambdas.statement.logic import Statements
from lambdas.statement.places import PROGRESS_KEY
from lambdas.statement.sources import Sources

# As many as a boto3 client has connections.
_SIDE_BY_SIDE = 10


def _report(statement: Statement) -> None:
    differences = statement.said["differences"]
    for one in differences:
        logger.error("statement has a difference", day=statement.day, **one)
    # Whoever changes the bucket cannot change this line.
    logger.info("statement written", day=statement.day, sha256=statement.sha256, differences=len(differences))
    count_at_once(STATEMENTS_WRITTEN)
    if differences:
        count_at_once(STATEMENT_DIFFERENCES, len(differences))


_environment = StatementEnvironment.from_environment()
_s3 = client("s3")
_statements = Statements(
    queries=RecordQueries(client("dynamodb"), _environment.table_name),
    executor=ThreadPoolExecutor(_SIDE_BY_SIDE),
    archive=Archive(_s3, _environment.bucket_name),
    write_progress=lambda text: _s3.put_object(
        Bucket=_environment.bucket_name, Key=PROGRESS_KEY, Body=text.encode(), ContentType="application/json"
    ),
    sources=Sources(_s3, client("cloudwatch"), _environment.bucket_name, metrics.namespace),
    providers=json.loads(_environment.providers),
    look_back_days=_environment.look_back_days,
    quarantines=_environment.quarantines,
    ingestion=_environment.ingestion,
    delivery_worker=_environment.delivery_worker,
    tenants=json.loads(_environment.tenants or "{}"),
    clock=time.time,
    on_written=_report,
)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make what is due; return ``{"written", "complete"}``, or ``{"error"}``."""
    del event
    try:
        made = _statements.run(lambda: context.get_remaining_time_in_millis() / 1000)
    except Exception as error:
        logger.error("no statement could be made", reason=describe(error))
        count_at_once(STATEMENT_FAILURES)
        return {"error": describe(error)}
    if not made["complete"]:
        logger.warning("the statement is not complete yet: the next run goes on")
    return made
