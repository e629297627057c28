"""A model of an SQS fair queue and its consumers, in simulated time.

What is modelled is what AWS documents, and nothing finer: a tenant is a noisy neighbour when it has more than a tenth
of the messages in flight and at least thirty of them. While one is, consumers get the messages of quiet tenants first;
when there are none, those of the noisy one with the fewest in flight. It is quiet again when its backlog is used up.
The measure by processing time, which marks slow tenants as well, is left out: it could only help.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NOISY_SHARE = 0.1
NOISY_IN_FLIGHT = 30


@dataclass
class FairQueue:
    """Messages by group, and which of them are in flight.

    Attributes
    ----------
    fair : bool
        Whether it is one; otherwise the oldest message comes first, whoever's.
    """

    fair: bool = True
    in_flight: Counter[str] = field(default_factory=Counter)
    noisy: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._waiting: dict[str, deque[tuple[int, Any]]] = {}
        self._order = itertools.count()

    def send(self, group: str, message: Any) -> None:
        self._waiting.setdefault(group, deque()).append((next(self._order), message))

    def receive(self) -> tuple[str, Any] | None:
        waiting = {group: messages for group, messages in self._waiting.items() if messages}
        self.noisy &= set(waiting)
        if not waiting:
            return None
        quiet = {group: messages for group, messages in waiting.items() if group not in self.noisy}
        if not self.fair or quiet:
            chosen = min(quiet if self.fair else waiting, key=lambda group: waiting[group][0][0])
        else:
            chosen = min(waiting, key=lambda group: self.in_flight[group])
        _, message = self._waiting[chosen].popleft()
        self.in_flight[chosen] += 1
        total = sum(self.in_flight.values())
        if self.in_flight[chosen] >= NOISY_IN_FLIGHT and self.in_flight[chosen] > NOISY_SHARE * total:
            self.noisy.add(chosen)
        return chosen, message

    def delete(self, group: str) -> None:
        self.in_flight[group] -= 1


@dataclass
class Simulation:
    """Consumers of a queue, and a clock that jumps from event to event.

    Attributes
    ----------
    consumers : int
        How many messages are worked on at once.
    work : Callable[[float, str, Any], tuple[float, Callable[[float], None]]]
        Told the time, a group and its message, returns the seconds that it takes, and what is to happen then.
    """

    queue: FairQueue
    consumers: int
    work: Callable[[float, str, Any], tuple[float, Callable[[float], None]]]
    now: float = 0.0

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, str, str, Any]] = []
        self._order = itertools.count()
        self._busy = 0

    def send_at(self, at: float, group: str, message: Any) -> None:
        heapq.heappush(self._events, (at, next(self._order), "send", group, message))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, kind, group, message = heapq.heappop(self._events)
            if kind == "send":
                self.queue.send(group, message)
            else:
                self.queue.delete(group)
                self._busy -= 1
                message(self.now)
            while self._busy < self.consumers and (taken := self.queue.receive()) is not None:
                self._busy += 1
                seconds, then = self.work(self.now, *taken)
                heapq.heappush(self._events, (self.now + seconds, next(self._order), "done", taken[0], then))
        self.now = until
