"""SQS with its event source mapping and Secrets Manager in memory, and faults at every call."""

import itertools
import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.lambdas.delivery_support import MAX_RECEIVES, VISIBILITY_SECONDS
from tests.lambdas.simulation.kernel import Invocation, Kernel
from tests.lambdas.simulation.memory_dynamodb import Paginator, failure

LOOP_LIMIT = 16
"""Invocations of a function in one chain, after which Lambda drops the message.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"""


@dataclass(frozen=True, kw_only=True)
class FaultRates:
    """The share of calls that a fault befalls.

    Attributes
    ----------
    kill
        The process dies, before the call or after it.
    refused
        AWS refuses it, after all that the SDK tries, and does nothing.
    lost
        AWS does it, and no answer comes, whatever the SDK tries.
    repeated
        AWS does it, the answer is lost, and the SDK sends the call again; the caller sees the second answer.
    slow
        It takes seconds.
    partial
        A part of a batch, or of a page, is left undone.
    duplicate, vanish
        A message comes twice; or never, and not into the dead letter queue either.
    """

    kill: float = 0.0
    refused: float = 0.0
    lost: float = 0.0
    repeated: float = 0.0
    slow: float = 0.0
    partial: float = 0.0
    duplicate: float = 0.0
    vanish: float = 0.0

    def times(self, factor: float, only: set[str] | None = None) -> "FaultRates":
        """Return the rates by a factor, and none for those that are not named."""
        return FaultRates(
            **{
                one.name: min(getattr(self, one.name) * factor, 0.3) if only is None or one.name in only else 0.0
                for one in fields(self)
            }
        )


USUAL = FaultRates(
    kill=0.002, refused=0.002, lost=0.001, repeated=0.004, slow=0.001, partial=0.02, duplicate=0.02, vanish=0.004
)

# What AWS answers when it refuses; none of these is done.
_REFUSALS = {
    "dynamodb": ("ThrottlingException", "InternalServerError", "TransactionConflictException"),
    "sqs": ("RequestThrottled", "ServiceUnavailable"),
    "secretsmanager": ("InternalServiceError", "ThrottlingException"),
    "events": ("InternalException", "ThrottlingException"),
}
_MEDIAN_SECONDS = {"dynamodb": 0.004, "sqs": 0.008, "secretsmanager": 0.02, "events": 0.02}


