"""Virtual time, and invocations that run side by side in it, always in the same order for the same seed.

An invocation is a greenlet, which gives way wherever a call of its takes time. There are no threads, so that nothing
happens between two calls but what the kernel lets happen.
"""

import heapq
import itertools
import logging
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from greenlet import getcurrent, greenlet

from lambdas.shared.observability import logger
from tests.lambdas.support import NOW, CrashError


class Invocation(greenlet):
    """One invocation, or one of the threads of its batch.

    Attributes
    ----------
    what
        The function's name, and what it works on.
    chain
        How many of the worker's invocations led to what this sends, itself included.
    batch_chain
        The same, if AWS counts a batch by the longest of its messages.
    began, ends
        By the kernel's clock.
    skew
        Seconds that its clock is ahead.
    faults
        What befell it, with the times.
    calls
        Of AWS, so far.
    """

    def __init__(
        self,
        kernel: "Kernel",
        what: str,
        run: Callable[[], Any],
        *,
        seconds: float = 60.0,
        chain: int = 0,
        batch_chain: int = 0,
        skew: float = 0.0,
    ) -> None:
        super().__init__(self._run_it, parent=kernel.hub)
        self.kernel = kernel
        self.what = what
        self.chain = chain
        self.batch_chain = batch_chain
        self.skew = skew
        self.began = kernel.now
        self.ends = kernel.now + seconds
        self.faults: list[tuple[float, str]] = []
        self.requests: list[Any] = []
        self.calls = 0
        self.root = self
        self.killed = False
        self.waiting: Invocation | None = None
        self._call = run
        self.result: Any = None
        self.error: BaseException | None = None

    def _run_it(self) -> None:
        try:
            self.result = self._call()
        except CrashError as error:
            self.error = error
        except Exception as error:
            self.error = error
            if self.root is self:
                self.kernel.crashed.append((self, error))
        if self.waiting is not None:
            self.kernel.at(self.kernel.now, self.waiting.switch)

    def fault(self, what: str) -> None:
        self.root.faults.append((self.kernel.now, what))

    def die(self, why: str) -> None:
        """End the process: this greenlet, and its siblings at their next step."""
        self.root.killed = True
        self.fault(why)
        raise CrashError(why)


class Kernel:
    """The clock, and what happens at which time.

    Attributes
    ----------
    now
        Seconds since the epoch.
    crashed
        Invocations that ended with an error that nothing caught.
    """

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.hub = getcurrent()
        self.crashed: list[tuple[Invocation, Exception]] = []
        self._heap: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()

    @property
    def current(self) -> Invocation | None:
        found = getcurrent()
        return found if isinstance(found, Invocation) else None

    def clock(self) -> float:
        """Return the time as the invocation that asks sees it."""
        current = self.current
        return self.now if current is None else self.now + current.root.skew

    def at(self, when: float, what: Callable[[], Any]) -> None:
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), what))

    def after(self, seconds: float, what: Callable[[], Any]) -> None:
        self.at(self.now + seconds, what)

    def start(self, what: str, run: Callable[[], Any], **arguments: Any) -> Invocation:
        """Begin an invocation now; it runs when what runs at present gives way."""
        made = Invocation(self, what, run, **arguments)
        self.at(self.now, made.switch)
        return made

    def call(self, what: str, run: Callable[[], Any], **arguments: Any) -> Invocation:
        """Begin an invocation for the current one, which waits until it is over; return it."""
        made = Invocation(self, what, run, **arguments)
        made.waiting = self.current
        self.at(self.now, made.switch)
        self.hub.switch()
        return made

    def sleep(self, seconds: float) -> None:
        """Let time pass for who asks; an invocation that runs out of time, or was killed meanwhile, ends here."""
        current = self.current
        if current is None:
            self.run(self.now + seconds)
            return
        root = current.root
        until = min(self.now + max(seconds, 0.0), root.ends)
        if self._heap and self._heap[0][0] <= until:
            self.at(until, current.switch)
            self.hub.switch()
        else:
            self.now = until
        if root.killed:
            raise CrashError("killed")
        if self.now >= root.ends:
            current.die("time-out")

    def side_by_side(self, calls: Iterable[Callable[[], Any]], chains: Iterable[int] = ()) -> list[Any]:
        """Run calls of the current invocation at the same time, as its threads would, and return their results."""
        outer = self.current
        assert outer is not None
        children = []
        for call, chain in itertools.zip_longest(calls, chains):
            assert call is not None
            child = Invocation(self, outer.what, call)
            child.root, child.waiting = outer.root, outer
            child.chain = outer.chain if chain is None else chain
            children.append(child)
            self.at(self.now, child.switch)
        for _ in children:
            self.hub.switch()
        for child in children:
            if child.error is not None:
                raise child.error
        return [child.result for child in children]

    def run(self, until: float) -> None:
        """Let everything happen up to a time."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, what = heapq.heappop(self._heap)
            what()
        self.now = max(self.now, until)

    @property
    def next_at(self) -> float | None:
        return self._heap[0][0] if self._heap else None


@contextmanager
def determined(seed: int, kernel: Kernel) -> Iterator[None]:
    """Have ids, jitter and waits of the code come from the seed and the kernel."""
    chance = random.Random(seed * 7 + 1)
    random.seed(seed)
    level = logger.log_level
    with ExitStack() as stack:
        for name, value in (
            ("randbits", chance.getrandbits),
            ("token_bytes", chance.randbytes),
            ("token_hex", lambda number=16: chance.randbytes(number).hex()),
        ):
            stack.enter_context(mock.patch.object(secrets, name, value))
        stack.enter_context(mock.patch.object(time, "sleep", kernel.sleep))
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)
