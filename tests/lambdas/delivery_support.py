"""What the tests of delivery share: real local tables, a queue in virtual time, sweeps, and crashes.

The tables are MiniStack's. The queue is a stand-in where a test covers days, since MiniStack's runs on the machine's
clock; it does what SQS does that matters here: at least once, visibility, delays, redrive.
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
from typing import Any

from lambdas.delivery.domain.due import HORIZON_SECONDS, to_fan_out
from lambdas.delivery.domain.model import Attempt, Delivery, Endpoint, EndpointState, Event, SigningSecret
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import MINUTES, RetrySchedule
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import FanOut, Message, write
from lambdas.delivery.sending.http_client import HttpClient
from lambdas.delivery.sending.urls import EndpointRules
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.services.requeue import Requeue, Resume
from lambdas.delivery.services.suspension import Suspension
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.items import (
    EVENT_KEY,
    ITEM_KEY,
    attempt_from_item,
    delivery_from_item,
    due_shards,
    endpoint_to_item,
)
from lambdas.delivery.store.listing import Listing
from lambdas.delivery.store.replays import ReplayStore
from lambdas.delivery.store.signing_keys import SigningKeyStore
from lambdas.delivery_sweeper.sweep import SweepResult
from lambdas.delivery_sweeper.wiring import build_sweeper
from lambdas.delivery_worker.batch import Worker
from lambdas.delivery_worker.operator_bus import OperatorBus
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


# --- the queue in virtual time --------------------------------------------------------------------------------------


@dataclass
class VirtualQueue:
    """SQS as far as it matters here: the calls of a client that `DeliveryQueue` makes, and a worker's side."""

    clock: Clock
    dead: list[str] = field(default_factory=list)
    max_receives: int = MAX_RECEIVES
    sent: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._heap: list[tuple[float, int, str, str, int]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()

    def send_message(self, **entry: Any) -> dict[str, Any]:
        assert 0 <= entry["DelaySeconds"] <= 900
        self.put(entry["MessageBody"], self.clock.now + entry["DelaySeconds"])
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        del QueueUrl
        assert 0 < len(Entries) <= 10
        for entry in Entries:
            self.send_message(**entry)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def send(self, message: Any) -> None:
        DeliveryQueue(self, "").send(message)

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


def record(body: str, message_id: str | None = None, receives: int = 1, group: str = "tenant") -> dict[str, Any]:
    """Return a record of an SQS event."""
    return {
        "messageId": message_id or str(uuid.uuid4()),
        "receiptHandle": "receipt",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives), "MessageGroupId": group},
        "eventSource": "aws:sqs",
    }


