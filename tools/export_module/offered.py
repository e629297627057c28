"""Which settings the inbound stack's module offers as inputs, and which it does not, and why.

Meaning, unit and range of an input are those of the setting, which declares them. An input is added by naming the
setting in `OFFERED`; whether the stack lets it through unchanged is then checked when the module is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from modules.settings.concurrency import MAX_MAPPING_CONCURRENCY, MIN_MAPPING_CONCURRENCY, reserved_concurrency
from modules.settings.model import Settings
from modules.settings.reference import all_settings
from modules.settings.rules import MAX_DIRECT_BODY_BYTES
from modules.settings.validation import rule_of
from tools.export_module.inputs import Computed, Input

_TYPES: Mapping[Any, str] = {int: "number", int | None: "number", str: "string"}
_DECLARED = dict(all_settings())


def offer(
    path: str,
    *,
    name: str = "",
    low: int | None = None,
    high: int | None = None,
    required: bool = False,
    only_checked: bool = False,
    computed: Computed | None = None,
) -> Input:
    """Return a setting as an input.

    Parameters
    ----------
    low, high : int
        Ends of its range, where the module allows less than the setting does.
    """
    declared = _DECLARED[path]
    rule = rule_of(declared)
    return Input(
        path=path,
        name=name or path.replace(".", "_"),
        rule=replace(rule, low=low or rule.low, high=high or rule.high),
        type=_TYPES[declared.type],
        required=required,
        only_checked=only_checked,
        computed=computed,
    )


def _reserved(function: str, low: int, *, direct: bool = False) -> Computed:
    return Computed(
        value=lambda settings: reserved_concurrency(settings.api.throttle_rate, settings.functions, direct=direct)[
            function
        ],
        expression=f"max({low}, ceil(var.api_throttle_rate * var.functions_{function}_budget / 1000))",
    )


OFFERED = (
    offer("environment", name="environment_suffix", required=True),
    offer("service"),
    offer("api.throttle_rate"),
    offer("api.throttle_burst"),
    offer("api.max_body_bytes"),
    offer("api.execution_log_level"),
    offer("functions.memory"),
    offer("functions.timeout"),
    offer("functions.ingestion_budget"),
    offer("functions.processing_budget"),
    offer("functions.ingestion_reserved_concurrency", computed=_reserved("ingestion", low=1)),
    offer(
        "functions.processing_reserved_concurrency",
        high=MAX_MAPPING_CONCURRENCY,
        computed=_reserved("processing", low=2),
    ),
    offer("functions.account_concurrency", only_checked=True),
    offer("functions.log_retention"),
    offer("functions.log_level"),
    offer("functions.system_log_level"),
    offer("queue.visibility_timeout"),
    offer("queue.max_receive_count"),
    offer("queue.retention"),
    offer("storage.archive_by"),
    offer("storage.glacier_after"),
    offer("storage.glacier_minimum_size"),
    offer("storage.noncurrent_versions"),
    offer("routing.archive_retention"),
    offer("monitoring.error_rate"),
    offer("monitoring.minimum_invocations"),
    offer("monitoring.refused_requests"),
    offer("monitoring.refused_of_provider"),
    offer("monitoring.backlog_age"),
    offer("monitoring.backlog_depth"),
)

# Lower limits of `api.ingest` `direct`: a message of the ingest queue is smaller, and its mapping uses 2 to 1,000.
_DIRECT: Mapping[str, Input] = MappingProxyType(
    {
        item.path: item
        for item in (
            offer("api.max_body_bytes", high=MAX_DIRECT_BODY_BYTES),
            offer(
                "functions.ingestion_reserved_concurrency",
                low=MIN_MAPPING_CONCURRENCY,
                high=MAX_MAPPING_CONCURRENCY,
                computed=_reserved("ingestion", low=MIN_MAPPING_CONCURRENCY, direct=True),
            ),
        )
    }
)


def offered_of(settings: Settings) -> Sequence[Input]:
    """Return the inputs of the module of an environment."""
    if settings.api.ingest != "direct":
        return OFFERED
    return tuple(_DIRECT.get(item.path, item) for item in OFFERED)


# What a caller cannot choose, and why.
FIXED: Mapping[str, str] = MappingProxyType(
    {
        "preset": "the other settings start from it",
        "providers": "each has resources of its own",
        "provider_options": "go with the providers",
        "api.provider_rates": "each has a path of its own",
        "api.ingest": "the ingest queue has its own resources, and each provider has a path",
        "api.api_key": "a key has resources of its own",
        "api.api_key_added_for": "goes with the providers",
        "functions.runtime": "the bundles are built for it",
        "quarantine.enabled": "the quarantine has permissions, a rule of the lifecycle and an alarm of its own",
        "quarantine.days": "goes with the quarantine",
        "quarantine.webhooks_per_hour": "goes with the quarantine",
        "reconciliation": "each has resources of its own",
        "statement": "the statement has a function, a schedule and alarms of its own",
        "queue.fifo": "a queue cannot change its kind",
        "queue.ordered_by": "goes with the kind of queue",
        "queue.batch_size": "goes with the kind of queue",
        "queue.batch_window": "goes with the kind of queue",
        "routing.modes": "goes with the providers",
        "routing.subscribers": "each has resources of its own",
        "monitoring.expect_every": "each has resources of its own",
        "network.vpc": "the VPC has resources of its own",
        "network.cidr": "the subnets are computed from it",
        "network.zones": "each has a subnet of its own",
    }
)
# What belongs to the caller's root module and not to this one.
OF_THE_CALLER = (
    "region",
    "tags",
    "backend.bucket",
    "backend.key",
    "backend.region",
    "backend.kms_key_id",
    "backend.role_arn",
    "backend.profile",
    "backend.use_path_style",
    "api.manage_account_log_role",
)
# Settings of other stacks.
OF_ANOTHER_STACK = ("inbound", *(path for path in _DECLARED if path.startswith("delivery.")))
