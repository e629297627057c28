"""Lambda entry point of the tenants' API.

The bundle needs pydantic, category ``functions-api``, besides what every function has.
"""

import time
from functools import partial
from typing import Any

from lambdas.delivery.domain.errors import InvalidFieldError
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.sending.http_client import ask_within, system_resolver
from lambdas.delivery.sending.urls import EndpointRefusedError, EndpointRules, check_url
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.event_intake import EventIntake
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.services.requeue import Requeue, Resume
from lambdas.delivery.store.cursors import Cursors
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.event_counts import EventCounts
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.listing import Listing
from lambdas.delivery.store.public_keys import has_current_key
from lambdas.delivery.store.replays import ReplayStore
from lambdas.delivery_api.environment import ApiEnvironment
from lambdas.delivery_api.operations import TenantServices, build
from lambdas.shared.aws import client
from lambdas.shared.observability import count_at_once, logger, tracer

LOOKUP_SECONDS = 3.0
"""For the addresses of an endpoint's name. Its name server is the tenant's, and could hold every call for a minute."""

_environment = ApiEnvironment.from_environment()
_rules = EndpointRules.named(_environment.endpoint_rules, _environment.refused_hosts)
_dynamodb = client("dynamodb")
_queue = DeliveryQueue(client("sqs"), _environment.queue_url)
_retention = Retention(delivered_days=_environment.delivered_ttl_days, dead_days=_environment.dead_ttl_days)
_events = Events(_dynamodb, _environment.events_table)
_deliveries = Deliveries(_dynamodb, _environment.events_table)
_endpoints = Endpoints(_dynamodb, _environment.endpoints_table)
_listing = Listing(_dynamodb, _environment.events_table)


def _check(url: str) -> None:
    try:
        check_url(url, _rules, partial(ask_within, LOOKUP_SECONDS, system_resolver))
    except EndpointRefusedError as error:
        raise InvalidFieldError("url", error.reason) from error


_api = build(
    TenantServices(
        endpoints=EndpointAdmin(
            _dynamodb, _environment.endpoints_table, partial(has_current_key, _dynamodb, _environment.tenants_table)
        ),
        intake=EventIntake(events=_events, queue=_queue, retention=_retention),
        events=_events,
        requeue=Requeue(
            deliveries=_deliveries, endpoints=_endpoints, events=_events, queue=_queue, retention=_retention
        ),
        replays=Replays(
            store=ReplayStore(_dynamodb, _environment.events_table),
            listing=_listing,
            deliveries=_deliveries,
            endpoints=_endpoints,
            events=_events,
            queue=_queue,
            retention=_retention,
        ),
        listing=_listing,
        cursors=Cursors(_dynamodb, _environment.endpoints_table),
        check_url=_check,
        resume=Resume(
            health=HealthStore(_dynamodb, _environment.endpoints_table),
            due=DueStore(_dynamodb, _environment.events_table),
            queue=_queue,
        ),
        counts=EventCounts(_dynamodb, _environment.endpoints_table),
        announcer=Announcer(events=_events, retention=_retention),
        count=count_at_once,
        clock=time.time,
        max_event_bytes=_environment.max_event_bytes,
        events_per_day=_environment.tenant_events_per_day,
        max_endpoints=_environment.tenant_endpoints,
    )
)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a tenant's call."""
    logger.set_correlation_id(event["requestContext"]["requestId"])
    return _api.serve(event, context)
