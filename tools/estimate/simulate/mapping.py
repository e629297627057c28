"""The event source mapping: pollers that read batches and invoke processing."""

import random
from collections.abc import Callable, Generator
from typing import Any

import simpy

from tools.estimate.simulate.deployment import Feed
from tools.estimate.simulate.function import Function
from tools.estimate.simulate.messages import Queue
from tools.estimate.simulate.platform import Platform
from tools.estimate.simulate.timing import Timing

_CHECK_S = 1.0
Process = Generator[simpy.Event, Any, None]


class Mapping:
    """Has a queue processed.

    Parameters
    ----------
    feed : Feed
        How the function is fed from the queue.
    takes : Callable[[int], float]
        Seconds that the function takes for a number of messages, on average.
    slowness : Callable[[float], float]
        By how much that is longer at a time.
    """

    def __init__(
        self,
        env: simpy.Environment,
        queue: Queue,
        function: Function,
        *,
        feed: Feed,
        takes: Callable[[int], float],
        platform: Platform,
        timing: Timing,
        random_source: random.Random,
        slowness: Callable[[float], float],
    ) -> None:
        self._env = env
        self._queue = queue
        self._function = function
        self._feed = feed
        self._takes = takes
        self._platform = platform
        self._timing = timing
        self._random = random_source
        self._slowness = slowness
        self._pollers = 0
        self._idle = 0
        self.most_pollers = min(platform.most_pollers, feed.maximum_concurrency or platform.most_pollers)
        self.batches = 0
        self._add(min(platform.pollers, self.most_pollers))
        env.process(self._scale())

    def _add(self, count: int) -> None:
        for _ in range(count):
            self._pollers += 1
            self._env.process(self._poll())

    def _scale(self) -> Process:
        more = self._platform.pollers_per_minute * _CHECK_S / 60
        owed = 0.0
        while self._pollers < self.most_pollers:
            yield self._env.timeout(_CHECK_S)
            # A queue that keeps order has no more to give than it has groups that nobody works on.
            if self._queue.depth and not self._idle:
                owed += more
                whole = min(int(owed), self.most_pollers - self._pollers)
                owed -= whole
                self._add(whole)

    def _poll(self) -> Process:
        env, queue = self._env, self._queue
        while True:
            self._idle += 1
            yield queue.has_messages()
            self._idle -= 1
            if self._feed.window_s and queue.depth < self._feed.batch_size:
                yield env.timeout(self._feed.window_s)
            messages = queue.receive(self._feed.batch_size)
            if not messages:
                continue
            received_at = env.now
            start = yield from self._begin(received_at)
            if start is None:
                queue.give_back_later(messages, received_at)
                continue
            mean = self._takes(len(messages)) * self._slowness(env.now)
            takes = start + self._timing.drawn(mean, self._random)
            yield env.timeout(min(takes, self._feed.timeout_s))
            self._function.end()
            self.batches += 1
            if takes > self._feed.timeout_s:
                queue.give_back_later(messages, received_at)
            else:
                queue.delete(messages)
            yield env.timeout(self._platform.poll_s)

    def _begin(self, received_at: float) -> Generator[simpy.Event, Any, float | None]:
        """Invoke the function, again where Lambda throttles it; return None when its messages are to be seen again."""
        until = received_at + self._feed.visibility_s - self._platform.throttled_s
        while (start := self._function.begin(self._env.now)) is None and self._env.now < until:
            yield self._env.timeout(self._platform.throttled_s)
        return start
