"""The tenants' endpoints: what each answers when, and what it got."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from lambdas.delivery.domain.attempt_result import HttpResult
from tests.lambdas.simulation.kernel import Invocation

TIMED_OUT = HttpResult(status=None, problem="timed out: answer")
OK = HttpResult(status=200)


@dataclass(frozen=True)
class EndpointAnswer:
    """What comes of a request: after how long, what the worker sees, and whether the endpoint took the event."""

    seconds: float
    result: HttpResult
    took: bool


Behave = Callable[[random.Random, float, float], EndpointAnswer]
"""Called with the chance, the time, and the worker's time-out."""


def _status(status: int, retry_after: str | None = None) -> Callable[[random.Random], EndpointAnswer]:
    result = HttpResult(status=status, retry_after=retry_after)
    return lambda chance: EndpointAnswer(chance.uniform(0.02, 0.4), result, 200 <= status <= 299)


_GOOD = _status(200)


def healthy(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    return _GOOD(chance)


def flaky(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    return _status(500)(chance) if chance.random() < 0.3 else _GOOD(chance)


def each_third_fails() -> Behave:
    """Return an endpoint that fails often, and never so often in a row that its breaker opens."""
    answers = cycle((_status(500), _GOOD, _GOOD))
    return lambda chance, now, timeout: next(answers)(chance)


def dead(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    if chance.random() < 0.5:
        return EndpointAnswer(timeout, TIMED_OUT, False)
    return EndpointAnswer(0.02, HttpResult(status=None, problem="connection refused"), False)


def slow(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    """Take every event, and be too late with the answer to a fifth of them."""
    if chance.random() < 0.2:
        return EndpointAnswer(timeout, TIMED_OUT, True)
    return EndpointAnswer(chance.uniform(0.5, 0.8 * timeout), OK, True)


def busy(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    return _status(429, "20")(chance) if chance.random() < 0.7 else _GOOD(chance)


def half(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    return _status(503)(chance) if chance.random() < 0.5 else _GOOD(chance)


def gone_at_times(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    return _status(410)(chance) if chance.random() < 0.02 else _GOOD(chance)


def flapping(chance: random.Random, now: float, timeout: float) -> EndpointAnswer:
    return _GOOD(chance) if now // 600 % 2 else _status(503)(chance)


@dataclass
class EndpointRequest:
    """A request that an endpoint got."""

    at: float
    series: int
    invocation: Invocation
    took: bool = False
    answered_at: float = 0.0
    answer_lost: bool = False
    recorded: bool = False

    def excused(self) -> bool:
        """Tell whether something befell its invocation before it could be recorded."""
        faults = [*self.invocation.faults, *self.invocation.root.faults]
        return any(when >= self.at for when, _ in faults)


@dataclass
class Endpoints:
    """All endpoints, behind the worker's HTTP client.

    Attributes
    ----------
    seconds
        The worker's time-out.
    behaviours
        By URL.
    watch
        Called with URL, event id and request before the request is made.
    """

    world: Any
    seconds: float = 15.0
    behaviours: dict[str, Behave] = field(default_factory=dict)
    requests: int = 0

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResult:
        world = self.world
        kernel, chaos = world.kernel, world.chaos
        inv = kernel.current
        self.requests += 1
        request = world.requested(url, headers["webhook-id"], inv)
        if chaos.hits(chaos.rates.kill / 2):
            chaos._note("kills", "killed before an attempt")
            inv.die("killed before an attempt")
        answer = self.behaviours[url](chaos.chance, kernel.now, self.seconds)
        # From here on the endpoint has it, whatever becomes of the worker.
        request.took = answer.took
        kernel.sleep(answer.seconds)
        request.answered_at = kernel.now
        result = answer.result
        if answer.took and (result is TIMED_OUT or chaos.hits(chaos.rates.lost)):
            request.answer_lost, result = True, TIMED_OUT
        if chaos.hits(chaos.rates.kill / 2):
            chaos._note("kills", "killed after an attempt")
            inv.die("killed after an attempt")
        return result
