"""What the tests of delivery share: real local tables, a queue and a scheduler in virtual time, and crashes.

The tables are MiniStack's. Queue and scheduler are stand-ins where a test covers days, since MiniStack's run on the
machine's clock; they do what SQS and Scheduler do that matters here: at least once, visibility, delays, redrive.
"""

import base64
import hashlib
import heapq
import itertools
import json
import ssl
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from lambdas.delivery.domain.model import Attempt, Delivery, Endpoint, EndpointState, Event, SigningSecret
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import MINUTES, RetrySchedule
from lambdas.delivery.queue.delivery_queue import DeliveryQueue, DeliveryScheduler
from lambdas.delivery.queue.messages import FanOut, Message, write
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.sending.urls import EndpointRules
from lambdas.delivery.services.requeue import Requeue
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.items import EVENT_KEY, ITEM_KEY, attempt_from_item, delivery_from_item, endpoint_to_item
from lambdas.delivery.store.signing_keys import SigningKeyStore
from lambdas.delivery_worker.batch import Worker
from lambdas.delivery_worker.reporting import Report
from lambdas.delivery_worker.wiring import build_worker
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item
from tests.lambdas.support import Clock, CrashError

VISIBILITY_SECONDS = 180
INVOCATION_SECONDS = 60.0
MAX_RECEIVES = 5
SECRET = "whsec_" + base64.b64encode(b"\x05" * 32).decode()
SEED = base64.b64encode(b"\x07" * 32).decode()
# A process makes one, and here every step is a process; reading the authorities takes longer than the step.
TLS = ssl.create_default_context()


# --- queue and scheduler in virtual time ----------------------------------------------------------------------------


@dataclass
class VirtualQueue:
    """SQS as far as it matters here; its `send` is that of `DeliveryQueue`."""

    clock: Clock
    dead: list[str] = field(default_factory=list)
    max_receives: int = MAX_RECEIVES
    sent: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._heap: list[tuple[float, int, str, str, int]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()

    def send(self, message: Any, delay_seconds: int = 0) -> None:
        assert 0 <= delay_seconds <= 900
        self.put(write(message), self.clock.now + delay_seconds)

    def put(self, body: str, at: float) -> None:
        with self._lock:
            self.sent.append((at, body))
            heapq.heappush(self._heap, (at, next(self._order), str(uuid.uuid4()), body, 0))

    def receive(self, most: int = 10) -> list[dict[str, Any]]:
        """Hand out messages that are visible; they come back after the visibility timeout unless they are deleted."""
        records = []
        while len(records) < most and self._heap and self._heap[0][0] <= self.clock.now:
            _, _, message_id, body, receives = heapq.heappop(self._heap)
            if receives >= self.max_receives:
                self.dead.append(body)
                continue
            back = (self.clock.now + VISIBILITY_SECONDS, next(self._order), message_id, body, receives + 1)
            heapq.heappush(self._heap, back)
            records.append(record(body, message_id, receives + 1))
        return records

    def delete(self, message_ids: set[str]) -> None:
        self._heap = [one for one in self._heap if one[2] not in message_ids]
        heapq.heapify(self._heap)

    @property
    def next_at(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(one[3]) for one in sorted(self._heap)]


class VirtualScheduler:
    """EventBridge Scheduler's one-time schedules into a `VirtualQueue`."""

    def __init__(self, queue: VirtualQueue) -> None:
        self._queue = queue
        self.made: dict[str, dict[str, Any]] = {}

    def create_schedule(self, **arguments: Any) -> dict[str, Any]:
        name = arguments["Name"]
        assert len(name) <= 64
        at = datetime.strptime(arguments["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC).timestamp()
        if name in self.made and self.made[name]["at"] > self._queue.clock.now:
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "exists"}}, "CreateSchedule")
        self.made[name] = {**arguments, "at": at}
        self._queue.put(arguments["Target"]["Input"], at)
        return {}


