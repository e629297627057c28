"""What an audit prints: a table for each stack, its findings, and where its page lies."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.audit.audit import Audit


class Terminal:
    """Prints audits.

    Parameters
    ----------
    console : Console
        Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, name: str) -> None:
        """Say that a stack is being planned."""
        self._console.print(f"audit: {escape(name)} ...", style="dim")

    def show(self, audited: Audit, page: Path) -> None:
        """Print the verdict on a stack, and each finding."""
        verdict = f"[red]{len(audited.open)} findings[/red]" if audited.open else "[green]clean[/green]"
        table = Table(title=f"{escape(audited.name)}: {verdict}", title_justify="left")
        for column in ("check", "looked at", "findings", "excused"):
            table.add_column(column, justify="right" if column in ("findings", "excused") else "left")
        for section in audited.sections:
            count = str(len(section.open))
            colour = "red" if section.open else "green"
            table.add_row(section.title, section.checked, f"[{colour}]{count}[/{colour}]", str(len(section.excused)))
        self._console.print(table)
        for finding in audited.open:
            self._console.print(
                f"  [bold]{escape(finding.address)}[/bold]  [red]{escape(finding.check)}[/red]\n"
                f"    {escape(finding.message)}",
                soft_wrap=True,
            )
        self._console.print(f"  page: {escape(_short(page))}\n", soft_wrap=True)

    def stopped(self, name: str, error: Exception) -> None:
        """Say that a stack could not be audited."""
        self._console.print(
            f"[red]{escape(name)}: could not be audited[/red]\n  {escape(str(error))}\n", soft_wrap=True
        )


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
