"""Builds the sweeper from its clients and settings."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.release import Release
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.items import DUE_SHARDS
from lambdas.delivery_sweeper.sweep import Sweeper


def build_sweeper(
    *,
    dynamodb: Any,
    endpoints_table: str,
    events_table: str,
    queue: DeliveryQueue,
    shards: Sequence[str] = DUE_SHARDS,
    clock: Callable[[], float] = time.time,
) -> Sweeper:
    """Return a sweeper.

    Parameters
    ----------
    shards : Sequence[str]
        Partition keys of the index, all by default.
    clock : Callable[[], float]
        Seconds since the epoch.
    """
    due = DueStore(dynamodb, events_table)
    release = Release(due=due, endpoints=Endpoints(dynamodb, endpoints_table), queue=queue)
    return Sweeper(due=due, queue=queue, release=release, shards=shards, clock=clock)
