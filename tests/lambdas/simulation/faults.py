"""Faults at every call of AWS, decided by the seed."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.lambdas.simulation.kernel import Invocation, Kernel
from tests.lambdas.simulation.memory_dynamodb import Paginator, failure


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
# Seconds that an index is behind: never, as usual, or long. A seed has one of them.
INDEX_LAGS: tuple[Callable[[random.Random], float], ...] = (
    lambda chance: 0.0,
    lambda chance: chance.expovariate(20.0),
    lambda chance: chance.expovariate(20.0),
    lambda chance: chance.choice((0.02, 0.3, 5.0, 30.0)),
)

# What AWS answers when it refuses; none of these is done.
_REFUSALS = {
    "dynamodb": ("ThrottlingException", "InternalServerError", "TransactionConflictException"),
    "sqs": ("RequestThrottled", "ServiceUnavailable"),
    "s3": ("SlowDown", "InternalError", "ConditionalRequestConflict"),
    "events": ("ThrottlingException", "InternalException"),
    "secretsmanager": ("InternalServiceError", "ThrottlingException"),
    # A provider's API, by its status.
    "api": ("429", "500", "503"),
}
_MEDIAN_SECONDS = {"dynamodb": 0.004, "sqs": 0.008, "s3": 0.02, "events": 0.015, "secretsmanager": 0.02, "api": 0.08}


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


_READS = frozenset({"get_item", "batch_get_item", "query", "get_object", "get_secret_value"})


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


@dataclass
class MemorySecrets:
    """Secrets Manager with one secret."""

    text: str

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        return {"SecretString": self.text}
