"""Lambda entry point of the tenants' API.

Environment: ``ENDPOINTS_TABLE``, ``EVENTS_TABLE``, ``QUEUE_URL``, ``MAX_EVENT_BYTES``, ``ENDPOINT_RULES``,
``DELIVERED_TTL_DAYS``, ``DEAD_TTL_DAYS``.

Permissions, ``dynamodb:`` where nothing else is named:

* table of endpoints: ``GetItem``, ``BatchGetItem``, ``Query``, ``PutItem``, ``UpdateItem``, ``DeleteItem``;
* table of events: ``GetItem``, ``BatchGetItem``, ``Query``, ``PutItem``, ``UpdateItem``, ``DeleteItem``; its index by
  state: ``Query``;
* delivery queue: ``sqs:SendMessage``.

The bundle needs pydantic, category ``functions-api``, besides what every function has.
"""

import os
import time
from functools import partial
from typing import Any

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.http.problems import wrong
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.sending.http_client import ask_within, system_resolver
from lambdas.delivery.sending.urls import EndpointRefusedError, EndpointRules, check_url
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.event_intake import Intake
from lambdas.delivery.services.payload_erasure import erase_payload
from lambdas.delivery.services.requeue import Requeue, wake_waiting
from lambdas.delivery.services.resend import SendingAgain
from lambdas.delivery.store.cursors import Cursors
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.listing import Listing
from lambdas.delivery_api.operations import Services, build
from lambdas.shared.aws import client, setting
from lambdas.shared.observability import logger, tracer

LOOKUP_SECONDS = 3.0
"""For the addresses of an endpoint's name. Its name server is the tenant's, and could hold every call for a minute."""

_dynamodb = client("dynamodb")
_events_table = setting("EVENTS_TABLE")
_endpoints_table = setting("ENDPOINTS_TABLE")
_rules = EndpointRules.named(os.environ.get("ENDPOINT_RULES", "public-https"))
_queue = DeliveryQueue(client("sqs"), setting("QUEUE_URL"))
_retention = Retention(
    delivered_days=int(os.environ.get("DELIVERED_TTL_DAYS", "30")), dead_days=int(os.environ.get("DEAD_TTL_DAYS", "14"))
)
_deliveries = Deliveries(_dynamodb, _events_table)
_health = HealthStore(_dynamodb, _endpoints_table)


def _check(url: str) -> None:
    try:
        check_url(url, _rules, partial(ask_within, LOOKUP_SECONDS, system_resolver))
    except EndpointRefusedError as error:
        raise wrong("url", error.reason) from error


_api = build(
    Services(
        endpoints=EndpointAdmin(_dynamodb, _endpoints_table),
        intake=Intake(_dynamodb, _events_table, queue=_queue, retention=_retention),
        listing=Listing(_dynamodb, _events_table),
        cursors=Cursors(_dynamodb, _endpoints_table),
        check_url=_check,
        resend=SendingAgain(
            requeue=Requeue(
                deliveries=_deliveries,
                endpoints=Endpoints(_dynamodb, _endpoints_table),
                events=Events(_dynamodb, _events_table),
                queue=_queue,
                retention=_retention,
            ),
            deliveries=_deliveries,
        ),
        bring_forward=lambda tenant_id, endpoint_id: wake_waiting(_queue, _health, tenant_id, endpoint_id),
        erase=lambda tenant_id, event_id, now: erase_payload(_dynamodb, _events_table, tenant_id, event_id, now),
        clock=time.time,
        max_event_bytes=int(os.environ.get("MAX_EVENT_BYTES", "262144")),
    )
)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a tenant's call."""
    logger.set_correlation_id(event["requestContext"]["requestId"])
    return _api.serve(event, context)
