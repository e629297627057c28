"""Runs seeds of the simulation and prints a table; or replays one seed with everything that happened in it."""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from tests.lambdas.simulation.delivery import seeds as delivery
from tests.lambdas.simulation.delivery.scenarios import SCENARIOS as OF_DELIVERY
from tests.lambdas.simulation.inbound import seeds as inbound
from tests.lambdas.simulation.inbound.recovery import SCENARIOS as OF_INBOUND
from tests.lambdas.simulation.scenario import run_scenarios

HALVES: dict[str, Any] = {"delivery": delivery, "inbound": inbound}
SCENARIOS = {"delivery": OF_DELIVERY, "inbound": OF_INBOUND}
SHOWN = 3
"""Violations of a rule that are shown of a seed."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate-delivery or simulate-inbound", description=__doc__)
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--size", type=int, default=620, help="deliveries or events of a seed, about")
    parser.add_argument(
        "--faults", help="only these, with commas: kill,refused,lost,repeated,slow,partial,duplicate,vanish"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--seed", type=int, help="replay this one, and print all that happened")
    parser.add_argument("--about", help="of a replay, only lines with this text")
    parser.add_argument("--scenarios", action="store_true", help="run the half's scenarios, no seeds")
    given = parser.parse_args(arguments)
    only = set(given.faults.split(",")) if given.faults else None
    half = HALVES[given.half]
    if given.scenarios:
        return run_scenarios(SCENARIOS[given.half])
    if given.seed is not None:
        result = half.run_seed(given.seed, given.size, only, trace=True)
        print(*(line for line in result.trace if given.about is None or given.about in line), sep="\n")
        print(_table(half, [result]))
        return _failures([result], given)
    numbers = range(given.first, given.first + given.seeds)
    results = []
    with ProcessPoolExecutor(given.jobs) as processes:
        for result in processes.map(partial(half.run_seed, size=given.size, only=only), numbers):
            results.append(result)
            if result.violations:
                print(f"seed {result.seed}: {_summary(result)}", flush=True)
    print(_table(half, results))
    return _failures(results, given)


def _table(half: Any, results: Sequence[Any]) -> str:
    """Return what became of seeds as a Markdown table."""
    rows = {
        "seeds": f"{len(results)}, from {min(one.seed for one in results)} to {max(one.seed for one in results)}",
        **half.rows(results),
        "seeds that break a rule": f"{sum(bool(one.violations) for one in results)}",
    }
    width = max(map(len, rows))
    return "\n".join(f"| {name.ljust(width)} | {value} |" for name, value in rows.items())


def _summary(result: Any) -> str:
    return ", ".join(f"{rule} ({len(found)})" for rule, found in result.violations.items())


def _failures(results: Sequence[Any], given: argparse.Namespace) -> int:
    failed = [result for result in results if result.violations]
    for result in failed[:10]:
        print(
            f"\nseed {result.seed}: make simulate-{given.half} SEED={result.seed} SIZE={given.size}"
            + (f" FAULTS={given.faults}" if given.faults else "")
        )
        for rule, found in result.violations.items():
            print(f"  {rule}: {len(found)}", *found[:SHOWN], sep="\n    ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
