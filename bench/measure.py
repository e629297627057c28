"""Figures of repeated measurements, taken in turns so that noise falls on everything that is compared alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """What was measured of one thing.

    Attributes
    ----------
    values : Sequence[float]
        One for each round, all in one unit.
    """

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def minimum(self) -> float:
        """The least value."""
        return min(self.values)

    @property
    def maximum(self) -> float:
        """The greatest value."""
        return max(self.values)

    def minus(self, other: "Series") -> "Series":
        """Return what is left of each value over the other's of the same round."""
        return Series([value - least for value, least in zip(self.values, other.values, strict=True)])

    def ratio(self, other: "Series") -> float:
        """Return how many times the other this one is: the middle of the rounds' ratios.

        A machine that is slow for some rounds is slow for both then, which the ratio of two medians would not show.
        """
        return statistics.median(value / of for value, of in zip(self.values, other.values, strict=True))

    def to_document(self, digits: int = 2) -> dict[str, float]:
        """Return the figures for a file."""
        return {
            "median": round(self.median, digits),
            "minimum": round(self.minimum, digits),
            "maximum": round(self.maximum, digits),
        }


def ratios(figures: Mapping[str, Series], peers: Mapping[str, Mapping[str, Series]]) -> dict[str, dict[str, float]]:
    """Return, for each peer, how many times each of its figures a function's is."""
    return {
        peer: {name: round(figures[name].ratio(of), 3) for name, of in its.items() if name in figures}
        for peer, its in peers.items()
    }


def interleaved(
    cases: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int, progress: Callable[[str], None]
) -> dict[str, dict[str, Series]]:
    """Measure every case once in each round, and return each case's figures by their names.

    Parameters
    ----------
    cases : Mapping[str, Callable[[], Mapping[str, float]]]
        Measures a case once; what it measures has the same names every time.
    progress : Callable[[str], None]
        Told what is being done.
    """
    measured: dict[str, list[Mapping[str, float]]] = {name: [] for name in cases}
    for number in range(rounds):
        # Every other round goes the other way, so that no case always follows the same one.
        for name in list(cases)[:: 1 if number % 2 == 0 else -1]:
            progress(f"round {number + 1} of {rounds}: {name}")
            measured[name].append(cases[name]())
    return {
        name: {figure: Series([one[figure] for one in taken]) for figure in taken[0]}
        for name, taken in measured.items()
    }
