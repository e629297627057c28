"""Markdown: tables, what stands in their cells, and anchors."""

import re
from collections.abc import Iterable, Sequence
from typing import Any


def show(value: Any) -> str:
    """Return a setting's value as tables have it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"{value:,}" if isinstance(value, int) else f"`{value}`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def figure_text(value: float) -> str:
    """Return a measured figure as tables have it."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
