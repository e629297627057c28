"""What the end-to-end tests of outbound delivery share."""

import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tests.second_server import deploy_to_a_server
from tools.local import LocalStack, wait_for
from tools.local_delivery import LocalDelivery, Tenant
from tools.ministack import LocalAws

QUIET_SECONDS = 30


def both_stacks(folders: pytest.TempPathFactory, cleanup: ExitStack) -> tuple[LocalStack, LocalDelivery]:
    """Deploy both stacks of the environment ``local`` on a local AWS of their own."""

    def deploy(server: LocalAws) -> tuple[LocalStack, LocalDelivery]:
        stack = LocalStack.deploy(server, folders.mktemp("inbound"))
        return stack, LocalDelivery.beside(stack, folders.mktemp("delivery"))

    return deploy_to_a_server(cleanup, deploy)


def deployed_alone(folders: pytest.TempPathFactory, cleanup: ExitStack) -> LocalDelivery:
    """Deploy the delivery stack of the environment ``local`` without its inbound one: its bus is there, and no more."""

    def deploy(server: LocalAws) -> LocalDelivery:
        server.client("events").create_event_bus(Name="webhook-events-local")
        return LocalDelivery.deploy(server, folders.mktemp("delivery"))

    return deploy_to_a_server(cleanup, deploy)


def refused_url() -> str:
    """Return the URL of a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/hook"


def settled(tenant: Tenant, event_id: str) -> dict[str, Any]:
    """Return an event's only delivery once a worker has looked at it, and decided to wait."""

    def look() -> dict[str, Any] | None:
        (delivery,) = tenant.event(event_id)["deliveries"]
        return delivery if delivery["updatedAt"] != delivery["createdAt"] else None

    return wait_for(f"the delivery of {event_id} to wait", look, QUIET_SECONDS)
