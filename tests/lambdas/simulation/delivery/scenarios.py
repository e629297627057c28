"""Load, and what it must not do to others: lateness, an outage of the sweeper, a dead tenant, a paused one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lambdas.delivery.domain.model import Delivery, Event
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.items import (
    EVENT_ITEM,
    delivery_item,
    delivery_to_item,
    event_key,
    event_to_item,
    payload_to_item,
)
from lambdas.shared import times
from lambdas.shared.dynamodb import to_item
from tests.lambdas.simulation.delivery.endpoints import dead, healthy
from tests.lambdas.simulation.delivery.seeds import percentile
from tests.lambdas.simulation.delivery.world import Attempted, World
from tests.lambdas.simulation.scenario import Scenario

HOUR = 3_600.0
WORKERS = 50


@dataclass(frozen=True, kw_only=True)
class _Template:
    """A delivery with its event, as the code left them, of which others are copies."""

    event: Event
    payload: bytes
    delivery: Delivery


def late(attempted: Sequence[Attempted]) -> str:
    found = sorted(one.late for one in attempted)
    p50, worse, worst = (percentile(found, share) for share in (50, 99, 100))
    return f"{len(found):,} attempts, late p50 {p50:.1f} s, p99 {worse:.1f} s, at most {worst:.1f} s"


def p99(attempted: Sequence[Attempted]) -> float:
    return percentile(sorted(one.late for one in attempted), 99)


def _template(world: World, tenant: str, endpoint_id: str) -> _Template:
    """Return the one delivery that a tenant's endpoint has."""
    table = world.memory.tables["sim-events"]
    [key] = [key for key in world.open if key[0].startswith(f"{tenant}#") and key[1] == delivery_item(endpoint_id)]
    event_id = key[0].split("#")[1]
    event, payload = Events(world.memory, "sim-events").read(tenant, event_id)
    delivery = Deliveries(world.memory, "sim-events").read(tenant, event_id, endpoint_id)
    assert event is not None
    assert payload is not None
    assert delivery is not None
    assert table.get((event_key(tenant, event_id), EVENT_ITEM)) is not None
    return _Template(event=event, payload=payload, delivery=delivery)


def _copy(world: World, template: _Template, number: int, due: str | None = None) -> None:
    """Write a copy under an id of its own, due at another time."""
    event_id = f"evt_{number:026}"
    event = replace(template.event, event_id=event_id)
    changes = {} if due is None else {"next_attempt_at": due, "due_at": due}
    delivery = replace(template.delivery, event_id=event_id, **changes)
    for item in (event_to_item(event), payload_to_item(event, template.payload), delivery_to_item(delivery)):
        world.memory.put_item(TableName="sim-events", Item=to_item(item))


def _failed(world: World, tenant: str) -> _Template:
    """Return a delivery that failed twice and waits, to an endpoint that is well by now."""
    endpoint_id = world.do(lambda: world.add_endpoint(tenant, dead))
    url = next(url for url, (_, one) in world.endpoint_at.items() if one == endpoint_id)
    world.do(lambda: world.submit(tenant, 1))
    while not any(one.retry and one.endpoint_id == endpoint_id for one in world.attempted):
        world.kernel.run(world.kernel.now + 5)
    world.kernel.run(world.kernel.now + 20)
    world.endpoints.behaviours[url] = healthy
    return _template(world, tenant, endpoint_id)


def _with_waiting(world: World, deliveries: int, seconds: float, tenants: int = 20) -> float:
    """Have tenants with deliveries that are due, evenly, in some seconds from now on; return when the first one is."""
    templates = [_failed(world, f"tenant-{number}") for number in range(tenants)]
    world.kernel.run(world.kernel.now + 300)
    start = world.kernel.now + 300
    for number in range(deliveries):
        due = times.iso(start + number * seconds / deliveries)
        _copy(world, templates[number % tenants], number, due)
    world.attempted.clear()
    return start


def retries_on_time(deliveries: int = 100_000, seconds: float = HOUR) -> Scenario:
    """Wait with many deliveries: 99 of 100 retries start within five seconds of their time."""
    world = World(1, concurrency=WORKERS)
    with world.running():
        start = _with_waiting(world, deliveries, seconds)
        world.kernel.run(start + seconds + 900)
    wrong = [] if p99(world.attempted) <= 5 else ["p99 is over 5 s"]
    wrong += [] if len(world.attempted) == deliveries else [f"{deliveries - len(world.attempted):,} never attempted"]
    return Scenario(
        lines=[f"{deliveries:,} deliveries wait, due within {seconds / 60:.0f} min: {late(world.attempted)}"],
        wrong=wrong,
    )


