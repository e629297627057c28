"""List prices of one region, each with its source and the date at which it could be confirmed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent / "prices.json"


@dataclass(frozen=True, kw_only=True)
class Price:
    """A list price.

    Attributes
    ----------
    id, what, unit : str
        Its name in the file, in words, and what is counted.
    tiers : tuple[tuple[float | None, float], ...]
        Up to which quantity of a month each price in USD applies, in rising order; None for no end.
    source : str
        Price page.
    seen : str
        When it could be confirmed, and where, when not on that page.
    """

    id: str
    what: str
    unit: str
    tiers: tuple[tuple[float | None, float], ...]
    source: str
    seen: str

    @property
    def usd(self) -> float:
        """The price of the first tier."""
        return self.tiers[0][1]

    def cost(self, quantity: float) -> float:
        """Return what a month's quantity costs, in USD."""
        total, start = 0.0, 0.0
        for end, usd in self.tiers:
            if end is None or quantity <= end:
                return total + (quantity - start) * usd
            total, start = total + (end - start) * usd, end
        raise ValueError(f"price {self.id}: its last tier ends")


def load(file: Path = FILE) -> Mapping[str, Price]:
    """Return the prices by id."""
    document = json.loads(file.read_text(encoding="utf-8"))
    return {id_: _price(id_, entry) for id_, entry in document["prices"].items()}


def _price(id_: str, entry: Mapping[str, Any]) -> Price:
    seen = str(entry["seen"])
    if confirmed := entry.get("confirmed by"):
        seen = f"{seen}, {confirmed}"
    return Price(
        id=id_,
        what=entry["what"],
        unit=entry["unit"],
        tiers=tuple((end, usd) for end, usd in entry.get("tiers", [[None, entry.get("usd")]])),
        source=entry["source"],
        seen=seen,
    )
