"""Tables for a file of tests, a world of its own for each test in it, and a receiver that fails as it is told."""

import uuid
from collections.abc import Iterator

import pytest

from tests.lambdas.delivery_support import DeliveryWorld
from tests.lambdas.support import Clients, create_delivery_tables
from tools.local.faulty_receiver import FaultyReceiver


@pytest.fixture(scope="module")
def tables(clients: Clients) -> str:
    """The name that the tables' names begin with."""
    name = f"delivery-{uuid.uuid4().hex[:8]}"
    create_delivery_tables(clients.dynamodb, name)
    return name


@pytest.fixture
def world(clients: Clients, tables: str) -> DeliveryWorld:
    return DeliveryWorld(dynamodb=clients.dynamodb, name=tables)


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with FaultyReceiver() as running:
        yield running
