"""Lambda entry point of the receiver: ``POST /receiver/{tenantId}/{endpointId}``, with faults in the query.

For tests only, and off by default: a tenant whose endpoint's URL leads here sees each delivery verified with the
endpoint's own secrets, and gets the faults that it asks for, see `lambdas.delivery_receiver.faults`.

Time-out 29 s. No native code: of the standard style it verifies ``v1``, which every request has.
"""

import json
import time
from collections import OrderedDict
from typing import Any

from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery_receiver.checking import check
from lambdas.delivery_receiver.environment import ReceiverEnvironment
from lambdas.delivery_receiver.faults import LOCAL_ONLY, Fault, UnknownFaultError, read_fault
from lambdas.shared.api import json_answer
from lambdas.shared.aws import client
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.observability import logger, tracer
from lambdas.shared.request import from_api_gateway

MAX_REMEMBERED = 10_000

_endpoints = Endpoints(client("dynamodb"), ReceiverEnvironment.from_environment().endpoints_table)
_seen: OrderedDict[str, None] = OrderedDict()
"""The ids that this process has had. A duplicate is recognized only by the process that had the first."""


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Verify a delivery and answer it as its query asks."""
    try:
        request = from_api_gateway(event)
        fault = read_fault(request.query)
    except (UnknownFaultError, MalformedWebhookError) as error:
        return json_answer(400, {"error": str(error)})
    parameters = event["pathParameters"]
    endpoint, _ = _endpoints.read(parameters["tenantId"], parameters["endpointId"])
    if endpoint is None:
        return json_answer(404, {"error": "no such endpoint"})
    found = check(endpoint, request)
    logger.info(
        "delivery received",
        tenant=endpoint.tenant_id,
        endpoint_id=endpoint.endpoint_id,
        event_id=found.event_id,
        scheme=found.scheme,
        reason=found.reason,
    )
    if found.scheme is None:
        return json_answer(401, {"verified": False, "reason": found.reason})
    return _faulty(
        fault,
        fault.status_for(found.event_id, found.timestamp, seen_before=found.event_id in _seen),
        {
            "verified": True,
            "scheme": found.scheme,
            "eventId": found.event_id,
            "seenBefore": _remember(found.event_id),
            "notSimulatedHere": [name for name in LOCAL_ONLY if name in request.query],
        },
    )


def _remember(event_id: str) -> bool:
    if event_id in _seen:
        return True
    _seen[event_id] = None
    if len(_seen) > MAX_REMEMBERED:
        _seen.popitem(last=False)
    return False


def _faulty(fault: Fault, status: int, said: dict[str, Any]) -> dict[str, Any]:
    if fault.delay:
        time.sleep(fault.delay)
    answer = json_answer(status, said)
    if fault.size:
        answer["body"] = json.dumps(said)[: fault.size].ljust(fault.size)
    for name, value in (("Retry-After", fault.retry_after), ("Location", fault.location)):
        if value is not None:
            answer["headers"][name] = value
    return answer
