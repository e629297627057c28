"""The command line of the audit: ``python -m tools.audit``; ``make audit`` is the usual way to it."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from modules.settings.validation import SettingsError
from modules.terraform_json.plan import PlanError
from tools import ROOT
from tools.audit import page
from tools.audit.audit import Audit, audit
from tools.audit.exceptions import ExceptionsError, Ledger, read_exceptions
from tools.audit.planning import PlannedStack, Planner, given
from tools.audit.terminal import Terminal
from tools.audit.toolbox import ToolError
from tools.generate.reviewed_stacks import NAMES
from tools.local.terraform import TerraformError

CLEAN, FINDINGS, STOPPED = 0, 1, 2
# Whatever keeps one stack from being audited, and not the others.
_STOPS = (SettingsError, PlanError, TerraformError, ToolError, OSError, ValueError, RuntimeError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit, and return the exit code: 0 clean, 1 findings or changes that are not accepted, 2 could not run."""
    asked = _parser().parse_args(arguments)
    terminal = Terminal(Console(highlight=False))
    try:
        ledger = Ledger.open(read_exceptions(asked.exceptions), datetime.now(UTC).date())
    except ExceptionsError as error:
        terminal.stopped("list of exceptions", error)
        return STOPPED
    audits: list[Audit] = []
    stopped = False
    with Planner() as planner:
        for stack in _stacks(planner, asked):
            terminal.begin(stack.name)
            try:
                audits.append(audit(stack.name, stack.plan(), ledger, asked.accepted, take=asked.accept))
            except _STOPS as error:
                terminal.stopped(stack.name, error)
                stopped = True
    names = [item.name for item in audits]
    audits = [item.with_complaints(ledger.complaints(item.name, names, list(NAMES))) for item in audits]
    for item in audits:
        terminal.show(item, page.write(item, asked.pages))
    if stopped or not audits:
        return STOPPED
    return FINDINGS if any(item.open for item in audits) else CLEAN


def _stacks(planner: Planner, asked: argparse.Namespace) -> Iterator[PlannedStack]:
    if asked.plan:
        yield given(asked.plan, asked.name)
    elif asked.environments:
        yield from planner.environments(asked.environments)
    else:
        yield from planner.presets(asked.presets)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.audit",
        description="Audit Terraform plans: checkov, an IAM linter, our own policy, and what changed.",
        epilog="Exit code: 0 clean, 1 findings or changes that are not accepted, 2 could not run.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--presets", nargs="+", choices=list(NAMES), default=list(NAMES), help="which (all)")
    what.add_argument("--environments", nargs="+", metavar="NAME", help="environments of cdktf.json")
    what.add_argument("--plan", type=Path, metavar="FILE", help="a plan as 'terraform show -json' prints it")
    parser.add_argument("--name", help="name of that plan's stack; the file's name by default")
    parser.add_argument("--accept", action="store_true", help="accept the plans as reviewed")
    parser.add_argument("--exceptions", type=Path, default=ROOT / "audit" / "exceptions.toml", help="reviewed list")
    parser.add_argument("--accepted", type=Path, default=ROOT / "audit" / "accepted", help="folder of accepted plans")
    parser.add_argument("--pages", type=Path, default=ROOT / ".build" / "audit", help="folder of the pages")
    return parser


if __name__ == "__main__":
    sys.exit(main())
