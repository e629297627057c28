"""What the stack passes to the tenants' API."""

from dataclasses import dataclass

from lambdas.delivery.domain.quotas import ENDPOINTS, EVENTS_PER_DAY
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.sending.urls import PUBLIC_HTTPS
from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ApiEnvironment(Environment):
    """The variables of the tenants' API, besides Powertools'.

    Attributes
    ----------
    tenants_table, endpoints_table, events_table : str
        Names of the tables.
    queue_url : str
        The delivery queue.
    max_event_bytes : int
        Bytes of an event at most.
    endpoint_rules : str
        ``public-https``, or ``local`` for tests.
    refused_hosts : str
        Hosts that no endpoint may have, separated by commas, see `EndpointRules`.
    tenant_events_per_day, tenant_endpoints : int
        Quotas of tenants for which an operator named none.
    delivered_ttl_days, dead_ttl_days : int
        Days for which deliveries are kept, see `Retention`.
    """

    tenants_table: str
    endpoints_table: str
    events_table: str
    queue_url: str
    max_event_bytes: int = 262_144
    endpoint_rules: str = PUBLIC_HTTPS
    refused_hosts: str = ""
    tenant_events_per_day: int = EVENTS_PER_DAY
    tenant_endpoints: int = ENDPOINTS
    delivered_ttl_days: int = Retention.delivered_days
    dead_ttl_days: int = Retention.dead_days
