"""Senders that never give up, and functions that are killed while they work."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from tools.local import LocalStack
from tools.ministack import LocalAws
from tools.senders import SentWebhook

GIVE_UP_SECONDS = 240


@dataclass
class Killer:
    """Kills a function now and then, as a failing host would.

    It goes by the number of requests and not by the clock, so that a slow machine has no more failures than a fast one.

    Attributes
    ----------
    stack : LocalStack
        Whose functions are killed.
    random : random.Random
        Decides when, and which.
    share : float
        Kills for each request.
    """

    stack: LocalStack
    random: random.Random
    share: float
    killed: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def after_a_request(self) -> None:
        with self.lock:
            if self.random.random() >= self.share:
                return
            functions = {f"webhook-{part}-{self.stack.environment}" for part in ("ingestion", "processing")}
            if (name := kill_one_of(self.stack.aws, functions, self.random)) is not None:
                self.killed[name] += 1


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
