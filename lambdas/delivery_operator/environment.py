"""What the stack passes to the operators' endpoints."""

from dataclasses import dataclass

from lambdas.delivery.domain.retention import Retention
from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class OperatorEnvironment(Environment):
    """The variables of the operators' endpoints, besides Powertools'.

    Attributes
    ----------
    tenants_table, endpoints_table, events_table : str
        Names of the tables.
    queue_url : str
        The delivery queue.
    dead_letter_queue_url : str
        Its dead letter queue.
    signing_keys_secret_arn : str
        Secret of the ed25519 key pairs.
    tenant_plans : str
        The usage plans that there are, separated by commas; empty where requests are not counted by tenant.
    tenant_keys_name : str
        Name of these plans, and of tenants' API keys, with ``{}`` for what tells them apart.
    portal_url : str
        Where the portal is served; empty where it is switched off.
    delivered_ttl_days, dead_ttl_days : int
        Days for which deliveries are kept, see `Retention`.
    """

    tenants_table: str
    endpoints_table: str
    events_table: str
    queue_url: str
    dead_letter_queue_url: str
    signing_keys_secret_arn: str
    tenant_plans: str = ""
    tenant_keys_name: str = ""
    portal_url: str = ""
    delivered_ttl_days: int = Retention.delivered_days
    dead_ttl_days: int = Retention.dead_days
