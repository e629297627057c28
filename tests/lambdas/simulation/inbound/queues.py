"""SQS in memory: standard and FIFO queues, dead letter queues, and event source mappings."""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.lambdas.simulation.faults import Chaos
from tests.lambdas.simulation.kernel import Invocation, Kernel
from tests.lambdas.simulation.memory_dynamodb import failure

VISIBILITY_SECONDS = 300.0
"""`queue.visibility_timeout`"""
DEDUPLICATION_SECONDS = 300.0
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html"""
MAX_BYTES = 1_048_576
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""


@dataclass(eq=False)
class Queued:
    """A message on a queue; a standard queue may have two with one id."""

    message_id: str
    body: str
    group: str
    sent_at: float
    sequence: str = ""
    receives: int = 0

    def record(self) -> dict[str, Any]:
        """Return what Lambda hands to a function."""
        attributes = {
            "ApproximateReceiveCount": str(self.receives),
            "SentTimestamp": str(int(self.sent_at * 1000)),
            "MessageGroupId": self.group,
            **({"SequenceNumber": self.sequence} if self.sequence else {}),
        }
        return {
            "messageId": self.message_id,
            "receiptHandle": "receipt",
            "body": self.body,
            "attributes": attributes,
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """An event source mapping.

    Attributes
    ----------
    start
        Begins an invocation of the function.
    invoke
        The function: takes an event, and returns a partial batch response.
    """

    start: Callable[[Callable[[], Any]], Invocation]
    invoke: Callable[[dict[str, Any]], dict[str, Any]]
    batch_size: int
    concurrency: int
    window: float = 0.0


class MemoryQueue:
    """A queue, as a client sees it, and the function that is mapped to it.

    A message that is not deleted is visible again when the visibility timeout of its receive ends. After
    `max_receives` it goes to the dead letter queue instead of being received again. A FIFO queue hands out nothing of a
    group of which something is in flight. See `tests.fifo` for the sources.

    Attributes
    ----------
    sent, spent
        Called with the body of each message that is put into it, or moved to the dead letter queue.
    """

    def __init__(
        self,
        kernel: Kernel,
        chaos: Chaos,
        name: str,
        *,
        fifo: bool = False,
        max_receives: int | None = None,
        dead_letters: "MemoryQueue | None" = None,
    ) -> None:
        self.kernel = kernel
        self.chaos = chaos
        self.name = name
        self.fifo = fifo
        self.max_receives = max_receives
        self.dead_letters = dead_letters
        self.mapping: Mapping | None = None
        self.sent: Callable[[str], None] = lambda body: None
        self.spent: Callable[[str], None] = lambda body: None
        self.unsettled = 0
        self._visible: list[Queued] = []
        self._groups: dict[str, deque[Queued]] = {}
        self._locked: set[str] = set()
        self._known: dict[str, tuple[float, str]] = {}
        self._in_flight = 0
        self._polling = False
        self._numbers = itertools.count(1)

    # The client

    def send_message(self, **request: Any) -> dict[str, Any]:
        body, group = request["MessageBody"], request.get("MessageGroupId", "")
        if len(body.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise failure("SendMessage", "InvalidParameterValue", "MessageBody")
        if self.fifo:
            token, now = request["MessageDeduplicationId"], self.kernel.now
            at, known = self._known.get(token, (-DEDUPLICATION_SECONDS, ""))
            if now - at < DEDUPLICATION_SECONDS:
                return {"MessageId": known}
            message_id = self.put(body, group)
            self._known[token] = now, message_id
            return {"MessageId": message_id}
        return {"MessageId": self.put(body, group)}

    # The queue

    def put(self, body: str, group: str) -> str:
        number = next(self._numbers)
        message = Queued(f"{self.name}-{number}", body, group, self.kernel.now)
        self.sent(body)
        if self.fifo:
            message.sequence = f"{number:020}"
            self._add(message)
            return message.message_id
        self._add(message)
        if self.chaos.hits(self.chaos.rates.duplicate):
            self.chaos.happened["duplicates"] += 1
            self.unsettled += 1
            copy = Queued(message.message_id, body, group, self.kernel.now)
            self.kernel.after(self.chaos.chance.choice((0.0, 0.5, 40.0, 400.0, 1_000.0)), lambda: self._show(copy))
        return message.message_id

    def _add(self, message: Queued) -> None:
        self.unsettled += 1
        if self.fifo:
            self._groups.setdefault(message.group, deque()).append(message)
            self._poll_soon()
        else:
            self._show(message)

    def _show(self, message: Queued) -> None:
        """Have a message of a standard queue be received, or moved to the dead letter queue."""
        if not self._spent(message):
            self._visible.append(message)
            self._poll_soon()

    def _spent(self, message: Queued) -> bool:
        if self.max_receives is None or message.receives < self.max_receives:
            return False
        assert self.dead_letters is not None
        self.unsettled -= 1
        self.spent(message.body)
        self.chaos.say(f"moved to the dead letter queue: {message.message_id}")
        moved = Queued(message.message_id, message.body, message.group, message.sent_at, message.sequence)
        self.dead_letters._add(moved)
        return True

    def redrive(self, to: "MemoryQueue") -> None:
        """Move everything that is visible to another queue, as an operator's redrive does."""
        for message in self._visible:
            self.unsettled -= 1
            to.put(message.body, message.group)
        self._visible.clear()

    # The mapping

    def _poll_soon(self) -> None:
        if self.mapping is not None and not self._polling:
            self._polling = True
            self.kernel.after(self.mapping.window, self._poll)

    def _poll(self) -> None:
        self._polling = False
        mapping = self.mapping
        assert mapping is not None
        while self._in_flight < mapping.concurrency and (batch := self._take(mapping.batch_size)):
            self._in_flight += 1
            for message in batch:
                message.receives += 1
            mapping.start(lambda batch=batch: self._process(mapping, batch))

    def _take(self, most: int) -> list[Queued]:
        chance = self.chaos.chance
        # A receive may hand out less than there is.
        most = chance.choice((most, chance.randint(1, most)))
        if not self.fifo:
            if chance.random() < 0.2:
                # A standard queue keeps no order.
                chance.shuffle(self._visible)
            batch, self._visible = self._visible[:most], self._visible[most:]
            return batch
        batch = []
        groups = [group for group in self._groups if group not in self._locked]
        chance.shuffle(groups)
        for group in groups:
            waiting = self._groups[group]
            while waiting and self._spent(waiting[0]):
                waiting.popleft()
            if not waiting:
                del self._groups[group]
                continue
            taken = list(itertools.islice(waiting, most - len(batch)))
            if taken:
                self._locked.add(group)
                batch += taken
            if len(batch) == most:
                break
        return batch

    def _process(self, mapping: Mapping, batch: list[Queued]) -> None:
        began = self.kernel.now
        failed = {message.message_id for message in batch}
        try:
            response = mapping.invoke({"Records": [message.record() for message in batch]})
            failed = {one["itemIdentifier"] for one in response["batchItemFailures"]}
            if self.chaos.hits(self.chaos.rates.duplicate / 4):
                # Lambda does not get to delete them.
                self.chaos.happened["duplicates"] += len(batch)
                failed |= {message.message_id for message in batch}
        finally:
            self._in_flight -= 1
            self._settle(batch, failed, max(began + VISIBILITY_SECONDS - self.kernel.now, 0.0))
            self._poll_soon()

    def _settle(self, batch: list[Queued], failed: set[str], seconds: float) -> None:
        for message in batch:
            if message.message_id not in failed:
                self.unsettled -= 1
                if self.fifo:
                    self._groups[message.group].remove(message)
            elif not self.fifo:
                self.kernel.after(seconds, lambda message=message: self._show(message))
        if self.fifo:
            left = {message.group for message in batch if message.message_id in failed}
            for group in dict.fromkeys(message.group for message in batch):
                if group in left:
                    self.kernel.after(seconds, lambda group=group: self._unlock(group))
                else:
                    self._unlock(group)

    def _unlock(self, group: str) -> None:
        self._locked.discard(group)
        if not self._groups.get(group):
            self._groups.pop(group, None)
        self._poll_soon()
