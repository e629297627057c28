"""Runs seeds of the simulation and prints a table; or replays one seed with everything that happened in it."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.lambdas.simulation.scenarios import run_scenarios
from tests.lambdas.simulation.seeds import SeedResult, percentile, run_seed

SHOWN = 3
"""Violations of a rule that are shown of a seed."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate-delivery", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--deliveries", type=int, default=620, help="of a seed, about")
    parser.add_argument(
        "--faults", help="only these, with commas: kill,refused,lost,repeated,slow,partial,duplicate,vanish"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--seed", type=int, help="replay this one, and print all that happened")
    parser.add_argument("--about", help="of a replay, only lines with this text")
    parser.add_argument("--scenarios", action="store_true", help="run the scenarios of load, and no seeds")
    given = parser.parse_args(arguments)
    only = set(given.faults.split(",")) if given.faults else None
    if given.scenarios:
        return run_scenarios()
    if given.seed is not None:
        result = run_seed(given.seed, given.deliveries, only, trace=True)
        print(*(line for line in result.trace if given.about is None or given.about in line), sep="\n")
        print(table([result]))
        return _failures([result], given)
    numbers = range(given.first, given.first + given.seeds)
    results = []
    with ProcessPoolExecutor(given.jobs) as processes:
        run = partial(run_seed, deliveries=given.deliveries, only=only)
        for result in processes.map(run, numbers):
            results.append(result)
            if result.violations:
                print(f"seed {result.seed}: {_summary(result)}", flush=True)
    print(table(results))
    return _failures(results, given)


def table(results: Sequence[SeedResult]) -> str:
    """Return what became of seeds as a Markdown table."""
    happened: Counter[str] = Counter()
    for result in results:
        happened.update(result.happened)
    first = sorted(late for result in results for late in result.late_first)
    retries = sorted(late for result in results for late in result.late_retry)
    rows = {
        "seeds": f"{len(results)}, from {min(one.seed for one in results)} to {max(one.seed for one in results)}",
        "deliveries": f"{sum(one.deliveries for one in results):,}",
        "requests to endpoints": f"{sum(one.requests for one in results):,}",
        "replays": f"{sum(sum(one.replays.values()) for one in results):,}",
        "calls of AWS": f"{sum(sum(one.calls.values()) for one in results):,}",
        **{name: f"{happened[name]:,}" for name in ("kills", "answers lost", "refused", "duplicates", "messages lost")},
        "dead letters of the pipeline": f"{sum(one.dead_letters for one in results):,}",
        "never attempted again": f"{sum(len(one.violations.get('never attempted again', ())) for one in results):,}",
        "repeated, allowed": f"{sum(one.repeated_allowed for one in results):,}",
        "repeated, other": f"{sum(one.repeated_other for one in results):,}",
        "longest chain": f"{max(one.longest for one in results)} "
        f"({max(one.longest_in_batch for one in results)} if a batch counts as the longest of its messages)",
        "first attempt late, p50 / p99": f"{percentile(first, 50):.1f} s / {percentile(first, 99):.1f} s",
        "retry late, p50 / p99": f"{percentile(retries, 50):.1f} s / {percentile(retries, 99):.1f} s",
        "seeds that break a rule": f"{sum(bool(one.violations) for one in results)}",
    }
    width = max(map(len, rows))
    return "\n".join(f"| {name.ljust(width)} | {value} |" for name, value in rows.items())


def _summary(result: SeedResult) -> str:
    return ", ".join(f"{rule} ({len(found)})" for rule, found in result.violations.items())


def _failures(results: Sequence[SeedResult], given: argparse.Namespace) -> int:
    failed = [result for result in results if result.violations]
    for result in failed[:10]:
        print(
            f"\nseed {result.seed}: make simulate-delivery SEED={result.seed} DELIVERIES={given.deliveries}"
            + (f" FAULTS={given.faults}" if given.faults else "")
        )
        for rule, found in result.violations.items():
            print(f"  {rule}: {len(found)}", *found[:SHOWN], sep="\n    ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
