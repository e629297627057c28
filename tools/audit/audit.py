"""The audit of one plan: every tool and every rule on it, the exceptions, and the comparison with what was accepted."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modules.rules.rule import Finding
from modules.terraform_json.document import Document
from modules.terraform_json.plan import read
from tools.audit import checkov, comparison, linter
from tools.audit.comparison import Comparison
from tools.audit.exceptions import Ledger
from tools.audit.findings import Section
from tools.audit.rules import rules
from tools.audit.summary import accept, read_accepted, summarize


@dataclass(frozen=True)
class Audit:
    """What an audit found out about one stack.

    Attributes
    ----------
    name : str
        Name of the stack.
    plan : Document
        What was audited.
    sections : tuple[Section, ...]
        What each tool said.
    comparison : Comparison
        What changed against the accepted plan.
    """

    name: str
    plan: Document
    sections: tuple[Section, ...]
    comparison: Comparison

    @property
    def open(self) -> tuple[Finding, ...]:
        """All findings that nothing excuses."""
        return tuple(finding for section in self.sections for finding in section.open)

    def with_complaints(self, complaints: list[Finding]) -> "Audit":
        """Return the audit with findings about the list of exceptions itself."""
        used = {finding.excused for section in self.sections for finding in section.excused}
        section = Section("list of exceptions", f"{len(used)} reasons in use here", tuple(complaints))
        return replace(self, sections=(*self.sections, section))


def audit(name: str, document: Any, ledger: Ledger, accepted: Path, *, take: bool = False) -> Audit:
    """Audit a plan.

    Parameters
    ----------
    name : str
        Name of the stack.
    document : Any
        The plan in Terraform's JSON form.
    ledger : Ledger
        The exceptions; it learns which are used.
    accepted : Path
        Folder of the accepted plans.
    take : bool
        Accept this plan from now on.

    Raises
    ------
    PlanError
        When it is no plan.
    ToolError
        When a tool did not do its work.
    """
    plan = read(document)
    summary = summarize(plan)
    if take:
        accept(accepted, name, summary)
    sections = (
        _section("checkov", *checkov.check(document), ledger, name),
        _section("IAM linter (parliament)", *linter.check(plan), ledger, name),
        _section("own policy", *_own_policy(plan), ledger, name),
    )
    compared = comparison.compare(read_accepted(accepted, name), summary)
    changes = Section(
        "accepted plan",
        f"{compared.count} changes" if compared.accepted else "no accepted plan",
        tuple(comparison.findings(compared)),
    )
    return Audit(name, plan, (*sections, changes), compared)


def _own_policy(plan: Document) -> tuple[str, list[Finding]]:
    findings = [finding for rule in rules() for finding in rule.findings(plan)]
    return f"{len(rules())} rules on {len(plan.resources())} resources", sorted(set(findings))


def _section(title: str, checked: str, findings: list[Finding], ledger: Ledger, name: str) -> Section:
    return Section(title, checked, ledger.apply(findings, name))
