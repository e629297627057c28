"""Lambda entry point of the status endpoint."""

from typing import Any

from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.requests import BadRequestError, read_limit, read_transaction_id
from lambdas.shared.api import json_answer
from lambdas.shared.aws import client
from lambdas.shared.observability import logger, tracer
from lambdas.status.environment import StatusEnvironment
from lambdas.status.logic import describe_transaction, read_cursor, read_events_cursor

_records = RecordQueries(client("dynamodb"), StatusEnvironment.from_environment().table_name)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 with the status, 404 for an unknown transaction, 400 for an impossible id."""
    del context
    logger.set_correlation_id(event["requestContext"]["requestId"])
    path = event.get("pathParameters") or {}
    query = event.get("queryStringParameters") or {}
    try:
        transaction_id = read_transaction_id(path.get("transactionId") or "")
        limit = read_limit(query.get("limit"))
        after = read_cursor(query["next"]) if "next" in query else None
        events_after = read_events_cursor(query["nextEvents"]) if "nextEvents" in query else None
    except BadRequestError as error:
        return json_answer(400, {"error": str(error)})
    records = _records.transaction(transaction_id)
    status = describe_transaction(transaction_id, records, limit, after, events_after=events_after)
    if status is None:
        return json_answer(404, {"error": "no event of this transaction is known"})
    return json_answer(200, status)
