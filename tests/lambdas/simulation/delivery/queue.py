"""SQS with its event source mapping, in memory."""

import itertools
import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lambdas.delivery_support import MAX_RECEIVES, VISIBILITY_SECONDS
from tests.lambdas.simulation.faults import Chaos
from tests.lambdas.simulation.kernel import Invocation, Kernel
from tests.lambdas.simulation.memory_dynamodb import failure

LOOP_LIMIT = 16
"""Invocations of a function in one chain, after which Lambda drops the message.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"""


@dataclass
class SentMessage:
    """A message, and the chain of invocations that it will be the next of."""

    message_id: str
    body: str
    group: str | None
    chain: int
    batch_chain: int
    sent_at: float
    receives: int = 0
    deleted: bool = False


@dataclass
class MemorySQS:
    """A standard queue with fair queueing, and the worker's event source mapping on it.

    Attributes
    ----------
    work
        Processes a batch: takes the messages' records and returns the ids that must come back.
    concurrency
        Batches at once.
    dead
        The dead letter queue.
    """

    kernel: Kernel
    chaos: Chaos
    work: Callable[[list[dict[str, Any]], list[SentMessage]], list[str]]
    concurrency: int = 10
    batch_size: int = 10
    dead: list[SentMessage] = field(default_factory=list)
    dropped: list[SentMessage] = field(default_factory=list)
    longest: int = 0
    longest_in_batch: int = 0
    longest_of: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    waiting: int = 0
    seen: set[str] = field(default_factory=set)
    on_invocation: Callable[[str, Callable[[], Any], int, int], Invocation] | None = None

    def __post_init__(self) -> None:
        self._groups: defaultdict[str | None, deque[SentMessage]] = defaultdict(deque)
        self._busy: Counter[str | None] = Counter()
        self._numbers = itertools.count(1)

    # The client

    def send_message(self, **request: Any) -> dict[str, Any]:
        return {"MessageId": self._send(request)}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        if not 1 <= len(entries) <= 10 or len({one["Id"] for one in entries}) < len(entries):
            raise failure("SendMessageBatch", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
        failed = [one for one in entries if self.chaos.hits(self.chaos.rates.partial)]
        if failed:
            inv = self.kernel.current
            if inv is not None:
                inv.fault("part of a batch was not sent")
        sent = [{"Id": one["Id"], "MessageId": self._send(one)} for one in entries if one not in failed]
        answer: dict[str, Any] = {"Successful": sent}
        if failed:
            answer["Failed"] = [{"Id": one["Id"], "SenderFault": False, "Code": "InternalError"} for one in failed]
        return answer

    def _send(self, request: Mapping[str, Any]) -> str:
        delay = request.get("DelaySeconds", 0)
        if type(delay) is not int or not 0 <= delay <= 900:
            raise failure("SendMessage", "InvalidParameterValue", "DelaySeconds")
        inv = self.kernel.current
        chain, batch_chain = (0, 0) if inv is None else (inv.chain, inv.root.batch_chain)
        return self.put(request["MessageBody"], request.get("MessageGroupId"), chain + 1, batch_chain + 1, delay)

    # The queue

    def put(self, body: str, group: str | None, chain: int = 1, batch_chain: int = 1, delay: float = 0) -> str:
        sent = SentMessage(f"m{next(self._numbers)}", body, group, chain, batch_chain, self.kernel.now)
        self.seen.add(body)
        if self.chaos.hits(self.chaos.rates.vanish):
            self.chaos.happened["messages lost"] += 1
            self.chaos.say(f"message lost: {body}")
            return sent.message_id
        if self.chaos.hits(self.chaos.rates.duplicate):
            self.chaos.happened["duplicates"] += 1
            self._show(sent, delay + self.chaos.chance.choice([0.0, 0.5, 40.0, 400.0]))
        self._show(sent, delay)
        return sent.message_id

    def _show(self, message: SentMessage, seconds: float) -> None:
        self.waiting += 1
        self.kernel.after(seconds, lambda: self._visible(message))

    def _visible(self, message: SentMessage) -> None:
        if message.receives >= MAX_RECEIVES or message.batch_chain > LOOP_LIMIT:
            self.waiting -= 1
            (self.dead if message.batch_chain <= LOOP_LIMIT else self.dropped).append(message)
            self.chaos.say(f"dead letter after {message.receives} receives, chain {message.chain}: {message.body}")
            return
        self._groups[message.group].append(message)
        self._poll()

    def _poll(self) -> None:
        while self.in_flight < self.concurrency and (batch := self._batch()):
            self.in_flight += 1
            longest = max(one.chain for one in batch)
            in_batch = max(one.batch_chain for one in batch)
            for one in batch:
                kind = str(json.loads(one.body)["kind"])
                self.longest_of[kind] = max(self.longest_of[kind], one.chain)
            self.longest = max(self.longest, longest)
            self.longest_in_batch = max(self.longest_in_batch, in_batch)
            assert self.on_invocation is not None
            self.on_invocation("worker", lambda batch=batch: self._process(batch), longest, in_batch)

    def _batch(self) -> list[SentMessage]:
        """Take messages, those of the groups with the fewest in flight first, as fair queues do.

        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        batch: list[SentMessage] = []
        while len(batch) < self.batch_size and self._groups:
            group = min(self._groups, key=lambda one: (self._busy[one], self._groups[one][0].sent_at))
            queue = self._groups[group]
            message = queue.popleft()
            if not queue:
                del self._groups[group]
            self.waiting -= 1
            message.receives += 1
            if message.group is not None:
                self._busy[group] += 1
            batch.append(message)
        return batch

    def _process(self, batch: list[SentMessage]) -> None:
        records = [
            {
                "messageId": one.message_id,
                "receiptHandle": "receipt",
                "body": one.body,
                "attributes": {"ApproximateReceiveCount": str(one.receives), "MessageGroupId": one.group},
                "eventSource": "aws:sqs",
            }
            for one in batch
        ]
        failures = {one.message_id for one in batch}
        began = self.kernel.now
        try:
            failures = set(self.work(records, batch))
        finally:
            self.in_flight -= 1
            for one in batch:
                if one.group is not None:
                    self._busy[one.group] -= 1
                    if not self._busy[one.group]:
                        del self._busy[one.group]
                if one.message_id in failures:
                    self._show(one, max(began + VISIBILITY_SECONDS - self.kernel.now, 0.0))
            self.kernel.at(self.kernel.now, self._poll)
