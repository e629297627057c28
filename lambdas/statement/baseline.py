"""What the statements of earlier days say of their records: their own numbers, and what later ones add to them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.statement.chain import Statement
from lambdas.statement.counting import Tally, account_key

# Of `lambdas.statement.counting.NUMBERS`, those that a record never leaves.
LASTING = ("received", "recovered")


@dataclass(kw_only=True)
class Stated:
    """What is stated of a provider's day.

    Attributes
    ----------
    entries : int
        Entries of the index.
    numbers : Counter[tuple[str, str]]
        Records by account and mode, and by one of `LASTING`.
    """

    entries: int = 0
    numbers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        """Add what a statement says of accounts."""
        for one in accounts:
            for number in LASTING:
                self.numbers[account_key(one["account"], one["mode"]), number] += one[number]


def stated(statements: Iterable[Statement]) -> dict[tuple[str, str], Stated]:
    """Return what statements say, in the order of their days, by day and provider."""
    found: dict[tuple[str, str], Stated] = {}
    for statement in statements:
        for name, said in statement.providers.items():
            own = found.setdefault((statement.day, name), Stated())
            own.entries = said["entries"]
            own.add(said["accounts"])
            for later in said["later"]:
                # Of a day before the first of these statements, only a part would be known.
                if (of := found.get((later["day"], name))) is not None:
                    of.entries = later["entries"]
                    of.add(later["accounts"])
    return found


def compared_until(statements: Iterable[Statement], provider: str) -> str | None:
    """Return the end of the last window of a provider's list that statements have; None without any."""
    lists = (statement.providers.get(provider, {}).get("list") for statement in statements)
    return max((listed["until"] for listed in lists if listed), default=None)


def numbers_of(tally: Tally) -> Counter[tuple[str, str]]:
    """Return what was counted, as `Stated.numbers`."""
    return Counter({(key, number): of[number] for key, of in tally.accounts.items() for number in LASTING})
