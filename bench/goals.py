"""What the figures must reach, as ratios within one run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bench.functions import BARE, FRAMEWORK
from bench.measure import Document
from bench.report import RESULTS, show
from bench.synth import STOCK
from tools.generate.markdown import figure_text

MAX_BUNDLE_BYTES = 2_000_000
MAX_SYNTH_SHARE = 0.25
MAX_CALLS_PER_EVENT = 0.5


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure and its limit.

    Attributes
    ----------
    what, peer : str
        What is measured, and against what.
    limit, now : float
        In one unit.
    before : float | None
        The same at the earlier revision that was measured beside it.
    """

    what: str
    peer: str
    limit: float
    now: float
    before: float | None = None


def goals(documents: Mapping[str, Document], before: str | None) -> list[Goal]:
    """Return the goals that what was measured can be held against."""
    found = []
    earlier = f"ingestion at {before}"
    for part, figure, limits in (
        ("cold", "cpu", {FRAMEWORK: 0.25, BARE: 1.3}),
        ("cold", "firstCpu", {FRAMEWORK: 0.25}),
        ("warm", "cpu", {FRAMEWORK: 1 / 3, BARE: 1.3}),
    ):
        functions = documents.get(part, {}).get("functions", {})
        if "ingestion" not in functions:
            continue
        for peer, limit in limits.items():
            told = {"cold cpu": "cold start", "cold firstCpu": "cold start to first answer", "warm cpu": "warm webhook"}
            found.append(
                Goal(
                    what=f"ingestion, {told[f'{part} {figure}']}: share of the peer's CPU",
                    peer=peer,
                    limit=limit,
                    now=functions["ingestion"]["ratios"][peer][figure],
                    before=functions[earlier]["ratios"][peer][figure] if earlier in functions else None,
                )
            )
    bundles = documents.get("bundles", {}).get("bundles", {})
    plain = [one["zipped"] for name, one in bundles.items() if " at " not in name and not one["compiledForOneMachine"]]
    then = [one["zipped"] for name, one in bundles.items() if name.endswith(f" at {before}") and "_native" not in name]
    if plain:
        found.append(
            Goal(
                what="largest bundle without compiled code, zipped bytes",
                peer="",
                limit=MAX_BUNDLE_BYTES,
                now=max(plain),
                before=max(then, default=None),
            )
        )
    presets = documents.get("synth", {}).get("presets", {})
    for preset, figures in presets.items():
        if " " not in preset:
            then = presets.get(f"{preset} at {before}")
            found.append(
                Goal(
                    what=f"synth of {preset}: share of the peer's seconds",
                    peer=STOCK,
                    limit=MAX_SYNTH_SHARE,
                    now=figures["ratios"]["seconds"],
                    before=then["ratios"]["seconds"] if then else None,
                )
            )
    for name, one in documents.get("processing", {}).get("functions", {}).items():
        if name == "processing":
            found.append(
                Goal(
                    what="processing, calls to AWS for each event of a full batch",
                    peer="",
                    limit=MAX_CALLS_PER_EVENT,
                    now=one["callsPerEvent"],
                )
            )
    return found


def merged(found: list[Goal]) -> list[Document]:
    """Return the goals for a file: those of this run, and of the parts that it left out what an earlier run found."""
    path = RESULTS / "goals.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["goals"] if path.is_file() else []
    now = [asdict(goal) | {"reached": goal.now <= goal.limit} for goal in found]
    measured = {(goal.what, goal.peer) for goal in found}
    return [*now, *(goal for goal in kept if (goal["what"], goal["peer"]) not in measured)]


def table(found: list[Goal]) -> None:
    """Show the goals, and whether they are reached."""
    show(
        "Goals",
        ("what", "peer", "limit", "before", "now", ""),
        [
            (
                goal.what,
                goal.peer,
                figure_text(goal.limit),
                "" if goal.before is None else figure_text(goal.before),
                figure_text(goal.now),
                "reached" if goal.now <= goal.limit else "missed",
            )
            for goal in found
        ],
    )
