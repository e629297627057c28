"""The main queue: messages that wait, are invisible, or were given up."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import simpy


@dataclass(slots=True)
class SimulatedMessage:
    """A message.

    Attributes
    ----------
    sent_at : float
        When it was sent.
    group : int
        Its message group, where the queue keeps order.
    receives : int
        How often it was received.
    """

    sent_at: float
    group: int = 0
    receives: int = 0


class Queue:
    """A queue, standard or FIFO, with a dead letter queue.

    Parameters
    ----------
    forward : Callable[[SimulatedMessage], None] | None
        Told of each message that is deleted, such as another queue.

    Attributes
    ----------
    sent, routed, dead : int
        Messages that were sent, deleted, and given up.
    depth, in_flight : int
        Messages that wait, and that were received and neither deleted nor given back.
    last_routed_at : float
        When the last message was deleted.
    """

    def __init__(
        self,
        env: simpy.Environment,
        *,
        visibility_s: float,
        max_receives: int,
        fifo: bool,
        forward: "Callable[[SimulatedMessage], None] | None" = None,
    ) -> None:
        self._env = env
        self._visibility_s = visibility_s
        self._max_receives = max_receives
        self._fifo = fifo
        self._forward = forward
        self._waiting: dict[int, deque[SimulatedMessage]] = {}
        self._ready: deque[int] = deque()
        self._listeners: deque[simpy.Event] = deque()
        self.sent = self.routed = self.dead = self.depth = self.in_flight = 0
        self.last_routed_at = 0.0

    def send(self, message: SimulatedMessage) -> None:
        """Take a message."""
        self.sent += 1
        self._put(message)

    def _put(self, message: SimulatedMessage) -> None:
        group = message.group if self._fifo else 0
        waiting = self._waiting.get(group)
        if waiting is None:
            waiting = self._waiting[group] = deque()
            self._ready.append(group)
        waiting.append(message)
        self.depth += 1
        self._wake()

    def _wake(self) -> None:
        if self._listeners and self._ready:
            self._listeners.popleft().succeed()

    def has_messages(self) -> simpy.Event:
        """Return an event that happens when there is something to receive."""
        event = self._env.event()
        if self._ready:
            event.succeed()
        else:
            self._listeners.append(event)
        return event

    def receive(self, most: int) -> list[SimulatedMessage]:
        """Return messages of one group at most, which is then locked where the queue keeps order."""
        if not self._ready:
            return []
        group = self._ready.popleft()
        waiting = self._waiting[group]
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        if not self._fifo:
            if waiting:
                self._ready.append(group)
            else:
                del self._waiting[group]
        for message in taken:
            message.receives += 1
        self.depth -= len(taken)
        self.in_flight += len(taken)
        return taken

    def delete(self, messages: list[SimulatedMessage]) -> None:
        """Forget messages that were processed."""
        self.in_flight -= len(messages)
        self.routed += len(messages)
        self.last_routed_at = self._env.now
        if self._forward is not None:
            for message in messages:
                self._forward(SimulatedMessage(self._env.now, message.group))
        self._unlock(messages)

    def give_back_later(self, messages: list[SimulatedMessage], received_at: float) -> None:
        """Let messages that were not deleted become visible again, or go to the dead letter queue."""
        wait = max(0.0, received_at + self._visibility_s - self._env.now)
        after(self._env, wait, lambda: self._give_back(messages))

    def _give_back(self, messages: list[SimulatedMessage]) -> None:
        self.in_flight -= len(messages)
        back = [message for message in messages if message.receives < self._max_receives]
        self.dead += len(messages) - len(back)
        if self._fifo:
            group = messages[0].group
            self._waiting[group].extendleft(reversed(back))
            self.depth += len(back)
            self._unlock(messages)
        else:
            for message in back:
                self._put(message)

    def _unlock(self, messages: list[SimulatedMessage]) -> None:
        if not self._fifo:
            return
        group = messages[0].group
        if self._waiting[group]:
            self._ready.append(group)
        else:
            del self._waiting[group]
        self._wake()

    @property
    def left(self) -> int:
        """Messages that wait or are being processed."""
        return self.depth + self.in_flight


def after(env: simpy.Environment, wait: float, then: Callable[[], Any]) -> None:
    """Have something done after a time; lighter than a process."""
    env.timeout(wait).callbacks.append(lambda _: then())
