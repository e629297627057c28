"""A model of an SQS FIFO queue with its dead letter queue and event source mapping: what the ordering is tested on.

A model and not MiniStack's FIFO queue. That keeps the same rules, but shows one course of events only: each receive
takes as much as it may, from the oldest message on, and a visibility timeout ends when real seconds have passed. AWS
may also hand out less, mix groups and end invocations in any order. The tests try all of that, at thousands of batches
a second.

- Of a group that has a message in flight, nothing is given out. Otherwise a receive takes the group's messages in the
  order of sending, from the first one on, as many as it likes; and as many groups as it likes, ten messages at most.
- What is not deleted comes back when its visibility timeout ends, that of all messages of one receive at the same time.
- A message that was received ``max_receive_count`` times goes to the dead letter queue instead of being received again.

Sources:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from lambdas.processing.work import Message

MOST_IN_A_BATCH = 10


@dataclass
class QueuedMessage:
    """A message on the queue."""

    id: str
    group: str
    body: str
    sequence: str
    receives: int = 0
    in_flight: bool = False

    def received(self) -> Message:
        return Message(
            message_id=self.id, body=self.body, receive_count=self.receives, group=self.group, sequence=self.sequence
        )


@dataclass
class Batch:
    """One invocation: what it was given, and when it is over, what was not deleted of it."""

    messages: list[QueuedMessage]
    settled: bool = False

    def received(self) -> list[Message]:
        return [one.received() for one in self.messages]


@dataclass
class FifoQueue:
    """The queue.

    Attributes
    ----------
    random : Random
        Makes the choices that AWS leaves open.
    max_receive_count : int
        Receives after which a message is dead-lettered.
    messages : list[QueuedMessage]
        What is on the queue, in the order of sending.
    dead_letters : list[QueuedMessage]
        What was given up.
    whole_batches : bool
        Every receive takes as much as it may.
    """

    random: Random
    max_receive_count: int
    whole_batches: bool = False
    messages: list[QueuedMessage] = field(default_factory=list)
    dead_letters: list[QueuedMessage] = field(default_factory=list)
    sent: int = 0

    def send(self, id_: str, group: str, body: str = "") -> None:
        self.sent += 1
        self.messages.append(QueuedMessage(id_, group, body, f"{self.sent:020}"))

    def receive(self) -> Batch | None:
        """Take a batch, or None when there is nothing that may be taken now."""
        busy = {one.group for one in self.messages if one.in_flight}
        free = [one for one in self.messages if one.group not in busy]
        for spent in [one for one in free if one.receives >= self.max_receive_count]:
            free.remove(spent)
            self.messages.remove(spent)
            self.dead_letters.append(spent)
        if not free:
            return None
        batch = self._choose(free)
        for one in batch:
            one.receives += 1
            one.in_flight = True
        return Batch(batch)

    def _choose(self, free: Sequence[QueuedMessage]) -> list[QueuedMessage]:
        """Choose up to ten messages: of each group a beginning, the groups mixed."""
        waiting: dict[str, list[QueuedMessage]] = {}
        for one in free:
            waiting.setdefault(one.group, []).append(one)
        chosen: list[QueuedMessage] = []
        most = (
            MOST_IN_A_BATCH if self.whole_batches else self.random.choice([MOST_IN_A_BATCH, self.random.randint(1, 9)])
        )
        while waiting and len(chosen) < most:
            group = self.random.choice(list(waiting))
            chosen.append(waiting[group].pop(0))
            if not waiting[group]:
                del waiting[group]
        return chosen

    def settle(self, batch: Batch, deleted: Iterable[str]) -> None:
        """End an invocation: these of its messages are deleted, and the others stay in flight."""
        gone = set(deleted)
        self.messages = [one for one in self.messages if one.id not in gone]
        batch.messages = [one for one in batch.messages if one.id not in gone]
        batch.settled = True

    def time_out(self, batch: Batch) -> None:
        """End the visibility timeout of what an invocation left."""
        for one in batch.messages:
            one.in_flight = False


def drain(
    queue: FifoQueue,
    to_send: Sequence[tuple[str, str, str]],
    invoke: Callable[[Batch], Iterable[str]],
    on_time_out: Callable[[], None] = lambda: None,
) -> None:
    """Send messages and process them, in any order of events that AWS may have, until the queue is empty.

    Parameters
    ----------
    to_send : Sequence[tuple[str, str, str]]
        Id, group and body of each message.
    invoke : Callable
        Processes a batch and returns the ids of the messages that are deleted.
    on_time_out : Callable
        Called when a visibility timeout ends: a long time has passed.
    """
    unsent = list(to_send)
    running: list[Batch] = []
    left: list[Batch] = []
    while unsent or queue.messages:
        choices = ["receive"]
        choices += ["send"] * 4 if unsent else []
        choices += ["end"] if running else []
        choices += ["time out"] if left else []
        match queue.random.choice(choices):
            case "send":
                queue.send(*unsent.pop(0))
            case "receive":
                if (batch := queue.receive()) is not None:
                    running.append(batch)
            case "end":
                batch = running.pop(queue.random.randrange(len(running)))
                queue.settle(batch, invoke(batch))
                left.append(batch)
            case "time out":
                queue.time_out(left.pop(queue.random.randrange(len(left))))
                on_time_out()
