"""What the end-to-end tests of delivery share."""

import socket
from typing import Any

from tools.local.calls import wait_for
from tools.local.delivery import TenantClient

QUIET_SECONDS = 120


def refused_url() -> str:
    """Return the URL of a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/hook"


def settled(tenant: TenantClient, event_id: str) -> dict[str, Any]:
    """Return an event's only delivery once a worker has looked at it, and decided to wait."""

    def look() -> dict[str, Any] | None:
        (delivery,) = tenant.event(event_id)["deliveries"]
        return delivery if delivery["updatedAt"] != delivery["createdAt"] else None

    return wait_for(f"the delivery of {event_id} to wait", look, QUIET_SECONDS)
