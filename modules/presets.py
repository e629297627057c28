"""The three presets: what each changes of the defaults, which are those of ``standard``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "standard": {},
        "ordered": {"functions": {"memory": 256}, "queue": {"fifo": True}},
        "burst": {
            "api": {"throttle_rate": 10_000, "throttle_burst": 10_000, "api_key": True},
            # 10,000 requests/s at 50 ms each need 500 executions at once. Processing takes ten events an invocation.
            "functions": {"ingestion_reserved_concurrency": 500, "processing_reserved_concurrency": 200},
            "network": {"vpc": True},
        },
    }
)
