"""Doing many things in one call where that works, and finding out which of them are left for a call of their own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lambdas.shared.errors import TellableError, describe

# Of what is left of an invocation, this much is kept to report what became of it.
RESERVE_SECONDS = 5.0
RESERVE_SHARE = 0.2

_Item = TypeVar("_Item")


class OutOfTimeError(TellableError):
    """The invocation ends before the message's turn; the message comes back."""


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """When an invocation has to come to its end.

    Without it, one call that hangs would take every message of a batch with it, and a receive of each.

    Attributes
    ----------
    clock : Callable[[], float]
        Seconds since the epoch.
    ends_at : float
        When the invocation is killed.
    reserve : float
        Seconds before that in which nothing is begun.
    """

    clock: Callable[[], float]
    ends_at: float
    reserve: float

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> "Deadline":
        """Return the deadline of an invocation that has some seconds left."""
        return cls(clock=clock, ends_at=clock() + seconds, reserve=min(RESERVE_SECONDS, seconds * RESERVE_SHARE))

    def passed(self) -> bool:
        """Tell whether nothing should be begun any more."""
        return self.clock() > self.ends_at - self.reserve

    def check(self) -> None:
        """Raise `OutOfTimeError` when nothing should be begun any more."""
        if self.passed():
            raise OutOfTimeError("the invocation ends before this message's turn")


@dataclass(frozen=True, kw_only=True)
class Batching:
    """Calls for many items at once.

    A call that fails as a whole may have failed because of one item; so may one that is refused for an item. What it
    did not do is therefore left to be done one by one, where each failure is told of its own item.

    Attributes
    ----------
    size : int
        Items that a call takes.
    on_fallback : Callable[[str, str], None]
        Told of the call and of why items are left to be done one by one.
    """

    size: int
    on_fallback: Callable[[str, str], None]

    def attempt(
        self,
        name: str,
        items: Sequence[_Item],
        call: Callable[[Sequence[_Item]], Sequence[str | None]],
        *,
        deadline: Deadline | None = None,
        expected: str | None = None,
    ) -> Iterator[tuple[_Item, str | None]]:
        """Yield each item that a call answered for, with None when it is done or the code of its error.

        Items of a call that failed, and an item that is alone, for which one call is as cheap, are not yielded.

        Parameters
        ----------
        name : str
            Of the call, for `on_fallback`.
        deadline : Deadline | None
            After which no call is begun.
        expected : str | None
            A code that is nothing to tell.
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