class Chaos:
    """Decides by the seed which call meets which fault.

    Attributes
    ----------
    rates
        Now in force.
    happened
        How often each fault befell a call.
    force
        Told an operation and the invocation that makes it; says what befalls it, None for what the seed says.
    """

    def __init__(self, kernel: Kernel, chance: random.Random, rates: FaultRates) -> None:
        self.kernel = kernel
        self.chance = chance
        self.rates = rates
        self.happened: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.trace: Callable[[str], None] | None = None
        self.force: Callable[[str, Invocation], str | None] | None = None

    def hits(self, rate: float) -> bool:
        return rate > 0 and self.chance.random() < rate

    def around(self, service: str, operation: str, call: Callable[[], Any], *, writes: bool = True) -> Any:
        """Make a call as an invocation makes it, with what may befall it."""
        kernel, rates, inv = self.kernel, self.rates, self.kernel.current
        self.calls[service] += 1
        if inv is None:
            return call()
        inv.root.calls += 1
        name = f"{service} {operation}"
        seconds = _MEDIAN_SECONDS[service] * self.chance.expovariate(1.4)
        if self.hits(rates.slow):
            seconds += self.chance.uniform(0.5, 8.0)
        fate = self._fate(operation, inv, writes=writes)
        kernel.sleep(seconds / 2)
        if fate == "killed before":
            self._note("kills", f"killed before {name}")
            inv.die(f"killed before {name}")
        if fate == "refused":
            self._refuse(service, operation, inv, writes=writes)
        if fate == "repeated":
            self._note("answers lost", f"{name} done, and sent again by the SDK")
            inv.fault(f"{name} sent twice")
            with suppress(ClientError):
                call()
            kernel.sleep(self.chance.uniform(0.2, 4.0))
        error: ClientError | None = None
        result: Any = None
        try:
            result = call()
        except ClientError as refusal:
            error = refusal
        if fate == "lost":
            self._note("answers lost", f"{name} done, and no answer came")
            inv.fault(f"{name} without an answer")
            kernel.sleep(self.chance.uniform(1.0, 6.0))
            raise ReadTimeoutError(endpoint_url=f"https://{service}")
        kernel.sleep(seconds / 2)
        if fate == "killed after":
            self._note("kills", f"killed after {name}")
            inv.die(f"killed after {name}")
        if error is not None:
            raise error
        return result

    def _fate(self, operation: str, inv: Invocation, *, writes: bool) -> str | None:
        """Return what befalls a call."""
        if self.force is not None and (forced := self.force(operation, inv)) is not None:
            return forced
        rates, number = self.rates, self.chance.random()
        for fate, rate in (
            ("killed before", rates.kill / 2),
            ("refused", rates.refused),
            ("repeated", rates.repeated * writes),
            ("lost", rates.lost),
            ("killed after", rates.kill / 2),
        ):
            if number < rate:
                return fate
            number -= rate
        return None

    def _refuse(self, service: str, operation: str, inv: Invocation, *, writes: bool) -> None:
        code = self.chance.choice(_REFUSALS[service])
        conflict = code == "TransactionConflictException"
        if conflict and not writes:
            code = "ThrottlingException"
        self._note("refused", f"{service} {operation} refused: {code}")
        inv.fault(f"{operation} refused")
        if conflict and operation == "transact_write_items":
            reasons = [{"Code": "TransactionConflict"}]
            raise failure(operation, "TransactionCanceledException", CancellationReasons=reasons)
        raise failure(operation, code)

    def _note(self, what: str, detail: str) -> None:
        self.happened[what] += 1
        self.say(detail)

    def say(self, what: str) -> None:
        if self.trace is not None:
            inv = self.kernel.current
            self.trace(f"{'' if inv is None else inv.what}: {what}")


_READS = frozenset({"get_item", "batch_get_item", "query", "get_secret_value"})


class Faulty:
    """A client whose calls meet faults."""

    def __init__(self, service: str, client: Any, chaos: Chaos) -> None:
        self._service = service
        self._client = client
        self._chaos = chaos
        self._tokens = itertools.count()

    def __getattr__(self, operation: str) -> Any:
        target = getattr(self._client, operation)

        def call(**request: Any) -> Any:
            if operation == "transact_write_items":
                # boto3 gives each call a token, with which the SDK sends it again.
                request.setdefault("ClientRequestToken", f"token-{next(self._tokens)}")
            chaos = self._chaos
            if operation in ("batch_get_item", "query") and chaos.hits(chaos.rates.partial):
                return chaos.around(self._service, operation, lambda: self._partly(operation, request), writes=False)
            return chaos.around(self._service, operation, lambda: target(**request), writes=operation not in _READS)

        self.__dict__[operation] = call
        return call

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(getattr(self, operation))

    def _partly(self, operation: str, request: dict[str, Any]) -> Any:
        """Answer less than was asked for, as DynamoDB may."""
        if operation == "query":
            most = min(request.get("Limit", 3), self._chaos.chance.randint(1, 3))
            return self._client.query(**{**request, "Limit": most})
        (table, asked), *others = request["RequestItems"].items()
        if others or len(asked["Keys"]) < 2:
            return self._client.batch_get_item(**request)
        half = len(asked["Keys"]) // 2
        answer = self._client.batch_get_item(RequestItems={table: {**asked, "Keys": asked["Keys"][:half]}})
        return {**answer, "UnprocessedKeys": {table: {**asked, "Keys": asked["Keys"][half:]}}}


# --- SQS ------------------------------------------------------------------------------------------------------------


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


@dataclass
class MemorySecrets:
    """Secrets Manager with one secret."""

    text: str

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        return {"SecretString": self.text}
