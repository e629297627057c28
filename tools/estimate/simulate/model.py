"""The whole way of a webhook under load, as a discrete-event simulation."""

import random
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from tools.estimate.simulate.buckets import TokenBucket, take_from_all
from tools.estimate.simulate.deployment import Deployment
from tools.estimate.simulate.function import Function, rate_limit
from tools.estimate.simulate.mapping import Mapping
from tools.estimate.simulate.messages import Queue, SimulatedMessage, after
from tools.estimate.simulate.outcome import Outcome, Second
from tools.estimate.simulate.platform import AWS, Platform
from tools.estimate.simulate.timing import Timing

# Senders do not wait to the millisecond: each wait is up to so much longer.
_JITTER = 0.1
ACCEPTED, THROTTLED, TIMED_OUT = 202, 429, 504


@dataclass(frozen=True, kw_only=True)
class Load:
    """What senders do.

    Attributes
    ----------
    phases : Sequence[tuple[float, float]]
        Seconds, and webhooks a second during them, one phase after the other.
    arrivals : Sequence[float] | None
        When webhooks are sent, instead of at random at the phases' rates.
    retries : Sequence[float]
        Seconds before each further attempt of what was not accepted.
    slowness : Callable[[float], float]
        By how much processing takes longer at a time, in seconds since the start.
    longest_s : float
        When the simulation ends at the latest.
    """

    phases: Sequence[tuple[float, float]] = ()
    arrivals: Sequence[float] | None = None
    retries: Sequence[float] = ()
    slowness: Callable[[float], float] = lambda _: 1.0
    longest_s: float = 4 * 3600.0

    @property
    def ends(self) -> float:
        """When the last phase ends."""
        return sum(seconds for seconds, _ in self.phases) if self.arrivals is None else max(self.arrivals, default=0.0)


