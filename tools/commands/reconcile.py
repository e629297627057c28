"""``make reconcile``: compare a provider's own list of events with the records now, and hand over what is missing.

The deployed function does it. Whoever runs this needs ``lambda:InvokeFunction`` on it, and no key.
"""

import argparse
import json
from typing import Any

from botocore.config import Config
from rich.console import Console
from rich.table import Table

from lambdas.reconcile.progress import COUNTS
from modules.constructs.bundling import RECONCILE
from modules.constructs.naming import Names
from modules.settings.reconciliation import RUN_SECONDS
from tools.commands.target_stack import NoTargetError, Target, run, time_of

console = Console()


def main() -> int:
    """Run the function until its window is closed; return 1 if not all of it is reconciled."""
    parser = argparse.ArgumentParser(prog="make reconcile")
    parser.add_argument("provider", help="deployed name")
    parser.add_argument("--since", help="catch up with what happened at this time or later, RFC 3339")
    parser.add_argument("--dry-run", action="store_true", help="compare only")
    arguments = parser.parse_args()
    target = Target.chosen()
    target.entry_of(arguments.provider)
    if arguments.provider not in target.settings.reconciliation:
        raise NoTargetError(f"PROVIDER: {arguments.provider!r} is not in the setting reconciliation")
    if arguments.since is not None:
        time_of("SINCE", arguments.since)
    event = {"provider": arguments.provider, **({"since": arguments.since} if arguments.since else {})}
    report = invoke(target, {**event, **({"dryRun": True} if arguments.dry_run else {})})
    while not arguments.dry_run and report.get("complete") is False and not report.get("wrongList"):
        report = invoke(target, {"provider": arguments.provider})
    registration = report["registration"]["problems"] if report["registration"] else []
    for problem in registration:
        console.print(f"registration: {problem}", style="red", highlight=False)
    if "error" in report:
        raise NoTargetError(f"{arguments.provider}: {report['error']}; the next run goes on where this one ended")
    table = Table(*COUNTS, title=f"{arguments.provider}, {report['since']} to {report['until']}", title_justify="left")
    table.add_row(*(f"{report[name]:,}" for name in COUNTS))
    console.print(table)
    for problem in report["problems"]:
        console.print(problem, style="red", highlight=False)
    for event_id in report["recoveredIds"]:
        console.print(event_id, highlight=False)
    if not report["complete"] and not report.get("wrongList"):
        console.print(
            f"Only the first {report['listed']:,} entries of the list were compared: the time of the run ended before "
            "the list did, and a dry run is not gone on with.",
            style="red",
            highlight=False,
        )
    if arguments.dry_run:
        console.print("Nothing was handed over. Without DRY_RUN=1, what is recovered is.")
    return 1 if report["problems"] or registration or not report["complete"] else 0


def invoke(target: Target, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke the function, and return its report.

    Raises
    ------
    NoTargetError
        When it fails.
    """
    function = Names(target.settings.environment)(RECONCILE)
    # As long as the function may take; a repeated call would be another run.
    patient = Config(read_timeout=RUN_SECONDS + 30, retries={"total_max_attempts": 1})
    answer = target.client("lambda", config=patient).invoke(FunctionName=function, Payload=json.dumps(event).encode())
    report = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or not isinstance(report, dict):
        raise NoTargetError(f"{function} failed: see its log; run this again, which goes on where it ended")
    return report


if __name__ == "__main__":
    run(main)
