"""Senders that never give up, and functions that are killed while they work."""

import math
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from tools.local.aws import LocalAws
from tools.local.stack import LocalStack
from tools.senders import SentWebhook

GIVE_UP_SECONDS = 240


@dataclass
class Killer:
    """Kills a function now and then, as a failing host would: ingestion and processing in turns.

    It goes by the number of requests and not by the clock, so that a slow machine has no more failures than a fast one;
    and not by luck either, so that both are killed in every run. Where none of those runs whose turn it is, the next
    request is its occasion.

    Attributes
    ----------
    stack : LocalStack
        Whose functions are killed.
    random : random.Random
        Decides which of a function's processes it is.
    every : int
        Requests for each kill.
    rest : float
        Seconds after which processing may be killed once more. Where this is longer than a message waits for its next
        receive, no message is killed at each of its receives, and so dead-lettered, by a draw of luck. Ingestion takes
        its turns meanwhile.
    """

    stack: LocalStack
    random: random.Random
    every: int
    rest: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _requests: int = 0
    _due: int = 0
    _processing_killed_at: float = -math.inf

    def after_a_request(self) -> None:
        with self.lock:
            self._requests += 1
            self._due += self._requests % self.every == 0
            if not self._due:
                return
            name = self._next()
            if kill_one_of(self.stack.aws, {name}, self.random) is not None:
                self.killed[name] += 1
                self._due -= 1
                if name == self._name("processing"):
                    self._processing_killed_at = time.monotonic()

    def _next(self) -> str:
        ingestion, processing = self._name("ingestion"), self._name("processing")
        rested = time.monotonic() - self._processing_killed_at >= self.rest
        return processing if rested and self.killed[processing] < self.killed[ingestion] else ingestion

    def _name(self, part: str) -> str:
        return f"webhook-{part}-{self.stack.environment}"


def kill_one_of(aws: LocalAws, functions: set[str], chance: random.Random) -> str | None:
    """Kill a process of one of some functions, and return the function's name; None where none of them runs."""
    victims = [
        (process, name)
        for process in psutil.Process(aws.process.pid).children(recursive=True)
        if (name := _function_of(process)) in functions
    ]
    if not victims:
        return None
    process, name = chance.choice(victims)
    process.kill()
    return name


def _function_of(process: psutil.Process) -> str | None:
    """Return the name of the function that a process runs, or None."""
    try:
        return process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
    except psutil.Error:
        return None


def deliver(stack: LocalStack, sent: SentWebhook, killer: Killer) -> list[int]:
    """Send a webhook as a provider does, again and again until a 2xx; return every answer's status."""
    answers = []
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        answers.append(stack.post(sent).status_code)
        killer.after_a_request()
        if answers[-1] < 300:
            return answers
        time.sleep(0.2)
    raise TimeoutError(f"{sent.transaction_id} was never accepted: {Counter(answers)}")
