"""Builds the worker from its clients and settings."""

import random
import time
from collections.abc import Callable
from typing import Any

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import RetrySchedule
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.services.release import Release
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.signing_keys import SigningKeyStore
from lambdas.delivery_worker.admission import Admission
from lambdas.delivery_worker.attempting import AttemptMaker
from lambdas.delivery_worker.batch import Worker
from lambdas.delivery_worker.bus_events import BusEventConsumer
from lambdas.delivery_worker.deliver import DeliverConsumer
from lambdas.delivery_worker.endpoint_health import EndpointHealth
from lambdas.delivery_worker.fan_out import FanOutConsumer
from lambdas.delivery_worker.inbound_payloads import InboundPayloads
from lambdas.delivery_worker.operator_bus import OperatorBus
from lambdas.delivery_worker.recording import Recorder
from lambdas.delivery_worker.resume import ResumeConsumer


def build_worker(
    *,
    dynamodb: Any,
    endpoints_table: str,
    events_table: str,
    queue: DeliveryQueue,
    client: HttpClient,
    keys: SigningKeyStore,
    operator_bus: OperatorBus,
    retry_schedule: RetrySchedule,
    retention: Retention,
    disable_after_hours: float,
    inbound_payloads: InboundPayloads | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Worker:
    """Return a worker.

    Parameters
    ----------
    retry_schedule : RetrySchedule
        Of endpoints that name none.
    retention : Retention
        How long events and deliveries are kept.
    disable_after_hours : float
        Hours of nothing but failures after which an endpoint is disabled.
    inbound_payloads : InboundPayloads | None
        Puts the providers' payloads into events of the inbound bus; None leaves there what the bus says.
    clock, sleep, jitter
        Seconds since the epoch; a way to let some pass; and a random number of at least 0 and less than 1.
    """
    deliveries, events = Deliveries(dynamodb, events_table), Events(dynamodb, events_table)
    endpoints, health = Endpoints(dynamodb, endpoints_table), HealthStore(dynamodb, endpoints_table)
    due = DueStore(dynamodb, events_table)
    announcer = Announcer(events=events, retention=retention)
    endpoint_health = EndpointHealth(
        endpoints=endpoints,
        health=health,
        due=due,
        queue=queue,
        announcer=announcer,
        disable_after_hours=disable_after_hours,
        clock=clock,
    )
    recorder = Recorder(
        deliveries=deliveries,
        endpoints=endpoints,
        events=events,
        due=due,
        queue=queue,
        announcer=announcer,
        retention=retention,
        clock=clock,
    )
    deliver = DeliverConsumer(
        deliveries=deliveries,
        endpoints=endpoints,
        events=events,
        admission=Admission(health=health, attempt_seconds=client.seconds, clock=clock, sleep=sleep, jitter=jitter),
        attempts=AttemptMaker(
            events=events,
            client=client,
            keys=keys,
            endpoint_health=endpoint_health,
            recorder=recorder,
            retry_schedule=retry_schedule,
            retention=retention,
            clock=clock,
            jitter=jitter,
        ),
        recorder=recorder,
        endpoint_health=endpoint_health,
        clock=clock,
    )
    return Worker(
        fan_out=FanOutConsumer(
            deliveries=deliveries,
            endpoints=endpoints,
            events=events,
            queue=queue,
            operator_bus=operator_bus,
            retention=retention,
        ),
        deliver=deliver,
        bus_events=BusEventConsumer(events=events, queue=queue, retention=retention, payloads=inbound_payloads),
        resume=ResumeConsumer(release=Release(due=due, endpoints=endpoints, queue=queue)),
        clock=clock,
    )
