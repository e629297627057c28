"""A scenario of a half: no seeds, but figures of one thing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a scenario found: a line for each figure, and what is wrong."""

    lines: Sequence[str]
    wrong: Sequence[str] = ()


def run_scenarios(scenarios: Sequence[Callable[[], Scenario]]) -> int:
    """Run all, print what they found, and return 1 when something is wrong."""
    failed = 0
    for scenario in scenarios:
        began = time.process_time()
        found = scenario()
        failed |= bool(found.wrong)
        print(f"{scenario.__name__} ({time.process_time() - began:.0f} s)", *found.lines, sep="\n  ", flush=True)
        for wrong in found.wrong:
            print(f"  WRONG: {wrong}")
    return failed
