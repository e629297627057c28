"""Tables in memory, a world of its own for each test, and a receiver that fails as it is told.

The tests cover days with a call or ten a minute; the stand-in is compared with the local DynamoDB, call by call, by
`tests.lambdas.simulation.test_memory_dynamodb`. The handlers' tests have the local DynamoDB itself.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lambdas.delivery_support import DeliveryWorld
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB
from tests.lambdas.support import create_delivery_tables
from tools.local.faulty_receiver import FaultyReceiver


class OneAtATime:
    """A client that the worker's threads may share."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return found(*args, **kwargs)

        return call


@pytest.fixture
def memory() -> Any:
    """A DynamoDB client with the tables of delivery, named ``delivery-...``."""
    client = OneAtATime(MemoryDynamoDB(lambda: 0.0))
    create_delivery_tables(client, "delivery")
    return client


@pytest.fixture
def world(memory: Any) -> DeliveryWorld:
    return DeliveryWorld(dynamodb=memory, name="delivery")


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with FaultyReceiver() as running:
        yield running
