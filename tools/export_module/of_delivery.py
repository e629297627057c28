"""Which settings the delivery stack's module offers as inputs, and which not; and what must hold between these."""

from collections.abc import Mapping
from types import MappingProxyType

from modules.settings.concurrency import UNRESERVED
from modules.settings.delivery import WORKER_OVERHEAD_SECONDS
from modules.settings.reference import all_settings
from tools.export_module.input_rules import RuleBetweenInputs
from tools.export_module.offered import OF_THE_CALLER, offer

OFFERED = (
    offer("environment", name="environment_suffix", required=True),
    offer("service"),
    offer("api.execution_log_level"),
    offer("functions.account_concurrency", only_checked=True),
    offer("functions.log_retention"),
    offer("functions.log_level"),
    offer("functions.system_log_level"),
    offer("monitoring.error_rate"),
    offer("monitoring.minimum_invocations"),
    offer("monitoring.refused_requests"),
    offer("monitoring.backlog_depth"),
    offer("delivery.throttle_rate"),
    offer("delivery.throttle_burst"),
    offer("delivery.tenant_rate"),
    offer("delivery.tenant_burst"),
    offer("delivery.tenant_events_per_day"),
    offer("delivery.tenant_endpoints"),
    offer("delivery.max_event_bytes"),
    offer("delivery.memory"),
    offer("delivery.timeout"),
    offer("delivery.worker_memory"),
    offer("delivery.worker_timeout"),
    offer("delivery.worker_concurrency"),
    offer("delivery.docs_concurrency"),
    offer("delivery.batch_size"),
    offer("delivery.visibility_timeout"),
    offer("delivery.max_receive_count"),
    offer("delivery.retention"),
    offer("delivery.attempt_timeout"),
    offer("delivery.retry_schedule"),
    offer("delivery.disable_after"),
    offer("delivery.delivered_ttl"),
    offer("delivery.dead_ttl"),
)

FIXED: Mapping[str, str] = MappingProxyType(
    {
        "inbound": "decides which module sets the account's log role",
        "functions.runtime": "the bundles are built for it",
        "monitoring.backlog_age": "the longest delay of a message is added to it",
        "delivery.endpoint_rules": "in AWS nothing but `public-https` is safe",
        "delivery.tenant_throttle": "has resources of its own",
        "delivery.tenant_plans": "each has resources of its own",
        "delivery.refused_hosts": "is one text with the API's own",
        "delivery.tenant_metrics": "is either there or not",
        "delivery.docs": "each route has resources of its own",
        "delivery.portal": "each route has resources of its own",
        "delivery.portal_frames": "is one text",
        "delivery.receiver": "has resources of its own",
        "delivery.bus_name": "goes with the subscriptions",
        "delivery.subscriptions": "each has resources of its own",
        "delivery.subscription_payload": "goes with the subscriptions",
        "delivery.archive_bucket": "goes with the subscriptions",
        "delivery.domain.name": "the domain has resources of its own",
        "delivery.domain.certificate_arn": "goes with the domain",
    }
)
# All other settings are the inbound stack's.
OF_ANOTHER_STACK = tuple(
    path for path, _ in all_settings() if path not in {*FIXED, *OF_THE_CALLER, *(item.path for item in OFFERED)}
)

RULES = (
    RuleBetweenInputs(
        of="delivery_visibility_timeout",
        condition="var.delivery_visibility_timeout >= 3 * var.delivery_worker_timeout",
        refusal="less than three times delivery_worker_timeout",
    ),
    RuleBetweenInputs(
        of="delivery_attempt_timeout",
        condition=f"var.delivery_attempt_timeout + {WORKER_OVERHEAD_SECONDS} <= var.delivery_worker_timeout",
        refusal=f"leaves less than {WORKER_OVERHEAD_SECONDS} s of delivery_worker_timeout to record what came of an "
        "attempt",
    ),
    RuleBetweenInputs(
        of="delivery_retention",
        condition="var.delivery_retention > var.delivery_max_receive_count * var.delivery_visibility_timeout",
        refusal="no longer than delivery_max_receive_count times delivery_visibility_timeout, so that a message would "
        "expire before its last receive, and be lost",
    ),
    RuleBetweenInputs(
        of="functions_account_concurrency",
        condition="var.delivery_worker_concurrency + var.delivery_docs_concurrency <= "
        f"var.functions_account_concurrency - {UNRESERVED}",
        refusal="too little for what worker and documents reserve, since Lambda keeps "
        f"{UNRESERVED} for functions without a reservation; have the account's limit raised and say so here, or lower "
        "delivery_worker_concurrency",
    ),
)
