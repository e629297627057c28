"""Lambda entry point of the operators' lists."""

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from lambdas.inbound.archive import Archive, PayloadChangedError, read_payload
from lambdas.inbound.audit import audit_log
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.requests import BadRequestError
from lambdas.operator.environment import OperatorEnvironment
from lambdas.operator.logic import NoPayloadError, NotFoundError, Operator, read_event_key
from lambdas.operator.request import COUNTS, EVENTS, PAYLOAD, read_audit, read_list, read_parameters
from lambdas.shared.api import json_answer
from lambdas.shared.aws import client
from lambdas.shared.errors import aws_code
from lambdas.shared.observability import logger, tracer

# As many as a boto3 client has connections.
_SIDE_BY_SIDE = 10
_environment = OperatorEnvironment.from_environment()
_s3 = client("s3")
_dynamodb = client("dynamodb")
_audit = audit_log(_dynamodb, _environment.table_name)
_operator = Operator(
    queries=RecordQueries(_dynamodb, _environment.table_name),
    read_archived=partial(read_payload, _s3, _environment.bucket_name),
    read_dead_letter=Archive(_s3, _environment.bucket_name).read_dead_letter,
    executor=ThreadPoolExecutor(_SIDE_BY_SIDE),
    providers=list(json.loads(_environment.providers)),
)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 with what was asked for, 400 for a wrong parameter, 404 for an unknown event."""
    del context
    logger.set_correlation_id(event["requestContext"]["requestId"])
    try:
        return _ANSWERS[event["resource"]](event)
    except BadRequestError as error:
        return json_answer(400, {"error": str(error)})
    except NotFoundError:
        return json_answer(404, {"error": "no such event is known"})
    except NoPayloadError as error:
        return json_answer(409, {"error": f"payload: {error}"})


def _events(event: dict[str, Any]) -> dict[str, Any]:
    return json_answer(200, _operator.events(read_list(_query(event), EVENTS, time.time())))


def _counts(event: dict[str, Any]) -> dict[str, Any]:
    return json_answer(200, _operator.counts(read_list(_query(event), COUNTS, time.time())))


def _audited(event: dict[str, Any]) -> dict[str, Any]:
    wanted = read_audit(_query(event))
    filtered = wanted.who or wanted.action
    entries, cursor = _audit.newest(
        wanted.start,
        wanted.before,
        wanted.limit,
        (lambda entry: wanted.who in (None, entry.who) and wanted.action in (None, entry.action)) if filtered else None,
    )
    return json_answer(200, {"entries": [entry.shown() for entry in entries], "next": cursor})


def _event(event: dict[str, Any]) -> dict[str, Any]:
    read_parameters(_query(event), ())
    return json_answer(200, _operator.event(_key(event)))


def _payload(event: dict[str, Any]) -> dict[str, Any]:
    record = read_parameters(_query(event), PAYLOAD).get("record")
    key = _key(event)
    logger.info("payload read", caller=event["requestContext"].get("identity", {}).get("userArn"), event_key=key)
    try:
        body = _operator.payload(key, record)
    except PayloadChangedError as error:
        raise NoPayloadError(str(error)) from error
    except ClientError as error:
        if aws_code(error) != "InvalidObjectState":
            raise
        raise NoPayloadError("it is in Glacier: restore its object first") from error
    # Whatever it is, no browser shows it as a page.
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
        "body": base64.b64encode(body).decode("ascii"),
        "isBase64Encoded": True,
    }


def _query(event: dict[str, Any]) -> dict[str, list[str]]:
    return event.get("multiValueQueryStringParameters") or {}


def _key(event: dict[str, Any]) -> str:
    return read_event_key((event.get("pathParameters") or {}).get("event") or "")


_ANSWERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "/internal/events": _events,
    "/internal/events/{event}": _event,
    "/internal/payloads/{event}": _payload,
    "/internal/counts": _counts,
    "/internal/audit": _audited,
}
