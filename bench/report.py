"""Results as a table in the terminal and as JSON; the machine by its class, never by its name."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent / "results"
console = Console(width=None if os.isatty(1) else 140)


def machine() -> dict[str, Any]:
    """Return the machine's class."""
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], note: str = "") -> None:
    """Print a table, and below it what must be known to read it."""
    table = Table(*columns, title=title, title_justify="left", caption=note or None, caption_justify="left")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)


def keep(name: str, document: Mapping[str, Any]) -> None:
    """Write the results of one part."""
    RESULTS.mkdir(exist_ok=True)
    whole = {"machine": machine(), **document}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