def sweeper_away(deliveries: int = 40_000, seconds: float = 2 * HOUR) -> Scenario:
    """Have no sweeper for an hour: what becomes due afterwards is on time, although all the rest is overdue."""
    world = World(1, concurrency=WORKERS)
    with world.running():
        start = _with_waiting(world, deliveries, seconds)
        world.sweeping = False
        world.kernel.run(start + HOUR)
        world.sweeping = True
        world.kernel.run(start + seconds + 900)
    # Until its first sweep, it is still away.
    back = next(at for at in world.swept_at if at >= start + HOUR)
    overdue = [one for one in world.attempted if one.at - one.late < back]
    later = [one for one in world.attempted if one.at - one.late >= back]
    cleared = max((one.at - back for one in overdue), default=0.0)
    wrong = [] if p99(later) <= 60 else ["p99 of what became due afterwards is over 60 s"]
    wrong += [] if len(world.attempted) == deliveries else [f"{deliveries - len(world.attempted):,} never attempted"]
    return Scenario(
        lines=[
            f"no sweeper for an hour, {len(overdue):,} overdue when it is back: all attempted {cleared:.0f} s later",
            f"due afterwards: {late(later)}",
        ],
        wrong=wrong,
    )


def steady(world: World, tenant: str, seconds: float, every: float = 2.0) -> None:
    """Hand in an event now and then, as a client."""

    def run() -> None:
        for number in range(int(seconds / every)):
            world.client("application", lambda number=number: world.submit(tenant, 1_000 + number))
            world.kernel.sleep(every)

    world.client("application", run)


def dead_tenant(deliveries: int = 10_000) -> Scenario:
    """Have a tenant with a dead endpoint hand in many events: the others are served as if it were not there."""
    found = {}
    for flood in (0, deliveries):
        world = World(1, concurrency=WORKERS)
        with world.running():
            world.do(lambda world=world: [world.add_endpoint("healthy"), world.add_endpoint("dead", dead)])
            steady(world, "healthy", 1_800)

            def run(world: World = world, flood: int = flood) -> None:
                for number in range(flood):
                    world.client("flood", lambda number=number: world.submit("dead", number))
                    world.kernel.sleep(0.01)

            world.client("flood", run)
            world.kernel.run(world.kernel.now + 2_400)
        found[flood] = [one for one in world.attempted if one.tenant == "healthy"]
    worse = p99(found[deliveries]) - p99(found[0])
    return Scenario(
        lines=[
            f"healthy tenant alone: {late(found[0])}",
            f"beside a dead tenant with {deliveries:,} deliveries: {late(found[deliveries])}",
        ],
        wrong=[] if worse < 1.0 else [f"p99 is {worse:.1f} s worse"],
    )


def parked_deliveries(deliveries: int = 1_000_000) -> Scenario:
    """Have a tenant with very many parked deliveries, then activate its endpoint."""
    (alone, _, _, _, _), (beside, releasing, before, after, released) = map(_parked, (1, deliveries))
    wrong = [] if beside <= alone + 1 else [f"a sweep costs {beside:.1f} calls and not {alone:.1f}"]
    wrong += [] if p99(after) < 1.0 and p99(before) < 1.0 else ["others wait"]
    return Scenario(
        lines=[
            f"calls of a sweep beside one parked delivery: {alone:.1f}; beside {deliveries:,}: {beside:.1f}; "
            f"while they are released: {releasing:.1f}",
            f"another tenant beside them: {late(before)}; while they are released: {late(after)}",
            f"released in half an hour: {released:,}",
        ],
        wrong=wrong,
    )


