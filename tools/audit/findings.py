"""What each tool, or list of rules, said about a plan."""

from dataclasses import dataclass

from modules.rules.rule import Finding


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