def record(body: str, message_id: str | None = None, receives: int = 1, group: str = "tenant") -> dict[str, Any]:
    """Return a record of an SQS event."""
    return {
        "messageId": message_id or str(uuid.uuid4()),
        "receiptHandle": "receipt",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives), "MessageGroupId": group},
        "eventSource": "aws:sqs",
    }


# --- crashes --------------------------------------------------------------------------------------------------------


@dataclass
class Death:
    """A process that dies at a boundary: before or after any call that leaves it. Dead, it makes no further call.

    Attributes
    ----------
    decide : Callable[[int, str], bool]
        Told the number of the boundary, from 1, and its name; says whether the process dies there.
    """

    decide: Callable[[int, str], bool]
    at: str | None = None
    passed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def boundary(self, name: str) -> None:
        with self._lock:
            if self.at is None:
                self.passed.append(name)
                if self.decide(len(self.passed), name):
                    self.at = name
            if self.at is not None:
                raise CrashError(self.at)

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        self.boundary(f"before {name}")
        result = call()
        self.boundary(f"after {name}")
        return result


class Mortal:
    """Anything whose calls are boundaries of a process."""

    def __init__(self, wrapped: Any, death: Death, names: Sequence[str]) -> None:
        self._wrapped = wrapped
        self._death = death
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        if name not in self._names:
            return found
        return lambda *args, **kwargs: self._death.around(name, lambda: found(*args, **kwargs))


TABLE_CALLS = ("get_item", "batch_get_item", "put_item", "update_item", "transact_write_items", "query")


# --- the world ------------------------------------------------------------------------------------------------------


