"""Lambda entry point of the operators' endpoints.

Environment: ``TENANTS_TABLE``, ``ENDPOINTS_TABLE``, ``EVENTS_TABLE``, ``QUEUE_URL``, ``SIGNING_KEYS_SECRET_ARN``,
``DELIVERED_TTL_DAYS``, ``DEAD_TTL_DAYS``.

Permissions, ``dynamodb:`` where nothing else is named:

* table of identities: ``GetItem``, ``PutItem``, ``UpdateItem``, ``ConditionCheckItem``; its index by tenant: ``Query``;
* table of endpoints: ``BatchGetItem``;
* table of events: ``GetItem``, ``BatchGetItem``, ``PutItem``, ``UpdateItem``, ``DeleteItem``; its index by state:
  ``Query``;
* delivery queue: ``sqs:SendMessage``;
* secret of the signing keys: ``secretsmanager:GetSecretValue``, ``secretsmanager:PutSecretValue``.

The bundle needs pydantic, category ``functions-api``, and cryptography, category ``functions-native``, besides what
every function has.
"""

import os
import time
from typing import Any

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.key_pairs import KeyPairs
from lambdas.delivery.services.payload_erasure import erase_payload
from lambdas.delivery.services.requeue import Requeue
from lambdas.delivery.services.resend import SendingAgain
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.listing import Listing
from lambdas.delivery_operator.operations import Services, build
from lambdas.shared.aws import client, setting
from lambdas.shared.observability import logger, tracer

_dynamodb = client("dynamodb")
_tenants_table = setting("TENANTS_TABLE")
_events_table = setting("EVENTS_TABLE")
_deliveries = Deliveries(_dynamodb, _events_table)
_api = build(
    Services(
        identities=Identities(_dynamodb, _tenants_table),
        listing=Listing(_dynamodb, _events_table),
        key_pairs=KeyPairs(_dynamodb, client("secretsmanager"), _tenants_table, setting("SIGNING_KEYS_SECRET_ARN")),
        send_again=SendingAgain(
            requeue=Requeue(
                deliveries=_deliveries,
                endpoints=Endpoints(_dynamodb, setting("ENDPOINTS_TABLE")),
                events=Events(_dynamodb, _events_table),
                queue=DeliveryQueue(client("sqs"), setting("QUEUE_URL")),
                retention=Retention(
                    delivered_days=int(os.environ.get("DELIVERED_TTL_DAYS", "30")),
                    dead_days=int(os.environ.get("DEAD_TTL_DAYS", "14")),
                ),
            ),
            deliveries=_deliveries,
        ),
        erase=lambda tenant_id, event_id, now: erase_payload(_dynamodb, _events_table, tenant_id, event_id, now),
        clock=time.time,
    )
)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an operator's call."""
    logger.set_correlation_id(event["requestContext"]["requestId"])
    return _api.serve(event, context)
