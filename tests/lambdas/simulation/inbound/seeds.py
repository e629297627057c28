"""One seed: providers, an operator, and an hour of faults and outages; then everything comes to its end."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.inbound.metrics import QUARANTINED
from lambdas.shared import times
from tests.lambdas.simulation.faults import INDEX_LAGS, USUAL
from tests.lambdas.simulation.inbound.webhooks import PROVIDERS, SECRETS, webhook
from tests.lambdas.simulation.inbound.world import Deployment, World
from tests.lambdas.simulation.kernel import Invocation

HOUR = 3_600.0
CHAOS_SECONDS = 1.5 * HOUR
DRAIN_SECONDS = 12 * HOUR
DEPLOYMENTS = (
    Deployment(),
    Deployment(archive_by="event"),
    Deployment(order="provider"),
    Deployment(order="transaction", archive_by="event"),
    Deployment(direct=True),
)


@dataclass
class SeedResult:
    """What became of a seed."""

    seed: int
    events: int = 0
    webhooks: int = 0
    publications: int = 0
    replays: int = 0
    conflicts: int = 0
    dead_letters: int = 0
    quarantined: int = 0
    states: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    repeated_allowed: int = 0
    repeated_other: int = 0
    violations: dict[str, list[str]] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    digest: int = 0


def _outages(world: World) -> None:
    """Have AWS refuse nearly all calls of an operation for a while: messages are given up, and copies of them."""
    chance, began = world.chance, world.kernel.now
    spans = []
    for _ in range(chance.choice((0, 1, 1, 2))):
        operation = chance.choice(("put_events", "put_events", "put_events", "put_object", "update_item", "put_item"))
        start = began + chance.uniform(0.0, CHAOS_SECONDS - 2_400.0)
        spans.append((operation, start, start + chance.uniform(600.0, 2_400.0)))

    def refused(operation: str, inv: Invocation) -> str | None:
        now = world.kernel.now
        out = any(operation == which and start <= now < end for which, start, end in spans)
        return "refused" if out and chance.random() < 0.95 else None

    if spans:
        world.chaos.force = refused


def _wrong_secret(world: World) -> None:
    """Have a provider's secret be wrong for up to an hour, where no sender is told."""
    if world.deployment.direct:
        chance = world.chance
        start = world.kernel.now + chance.uniform(0.0, CHAOS_SECONDS - HOUR)
        world.secrets.wrong[chance.choice(PROVIDERS)] = start, start + chance.uniform(600.0, HOUR)


class _Outside:
    """What providers and the operator do by themselves."""

    def __init__(self, world: World, size: int) -> None:
        self.world = world
        self.chance = world.chance
        # A webhook of Adyen has two events on average.
        self.webhooks = max(1, round(size / (len(PROVIDERS) + 1)))
        self.until = world.kernel.now + CHAOS_SECONDS

    def begin(self) -> None:
        for provider in PROVIDERS:
            self.world.client(provider, lambda provider=provider: self.send(provider))
        self.world.client("operator", self.operate)
        if self.world.secrets.wrong:
            self.world.client("operator", self.requalify)

    def send(self, provider: str) -> None:
        """Send in bursts, as providers do."""
        world, chance, number = self.world, self.chance, 0
        while number < self.webhooks:
            burst = min(self.webhooks - number, chance.choice((1, 1, 2, 5, 40)))
            for _ in range(burst):
                number += 1
                world.client(provider, lambda n=number: self.deliver(provider, n))
            pause = (CHAOS_SECONDS - 900) * burst / self.webhooks
            world.kernel.sleep(chance.expovariate(1 / pause))
            if world.kernel.now > self.until:
                return

    def deliver(self, provider: str, number: int) -> None:
        """Send a webhook until it is accepted; and at times once more, or as other bytes."""
        world, chance = self.world, self.chance
        choice = chance.random()
        if choice < 0.04:
            world.client(provider, lambda: self.deliver_version(provider, number, 0, 0.0))
        elif choice < 0.09:
            for version in range(1, chance.choice((2, 2, 3))):
                wait = chance.choice((0.0, 0.0, 5.0, 400.0))
                world.client(provider, lambda v=version, w=wait: self.deliver_version(provider, number, v, w))
        self.deliver_version(provider, number, 0, 0.0)
        while chance.random() < 0.12:
            self.deliver_version(provider, number, 0, chance.choice((1.0, 30.0, 330.0, 1_500.0)))

    def deliver_version(self, provider: str, number: int, version: int, wait: float) -> None:
        self.world.kernel.sleep(wait)
        self.world.send_until_accepted(webhook(provider, number, self.world.kernel.now, version))

    def operate(self) -> None:
        """Replay single events, ranges and dead letters; at times twice, while the first one is under way."""
        world, chance = self.world, self.chance
        while True:
            world.kernel.sleep(chance.expovariate(1 / 250.0))
            if world.kernel.now > self.until:
                return
            body = self.some_replay()
            if body is None:
                continue
            for _ in range(chance.choice((1, 1, 2, 3))):
                world.client("operator", lambda body=body: self.replay(body))
                world.kernel.sleep(chance.choice((0.0, 0.2, 60.0)))

    def requalify(self) -> None:
        """Look now and then whether the secret is right again."""
        world = self.world
        while world.kernel.now < self.until:
            world.kernel.sleep(self.chance.expovariate(1 / 900.0))
            world.requalify()

    def some_replay(self) -> dict[str, Any] | None:
        world, chance, now = self.world, self.chance, self.world.kernel.now
        choice = chance.random()
        if choice < 0.5:
            # Mostly the same few events.
            keys = list(world.events)[: chance.choice((3, 10, 10_000))]
            if not keys:
                return None
            some = chance.sample(keys, min(len(keys), chance.randint(1, 5)))
            return {"eventIds": [f"{provider}:{event_id}" for provider, event_id in some]}
        start = now - (2 * HOUR if choice > 0.8 else chance.uniform(30.0, 300.0))
        status = {} if choice < 0.7 else {"status": "DEAD_LETTERED" if choice > 0.8 else "ROUTED"}
        return {"provider": chance.choice(PROVIDERS), "from": times.iso(start), "to": times.iso(now), **status}

    def replay(self, body: dict[str, Any]) -> None:
        """Replay, page by page; a page without an answer is asked for once more."""
        for _ in range(10):
            answer = self.world.ask_replay(body)
            if answer.status != 202 and (answer := self.world.ask_replay(body)).status != 202:
                return
            if answer.json["next"] is None:
                return
            body = {**body, "next": answer.json["next"]}


