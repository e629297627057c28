"""checkov on the plan: what is known to be wrong with AWS resources in general.

Source: https://www.checkov.io/7.Scan%20Examples/Terraform%20Plan%20Scanning.html
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.rules.rule import Finding
from tools.audit.toolbox import ToolError, run

_ARGUMENTS = ("--framework", "terraform_plan", "--quiet", "--compact", "--skip-download", "--output", "json")


def check(document: Mapping[str, Any]) -> tuple[str, list[Finding]]:
    """Return how much checkov looked at, and what it found.

    What the stack's source tells checkov to skip is a finding too: exceptions stand in the reviewed list, nowhere else.

    Raises
    ------
    ToolError
        When it cannot read the plan, or finds nothing to look at in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.json"
        plan.write_text(json.dumps(document), encoding="utf-8")
        printed = run("checkov", ["--file", str(plan), *_ARGUMENTS], folder=Path(folder))
    return read_report(printed)


def read_report(printed: str) -> tuple[str, list[Finding]]:
    """Read what checkov printed.

    Raises
    ------
    ToolError
        When it is not a whole report.
    """
    try:
        report = json.loads(printed)
        results, summary = report["results"], report["summary"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"checkov printed no report: {printed[:500]}") from error
    if summary["parsing_errors"] or not summary["passed"]:
        raise ToolError(f"checkov could not read the plan: {summary}")
    failed = [Finding(item["check_id"], item["resource"], item["check_name"]) for item in results["failed_checks"]]
    skipped = [
        Finding(item["check_id"], item["resource"], f"{item['check_name']} (skipped by the source, not by the list)")
        for item in results.get("skipped_checks", [])
    ]
    ran = summary["passed"] + summary["failed"]
    return f"{ran} checks on {summary['resource_count']} resources", sorted({*failed, *skipped})