def _parked(deliveries: int) -> tuple[float, float, list[Attempted], list[Attempted], int]:
    """Return the calls of a sweep beside parked deliveries and during their release, and what was attempted then."""
    world = World(1, concurrency=WORKERS)
    with world.running():
        world.do(lambda: world.add_endpoint("healthy"))
        endpoint_id = world.do(lambda: world.add_endpoint("paused"))
        world.do(lambda: world.call("POST", f"/v1/endpoints/{endpoint_id}/pause", "paused"))
        world.do(lambda: world.submit("paused", 1))
        world.kernel.run(world.kernel.now + 300)
        _park_copies(world, _template(world, "paused", endpoint_id), deliveries - 1)
        steady(world, "healthy", 3_600)
        beside = _cost(world, 1_800)
        world.do(lambda: world.call("POST", f"/v1/endpoints/{endpoint_id}/activate", "paused"))
        released_at = world.kernel.now
        releasing = _cost(world, 1_800)
    others = [one for one in world.attempted if one.tenant == "healthy"]
    before, after = ([one for one in others if (one.at < released_at) is early] for early in (True, False))
    return beside, releasing, before, after, len(world.attempted) - len(others)


def _park_copies(world: World, template: _Template, number: int) -> None:
    """Write copies of a parked delivery; of those that no page can reach, all but the ids is shared, to have room."""
    endpoint_id, whole = template.delivery.endpoint_id, min(number, 60_000)
    for one in range(whole):
        _copy(world, template, one)
    key = event_key("paused", template.event.event_id), delivery_item(endpoint_id)
    item = world.memory.tables["sim-events"].get(key)
    assert item is not None
    for one in range(whole, number):
        event_id = f"evt_{one:026}"
        changes = {
            "event": {"S": event_key("paused", event_id)},
            "eventId": {"S": event_id},
            "stateAt": {"S": f"{item['updatedAt']['S']}#{event_id}#{endpoint_id}"},
        }
        world.memory.put_item(TableName="sim-events", Item=item | changes)


def _cost(world: World, seconds: float) -> float:
    """Let time pass, and return the calls of AWS that a sweep made."""
    world.sweep_calls, world.sweeps = 0, 0
    world.kernel.run(world.kernel.now + seconds)
    return world.sweep_calls / max(world.sweeps, 1)


def large_replay(events: int = 20_000) -> Scenario:
    """Have a tenant replay many events that its endpoint never had: the others are served as if it did not."""
    found = {}
    for missed in (0, events):
        world = World(1, concurrency=WORKERS)
        with world.running():
            world.do(lambda world=world: world.add_endpoint("healthy"))
            steady(world, "healthy", 1_800)
            if missed:
                began = _start_replay(world, missed)
            world.kernel.run(world.kernel.now + 2_400)
            world.check()
        found[missed] = [one for one in world.attempted if one.tenant == "healthy"]
    replayed = sorted(one.at - began for one in world.attempted if one.tenant == "missed")
    worse = p99(found[events]) - p99(found[0])
    wrong = [] if worse < 1.0 else [f"p99 is {worse:.1f} s worse"]
    wrong += [] if len(replayed) == events else [f"{events - len(replayed):,} never attempted"]
    return Scenario(
        lines=[
            f"healthy tenant alone: {late(found[0])}",
            f"beside a replay of {events:,} events: {late(found[events])}",
            f"replayed in {percentile(replayed, 100):.0f} s",
        ],
        wrong=wrong + [f"{rule}: {what[0]}" for rule, what in world.violations.items()],
    )


def _start_replay(world: World, events: int) -> float:
    """Start a replay of many events that came before the endpoint, as fast as may be; return when."""
    world.do(lambda: world.submit("missed", 1))
    world.kernel.run(world.kernel.now + 300)
    event_id = next(one for one, tenant in world.accepted.items() if tenant == "missed")
    event, payload = Events(world.memory, "sim-events").read("missed", event_id)
    assert event is not None
    assert payload is not None
    for number in range(events - 1):
        copy = replace(event, event_id=f"evt_{number:026}")
        for item in (event_to_item(copy), payload_to_item(copy, payload)):
            world.memory.put_item(TableName="sim-events", Item=to_item(item))
    # The copies are in no index of what is due, as nothing is left to do for them.
    world.violations.clear()
    endpoint_id = world.do(lambda: world.add_endpoint("missed"))
    asked = {"rate": 50, "dryRun": False}
    answer = world.do(lambda: world.call("POST", f"/v1/endpoints/{endpoint_id}/replays", "missed", asked))
    assert answer.status == 200, answer
    return world.kernel.now


SCENARIOS: tuple[Callable[[], Scenario], ...] = (
    retries_on_time,
    sweeper_away,
    dead_tenant,
    parked_deliveries,
    large_replay,
)