def run_seed(
    seed: int,
    size: int = 620,
    only: set[str] | None = None,
    *,
    trace: bool = False,
    deployment: Deployment | None = None,
) -> SeedResult:
    """Run one seed to its end.

    Parameters
    ----------
    size
        About how many events there are.
    only
        Names of the faults that there are; None for all.
    deployment
        Instead of the one that the seed chooses.
    """
    chance = random.Random(seed)
    # A few seeds are calm, so that nothing excuses a repetition; in a few, everything is worse.
    factor = chance.choice((0.0, 0.3, 1.0, 1.0, 2.0, 4.0, 10.0))
    world = World(
        seed,
        deployment or DEPLOYMENTS[seed % len(DEPLOYMENTS)],
        SECRETS,
        rates=USUAL.times(factor, only),
        lag=chance.choice(INDEX_LAGS),
        skew=chance.choice((0.0, 0.3, 2.0)),
        concurrency=chance.choice((2, 10, 10)),
    )
    if trace:
        world.chaos.trace = lambda what: world.traced.append(f"{times.iso(world.kernel.now)} {what}")
    with world.running():
        if only is None and factor:
            _outages(world)
            _wrong_secret(world)
        _Outside(world, size).begin()
        world.kernel.run(world.kernel.now + CHAOS_SECONDS)
        world.drain(DRAIN_SECONDS)
        world.finish()
    return _result(world)


def _result(world: World) -> SeedResult:
    events = world.events.values()
    published = [one for known in events for one in known.published]
    return SeedResult(
        seed=world.seed,
        events=sum(bool(known.accepted) for known in events),
        webhooks=world.webhooks,
        publications=len(published),
        replays=sum(len(known.replays) for known in events),
        conflicts=sum(max(0, len(known.accepted) - 1) for known in events),
        dead_letters=world.dead_lettered,
        quarantined=world.reports.metrics[QUARANTINED],
        states=world.states,
        happened=world.chaos.happened,
        calls=world.chaos.calls,
        repeated_allowed=world.repeated_allowed,
        repeated_other=world.repeated_other,
        violations=dict(world.violations),
        trace=world.traced,
        digest=hash((round(world.kernel.now, 6), *(round(one.at, 6) for one in published))),
    )


def rows(results: Sequence[SeedResult]) -> dict[str, str]:
    """Return the lines of the table about seeds."""
    happened: Counter[str] = Counter()
    for result in results:
        happened.update(result.happened)

    def total(name: str) -> str:
        return f"{sum(getattr(one, name) for one in results):,}"

    def broken(rule: str) -> str:
        return f"{sum(len(one.violations.get(rule, ())) for one in results):,}"

    return {
        "events accepted": total("events"),
        "requests of senders and operators": total("webhooks"),
        "events on the bus": total("publications"),
        "replays": total("replays"),
        "payloads with the id of another": total("conflicts"),
        "dead letters": total("dead_letters"),
        "quarantined, with a wrong secret": total("quarantined"),
        "calls of AWS": f"{sum(sum(one.calls.values()) for one in results):,}",
        **{name: f"{happened[name]:,}" for name in ("kills", "answers lost", "refused", "duplicates")},
        "lost": broken("lost"),
        "recorded twice": broken("recorded twice"),
        "routed twice, allowed": total("repeated_allowed"),
        "routed twice, other": total("repeated_other"),
        "out of order": broken("out of order"),
        "conflicts untold": broken("conflict untold"),
        "processing for ever": broken("processing for ever"),
    }
