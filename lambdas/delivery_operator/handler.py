"""Lambda entry point of the operators' endpoints.

The bundle needs pydantic, category ``functions-api``, and cryptography, category ``functions-native``, besides what
every function has.
"""

import time
from functools import partial
from typing import Any

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.key_pairs import SigningKeyPairs
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.services.requeue import Requeue
from lambdas.delivery.services.suspension import Suspension
from lambdas.delivery.services.tenant_keys import TenantKeys
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.listing import Listing
from lambdas.delivery.store.replays import ReplayStore
from lambdas.delivery_operator.audit import audit_log
from lambdas.delivery_operator.endpoints import EndpointServices
from lambdas.delivery_operator.environment import OperatorEnvironment
from lambdas.delivery_operator.operations import OperatorServices, build
from lambdas.shared.aws import client
from lambdas.shared.observability import logger, tracer
from lambdas.shared.redrive import redrive

_sqs = client("sqs")


def _services(environment: OperatorEnvironment) -> OperatorServices:
    dynamodb = client("dynamodb")
    events, due = Events(dynamodb, environment.events_table), DueStore(dynamodb, environment.events_table)
    endpoints = Endpoints(dynamodb, environment.endpoints_table)
    identities = Identities(dynamodb, environment.tenants_table)
    listing = Listing(dynamodb, environment.events_table)
    queue = DeliveryQueue(_sqs, environment.queue_url)
    sending: dict[str, Any] = {
        "deliveries": Deliveries(dynamodb, environment.events_table),
        "endpoints": endpoints,
        "events": events,
        "queue": queue,
        "retention": Retention(delivered_days=environment.delivered_ttl_days, dead_days=environment.dead_ttl_days),
    }
    return OperatorServices(
        identities=identities,
        listing=listing,
        key_pairs=SigningKeyPairs(
            dynamodb, client("secretsmanager"), environment.tenants_table, environment.signing_keys_secret_arn
        ),
        tenant_keys=TenantKeys(client("apigateway"), environment.tenant_keys_name),
        plans=tuple(filter(None, environment.tenant_plans.split(","))),
        events=events,
        requeue=Requeue(**sending),
        replays=Replays(store=ReplayStore(dynamodb, environment.events_table), listing=listing, **sending),
        suspension=Suspension(identities=identities, endpoints=endpoints, due=due, queue=queue),
        endpoints=EndpointServices.build(dynamodb, environment.endpoints_table, due, queue, time.time),
        portal_url=environment.portal_url,
        redrive=partial(redrive, _sqs, environment.dead_letter_queue_url),
        audit=audit_log(dynamodb, environment.tenants_table),
        clock=time.time,
    )


_api = build(_services(OperatorEnvironment.from_environment()))


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an operator's call."""
    logger.set_correlation_id(event["requestContext"]["requestId"])
    return _api.serve(event, context)
