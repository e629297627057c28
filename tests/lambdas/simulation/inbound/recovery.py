"""A provider's list of events in the simulation: webhooks that never come, and the function that finds their events."""

import hashlib
import json
import random
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.inbound.metrics import RECOVERED
from lambdas.reconcile import api as reconcile_api
from lambdas.reconcile.environment import ReconcileEnvironment
from lambdas.reconcile.event_list import compact
from tests.lambdas.events_apis import StripeApi, stripe_endpoint
from tests.lambdas.simulation.faults import Faulty, MemorySecrets
from tests.lambdas.simulation.inbound.functions import Function
from tests.lambdas.simulation.inbound.webhooks import SECRETS, webhook
from tests.lambdas.simulation.inbound.world import BUCKET, TABLE, Deployment, Known, Signed, World
from tests.lambdas.simulation.kernel import Invocation
from tests.lambdas.simulation.scenario import Scenario

API_KEY = "rk_test_simulated"
FUNCTION = "reconcile"
OVERLAP_SECONDS = 7_200
RUN_SECONDS = 900.0
EVERY_SECONDS = 900.0
SPAN_SECONDS = 5_400.0
HOUR = 3_600.0
SIZE = 100_000
_MOST_RUNS = 1_000
STRIPES_LIMIT = 25
"""Requests a second of one operation: https://docs.stripe.com/rate-limits"""
Force = Callable[[str, Invocation], str | None]
# What befalls the calls of the function in the scenarios.
_FATES = (("killed before", 0.0125), ("killed after", 0.0125), ("lost", 0.015), ("repeated", 0.015), ("refused", 0.01))


