"""The page that ``make smoke`` ends with."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table

from tools.commands.target_stack import Target
from tools.smoke.look import Look, Result
from tools.smoke.trial import COLUMNS, MARK, Trial

NEVER_CHECKED = (
    "that a provider has the URL and the secret: only an event of its own shows that",
    "that an alarm reaches a person, and that CloudWatch makes metrics of the logs: cause one alarm, and see",
    "dead letters, replays, throttling and load: they would do harm, or cost money",
    "what takes time: expiry, Glacier, the rotation of a secret",
)
IN_COLOUR = {Result.GOOD: "[green]ok[/]", Result.BAD: "[red]FAILED[/]", Result.OPEN: "-"}

console = Console()


def show(target: Target, trials: Sequence[Trial], looks: Sequence[Look]) -> int:
    """Print the page; return 1 when anything is not as it must be."""
    console.print(f"[bold]Smoke test of {target.settings.environment}[/], {target.base_url}", soft_wrap=True)
    table = Table(Column("provider", overflow="fold"), *COLUMNS)
    for trial in trials:
        cells = (trial.looks.get(column) for column in COLUMNS)
        table.add_row(trial.label, *(IN_COLOUR[look.result] if look else "" for look in cells))
    console.print(table)
    of_trials = [look for trial in trials for look in trial.looks.values()]
    bad = [look for look in (*looks, *of_trials) if look.result is Result.BAD]
    for look in [*looks, *(each for each in of_trials if each.result is Result.BAD)]:
        found = f": {look.found}" if look.found else ""
        console.print(f"{IN_COLOUR[look.result]}  {look.what}{found}", soft_wrap=True, highlight=False)
    console.print("\n[bold]Not checked[/]")
    for line in (*left_open(trials), *never_checked(target)):
        console.print(f"- {line}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"\n{len(bad)} failed. The transaction ids of this run's events begin with {MARK}.", highlight=False)
    return 1 if bad else 0


def left_open(trials: Sequence[Trial]) -> list[str]:
    """Return what could not be looked at, each reason once, with providers and columns."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for trial in trials:
        of_trial: dict[str, list[str]] = {}
        for column, look in trial.looks.items():
            if look.result is Result.OPEN:
                of_trial.setdefault(look.found, []).append(column)
        for reason, columns in of_trial.items():
            reasons.setdefault((", ".join(columns), reason), []).append(trial.label)
    return [f"{', '.join(labels)} ({columns}): {reason}" for (columns, reason), labels in reasons.items()]


def never_checked(target: Target) -> list[str]:
    """Return what no run looks at, and what this one could not."""
    return [
        *NEVER_CHECKED,
        *(["the delivery stack"] if target.settings.delivery else []),
        *(["what only AWS can tell: the local AWS answers as AWS's documents say"] if target.is_local else []),
    ]
