"""The deployed stack of one seed: functions, tables, queue, tenants and operator, and the invariants that all keep."""

import inspect
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

from lambdas.delivery.domain.operational_events import DISABLED_EVENT, given_up, is_reserved
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import MINUTES, RetrySchedule
from lambdas.delivery.queue import delivery_queue
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.event_intake import EventIntake
from lambdas.delivery.services.key_pairs import SigningKeyPairs
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.services.requeue import Requeue, Resume
from lambdas.delivery.services.suspension import Suspension
from lambdas.delivery.services.tenant_keys import TenantKeys
from lambdas.delivery.store.cursors import Cursors
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints as EndpointStore
from lambdas.delivery.store.event_counts import EventCounts
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.items import (
    EVENT_ITEM,
    PAYLOAD_ITEM,
    SUSPENSION_ITEM,
    delivery_from_item,
    delivery_item,
)
from lambdas.delivery.store.listing import Listing
from lambdas.delivery.store.replays import ReplayStore
from lambdas.delivery.store.signing_keys import SigningKeyStore
from lambdas.delivery_api import operations as tenant_api
from lambdas.delivery_operator import operations as operator_api
from lambdas.delivery_operator.audit import audit_log
from lambdas.delivery_operator.endpoints import EndpointServices
from lambdas.delivery_sweeper import sweep
from lambdas.delivery_sweeper.wiring import build_sweeper
from lambdas.delivery_worker import batch
from lambdas.delivery_worker.operator_bus import OperatorBus
from lambdas.delivery_worker.reporting import Report
from lambdas.delivery_worker.wiring import build_worker
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item
from lambdas.shared.redrive import Redriven
from tests.lambdas.delivery_api_support import proxy_event
from tests.lambdas.delivery_support import INVOCATION_SECONDS, SEED, MemoryBus
from tests.lambdas.simulation.delivery.endpoints import Behave, EndpointRequest, Endpoints, healthy
from tests.lambdas.simulation.delivery.queue import MemorySQS, SentMessage
from tests.lambdas.simulation.faults import Chaos, FaultRates, Faulty, MemorySecrets
from tests.lambdas.simulation.kernel import Invocation, Kernel, determined
from tests.lambdas.simulation.memory_dynamodb import Item, Key, MemoryDynamoDB
from tests.lambdas.support import create_delivery_tables

LONGEST_CHAIN = 4
LONGEST_LINEAGE = 12
"""Of a chain that is counted by the message of each batch that is the farthest in its chain."""
SWEEP_SECONDS = 60.0
FINAL = frozenset({"DELIVERED", "DLQ"})
_CONTEXT = SimpleNamespace(
    function_name="function", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="request"
)


@dataclass(frozen=True)
class ApiAnswer:
    """What a caller of the API saw; status 0 when nothing came."""

    status: int
    json: Any


@dataclass(frozen=True)
class Attempted:
    """An attempt as it began."""

    tenant: str
    endpoint_id: str
    late: float
    retry: bool
    at: float


class Simultaneous:
    """`ThreadPoolExecutor` as worker and sweeper use it, with threads in virtual time."""

    kernel: Kernel

    def __init__(self, max_workers: int) -> None:
        del max_workers

    def __enter__(self) -> "Simultaneous":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, call: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        chains = [one["attributes"].get("chain") if isinstance(one, dict) else None for one in items]
        return self.kernel.side_by_side([partial(call, one) for one in items], chains)


CREATION_SECONDS = 30.0
"""How long a call that creates an endpoint may take, and what clocks differ by."""


