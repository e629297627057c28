"""What a deployment is doing, while it does it: one changing line on a terminal, a line every 15 seconds in a log."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

LOG_EVERY_SECONDS = 15
STUCK_AFTER_SECONDS = 90
_CHANGES = ("create", "update", "delete", "replace")


class Progress:
    """Follows the events of ``terraform apply -json``, of one stack or of several that are deployed at once.

    Parameters
    ----------
    console : Console
        Where it is shown.
    clock : Callable[[], float]
        Seconds.

    Attributes
    ----------
    longest : tuple[float, str]
        Seconds and name of the resource that took longest.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._step, self._since = "starting", clock()
        self._planned: set[str] = set()
        self._done: set[str] = set()
        self._waiting: dict[str, float] = {}
        self._stuck: set[str] = set()
        self.longest = (0.0, "")

    def begin(self, step: str) -> None:
        """Say what is done from now on, before Terraform has a plan."""
        with self._lock:
            self._step, self._since = step, self._clock()

    def follow(self, stack: str) -> Callable[[Mapping[str, Any]], None]:
        """Return what takes the events of one stack."""
        return lambda event: self._take(stack, event)

    @property
    def done(self) -> int:
        """How many resources are done."""
        return len(self._done)

    def describe(self) -> str:
        """Return how far it is, and for which resource it has been waiting longest."""
        with self._lock:
            now = self._clock()
            if not self._planned:
                return f"{self._step}, {now - self._since:.0f} s"
            text = f"{len(self._done)} of {len(self._planned)} resources"
            if not self._waiting:
                return text
            name, since = min(self._waiting.items(), key=lambda item: item[1])
            return f"{text}, {now - since:.0f} s for {name}"

    def newly_stuck(self) -> list[str]:
        """Return a line for each resource that has become stuck since the last call."""
        with self._lock:
            now = self._clock()
            late = {name: now - since for name, since in self._waiting.items() if now - since >= STUCK_AFTER_SECONDS}
            new = {name: seconds for name, seconds in late.items() if name not in self._stuck}
            self._stuck = set(late)
        return [f"stuck: {name} has made no progress for {seconds:.0f} s" for name, seconds in new.items()]

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it until the block ends."""
        ended = threading.Event()
        terminal = self._console.is_terminal

        def show(status: Any) -> None:
            last = self._clock()
            while not ended.wait(0.5):
                for line in self.newly_stuck():
                    print_whole(self._console, f"   {line}")
                if terminal:
                    status.update(Text(f"   {self.describe()}", no_wrap=True, overflow="ellipsis"))
                elif self._clock() - last >= LOG_EVERY_SECONDS:
                    last = self._clock()
                    print_whole(self._console, f"   {self.describe()}")

        with self._console.status(f"   {self.describe()}") as status:
            thread = threading.Thread(target=show, args=(status,))
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()

    def _take(self, stack: str, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        part = event.get("change" if kind == "planned_change" else "hook", {})
        # Data sources are read on the way, and are no resources of the deployment.
        if part.get("action") not in _CHANGES:
            return
        name = f"{stack}: {part['resource']['addr']}"
        with self._lock:
            if kind == "planned_change":
                self._planned.add(name)
            elif kind == "apply_start":
                self._done.discard(name)
                self._waiting[name] = self._clock()
            elif kind in ("apply_complete", "apply_errored"):
                self.longest = max(self.longest, (self._clock() - self._waiting.pop(name, self._clock()), name))
                if kind == "apply_complete":
                    self._done.add(name)


def print_whole(console: Console, text: str) -> None:
    """Print a line that no wrapping may break: a URL, a command, a resource's name."""
    console.print(text, soft_wrap=True, highlight=False)
