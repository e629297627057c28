"""Findings: what a check says is wrong, and whether a reviewed exception excuses it."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, order=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    check : str
        Id of the check: of checkov (``CKV_AWS_18``), of the linter (``IAM_UNKNOWN_ACTION``), or of a rule of ours.
    address : str
        Terraform address, or another name of what is wrong.
    message : str
        What is wrong.
    excused : str
        The reason of the exception that excuses it; empty for one that counts.
    """

    check: str
    address: str
    message: str
    excused: str = ""

    def excuse(self, reason: str) -> Self:
        """Return the finding as one that an exception excuses."""
        return replace(self, excused=reason)


@dataclass(frozen=True)
class Section:
    """What one tool, or one list of rules, said about a plan.

    Attributes
    ----------
    title : str
        Name of the tool.
    checked : str
        In words, how much it looked at.
    findings : tuple[Finding, ...]
        What it found, excused findings included.
    """

    title: str
    checked: str
    findings: tuple[Finding, ...]

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that no exception excuses."""
        return tuple(finding for finding in self.findings if not finding.excused)

    @property
    def excused(self) -> tuple[Finding, ...]:
        """The findings that an exception excuses."""
        return tuple(finding for finding in self.findings if finding.excused)
