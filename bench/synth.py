"""What synth costs, against earlier revisions and the stock way of importing the bindings; and what Terraform costs."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import psutil

from bench.measure import Document, Series, interleaved, ratios
from bench.report import show
from modules.settings.presets import PRESETS
from tools import ROOT
from tools.local.aws import LocalAws
from tools.local.terraform import Workspace

STOCK = "stock import of the bindings"  # of the smallest preset


def _synth(preset: str, out: Path, tree: Path = ROOT, **variables: str) -> Mapping[str, float]:
    """Run ``main.py`` for an environment that is the preset and nothing else.

    Returns
    -------
    Mapping[str, float]
        Seconds, CPU seconds, and the peak in MB of all processes: Node.js, which holds the constructs, is a child.
    """
    out.mkdir(exist_ok=True)
    shutil.copy(tree / "main.py", out)
    (out / "cdktf.json").write_text(json.dumps({"context": {"environments": {preset: {"preset": preset}}}}))
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, out / "main.py"],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": str(tree),
            "ENVIRONMENT_SUFFIX": preset,
            "CDKTF_OUTDIR": str(out / "cdktf.out"),
            **variables,
        },
        stderr=subprocess.DEVNULL,
    )
    peak = _peak(process)
    if process.wait():
        raise RuntimeError(f"synth of {preset} failed")
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "megabytes": peak}


def _peak(process: "subprocess.Popen[bytes]") -> float:
    """Return the most memory, in MB, that a process and its children had together; looked at twenty times a second."""
    most = 0
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            family = [parent, *parent.children(recursive=True)]
            most = max(most, sum(one.memory_info().rss for one in family))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.05)
    return most / 1e6


def measure(
    folder: Path, rounds: int, progress: Callable[[str], None], earlier: Mapping[str, Path]
) -> tuple[dict[str, dict[str, Series]], Document]:
    """Measure every preset, also at earlier revisions, and the stock way.

    Parameters
    ----------
    earlier : Mapping[str, Path]
        Revision to the folder in which it lies, with its bundles built.
    """
    cases: dict[str, Callable[[], Mapping[str, float]]] = {}
    for preset in PRESETS:
        cases[preset] = partial(_synth, preset, folder / preset)
        for name, tree in earlier.items():
            cases[f"{preset} at {name}"] = partial(_synth, preset, folder / f"{preset}-{name}", tree)
    cases[STOCK] = partial(_synth, "standard", folder / "stock", STOCK_BINDINGS="1")
    measured = interleaved(cases, rounds, progress)
    document = {
        "unit": "s; MB of Python and Node.js together; ratios to the stock import",
        "rounds": rounds,
        "presets": {
            name: {figure: one.to_document() for figure, one in figures.items()}
            | {"ratios": ratios(figures, {STOCK: measured[STOCK]})[STOCK]}
            for name, figures in measured.items()
        },
    }
    return measured, document


def measure_terraform(
    folder: Path, rounds: int, progress: Callable[[str], None]
) -> tuple[dict[str, dict[str, Series]], Document]:
    """Measure ``validate`` and ``plan`` of the preset standard, on an empty account of a local AWS."""
    _synth("standard", folder / "standard")
    with LocalAws.start() as server:
        workspace = Workspace.create(
            folder / "standard" / "cdktf.out" / "stacks" / "webhooks-standard",
            folder / "terraform",
            server.environment(),
        )

        def timed(*command: str) -> Mapping[str, float]:
            started = time.monotonic()
            workspace.run(*command)
            return {"seconds": time.monotonic() - started}

        measured = interleaved(
            {
                "terraform validate": lambda: timed("validate"),
                "terraform plan": lambda: timed("plan", "-input=false", "-out=plan.bin"),
            },
            rounds,
            progress,
        )
    commands = {name: figures["seconds"].to_document() for name, figures in measured.items()}
    return measured, {"unit": "s", "rounds": rounds, "commands": commands}


def table(measured: Mapping[str, Mapping[str, Series]], rounds: int) -> None:
    """Show the figures."""
    stock = measured.get(STOCK)
    show(
        "Synth and plan",
        ("what", "seconds", "min to max", "of stock", "CPU s", "peak MB"),
        [
            (
                name,
                f"{figures['seconds'].median:.1f}",
                f"{figures['seconds'].minimum:.1f} to {figures['seconds'].maximum:.1f}",
                f"{figures['seconds'].ratio(stock['seconds']):.2f}" if stock else "",
                f"{figures['cpu'].median:.1f}" if "cpu" in figures else "",
                f"{figures['megabytes'].median:.0f}" if "megabytes" in figures else "",
            )
            for name, figures in measured.items()
        ],
        f"{rounds} rounds, interleaved; Python and Node.js together, from the start of the process to its end.",
    )