@dataclass
class Model:
    """A deployment on a platform.

    Attributes
    ----------
    deployment : Deployment
        What deploys.
    timing : Timing
        How long things take.
    platform : Platform
        What AWS allows.
    only_ingestion : bool
        Leave out what happens behind the queue, which changes nothing for senders.
    seed : int
        The same seed gives the same run.
    """

    deployment: Deployment
    timing: Timing
    platform: Platform = AWS
    only_ingestion: bool = False
    seed: int = 1
    _env: simpy.Environment = field(init=False)

    def run(self, load: Load) -> Outcome:
        """Simulate a load."""
        self._env = env = simpy.Environment()
        # One source for each part, so that what one draws does not change what another sees.
        self._arriving, self._taking, self._working, self._retrying = (
            random.Random(f"{self.seed} {part}")  # noqa: S311 (a simulation)
            for part in ("arrivals", "ingestion", "processing", "retries")
        )
        deployment, platform = self.deployment, self.platform
        self._gateway = [
            TokenBucket(deployment.throttle_rate, deployment.throttle_burst),
            TokenBucket(platform.gateway_rate, platform.gateway_burst),
        ]
        reserved = (deployment.ingestion_reserved or 0) + (deployment.processing_reserved or 0)
        open_to_all = max(platform.unreserved, platform.account_concurrency - reserved)
        self._ingestion = Function(deployment.ingestion_reserved or open_to_all, self.timing.cold_start, platform)
        self._account = rate_limit(platform.account_rate * platform.account_concurrency, platform)
        self._queue = Queue(
            env, visibility_s=deployment.visibility_s, max_receives=deployment.max_receives, fifo=deployment.fifo
        )
        ingest_queue = deployment.ingest_queue
        self._ingest_queue: Queue | None = None
        if ingest_queue is not None:
            self._ingest_queue = Queue(
                env,
                visibility_s=ingest_queue.visibility_s,
                max_receives=ingest_queue.max_receives,
                fifo=False,
                forward=self._queue.send,
            )
        self._outcome = Outcome(ends=load.ends)
        self._second = Second(at=0)
        processing = Function(deployment.processing_reserved or open_to_all, self.timing.cold_start, platform)
        if not self.only_ingestion:
            Mapping(
                env,
                self._queue,
                processing,
                feed=deployment.main,
                takes=self.timing.processing,
                platform=platform,
                timing=self.timing,
                random_source=self._working,
                slowness=load.slowness,
            )
            if self._ingest_queue is not None and ingest_queue is not None:
                Mapping(
                    env,
                    self._ingest_queue,
                    self._ingestion,
                    feed=ingest_queue,
                    # Each message of a batch is verified and sent on by itself.
                    takes=lambda messages: self.timing.ingestion * messages,
                    platform=platform,
                    timing=self.timing,
                    random_source=self._taking,
                    slowness=lambda _: 1.0,
                )
        self._load = load
        self._pending = 0
        self._sending = True
        env.process(self._send(load))
        env.run(until=env.process(self._watch(load, processing)))
        outcome = self._outcome.closed(self._queue, self._ingestion, processing, self._pending)
        if self._ingest_queue is not None:
            outcome.behind_ingest_queue(self._ingest_queue)
        return outcome

    def _send(self, load: Load) -> Generator[simpy.Event, Any, None]:
        groups = self.deployment.groups or 1
        for number, wait in enumerate(self._waits(load), start=1):
            yield self._env.timeout(wait)
            self._outcome.sent = number
            self._attempt(number % groups, 0)
        self._sending = False

    def _waits(self, load: Load) -> Iterable[float]:
        """Yield the time from each webhook to the next."""
        at = 0.0
        if load.arrivals is not None:
            for arrival in sorted(load.arrivals):
                yield arrival - at
                at = arrival
            return
        start = 0.0
        for seconds, rate in load.phases:
            due = start
            while rate > 0 and (due := due + self._arriving.expovariate(rate)) < start + seconds:
                yield due - at
                at = due
            start += seconds

    def _attempt(self, group: int, number: int) -> None:
        now = self._env.now
        second = self._second
        second.attempts += 1
        if not take_from_all(self._gateway, now):
            second.throttled += 1
            self._again(group, number)
            return
        if self._ingest_queue is not None:
            second.accepted += 1
            self._outcome.answered(number, self.platform.direct_answer_s)
            self._ingest_queue.send(SimulatedMessage(now, group))
            return
        start = self._ingestion.begin(now) if self._account.take(now) else None
        if start is None:
            second.busy += 1
            self._again(group, number)
            return
        takes = start + self.timing.drawn(self.timing.ingestion, self._taking)
        timeout = min(self.platform.integration_timeout_s, self.deployment.ingestion_timeout_s)
        self._pending += 1
        after(self._env, min(takes, timeout), lambda: self._answer(group, number, takes, timeout))

    def _answer(self, group: int, number: int, takes: float, timeout: float) -> None:
        self._pending -= 1
        self._ingestion.end()
        if takes > timeout:
            self._second.timed_out += 1
            self._again(group, number)
            return
        self._second.accepted += 1
        self._outcome.answered(number, takes)
        self._queue.send(SimulatedMessage(self._env.now, group))

    def _again(self, group: int, number: int) -> None:
        if number >= len(self._load.retries):
            self._outcome.given_up += 1
            return
        wait = self._load.retries[number] * (1 + _JITTER * self._retrying.random())
        self._pending += 1

        def retry() -> None:
            self._pending -= 1
            self._attempt(group, number + 1)

        after(self._env, wait, retry)

    def _watch(self, load: Load, processing: Function) -> Generator[simpy.Event, Any, None]:
        """Close a second after the other, until all is done."""
        while True:
            yield self._env.timeout(1.0)
            second = self._second
            left = self._queue.left + (self._ingest_queue.left if self._ingest_queue else 0)
            second.backlog, second.ingestion, second.processing = (
                left,
                self._ingestion.busy,
                processing.busy,
            )
            second.routed = self._queue.routed
            self._outcome.seconds.append(second)
            self._second = Second(at=int(self._env.now))
            done = not self._sending and not self._pending and (self.only_ingestion or not left)
            if done or self._env.now >= load.longest_s:
                return