@dataclass
class MemoryBus:
    """EventBridge, as far as it takes events."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False

    def put_events(self, *, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        if self.refuses:
            failed = [{"ErrorCode": "ThrottlingException", "ErrorMessage": "rate"} for _ in Entries]
            return {"FailedEntryCount": len(Entries), "Entries": failed}
        self.taken += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid.uuid4())} for _ in Entries]}

    def kinds(self) -> list[str]:
        return [one["DetailType"] for one in self.taken]

    def details(self) -> list[dict[str, Any]]:
        return [json.loads(one["Detail"]) for one in self.taken]


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


TABLE_CALLS = (
    "get_item",
    "batch_get_item",
    "put_item",
    "update_item",
    "delete_item",
    "transact_write_items",
    "batch_execute_statement",
    "query",
)
QUEUE_CALLS = ("send_message", "send_message_batch")
SWEEP_SECONDS = 60


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
        self.bus = MemoryBus()
        self.tenant = f"tnt-{uuid.uuid4().hex[:10]}"
        self.tenants = {self.tenant}
        self._swept = self.clock.now - SWEEP_SECONDS
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
            queue=DeliveryQueue(self.queue, ""),
            retention=self.retention,
        )

    @property
    def replays(self) -> Replays:
        return Replays(
            store=ReplayStore(self.dynamodb, f"{self.name}-events"),
            listing=Listing(self.dynamodb, f"{self.name}-events"),
            deliveries=self.deliveries,
            endpoints=self.endpoints,
            events=self.events,
            queue=DeliveryQueue(self.queue, ""),
            retention=self.retention,
        )

    @property
    def due(self) -> DueStore:
        return DueStore(self.dynamodb, f"{self.name}-events")

    def suspension(self, death: Death | None = None) -> Suspension:
        """Return what suspends tenants; with a death, in a process that may die at any of its calls."""
        dynamodb = self.dynamodb if death is None else Mortal(self.dynamodb, death, (*TABLE_CALLS, "get_paginator"))
        queue = self.queue if death is None else Mortal(self.queue, death, QUEUE_CALLS)
        return Suspension(
            identities=Identities(dynamodb, f"{self.name}-tenants"),
            endpoints=Endpoints(dynamodb, f"{self.name}-endpoints"),
            due=DueStore(dynamodb, f"{self.name}-events"),
            queue=DeliveryQueue(queue, ""),
        )

    def resume(self, endpoint_id: str = "ep_1") -> None:
        """Do what the API does when an endpoint was activated."""
        Resume(health=self.health, due=self.due, queue=DeliveryQueue(self.queue, ""), clock=self.clock)(
            self.tenant, endpoint_id
        )

    def worker(self, death: Death | None = None, **changes: Any) -> Worker:
        """Return a worker, as a new process has one; with a death, one that may die at any of its calls."""

        def mortal(wrapped: Any, *names: str) -> Any:
            return wrapped if death is None else Mortal(wrapped, death, names)

        client = HttpClient(rules=EndpointRules(local=True), seconds=self.seconds, tls=TLS)
        values: dict[str, Any] = {
            "dynamodb": mortal(self.dynamodb, *TABLE_CALLS),
            "endpoints_table": f"{self.name}-endpoints",
            "events_table": f"{self.name}-events",
            "queue": DeliveryQueue(mortal(self.queue, *QUEUE_CALLS), ""),
            "client": mortal(client, "post"),
            "keys": SigningKeyStore(None, None),
            "operator_bus": OperatorBus(mortal(self.bus, "put_events"), "operations"),
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
        event = to_fan_out(Event(**values), self.clock.now, 0)
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

    def sweep(self, death: Death | None = None) -> SweepResult | None:
        """Have a sweeper work; None when it died."""

        def mortal(wrapped: Any, *names: str) -> Any:
            return wrapped if death is None else Mortal(wrapped, death, names)

        self._swept = self.clock.now
        try:
            return build_sweeper(
                dynamodb=mortal(self.dynamodb, *TABLE_CALLS),
                endpoints_table=f"{self.name}-endpoints",
                events_table=f"{self.name}-events",
                queue=DeliveryQueue(mortal(self.queue, *QUEUE_CALLS), ""),
                retention=self.retention,
                shards=self._shards(),
                clock=self.clock,
            ).run(SWEEP_SECONDS)
        except CrashError:
            return None

    def next_due(self) -> float | None:
        """Return when the due index has something for a sweep."""
        firsts = [next(self.due.until(shard, "~", 1), []) for shard in self._shards()]
        found = [
            (times.parse(entry.due_at) or 0.0)
            - (SWEEP_SECONDS if entry.kind in ("hold", "replay") else HORIZON_SECONDS)
            for first in firsts
            for entry in first
        ]
        return max(min(found), self._swept + SWEEP_SECONDS) if found else None

    def _shards(self) -> list[str]:
        # Those of other tests' tenants are none of this test's business.
        return sorted({shard for tenant in self.tenants for shard in due_shards(tenant)})

    def process(self, message: Message | str, message_id: str = "message-1", **changes: Any) -> list[str]:
        """Have a worker process one message and return the ids that must come back."""
        body = message if isinstance(message, str) else write(message)  # type: ignore[arg-type]
        return self.worker(**changes).run([record(body, message_id)], INVOCATION_SECONDS, Report(log=self.log))

    def advance(self, until: float | None = None, death: Death | None = None, **changes: Any) -> bool:
        """Let time pass to the next message or sweep, and have it processed; tell whether there was one."""
        at, due = self.queue.next_at, None
        # What is nearer than a minute has its message.
        if at is None or at > self.clock.now + SWEEP_SECONDS:
            due = self.next_due()
        sweeps = due is not None and (at is None or due < at)
        at = due if sweeps else at
        if at is None or (until is not None and at > until):
            return False
        self.clock.now = max(self.clock.now, at)
        if sweeps:
            self.sweep(death)
        else:
            self.step(death, **changes)
        return True

    def run(self, until: float | None = None, death: Callable[[], Death | None] = lambda: None, **changes: Any) -> None:
        """Process until nothing is left to come, moving the clock to the next message, or to the sweep that sends it.

        Sweeps are made each minute; those that would find nothing are left out.

        Parameters
        ----------
        until : float | None
            Seconds since the epoch at which to stop, even if more is to come.
        death : Callable[[], Death | None]
            Returns the death of each worker process.
        """
        for _ in range(100_000):
            if not self.advance(until, death(), **changes):
                self.clock.now = max(self.clock.now, until or 0.0)
                return
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