@dataclass
class DeliveryWorld:
    """Tables of one session, and a queue and tenants of one test."""

    dynamodb: Any
    name: str
    schedule: RetrySchedule = MINUTES
    disable_after_hours: float = 120.0
    seconds: float = 5.0
    clock: Clock = field(default_factory=Clock)
    retention: Retention = field(default_factory=Retention)
    logged: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = VirtualQueue(self.clock)
        self.scheduler = VirtualScheduler(self.queue)
        self.tenant = f"tnt-{uuid.uuid4().hex[:10]}"
        self._events = itertools.count(1)

    # Collaborators, as a handler builds them.

    @property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.dynamodb, f"{self.name}-events")

    @property
    def events(self) -> Events:
        return Events(self.dynamodb, f"{self.name}-events")

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.dynamodb, f"{self.name}-endpoints")

    @property
    def health(self) -> HealthStore:
        return HealthStore(self.dynamodb, f"{self.name}-endpoints")

    @property
    def requeue(self) -> Requeue:
        return Requeue(
            deliveries=self.deliveries,
            endpoints=self.endpoints,
            events=self.events,
            queue=self.queue,  # type: ignore[arg-type]
            retention=self.retention,
        )

    def worker(self, death: Death | None = None, **changes: Any) -> Worker:
        """Return a worker, as a new process has one; with a death, one that may die at any of its calls."""

        def mortal(wrapped: Any, *names: str) -> Any:
            return wrapped if death is None else Mortal(wrapped, death, names)

        queue: DeliveryQueue = mortal(self.queue, "send")
        scheduler = mortal(self.scheduler, "create_schedule")
        client = HttpClient(rules=EndpointRules(local=True), seconds=self.seconds, tls=TLS)
        values: dict[str, Any] = {
            "dynamodb": mortal(self.dynamodb, *TABLE_CALLS),
            "endpoints_table": f"{self.name}-endpoints",
            "events_table": f"{self.name}-events",
            "queue": queue,
            "scheduler": DeliveryScheduler(queue, scheduler, "arn:queue", "group", "arn:role"),
            "client": mortal(client, "post"),
            "keys": SigningKeyStore(None, None),
            "retry_schedule": self.schedule,
            "retention": self.retention,
            "disable_after_hours": self.disable_after_hours,
            "clock": self.clock,
            "sleep": lambda _: None,
            "jitter": lambda: 0.0,
        }
        return build_worker(**(values | changes))

    def log(self, what: str, **fields: Any) -> None:
        self.logged.append((what, fields))

    # What there is to begin with.

    def add_endpoint(self, url: str, endpoint_id: str = "ep_1", tenant: str | None = None, **changes: Any) -> Endpoint:
        at = times.iso(self.clock.now)
        values = {
            "tenant_id": tenant or self.tenant,
            "endpoint_id": endpoint_id,
            "url": url,
            "filters": {},
            "secrets": (SigningSecret(value=SECRET, created_at=at),),
            "headers": {},
            "created_at": at,
            "updated_at": at,
        } | changes
        return self.put_endpoint(Endpoint(**values))

    def put_endpoint(self, endpoint: Endpoint) -> Endpoint:
        self.dynamodb.put_item(TableName=f"{self.name}-endpoints", Item=to_item(endpoint_to_item(endpoint)))
        return endpoint

    def set_state(self, endpoint: Endpoint, state: EndpointState) -> Endpoint:
        """Do what the API does when a tenant pauses or activates an endpoint."""
        return self.put_endpoint(replace(endpoint, state=state, updated_at=times.iso(self.clock.now)))

    def add_event(
        self, payload: bytes = b'{"type":"invoice.paid","n":1.10}', tenant: str | None = None, **changes: Any
    ) -> Event:
        """Do what the API does when an event is handed in."""
        values = {
            "tenant_id": tenant or self.tenant,
            "event_id": f"evt_{next(self._events):026}",
            "event_type": "invoice.paid",
            "created_at": times.iso(self.clock.now),
            "size": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "correlation_id": "correlation-1",
            "expires_at": self.retention.created(self.clock.now),
        } | changes
        event = Event(**values)
        assert self.events.create(event, payload)
        self.queue.send(FanOut(tenant_id=event.tenant_id, event_id=event.event_id))
        return event

    # Running.

    def step(self, death: Death | None = None, most: int = 10, **changes: Any) -> bool:
        """Have a worker process one batch of what is visible; tell whether it lived."""
        records = self.queue.receive(most)
        report = Report(log=self.log)
        try:
            failures = self.worker(death, **changes).run(records, INVOCATION_SECONDS, report)
        except CrashError:
            return False
        self.queue.delete({one["messageId"] for one in records} - set(failures))
        return True

    def process(self, message: Message | str, message_id: str = "message-1", **changes: Any) -> list[str]:
        """Have a worker process one message and return the ids that must come back."""
        body = message if isinstance(message, str) else write(message)  # type: ignore[arg-type]
        return self.worker(**changes).run([record(body, message_id)], INVOCATION_SECONDS, Report(log=self.log))

    def run(self, until: float | None = None, death: Callable[[], Death | None] = lambda: None, **changes: Any) -> None:
        """Process until nothing is left to come, moving the clock to the next message each time.

        Parameters
        ----------
        until : float | None
            Seconds since the epoch at which to stop, even if more is to come.
        death : Callable[[], Death | None]
            Returns the death of each worker process.
        """
        for _ in range(100_000):
            at = self.queue.next_at
            if at is None or (until is not None and at > until):
                self.clock.now = max(self.clock.now, until or 0.0)
                return
            self.clock.now = max(self.clock.now, at)
            self.step(death(), **changes)
        raise AssertionError("the queue never becomes empty")

    # What there is, read past the code under test.

    def delivery(self, event: Event, endpoint_id: str = "ep_1") -> Delivery:
        found = self.deliveries.read(event.tenant_id, event.event_id, endpoint_id)
        assert found is not None
        return found

    def items(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=f"{self.name}-events", ConsistentRead=True)
        found = [from_item(item) for page in pages for item in page["Items"]]
        return [one for one in found if one[EVENT_KEY].startswith(self.tenant)]

    def all_deliveries(self) -> list[Delivery]:
        return [delivery_from_item(one) for one in self.items() if one[ITEM_KEY].startswith("delivery#")]

    def attempts(self) -> list[Attempt]:
        found = [attempt_from_item(one) for one in self.items() if one[ITEM_KEY].startswith("attempt#")]
        return sorted(found, key=lambda one: (one.event_id, one.endpoint_id, one.number))
