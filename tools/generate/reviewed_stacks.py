"""The stacks that are reviewed, as golden synths and accepted plans: presets, and what they may have besides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from modules.constructs.bundling import BUNDLES
from modules.settings.model import Settings
from modules.settings.presets import PRESETS

if TYPE_CHECKING:
    from modules.synth.cdk import Construct, TerraformStack

DIRECT = "direct"
RECONCILING = "reconciling"
DELIVERY = "delivery"
NAMES = (*PRESETS, DIRECT, RECONCILING, DELIVERY)
_DIRECT_VALUES: Mapping[str, Any] = MappingProxyType(
    {"preset": "standard", "api": {"ingest": "direct", "max_body_bytes": 180_000}}
)
# One whose list shows signatures, and one whose list does not.
_RECONCILING_VALUES: Mapping[str, Any] = MappingProxyType(
    {
        "preset": "standard",
        "reconciliation": {
            "stripe": {"every": "1h", "types": ["*"]},
            "github": {"every": "15m", "hook": "repos/acme/shop/hooks/7"},
        },
    }
)
# The delivery stack alone, with everything that it can have.
_DELIVERY_VALUES: Mapping[str, Any] = MappingProxyType(
    {
        "inbound": False,
        "delivery": {
            "receiver": True,
            "bus_name": "webhook-events-prod",
            "archive_bucket": "webhook-archive-123456789012-prod",
            "subscriptions": {"stripe": ["acme", "globex"]},
            "domain": {
                "name": "hooks.example.com",
                "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/11112222-3333-4444",
            },
        },
    }
)


def values_of(name: str) -> Mapping[str, Any]:
    """Return what ``cdktf.json`` would say of a reviewed stack's environment, which is called like it."""
    others = {DIRECT: _DIRECT_VALUES, RECONCILING: _RECONCILING_VALUES, DELIVERY: _DELIVERY_VALUES}
    return others.get(name, {"preset": name})


def build(
    scope: Construct, settings: Settings, bundles: Path = BUNDLES, *, delivery: bool | None = None
) -> TerraformStack:
    """Create one stack of an environment.

    Parameters
    ----------
    delivery : bool | None
        Whether it is the delivery stack; by default that is so where there is no inbound one.
    """
    # Whoever only wants the names needs neither CDKTF's bindings nor Node.js.
    from modules.delivery.stack import DeliveryStack  # noqa: PLC0415
    from modules.inbound.stack import WebhookStack  # noqa: PLC0415

    if delivery or (delivery is None and not settings.inbound):
        return DeliveryStack(scope, f"delivery-{settings.environment}", settings, bundles)
    return WebhookStack(scope, f"webhooks-{settings.environment}", settings, bundles)
