"""Builds the sweeper from its clients and settings."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.release import Release
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.items import DUE_SHARDS
from lambdas.delivery.store.listing import Listing
from lambdas.delivery.store.replays import ReplayStore
from lambdas.delivery_sweeper.sweep import Sweeper


def build_sweeper(
    *,
    dynamodb: Any,
    endpoints_table: str,
    events_table: str,
    queue: DeliveryQueue,
    retention: Retention,
    shards: Sequence[str] = DUE_SHARDS,
    clock: Callable[[], float] = time.time,
) -> Sweeper:
    """Return a sweeper.

    Parameters
    ----------
    retention : Retention
        How long deliveries are kept.
    shards : Sequence[str]
        Partition keys of the index, all by default.
    clock : Callable[[], float]
        Seconds since the epoch.
    """
    due = DueStore(dynamodb, events_table)
    endpoints = Endpoints(dynamodb, endpoints_table)
    return Sweeper(
        due=due,
        queue=queue,
        release=Release(due=due, endpoints=endpoints, queue=queue),
        replays=Replays(
            store=ReplayStore(dynamodb, events_table),
            listing=Listing(dynamodb, events_table),
            deliveries=Deliveries(dynamodb, events_table),
            endpoints=endpoints,
            events=Events(dynamodb, events_table),
            queue=queue,
            retention=retention,
        ),
        shards=shards,
        clock=clock,
    )
