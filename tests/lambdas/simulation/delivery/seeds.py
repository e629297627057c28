"""What happens in one seed: five tenants, an operator, and an hour of faults; then everything comes to its end."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.delivery.domain.retry_schedules import MINUTES, STANDARD_WEBHOOKS
from lambdas.delivery.store.identities import Identities
from lambdas.shared import times
from tests.lambdas.simulation.delivery import endpoints as kinds
from tests.lambdas.simulation.delivery.world import World
from tests.lambdas.simulation.faults import INDEX_LAGS, USUAL

HOUR = 3_600.0
CHAOS_SECONDS = 1.5 * HOUR
DRAIN_SECONDS = {MINUTES.name: 30 * HOUR, STANDARD_WEBHOOKS.name: 6 * 24 * HOUR}

# Tenants, the share of the events, and the endpoints that each begins with.
TENANTS: tuple[tuple[str, float, tuple[tuple[kinds.Behave, dict[str, Any]], ...]], ...] = (
    ("heavy", 0.4, ((kinds.healthy, {}), (kinds.busy, {}))),
    ("dead", 0.15, ((kinds.dead, {}), (kinds.healthy, {"asymmetric": True}))),
    ("fickle", 0.2, ((kinds.healthy, {}), (kinds.gone_at_times, {}), (kinds.flaky, {}))),
    ("limited", 0.15, ((kinds.half, {"rateLimit": 1}), (kinds.slow, {}))),
    ("plain", 0.1, ((kinds.healthy, {}), (kinds.flapping, {}))),
)


@dataclass
class SeedResult:
    """What became of a seed."""

    seed: int
    deliveries: int = 0
    states: Counter[str] = field(default_factory=Counter)
    replays: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    longest: int = 0
    longest_in_batch: int = 0
    dead_letters: int = 0
    repeated_allowed: int = 0
    repeated_other: int = 0
    late_first: list[float] = field(default_factory=list)
    late_retry: list[float] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    digest: int = 0


class _Tenants:
    """What tenants and the operator do by themselves."""

    def __init__(self, world: World, deliveries: int) -> None:
        self.world = world
        self.chance = world.chance
        self.deliveries = deliveries
        self.known: dict[str, list[str]] = {}
        self.numbers = 0
        self.until = world.kernel.now + CHAOS_SECONDS

    def add_endpoint(self, tenant: str, behave: kinds.Behave, fields: dict[str, Any]) -> None:
        for _ in range(6):
            # Each call has a URL of its own: the answer may be lost, and there are two endpoints then.
            self.numbers += 1
            url = f"https://{tenant}-{self.numbers}.example.com/hooks"
            self.world.endpoints.behaviours[url] = behave
            answer = self.world.call("POST", "/v1/endpoints", tenant, {"url": url, **fields})
            if answer.status == 201:
                self.known.setdefault(tenant, []).append(answer.json["endpointId"])
                return
            self.world.kernel.sleep(5.0)

    def begin(self) -> None:
        identities = Identities(self.world.memory, "sim-tenants")
        for tenant, _, _ in TENANTS:
            identities.create_tenant(tenant, tenant, self.world.kernel.now)
        for tenant, share, endpoints in TENANTS:
            self.world.client(tenant, lambda *of, a=(tenant, share, endpoints): self.live(*a))
        self.world.client("operator", self.operate)
        self.world.client("another operator", self.brake)

    def live(self, tenant: str, share: float, endpoints: Any) -> None:
        for behave, fields in endpoints:
            self.add_endpoint(tenant, behave, fields)
        events = max(1, round(self.deliveries * share / (len(endpoints) + 0.25)))
        self.world.client(f"{tenant}'s console", lambda: self.administer(tenant))
        number = 0
        while number < events:
            # In bursts, as tenants do; the heavy one in big ones.
            burst = min(events - number, self.chance.choice((1, 1, 2, 5)) * (12 if tenant == "heavy" else 1))
            for _ in range(burst):
                number += 1
                self.world.client(f"{tenant}'s application", lambda n=number: self.world.submit(tenant, n))
            pause = (CHAOS_SECONDS - 900) * burst / events
            self.world.kernel.sleep(self.chance.expovariate(1 / pause))
            if self.world.kernel.now > self.until:
                return

    def administer(self, tenant: str) -> None:
        """Change endpoints now and then: the fickle tenant often, the others seldom."""
        world, chance = self.world, self.chance
        while True:
            world.kernel.sleep(chance.expovariate(1 / (90.0 if tenant == "fickle" else 900.0)))
            if world.kernel.now > self.until:
                return
            known = self.known.get(tenant)
            if not known:
                continue
            endpoint_id = chance.choice(known)
            one = f"/v1/endpoints/{endpoint_id}"
            choice = chance.random()
            if choice < 0.25:
                world.call_until_answered("POST", f"{one}/pause", tenant)
            elif choice < 0.6:
                world.call_until_answered("POST", f"{one}/activate", tenant)
            elif choice < 0.65 and len(known) > 1:
                known.remove(endpoint_id)
                world.call_until_answered("DELETE", one, tenant)
                self.add_endpoint(tenant, chance.choice((kinds.healthy, kinds.flaky, kinds.busy)), {})
            elif choice < 0.75:
                world.call_until_answered("POST", f"{one}/rotate-secret", tenant, {"overlapHours": 1})
            elif choice < 0.8:
                world.call_until_answered("PATCH", one, tenant, {"rateLimit": chance.choice((2, 5, None))})
            elif choice < 0.83:
                world.call_until_answered("POST", f"{one}/test", tenant)
            elif choice < 0.93:
                include = chance.choice((["MISSED"], ["MISSED", "DLQ"]))
                self.replay(f"{one}/replays", tenant, {"include": include, "dryRun": False})
            else:
                self.resend_or_erase(tenant, erase=choice > 0.97)

    def resend_or_erase(self, tenant: str, *, erase: bool) -> None:
        world = self.world
        key = self.some_delivery(tenant)
        if key is None:
            return
        event_id, endpoint_id = key[0].split("#")[1], key[1].removeprefix("delivery#")
        if erase:
            world.call_until_answered("DELETE", f"/v1/events/{event_id}/payload", tenant)
        else:
            world.call_until_answered("POST", f"/v1/events/{event_id}/deliveries/{endpoint_id}/resend", tenant)

    def some_delivery(self, tenant: str) -> tuple[str, str] | None:
        mine = [key for key in self.world.requests if key[0].startswith(f"{tenant}#")]
        return self.chance.choice(mine) if mine else None

    def brake(self) -> None:
        """Suspend tenants, and pause or disable endpoints, for a while."""
        world, chance = self.world, self.chance
        while True:
            world.kernel.sleep(chance.expovariate(1 / 500.0))
            if world.kernel.now > self.until:
                return
            tenant = chance.choice(TENANTS)[0]
            one, what, body = f"/operator/tenants/{tenant}", "suspend", None
            if chance.random() < 0.6 and self.known.get(tenant):
                one += f"/endpoints/{chance.choice(self.known[tenant])}"
                what, body = chance.choice(("pause", "pause", "disable")), {"reason": "to see what happens"}
            world.call_until_answered("POST", f"{one}/{what}", None, body)
            world.kernel.sleep(chance.uniform(1.0, 400.0))
            world.call_until_answered("POST", f"{one}/activate")

    def operate(self) -> None:
        """Requeue and replay now and then; what was answered with a fault is done again."""
        world, chance = self.world, self.chance
        while True:
            world.kernel.sleep(chance.expovariate(1 / 400.0))
            if world.kernel.now > self.until:
                return
            tenant = chance.choice(TENANTS)[0]
            if chance.random() < 0.5:
                key = self.some_delivery(tenant)
                if key is not None:
                    body = {"tenantId": tenant, "eventId": key[0].split("#")[1]}
                    body["endpointId"] = key[1].removeprefix("delivery#")
                    world.call_until_answered("POST", "/operator/requeue", None, body)
                continue
            asked = {"include": chance.choice((["DLQ"], ["DLQ"], ["DELIVERED"])), "dryRun": False}
            self.replay(f"/operator/tenants/{tenant}/replays", None, asked)

    def replay(self, path: str, tenant: str | None, asked: dict[str, Any]) -> None:
        """Start a replay, and cancel some."""
        world, chance = self.world, self.chance
        asked |= {"rate": chance.choice((1, 10, 50)), "from": times.iso(world.kernel.now - chance.choice((900, 9_000)))}
        self.numbers += 1
        answer = world.call_until_answered("POST", path, tenant, asked, key=f"replay-{self.numbers}")
        if answer.status == 200 and chance.random() < 0.1:
            world.kernel.sleep(chance.uniform(0, 120))
            world.call_until_answered("POST", f"{path}/{answer.json['replay']['replayId']}/cancel", tenant)


def run_seed(
    seed: int, size: int = 520, only: set[str] | None = None, *, trace: bool = False, calm: bool = False
) -> SeedResult:
    """Run one seed to its end.

    Parameters
    ----------
    size
        About how many deliveries there are.
    only
        Names of the faults that there are; None for all.
    calm
        Whether nothing befalls anything.
    """
    chance = random.Random(seed)
    # A few seeds are calm, so that nothing excuses a repetition; in a few, everything is worse.
    factor = 0.0 if calm else chance.choice((0.0, 0.3, 1.0, 1.0, 1.0, 2.0, 4.0))
    rates = USUAL.times(factor, only)
    world = World(
        seed,
        rates=rates,
        lag=chance.choice(INDEX_LAGS),
        skew=chance.choice((0.0, 0.3, 2.0)),
        concurrency=chance.choice((3, 10, 10)),
        schedule=STANDARD_WEBHOOKS if seed % 20 == 0 else MINUTES,
    )
    if trace:
        world.chaos.trace = lambda what: world.traced.append(f"{times.iso(world.kernel.now)} {what}")
    with world.running():
        _Tenants(world, size).begin()
        world.kernel.run(world.kernel.now + CHAOS_SECONDS)
        world.drain(DRAIN_SECONDS[world.schedule.name])
        world.check()
    return _result(world)


def _result(world: World) -> SeedResult:
    items = world.memory.tables["sim-events"].partitions
    states = Counter(
        values["state"]["S"] for one in items.values() for item, values in one.items() if item.startswith("delivery#")
    )
    first = [one.late for one in world.attempted if not one.retry]
    retries = [one.late for one in world.attempted if one.retry]
    return SeedResult(
        seed=world.seed,
        deliveries=world.number_of_deliveries,
        states=states,
        replays=world.replays,
        requests=world.endpoints.requests,
        happened=world.chaos.happened,
        calls=world.chaos.calls,
        longest=world.sqs.longest,
        longest_in_batch=world.sqs.longest_in_batch,
        dead_letters=len(world.sqs.dead) + len(world.sqs.dropped),
        repeated_allowed=world.repeated_allowed,
        repeated_other=world.repeated_other,
        late_first=first,
        late_retry=retries,
        violations=dict(world.violations),
        trace=world.traced,
        digest=hash((round(world.kernel.now, 6), *(round(one.at, 6) for one in world.attempted))),
    )


def rows(results: Sequence[SeedResult]) -> dict[str, str]:
    """Return the lines of the table about seeds."""
    happened: Counter[str] = Counter()
    for result in results:
        happened.update(result.happened)
    first = sorted(late for result in results for late in result.late_first)
    retries = sorted(late for result in results for late in result.late_retry)
    return {
        "deliveries": f"{sum(one.deliveries for one in results):,}",
        "requests to endpoints": f"{sum(one.requests for one in results):,}",
        "replays": f"{sum(sum(one.replays.values()) for one in results):,}",
        "calls of AWS": f"{sum(sum(one.calls.values()) for one in results):,}",
        **{name: f"{happened[name]:,}" for name in ("kills", "answers lost", "refused", "duplicates", "messages lost")},
        "dead letters of the pipeline": f"{sum(one.dead_letters for one in results):,}",
        "never attempted again": f"{sum(len(one.violations.get('never attempted again', ())) for one in results):,}",
        "repeated, allowed": f"{sum(one.repeated_allowed for one in results):,}",
        "repeated, other": f"{sum(one.repeated_other for one in results):,}",
        "longest chain": f"{max(one.longest for one in results)} "
        f"({max(one.longest_in_batch for one in results)} if a batch counts as the longest of its messages)",
        "first attempt late, p50 / p99": f"{percentile(first, 50):.1f} s / {percentile(first, 99):.1f} s",
        "retry late, p50 / p99": f"{percentile(retries, 50):.1f} s / {percentile(retries, 99):.1f} s",
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return a percentile of values in order; 0 where there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else 0.0