class Reconciling(World):
    """A stack that reconciles Stripe.

    Attributes
    ----------
    api
        Stripe's.
    hidden
        Ids of the events of which no webhook comes, with their numbers.
    runs
        Invocations of the function.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, Deployment(), SECRETS)
        self.api = StripeApi(lambda: self.kernel.now, API_KEY)
        self.hidden: dict[str, int] = {}
        self.runs = 0
        self.api.registrations = [stripe_endpoint("https://api/v1/webhook/stripe")]
        deployed = {"entry": "stripe", "apiSecretArn": "api-key", "every": EVERY_SECONDS, "overlap": OVERLAP_SECONDS}
        self.function = Function(
            self.kernel,
            self.reports,
            ("reconcile.handler",),
            ReconcileEnvironment(
                providers=json.dumps({"stripe": {**deployed, "types": ["*"]}}),
                base_url="https://api/v1",
                queue_url="https://queue",
                message_group_by="provider",
                table_name=TABLE,
                bucket_name=BUCKET,
            ).to_environment(),
            {**self.aws, "secretsmanager": Faulty("secretsmanager", MemorySecrets(API_KEY), self.chaos)},
            stand_ins=[
                (reconcile_api, "connect", lambda host: _Connection(self)),
                (reconcile_api, "Api", partial(reconcile_api.Api, clock=self.kernel.clock, sleep=self.kernel.sleep)),
            ],
        )

    def happen(self, number: int, at: float, *, hidden: bool) -> Signed:
        """Have an event happen; return its webhook, which comes unless it is hidden."""
        sent = webhook("stripe", number, at)
        ((event_id, transaction),) = sent.events.items()
        shown = {**json.loads(sent.body), "created": int(at)}
        self.api.events.append(shown)
        body = compact(shown)
        sha256 = hashlib.sha256(body).hexdigest()
        self.events["stripe", event_id] = Known(transaction, sent={sha256: body})
        if hidden:
            self.hidden[event_id] = number
            self.events["stripe", event_id].accepted.add(sha256)
        return sent

    def cycle(self) -> dict[str, Any]:
        """Run the function as its schedule does until its window is closed, and return the report."""
        return self.do(self._cycle)  # type: ignore[no-any-return]

    def _cycle(self) -> dict[str, Any]:
        for _ in range(_MOST_RUNS):
            self.runs += 1
            run = partial(self._started, self.function, {"provider": "stripe"})
            made = self.kernel.call(FUNCTION, run, seconds=RUN_SECONDS, skew=self._skew())
            report = made.result
            if report is not None and report.get("complete"):
                return report  # type: ignore[no-any-return]
            self.kernel.sleep(EVERY_SECONDS)
        raise AssertionError(f"after {_MOST_RUNS:,} runs the window is still open: {made.error or made.result}")

    def finish(self) -> None:
        """Check the rules of the world, and those of reconciliation."""
        super().finish()
        items = self.memory.scan(TableName=TABLE)["Items"]
        marked = Counter(item["eventId"]["S"] for item in items if "recovered" in item)
        for event_id in self.hidden.keys() - marked.keys():
            self.violate("hidden and not recovered", event_id)
        for event_id in marked.keys() - self.hidden.keys():
            self.violate("recovered and not hidden", event_id)
        if self.reports.metrics[RECOVERED] < len(self.hidden):
            self.violate("recovered untold", f"{self.reports.metrics[RECOVERED]} counted")
        if (rate := self.most_calls()) > STRIPES_LIMIT:
            self.violate("rate limit", f"{rate} calls in a second")

    def most_calls(self) -> int:
        """Return the most calls of the API in any second."""
        second: deque[float] = deque()
        most = 0
        for at, _ in self.api.calls:
            second.append(at)
            while second[0] <= at - 1:
                second.popleft()
            most = max(most, len(second))
        return most


class _Connection:
    """A connection to the API, of which calls meet faults."""

    def __init__(self, world: Reconciling) -> None:
        self._world = world
        self._asked: Any = None

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> None:
        self._asked = method, path, body, headers

    def getresponse(self) -> Any:
        method, path, body, headers = self._asked
        try:
            status, document, got = self._world.chaos.around(
                "api", "get", lambda: self._world.api.asked(method, path, headers, body or b""), writes=False
            )
        except ClientError as error:
            status, document, got = int(error.response["Error"]["Code"]), {}, {}
        except ReadTimeoutError as error:
            raise TimeoutError from error
        content = json.dumps(document).encode()
        return SimpleNamespace(
            status=status, read=lambda most: content, will_close=False, getheaders=lambda: list(got.items())
        )

    def close(self) -> None:
        pass


def at_random(size: int, chance: random.Random) -> set[int]:
    """Return a hundredth of the numbers."""
    return set(chance.sample(range(size), size // 100))


def in_one_block(size: int, chance: random.Random) -> set[int]:
    """Return a hundredth of the numbers, one after the other."""
    start = chance.randrange(size - size // 100)
    return set(range(start, start + size // 100))


def happened(size: int, hidden: set[int], *, page: int = 100) -> Reconciling:
    """Return a world with so many events in an hour and a half, of which those that came are routed."""
    world = Reconciling(1)
    world.api.most = page
    began = world.kernel.now

    def come() -> None:
        for number in range(size):
            at = began + SPAN_SECONDS * number / size
            world.kernel.sleep(at - world.kernel.now)
            sent = world.happen(number, at, hidden=number in hidden)
            if number not in hidden:
                world.client("stripe", partial(world.send_until_accepted, sent))

    with world.running():
        world.do(come)
        world.kernel.run(began + SPAN_SECONDS + 600)
        world.drain(HOUR)
    return world


def recover(world: Reconciling, force: Force | None = None) -> dict[str, Any]:
    """Reconcile once, have the webhooks come late, reconcile again, and return the first report.

    Parameters
    ----------
    force
        What befalls the calls of the first cycle, see `tests.lambdas.simulation.faults.Chaos`.
    """
    with world.running():
        world.chaos.force = force
        report = world.cycle()
        world.chaos.force = None
        world.drain(HOUR)
        for number in world.hidden.values():
            late = webhook("stripe", number, world.kernel.now)
            world.client("stripe", partial(world.send_until_accepted, late))
        world.drain(HOUR)
        if (again := world.cycle())["recovered"]:
            world.violate("recovered again", str(again))
        world.finish()
    return report


def faults(world: Reconciling) -> Force:
    """Return faults at about every fifteenth call of the function, which kill it, or of which no answer comes."""

    def force(operation: str, inv: Invocation) -> str | None:
        if inv.root.what != FUNCTION:
            return None
        number = world.chance.random()
        for fate, rate in _FATES:
            if number < rate:
                return fate
            number -= rate
        return None

    return force


def _scenario(hide: Callable[[int, random.Random], set[int]]) -> Scenario:
    world = happened(SIZE, hide(SIZE, random.Random(1)))
    report = recover(world, faults(world))
    counts, faulty = world.chaos.happened, world.states
    published = Counter(len(known.published) for known in world.events.values())
    return Scenario(
        lines=[
            f"{SIZE:,} events, {len(world.hidden):,} of them hidden; the cycle listed {report['listed']:,}",
            f"recovered {report['recovered']:,}; states: {dict(faulty)}; times on the bus: {dict(published)}",
            f"{world.runs} runs; kills: {counts['kills']}, answers lost: {counts['answers lost']}, "
            f"refused: {counts['refused']}",
            f"{len(world.api.calls):,} calls of the provider's API, {world.most_calls()} in a second at most",
        ],
        wrong=[f"{rule}: {len(what)}, {what[0]}" for rule, what in world.violations.items()]
        + ([] if report["listed"] == SIZE else ["not all events were listed"]),
    )


def hidden_at_random() -> Scenario:
    """Hide 1,000 of 100,000 events at random."""
    return _scenario(at_random)


def hidden_in_one_block() -> Scenario:
    """Hide 1,000 of 100,000 events that happened one after the other."""
    return _scenario(in_one_block)


SCENARIOS: tuple[Callable[[], Scenario], ...] = (hidden_at_random, hidden_in_one_block)
