"""The three presets: what each changes of the defaults, which are those of ``standard``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "standard": {},
        "ordered": {"functions": {"memory": 256}, "queue": {"fifo": True, "batch_size": 10, "batch_window": 0}},
        "burst": {
            # Lambda takes ten requests/s for each reserved execution, so a function in the request would take half.
            "api": {
                "ingest": "direct",
                "max_body_bytes": 180_000,
                "throttle_rate": 10_000,
                "throttle_burst": 10_000,
                "api_key": True,
            },
            # 200 ms for a batch of ten. Ingestion's 500 and these 200 fit into an account's usual 1,000.
            "functions": {"processing_budget": 20},
            # Those that can send an API key.
            "providers": ("generic", "generic-timestamped"),
            "network": {"vpc": True},
        },
    }
)
