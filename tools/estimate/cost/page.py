"""The bill as text and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from tools.estimate.cost.alternatives import Alternative
from tools.estimate.cost.bill import Bill
from tools.estimate.cost.flood import flood
from tools.estimate.cost.rules import Paid
from tools.estimate.cost.workload import Workload


def text(name: str, bill: Bill, others: Sequence[tuple[Alternative, Bill]]) -> Iterator[str]:
    """Yield the lines of the page that `make cost` prints."""
    workload = bill.case.workload
    yield f"Cost of {name}: {_words(workload)}"
    yield f"{bill.case.webhooks:,.0f} webhooks a month, at list prices of us-east-1 without any free tier"
    yield ""
    yield f"  USD {bill.per_million(Paid.PASSING):10,.2f}  for a million webhooks to pass through"
    yield f"  USD {bill.per_million(Paid.KEEPING):10,.2f}  to keep what they leave for {workload.months:g} months"
    yield f"  USD {bill.of(Paid.IDLE):10,.2f}  a month when nothing is sent"
    yield f"  USD {bill.of(Paid.BUSY):10,.2f}  a month for metrics, as soon as anything is sent"
    yield f"  USD {bill.per_month:10,.2f}  a month in all"
    yield ""
    yield from _lines(bill)
    yield ""
    most = bill.case.path.mapping.get("batch_size", 10)
    yield f"Batches of processing hold {bill.case.batch:.2f} of at most {most} events at this rate."
    if found := flood(bill.case):
        yield found.words()
    yield ""
    yield from _others(bill, others)
    yield ""
    yield from _prices(bill)
    yield ""
    yield "Assumptions (tools/estimate/assumptions.py; calls, bytes and write units: observed by running the functions)"
    yield from _table(
        ["assumption", "value", "what it is"],
        [[name, f"{value:g}", doc] for name, value, doc in bill.case.assume.printed()],
        left=(0, 2),
    )


def _words(workload: Workload) -> str:
    again = f", {workload.duplicates:g} % of them sent again" if workload.duplicates else ""
    return f"{workload.rate:g} webhooks/s of {workload.size:,} bytes{again}, kept for {workload.months:g} months"


def _lines(bill: Bill) -> Iterator[str]:
    rows = []
    entries = [entry for entry in bill.entries if entry.quantity > 0]
    order = {service: sum(each.usd for each in group) for service, group in _by_service(entries)}
    for service in sorted(order, key=lambda service: -order[service]):
        share = order[service] / bill.per_month if bill.per_month else 0
        found = [entry for entry in entries if entry.line.service == service]
        million = sum(bill.of_million(entry) for entry in found)
        rows.append([service, "", "", _usd(million), _usd(order[service]), f"{share:.1%} of the month"])
        for entry in found:
            rows.append(
                [
                    f"  {entry.line.what}" + (f" ({len(entry.resources)})" if len(entry.resources) > 1 else ""),
                    f"{entry.quantity:,.4g}" if entry.quantity < 1000 else f"{entry.quantity:,.0f}",
                    f"{entry.usd / entry.quantity:.4g} / {entry.line.price.unit}",
                    _usd(bill.of_million(entry)),
                    _usd(entry.usd),
                    entry.line.formula,
                ]
            )
    rows.append(["all", "", "", _usd(bill.per_million()), _usd(bill.per_month), ""])
    yield from _table(["", "a month", "USD", "USD/million", "USD/month", "how"], rows, left=(0, 2, 5))
    if unused := [entry.line.what for entry in bill.entries if entry.quantity == 0]:
        yield f"Nothing for: {', '.join(unused)} (used only by operators or for dead letters)."


def _by_service(entries: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    ordered = sorted(entries, key=lambda entry: str(entry.line.service))
    for service, group in groupby(ordered, key=lambda entry: str(entry.line.service)):
        yield service, list(group)


def _others(bill: Bill, others: Sequence[tuple[Alternative, Bill]]) -> Iterator[str]:
    yield "The same traffic, built in another way (priced by the same rules; one change at a time)"
    yield from _table(
        ["", "USD/million passing", "keeping", "USD/month", "difference", "", "what it costs besides"],
        [
            ["as it is", *_both(bill), _usd(bill.per_month), "", "", ""],
            *(
                [
                    alternative.name,
                    *_both(other),
                    _usd(other.per_month),
                    f"{other.per_month - bill.per_month:+,.2f}",
                    f"{other.per_month / bill.per_month - 1:+.0%}",
                    alternative.price,
                ]
                for alternative, other in others
            ),
        ],
        left=(0, 6),
    )


def _both(bill: Bill) -> tuple[str, str]:
    return _usd(bill.per_million(Paid.PASSING)), _usd(bill.per_million(Paid.KEEPING))


def _prices(bill: Bill) -> Iterator[str]:
    yield "Prices (tools/estimate/cost/prices.json)"
    used = {line.price.id: line.price for line in bill.lines}
    rows = [
        [
            price.what,
            f"{price.usd:.10f}".rstrip("0"),
            price.unit,
            "yes" if len(price.tiers) > 1 else "",
            price.source,
            price.seen,
        ]
        for price in used.values()
    ]
    yield from _table(["price", "USD", "for each", "tiers", "price page", "confirmed"], rows, left=(0, 2, 3, 4, 5))


def _usd(value: float) -> str:
    return f"{value:,.2f}" if value >= 0.005 or value == 0 else f"{value:.4f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def document(name: str, bill: Bill, others: Sequence[tuple[Alternative, Bill]]) -> Mapping[str, Any]:
    """Return the page as JSON has it."""
    return {
        "stack": name,
        "workload": vars(bill.case.workload),
        "region": "us-east-1",
        **_totals(bill),
        "floodUsdPerDay": found.per_day if (found := flood(bill.case)) else 0.0,
        "lines": [
            {
                "service": entry.line.service,
                "what": entry.line.what,
                "resources": list(entry.resources),
                "quantityPerMonth": entry.quantity,
                "unit": entry.line.price.unit,
                "price": entry.line.price.id,
                "paidFor": str(entry.line.paid),
                "usdPerMillion": bill.of_million(entry),
                "usdPerMonth": entry.usd,
                "formula": entry.line.formula,
            }
            for entry in bill.entries
        ],
        "alternatives": [
            {"name": alternative.name, "costsBesides": alternative.price, **_totals(other)}
            for alternative, other in others
        ],
        "prices": {
            line.price.id: {
                "tiers": line.price.tiers,
                "unit": line.price.unit,
                "source": line.price.source,
                "seen": line.price.seen,
            }
            for line in bill.lines
        },
        "assumptions": {key: value for key, value, _ in bill.case.assume.printed()},
    }


def _totals(bill: Bill) -> dict[str, float]:
    return {
        "usdPerMillion": bill.per_million(),
        "usdPerMillionPassing": bill.per_million(Paid.PASSING),
        "usdPerMillionKeeping": bill.per_million(Paid.KEEPING),
        "usdPerMonthIdle": bill.of(Paid.IDLE),
        "usdPerMonth": bill.per_month,
        "eventsInABatch": bill.case.batch,
    }
