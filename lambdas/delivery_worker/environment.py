"""What the stack passes to the worker."""

from dataclasses import dataclass

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS
from lambdas.delivery.sending.urls import PUBLIC_HTTPS
from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class WorkerEnvironment(Environment):
    """The worker's variables, besides Powertools'.

    Attributes
    ----------
    endpoints_table, events_table : str
        Names of the tables.
    queue_url : str
        The delivery queue.
    operations_bus : str
        Name of the bus of operational events.
    signing_keys_secret_arn : str | None
        Secret of the ed25519 key pairs; without it, no endpoint gets asymmetric signatures.
    retry_schedule : str
        Name of the retry schedule of endpoints that name none.
    endpoint_rules : str
        ``public-https``, or ``local`` for tests.
    refused_hosts : str
        Hosts that no endpoint may have, separated by commas, see `EndpointRules`.
    attempt_timeout : float
        Seconds that an attempt may take.
    disable_after_hours : float
        Hours of nothing but failures after which an endpoint is disabled.
    delivered_ttl_days, dead_ttl_days : int
        Days for which deliveries are kept, see `Retention`.
    tenant_metrics : bool
        Whether metrics come for each tenant, too.
    original_payloads : bool
        Whether a tenant's event that is one of the inbound bus carries the provider's payload, see `InboundPayloads`.
    max_event_bytes : int
        Bytes of such an event at most.
    """

    endpoints_table: str
    events_table: str
    queue_url: str
    operations_bus: str
    signing_keys_secret_arn: str | None = None
    retry_schedule: str = STANDARD_WEBHOOKS.name
    endpoint_rules: str = PUBLIC_HTTPS
    refused_hosts: str = ""
    attempt_timeout: float = 15.0
    disable_after_hours: float = 120.0
    delivered_ttl_days: int = Retention.delivered_days
    dead_ttl_days: int = Retention.dead_days
    tenant_metrics: bool = True
    original_payloads: bool = False
    max_event_bytes: int = 262_144
