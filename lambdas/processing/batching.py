"""Batch calls, and which items they leave for single calls."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lambdas.shared.errors import TellableError, describe

# The end of an invocation that is kept for its report.
RESERVE_SECONDS = 5.0
RESERVE_SHARE = 0.2

_Item = TypeVar("_Item")


class InvocationEndsError(TellableError):
    """The invocation ends before the message's turn; SQS delivers the message again."""


@dataclass(frozen=True, kw_only=True)
class InvocationDeadline:
    """When an invocation must stop.

    Without it, one call that does not return would fail every message of a batch, and use up a receive of each.

    Attributes
    ----------
    clock : Callable[[], float]
        Seconds since the epoch.
    ends_at : float
        When Lambda ends the invocation.
    reserve : float
        Seconds before that, in which nothing is started.
    """

    clock: Callable[[], float]
    ends_at: float
    reserve: float

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> "InvocationDeadline":
        """Return the deadline of an invocation that has some seconds left."""
        return cls(clock=clock, ends_at=clock() + seconds, reserve=min(RESERVE_SECONDS, seconds * RESERVE_SHARE))

    def passed(self) -> bool:
        """Return whether nothing may be started any more."""
        return self.clock() > self.ends_at - self.reserve

    def check(self) -> None:
        """Raise `InvocationEndsError` when nothing may be started any more."""
        if self.passed():
            raise InvocationEndsError("the invocation ends before this message's turn")


@dataclass(frozen=True, kw_only=True)
class Batching:
    """Calls for many items at once.

    One item can make a whole call fail. What a call did not do is therefore left for single calls, so that each
    failure is reported for its own item.

    Attributes
    ----------
    size : int
        Largest number of items in a call.
    on_fallback : Callable[[str, str], None]
        Called with the name of the call, and the reason why items are left for single calls.
    """

    size: int
    on_fallback: Callable[[str, str], None]

    def attempt(
        self,
        name: str,
        items: Sequence[_Item],
        call: Callable[[Sequence[_Item]], Sequence[str | None]],
        *,
        deadline: InvocationDeadline | None = None,
        expected: str | None = None,
    ) -> Iterator[tuple[_Item, str | None]]:
        """Yield each item that a call reports on, with None when it is done, or else its error code.

        The items of a call that failed are not yielded; nor is an item that is alone, since a single call costs the
        same.

        Parameters
        ----------
        name : str
            Name of the call, for `on_fallback`.
        deadline : InvocationDeadline | None
            After it, no call is started.
        expected : str | None
            An error code that is not reported.
        """
        for chunk in chunks(items, self.size):
            if len(chunk) < 2 or (deadline is not None and deadline.passed()):
                continue
            try:
                codes = call(chunk)
            except Exception as error:
                self.on_fallback(name, describe(error))
                continue
            for code in sorted({code for code in codes if code and code != expected}):
                self.on_fallback(name, code)
            yield from zip(chunk, codes, strict=True)


def chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield items in order, some at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def first_of_each(items: Iterable[_Item], key: Callable[[_Item], object]) -> list[_Item]:
    """Return the first item of each key, in order."""
    found: dict[object, _Item] = {}
    for item in items:
        found.setdefault(key(item), item)
    return list(found.values())
