"""``make bench``: measure everything, side by side in one run; show tables, and write ``bench/results/*.json``."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import cold, functions, goals, processing, sizes, synth, verify, warm
from bench.endpoint import endpoint
from bench.measure import Document
from bench.report import console, keep
from bench.webhook import SECRET

PARTS = ("bundles", "cold", "warm", "processing", "synth", "plan", "verify")
ROUNDS = {"cold": 21, "warm": 31, "processing": 15, "synth": 5, "plan": 3, "verify": 30}


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--at", nargs="*", default=[], metavar="REVISION", help="measure earlier revisions beside it")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds, to try it")
    arguments = parser.parse_args()
    rounds = {part: max(3, number // 3) if arguments.quick else number for part, number in ROUNDS.items()}
    with tempfile.TemporaryDirectory() as folder:
        Bench(Path(folder), arguments.parts or PARTS, arguments.at, rounds).run()


class Bench:
    """One run.

    Parameters
    ----------
    folder : Path
        An empty folder for what is unpacked.
    parts : Sequence[str]
        What to measure.
    revisions : Sequence[str]
        Earlier revisions to measure beside the present one; the first is what goals are compared with.
    rounds : dict[str, int]
        How often each part is measured.
    """

    def __init__(self, folder: Path, parts: Sequence[str], revisions: Sequence[str], rounds: dict[str, int]) -> None:
        self._folder = folder
        self._parts = parts
        self._revisions = revisions
        self._rounds = rounds
        self._documents: dict[str, Document] = {}

    def run(self) -> None:
        """Measure, show and keep."""
        with console.status("preparing") as status:
            self._progress = status.update
            revisions = {name: functions.revision(name, self._folder / name) for name in self._revisions}
            bundles = {name: functions.bundles_of(tree) for name, tree in revisions.items()}
            runtime = functions.runtime(self._folder / "runtime")
            ours = functions.ours(self._folder / "ours", runtime)
            earlier = {
                name: functions.ours(self._folder / f"functions-{name}", runtime, built)
                for name, built in bundles.items()
            }
            peers = functions.peers(self._folder / "peers", runtime)
            ingestion = {
                "ingestion": ours["ingestion"],
                **{f"ingestion at {name}": one["ingestion"] for name, one in earlier.items()},
                **peers,
            }
            if "bundles" in self._parts:
                self._keep("bundles", sizes.measure(bundles))
                sizes.table(self._documents["bundles"])
            with endpoint(SECRET) as stand_in:
                reached = {name: stand_in.reached_by(one) for name, one in {**ours, **ingestion}.items()}
                if "cold" in self._parts:
                    measured, document = cold.measure(reached, self._rounds["cold"], self._progress)
                    self._keep("cold", document)
                    cold.table(measured, self._rounds["cold"])
                if "warm" in self._parts:
                    measured, document = warm.measure(
                        {name: reached[name] for name in ingestion}, self._rounds["warm"], self._progress
                    )
                    self._keep("warm", document)
                    warm.table(measured, self._rounds["warm"])
            if "processing" in self._parts:
                both = {
                    "processing": ours["processing"],
                    **{f"processing at {name}": one["processing"] for name, one in earlier.items()},
                }
                measured, document = processing.measure(both, self._rounds["processing"], self._progress)
                self._keep("processing", document)
                processing.table(measured, document, self._rounds["processing"])
            if "synth" in self._parts:
                measured, document = synth.measure(self._folder, self._rounds["synth"], self._progress, revisions)
                self._keep("synth", document)
                synth.table(measured, self._rounds["synth"])
            if "plan" in self._parts:
                measured, document = synth.measure_terraform(self._folder, self._rounds["plan"], self._progress)
                self._keep("plan", document)
                synth.table(measured, self._rounds["plan"])
            if "verify" in self._parts:
                verify.measure_all(self._rounds["verify"], self._progress)
        found = goals.goals(self._documents, self._revisions[0] if self._revisions else None)
        if found:
            keep("goals", {"goals": goals.merged(found)})
            goals.table(found)

    def _keep(self, part: str, document: Document) -> None:
        self._documents[part] = document
        keep(part, document)


if __name__ == "__main__":
    main()