class World:
    """One stack on a clock of its own.

    Parameters
    ----------
    seed
        Decides everything.
    rates
        Of faults, while there are any.
    lag
        Returns the seconds that an index is behind.
    skew
        Seconds that a clock is ahead or behind at most.
    """

    def __init__(
        self,
        seed: int,
        *,
        rates: FaultRates | None = None,
        lag: Callable[[random.Random], float] = lambda chance: chance.expovariate(20.0),
        skew: float = 0.3,
        concurrency: int = 10,
        schedule: RetrySchedule = MINUTES,
        sweeps: bool = True,
    ) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.kernel = Kernel()
        self.chaos = Chaos(self.kernel, self.chance, rates or FaultRates())
        self.skew = skew
        self.schedule = schedule
        self.sweeping = sweeps
        self.sweeps = 0
        self.swept_at: list[float] = []
        self.sweep_calls = 0
        self.memory = MemoryDynamoDB(lambda: self.kernel.now, lambda: lag(self.chance))
        create_delivery_tables(self.memory, "sim")
        self.memory.watchers.append(self._watch)
        self.bus = MemoryBus()
        self.sqs = MemorySQS(self.kernel, self.chaos, self._work, concurrency=concurrency)
        self.sqs.on_invocation = self._invoke_worker
        self.endpoints = Endpoints(self)
        self.violations: dict[str, list[str]] = defaultdict(list)
        self.traced: list[str] = []
        # Seen through the tables
        self.open: set[Key] = set()
        self.held: Counter[str] = Counter()
        self.number_of_deliveries = 0
        self.series: defaultdict[Key, int] = defaultdict(int)
        self.requests: defaultdict[Key, list[EndpointRequest]] = defaultdict(list)
        self.attempted: list[Attempted] = []
        self.endpoint_at: dict[str, tuple[str, str]] = {}
        self.endpoint_states: dict[tuple[str, str], tuple[str, float]] = {}
        self.ever_disabled: set[tuple[str, str]] = set()
        self.suspended: dict[str, float] = {}
        self.claimed: dict[Key, float] = {}
        self.erased: dict[str, float] = {}
        self.accepted: dict[str, str] = {}
        self.replays: Counter[str] = Counter()
        self._build()

    # The functions, as their handlers build them

    def _build(self) -> None:
        dynamodb = Faulty("dynamodb", self.memory, self.chaos)
        sqs = Faulty("sqs", self.sqs, self.chaos)
        key = {"kid": "key_1", "seed": SEED, "createdAt": times.iso(self.kernel.now)}
        secret = Faulty("secretsmanager", MemorySecrets(json.dumps({"keys": [key]})), self.chaos)
        clock, retention = self.kernel.clock, Retention()
        queue = delivery_queue.DeliveryQueue(sqs, "https://queue")
        given: dict[str, Any] = {
            "dynamodb": dynamodb,
            "endpoints_table": "sim-endpoints",
            "events_table": "sim-events",
            "queue": queue,
            "client": self.endpoints,
            "keys": SigningKeyStore(secret, "arn:secret", clock),
            "operator_bus": OperatorBus(Faulty("events", self.bus, self.chaos), "operations"),
            "retry_schedule": self.schedule,
            "retention": retention,
            "disable_after_hours": 120.0,
            "clock": clock,
            "sleep": self.kernel.sleep,
            "jitter": self.chance.random,
        }
        self.worker = build_worker(**given)
        self.sweeper = build_sweeper(**_taken(build_sweeper, given))
        events = Events(dynamodb, "sim-events")
        listing = Listing(dynamodb, "sim-events")
        sending: dict[str, Any] = {
            "deliveries": Deliveries(dynamodb, "sim-events"),
            "endpoints": EndpointStore(dynamodb, "sim-endpoints"),
            "events": events,
            "queue": queue,
            "retention": retention,
        }
        requeue = Requeue(**sending)
        replays = Replays(store=ReplayStore(dynamodb, "sim-events"), listing=listing, **sending)
        health = HealthStore(dynamodb, "sim-endpoints")
        self.tenant_api = tenant_api.build(
            tenant_api.TenantServices(
                endpoints=EndpointAdmin(dynamodb, "sim-endpoints", lambda _: True),
                intake=EventIntake(events=events, queue=queue, retention=retention, clock=clock),
                events=events,
                requeue=requeue,
                replays=replays,
                listing=listing,
                cursors=Cursors(dynamodb, "sim-endpoints"),
                check_url=lambda _: None,
                resume=Resume(health=health, due=DueStore(dynamodb, "sim-events"), queue=queue, clock=clock),
                counts=EventCounts(dynamodb, "sim-endpoints"),
                announcer=Announcer(events=events, retention=retention),
                count=lambda _: None,
                clock=clock,
                max_event_bytes=20_000,
                events_per_day=10**9,
                max_endpoints=50,
            )
        )
        self.operator_api = operator_api.build(
            operator_api.OperatorServices(
                identities=Identities(dynamodb, "sim-tenants"),
                listing=listing,
                key_pairs=SigningKeyPairs(dynamodb, secret, "sim-tenants", "arn:secret"),
                tenant_keys=TenantKeys(None, "keys"),
                plans=(),
                events=events,
                requeue=requeue,
                suspension=Suspension(
                    identities=Identities(dynamodb, "sim-tenants"),
                    endpoints=EndpointStore(dynamodb, "sim-endpoints"),
                    due=DueStore(dynamodb, "sim-events"),
                    queue=queue,
                ),
                endpoints=EndpointServices.build(
                    dynamodb, "sim-endpoints", DueStore(dynamodb, "sim-events"), queue, clock
                ),
                replays=replays,
                redrive=lambda **_: Redriven(messages=0, under_way=False),
                audit=audit_log(dynamodb, "sim-tenants"),
                portal_url="",
                clock=clock,
            )
        )

    def _skew(self) -> float:
        return self.chance.uniform(-self.skew, self.skew)

    def _invoke_worker(self, what: str, run: Callable[[], Any], chain: int, batch_chain: int) -> Invocation:
        return self.kernel.start(
            what, run, seconds=INVOCATION_SECONDS, chain=chain, batch_chain=batch_chain, skew=self._skew()
        )

    def _work(self, records: list[dict[str, Any]], messages: list[SentMessage]) -> list[str]:
        for record, message in zip(records, messages, strict=True):
            record["attributes"]["chain"] = message.chain
        inv = self.kernel.current
        assert inv is not None
        # Starting takes some of the time.
        self.kernel.sleep(self.chance.uniform(0.005, 0.05))
        return self.worker.run(records, inv.ends - self.kernel.now, Report(log=self.log))  # type: ignore[no-any-return]

    @contextmanager
    def running(self) -> Iterator["World"]:
        """Have the sweeper run every minute, and everything come from the seed."""
        Simultaneous.kernel = self.kernel
        with (
            determined(self.seed, self.kernel),
            mock.patch.object(batch, "ThreadPoolExecutor", Simultaneous),
            mock.patch.object(sweep, "ThreadPoolExecutor", Simultaneous),
        ):
            self._tick()
            yield self

    def _sweep(self) -> None:
        inv = self.kernel.current
        assert inv is not None
        self.swept_at.append(self.kernel.now)
        self.sweeper.run(inv.ends - self.kernel.now)
        self.sweeps += 1
        self.sweep_calls += inv.calls

    def _tick(self) -> None:
        """Have the sweeper run as EventBridge does: some time in each minute, at times later, and at times twice."""
        if self.sweeping:
            chaotic = self.chaos.rates != FaultRates()
            fate = self.chance.random() if chaotic else 1.0
            delays = [self.chance.uniform(0, 90 if 0.05 < fate < 0.15 else 30) for _ in range(1 + (fate < 0.05))]
            for delay in delays:
                self.kernel.after(
                    delay,
                    lambda: self.kernel.start("sweeper", self._sweep, seconds=55.0, skew=self._skew()),
                )
        self.kernel.after(SWEEP_SECONDS, self._tick)

    def log(self, what: str, **fields: Any) -> None:
        if self.chaos.trace is not None:
            self.chaos.say(f"log: {what} {fields}")

    # Callers

    def client(self, what: str, run: Callable[[], Any]) -> Invocation:
        """Begin something outside of AWS that calls the API and waits."""
        return self.kernel.start(what, run, seconds=1e9)

    def call(
        self, method: str, path: str, tenant: str | None = None, body: Any = None, key: str | None = None
    ) -> ApiAnswer:
        """Call the API from a client, and wait for the answer."""
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        event = proxy_event(method, path, tenant=tenant, body=body, headers=headers if body is not None else None)
        rest = self.tenant_api if tenant else self.operator_api
        made = self.kernel.call(
            f"{method} {path}", lambda: rest.serve(event, _CONTEXT), seconds=29.0, skew=self._skew()
        )
        if made.error is not None:
            return ApiAnswer(0, None)
        text = made.result["body"]
        return ApiAnswer(made.result["statusCode"], json.loads(text) if text else None)

    def call_until_answered(self, *arguments: Any, tries: int = 12, **more: Any) -> ApiAnswer:
        """Call the API again, as clients do, until it answers with anything but a fault of its own."""
        for number in range(tries):
            answer = self.call(*arguments, **more)
            if 0 < answer.status < 500:
                return answer
            self.kernel.sleep(min(2.0 * 2**number, 120.0))
        return answer

    def do(self, run: Callable[[], Any]) -> Any:
        """Have a client do something, and let time pass until it is done."""
        inv = self.client("client", run)
        while not inv.dead:
            self.kernel.run(self.kernel.next_at or self.kernel.now)
        if inv.error is not None:
            raise inv.error
        return inv.result

    def add_endpoint(self, tenant: str, behave: Behave = healthy, **fields: Any) -> str:
        """Create an endpoint, as a client."""
        url = f"https://{tenant}-{len(self.endpoints.behaviours) + 1}.example.com/hooks"
        self.endpoints.behaviours[url] = behave
        answer = self.call("POST", "/v1/endpoints", tenant, {"url": url, **fields})
        assert answer.status == 201, answer
        return str(answer.json["endpointId"])

    def submit(self, tenant: str, number: int) -> None:
        """Hand an event in, with a key, until it is accepted."""
        payload = {"type": "invoice.paid", "n": number}
        answer = self.call_until_answered("POST", "/v1/events", tenant, payload, key=f"key-{tenant}-{number}")
        if answer.status == 201:
            self.accepted[answer.json["eventId"]] = tenant
        elif answer.status:
            self.violate("refused", f"event {number} of {tenant}: {answer.status} {answer.json}")

    # What is seen

    def violate(self, rule: str, what: str) -> None:
        self.violations[rule].append(f"{times.iso(self.kernel.now)} {what}")
        self.chaos.say(f"VIOLATION {rule}: {what}")

    def _watch(self, table: str, key: Key, old: Item | None, new: Item | None) -> None:
        if table == "sim-endpoints":
            if key[1].startswith("endpoint#"):
                self._watch_endpoint(key, new)
            elif key[1] == SUSPENSION_ITEM:
                self.suspended.setdefault(key[0], self.kernel.now)
                if new is None:
                    del self.suspended[key[0]]
        elif table == "sim-events" and key[1].startswith("delivery#"):
            self._watch_delivery(key, old, new)
        elif key[1].startswith("attempt#"):
            inv = self.kernel.current
            if new is not None and inv is not None and inv.requests:
                inv.requests[-1].recorded = True
        elif key[1] == EVENT_ITEM and new is not None:
            if "erasedAt" in new:
                self.erased.setdefault(key[0], self.kernel.now)
            if old is None and "dueAt" not in new:
                self.violate("no way back", f"{key} is in no index of what is due")
        elif key[1] == "hold" and new is None and self.held[held := f"hold#{key[0].replace('#hold#', '#')}"]:
            self.violate("no way back", f"{held} is gone, and {self.held[held]} deliveries are held up for it")

    def _watch_endpoint(self, key: Key, new: Item | None) -> None:
        place = key[0], key[1].removeprefix("endpoint#")
        state = "DELETED" if new is None else new["state"]["S"]
        if new is not None:
            self.endpoint_at[new["url"]["S"]] = place
        if state in ("DISABLED", "DELETED"):
            self.ever_disabled.add(place)
        if self.endpoint_states.get(place, ("", 0.0))[0] != state:
            self.endpoint_states[place] = state, self.kernel.now

    def _watch_delivery(self, key: Key, old: Item | None, new: Item | None) -> None:
        if new is None:
            self.open.discard(key)
            return
        state = new["state"]["S"]
        if "owner" in new and (old is None or old.get("leaseUntil") != new["leaseUntil"]):
            self.claimed[key] = self.kernel.now
        if old is None:
            self.number_of_deliveries += 1
        elif (
            state == "PENDING"
            and new["seriesAttempts"]["N"] == "0"
            and (old["state"]["S"] != "PENDING" or old["seriesAttempts"]["N"] != "0")
        ):
            self.series[key] += 1
        if state in FINAL:
            self.open.discard(key)
        else:
            self.open.add(key)
        self._watch_way_back(key, old, new)
        if self.chaos.trace is not None:
            self.chaos.say(f"wrote {key}: {_brief(new)}")

    def _watch_way_back(self, key: Key, old: Item | None, new: Item) -> None:
        """See that what has work left is in the due index, and that what is held up has a hold there."""
        before, after = ({} if item is None else item.get("dueKey", {}) for item in (old, new))
        for place, step in ((before, -1), (after, 1)):
            if place.get("S", "").startswith("hold#"):
                self.held[place["S"]] += step
        if key in self.open and not after:
            self.violate("no way back", f"{key} is {new['state']['S']} and in no index of what is due")
        if after != before and after.get("S", "").startswith("hold#"):
            _, tenant, endpoint_id = after["S"].split("#")
            if self.memory.tables["sim-events"].get((f"{tenant}#hold#{endpoint_id}", "hold")) is None:
                self.violate("no way back", f"{key} is held up, and there is no hold")

    def requested(self, url: str, event_id: str, inv: Invocation) -> EndpointRequest:
        """Take a request down, and what is wrong with it."""
        tenant, endpoint_id = self.endpoint_at[url]
        key = f"{tenant}#{event_id}", delivery_item(endpoint_id)
        now = self.kernel.now
        request = EndpointRequest(now, self.series[key], inv)
        self.requests[key].append(request)
        inv.requests.append(request)
        self.chaos.say(f"attempt of {key}")
        delivery = self.memory.tables["sim-events"].get(key)
        if delivery is None:
            self.violate("attempted without a delivery", str(key))
            return request
        if delivery["state"]["S"] in FINAL:
            self.violate("attempted when final", f"{key} is {delivery['state']['S']}")
        state, since = self.endpoint_states[tenant, endpoint_id]
        if state != "ACTIVE" and since < self.claimed[key]:
            self.violate("attempted when not active", f"{key}: {state} since {times.iso(since)}")
        if self.suspended.get(tenant, now) < self.claimed[key]:
            self.violate("attempted when suspended", f"{key} since {times.iso(self.suspended[tenant])}")
        if self.erased.get(key[0], now) < inv.root.began:
            self.violate("attempted when erased", str(key))
        due = times.parse(delivery.get("nextAttemptAt", {}).get("S", "")) or now
        self.attempted.append(Attempted(tenant, endpoint_id, now - due, delivery["seriesAttempts"]["N"] != "0", now))
        return request

    # At the end

    def settled(self) -> bool:
        # An operational event has no message: the next sweep tells of it.
        events = (one.get(EVENT_ITEM) for one in self.memory.tables["sim-events"].partitions.values())
        told = all(event["fannedOut"]["BOOL"] for event in events if event and event["operational"]["BOOL"])
        return not self.open and not self.sqs.waiting and not self.sqs.in_flight and told

    def drain(self, limit: float) -> None:
        """Let everything come to its end without faults; whatever has not by the limit never will."""
        self.chaos.rates = FaultRates()
        for url in self.endpoints.behaviours:
            self.endpoints.behaviours[url] = healthy
        stopped = [f"/operator/tenants/{tenant}" for tenant in self.suspended]
        stopped += [
            f"/operator/tenants/{tenant}/endpoints/{endpoint_id}"
            for (tenant, endpoint_id), (state, _) in self.endpoint_states.items()
            if state == "PAUSED"
        ]
        for one in stopped:
            self.client("operator", partial(self.call_until_answered, "POST", f"{one}/activate"))
        end = self.kernel.now + limit
        while self.kernel.now < end and not (self.settled() and self.kernel.now > end - limit + 900):
            self.kernel.run(min(self.kernel.now + 300, end))

    def check(self) -> None:
        """Check what can be checked when all is over."""
        for key in sorted(self.open):
            item = self.memory.tables["sim-events"].get(key)
            assert item is not None
            self.violate("never attempted again", f"{key}: {_brief(item)}")
        stable = defaultdict(list)
        for tenant, endpoint_id in self.endpoint_states:
            created = self.memory.tables["sim-endpoints"].get((tenant, f"endpoint#{endpoint_id}"))
            if created is not None and (tenant, endpoint_id) not in self.ever_disabled:
                stable[tenant].append((created["createdAt"]["S"], endpoint_id))
        table = self.memory.tables["sim-events"]
        for event_id, tenant in self.accepted.items():
            event = table.get((f"{tenant}#{event_id}", EVENT_ITEM))
            if event is None:
                self.violate("accepted and gone", f"{tenant} {event_id}")
                continue
            for since, endpoint_id in stable[tenant]:
                if (
                    # What was erased before all had it is nobody's to have.
                    "erasedAt" not in event
                    # Clocks differ, and an endpoint is there only when its write has been made.
                    and (times.parse(since) or 0.0) + CREATION_SECONDS < (times.parse(event["createdAt"]["S"]) or 0.0)
                    and table.get((f"{tenant}#{event_id}", delivery_item(endpoint_id))) is None
                ):
                    self.violate("accepted and never fanned out", f"{tenant} {event_id} {endpoint_id}")
        self._check_replays()
        if self.sqs.longest > LONGEST_CHAIN:
            longest = ", ".join(
                f"{kind} {chain}" for kind, chain in self.sqs.longest_of.items() if chain > LONGEST_CHAIN
            )
            self.violate("chain", f"longest: {longest}")
        if self.sqs.longest_in_batch > LONGEST_LINEAGE:
            self.violate("lineage", f"longest: {self.sqs.longest_in_batch}")
        for inv, error in self.kernel.crashed:
            self.violate("not caught", f"{inv.what}: {error!r}")
        for key, requests in self.requests.items():
            self._check_requests(key, requests)
        for of_event in table.partitions.values():
            self._check_expiry(of_event)
        self._check_told()

    def _check_told(self) -> None:
        """Check that the operator's bus had all operational events, and that there is one of each disabled endpoint."""
        on_bus = {detail["operationalEventId"] for detail in self.bus.details()}
        disabled = set()
        for one in self.memory.tables["sim-events"].partitions.values():
            if (event := one.get(EVENT_ITEM)) is not None and event["operational"]["BOOL"]:
                if event["eventId"]["S"] not in on_bus:
                    self.violate("not told", f"{event['eventType']['S']} {event['eventId']['S']}")
                if event["eventType"]["S"] == DISABLED_EVENT:
                    disabled.add((event["tenantId"]["S"], event["notFor"]["S"]))
        for (tenant, item), endpoint in self._items("sim-endpoints"):
            by_system = item.startswith("endpoint#") and not endpoint["byOperator"]["BOOL"]
            if by_system and endpoint["state"]["S"] == "DISABLED" and (tenant, item[9:]) not in disabled:
                self.violate("not told", f"{tenant} {item} is disabled")
        for (partition, item), delivery in self._items("sim-events"):
            if item.startswith("delivery#") and delivery["state"]["S"] == "DLQ":
                one = given_up(delivery_from_item(from_item(delivery)))
                if not is_reserved(delivery["eventType"]["S"]) and one.event_id not in on_bus:
                    self.violate("not told", f"{partition} {item} was given up at {delivery['updatedAt']['S']}")

    def _items(self, table: str) -> Iterator[tuple[Key, Item]]:
        for partition, found in self.memory.tables[table].partitions.items():
            for item, values in found.items():
                yield (partition, item), values

    def _check_replays(self) -> None:
        table = self.memory.tables["sim-events"]
        partitions = list(table.partitions.items())
        replays = [
            (place.removesuffix("#replays"), item)
            for place, items in partitions
            if place.endswith("#replays")
            for name, item in items.items()
            if name.startswith("replay#")
        ]
        self.replays = Counter(item["state"]["S"] for _, item in replays)
        for tenant, item in replays:
            name = f"{tenant} {item['replayId']['S']}"
            if item["state"]["S"] == "RUNNING":
                self.violate("replay without an end", name)
            elif item["state"]["S"] == "DONE" and "endpointId" in item:
                for place, items in partitions:
                    if place.startswith(f"{tenant}#") and EVENT_ITEM in items:
                        self._check_replayed(name, item, items)
        for place, items in partitions:
            if place.endswith("#replays") and items["count"]["running"]["N"] != "0":
                self.violate("replays miscounted", f"{place}: {items['count']['running']['N']}")

    def _check_replayed(self, name: str, replay: Item, items: dict[str, Item]) -> None:
        """See that a replay that is done has left nobody of its selection without a delivery."""
        event, endpoint_id = items[EVENT_ITEM], replay["endpointId"]["S"]
        if (
            not replay["start"]["S"] <= event["createdAt"]["S"] < replay["end"]["S"]
            or "erasedAt" in event
            or event.get("only", replay["endpointId"])["S"] != endpoint_id
            or event.get("notFor", {}).get("S") == endpoint_id
        ):
            return
        delivery = items.get(delivery_item(endpoint_id))
        subjects = {one["S"] for one in replay["include"]["L"]}
        if delivery is None and "MISSED" in subjects:
            self.violate("replay left out", f"{name}: {event['eventId']['S']}")
        if (
            delivery is not None
            and "DLQ" in subjects
            and not replay["refused"]["M"]
            and delivery["state"]["S"] == "DLQ"
            and delivery["updatedAt"]["S"] < replay["createdAt"]["S"]
        ):
            self.violate("replay left out", f"{name}: {event['eventId']['S']}, which is given up")

    def _check_expiry(self, of_event: Mapping[str, Item]) -> None:
        """See that an event and its payload do not expire before its deliveries; nor after the last, if all is done."""
        ends = {item: int(values["expiresAt"]["N"]) for item, values in of_event.items() if "expiresAt" in values}
        latest = max((end for item, end in ends.items() if item.startswith("delivery#")), default=None)
        for item in (EVENT_ITEM, PAYLOAD_ITEM):
            if latest is None or item not in ends:
                continue
            # A fan-out that is repeated, and finds nobody who still wants the event, counts from then on.
            late = ends[item] > latest + 3_600 and "dueKey" not in of_event[EVENT_ITEM]
            if ends[item] < latest or late:
                self.violate("expiry", f"{item} of {of_event[item]['event']['S']}: {ends[item]}, deliveries: {latest}")

    def _check_requests(self, key: Key, requests: list[EndpointRequest]) -> None:
        took: EndpointRequest | None = None
        for request in requests:
            if not request.recorded and not request.excused():
                self.violate("not recorded", f"{key} at {times.iso(request.at)}")
            if took is not None and took.series == request.series:
                if took.answer_lost or (not took.recorded and took.excused()):
                    self.repeated_allowed += 1
                else:
                    self.repeated_other += 1
                    self.violate("repeated", f"{key} at {times.iso(request.at)}, taken at {times.iso(took.at)}")
            if request.took:
                took = request

    repeated_allowed = 0
    repeated_other = 0


def _taken(made: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return those of the arguments that something takes."""
    return {name: given[name] for name in inspect.signature(made).parameters if name in given}


def _brief(item: Item) -> str:
    names = (
        "state", "reason", "waitingFor", "turn", "attempts", "owner", "leaseUntil", "nextAttemptAt", "armedTurn",
        "dueKey", "dueAt", "updatedAt",
    )  # fmt: skip
    return ", ".join(f"{name} {next(iter(item[name].values()))}" for name in names if name in item)
