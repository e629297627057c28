"""The bill of a stack: lines, what one million webhooks add to it, and what a month costs."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tools.estimate.assumptions import Assumptions
from tools.estimate.cost.case import Case
from tools.estimate.cost.prices import Price
from tools.estimate.cost.rules import FREE, RULES, Line, Paid, lines_of
from tools.estimate.cost.workload import Workload
from tools.estimate.observed.functions import Observer
from tools.estimate.synthesized import Stack, webhook_path

MILLION = 1_000_000
BY_WEBHOOK = (Paid.PASSING, Paid.KEEPING)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Lines of the bill that pay for the same, added up.

    Attributes
    ----------
    line : Line
        The first of them.
    resources : tuple[str, ...]
        Their Terraform addresses.
    quantity, usd : float
        Of a month, in the price's unit and in USD.
    """

    line: Line
    resources: tuple[str, ...]
    quantity: float
    usd: float


@dataclass(frozen=True)
class Bill:
    """What a stack costs under a workload.

    Attributes
    ----------
    case : Case
        The stack and the workload.
    lines : tuple[Line, ...]
        All lines, in the order of the stack's resources.
    """

    case: Case
    lines: tuple[Line, ...]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The lines that pay for the same added up, the dearest first."""
        groups: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
        for line in self.lines:
            groups[line.service, line.what, line.price.id].append(line)
        rates = self._rates()
        entries = [
            Entry(
                line=found[0],
                resources=tuple(line.resource for line in found),
                quantity=sum(line.quantity for line in found),
                usd=sum(line.quantity for line in found) * rates[found[0].price.id],
            )
            for found in groups.values()
        ]
        return tuple(sorted(entries, key=lambda entry: -entry.usd))

    def _rates(self) -> dict[str, float]:
        """Return the average USD for a unit of each price, since tiers count an account's whole month."""
        quantities: dict[str, float] = defaultdict(float)
        prices: dict[str, Price] = {}
        for line in self.lines:
            quantities[line.price.id] += line.quantity
            prices[line.price.id] = line.price
        return {
            id_: prices[id_].cost(quantity) / quantity if quantity else prices[id_].usd
            for id_, quantity in quantities.items()
        }

    @property
    def per_month(self) -> float:
        """USD of a month."""
        return sum(entry.usd for entry in self.entries)

    def of(self, *paid: Paid) -> float:
        """Return USD of a month that are paid for some things."""
        return sum(entry.usd for entry in self.entries if entry.line.paid in paid)

    def per_million(self, *paid: Paid) -> float:
        """Return USD that a million webhooks cost, passing through and kept, or one of the two."""
        return self.of(*(paid or BY_WEBHOOK)) / self.case.webhooks * MILLION

    def of_million(self, entry: Entry) -> float:
        """Return what a million webhooks add to an entry, in USD."""
        return entry.usd / self.case.webhooks * MILLION if entry.line.paid in BY_WEBHOOK else 0.0


def bill_of(
    stack: Stack,
    workload: Workload,
    *,
    observer: Observer,
    prices: Mapping[str, Price],
    assume: Assumptions,
    archive: str | None = None,
) -> Bill:
    """Return the bill of a stack.

    Parameters
    ----------
    observer : Observer
        The functions, started. They may be another stack's that has the same.
    archive : str | None
        ``event`` or ``batch`` to have payloads archived in another way than the functions do.

    Raises
    ------
    NoPriceError
        When something in the stack has no price.
    NotInStackError
        When there is no way of a webhook in it.
    """
    path = webhook_path(stack)
    case = Case(
        stack=stack,
        path=path,
        workload=workload,
        prices=prices,
        assume=assume,
        observer=observer,
        archive=archive,
        ingested=observer.ingestion() if path.ingestion is not None else None,
    )
    return Bill(case, tuple(lines_of(case, RULES, FREE)))
