"""The reviewed list of exceptions, ``audit/exceptions.toml``: which finding is borne, where, and why."""

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from modules.rules.rule import Finding

# A reason says more than that there is one.
_SHORTEST_REASON = 20
_MODULES = re.compile(r"^(module\.[\w-]+(\[[^\]]+\])?\.)+")


class ExceptionsError(Exception):
    """The list of exceptions cannot be used; the message says which entry, and why."""


@dataclass(frozen=True)
class Excuse:
    """An entry of the list.

    Attributes
    ----------
    check : str
        Id of the check, or one that its rule had before.
    resource : str
        Pattern of addresses, in which ``*`` stands for anything.
    reason : str
        Why it is right to bear the finding.
    says : str
        Pattern of what the finding says; anything by default.
    stacks : tuple[str, ...]
        Stacks for which it holds; all without any.
    until : date | None
        Last day on which it holds; no end without one.
    deployed : bool
        It is about what only the plan of a deployed stack shows, which a preset's never is.
    """

    check: str
    resource: str
    reason: str
    stacks: tuple[str, ...] = ()
    until: date | None = None
    deployed: bool = False
    says: str = "*"

    def excuses(self, finding: Finding, stack: str) -> bool:
        """Tell whether it speaks of a finding."""
        # The same stack may be used as a module, whose address stands before those of its resources.
        within = _MODULES.sub("", finding.address)
        return (
            self.check in (finding.check, *finding.also)
            and any(fnmatchcase(address, self.resource) for address in (finding.address, within))
            and fnmatchcase(finding.message, self.says)
            and (not self.stacks or stack in self.stacks)
        )

    @property
    def label(self) -> str:
        """Which entry it is."""
        return f"{self.check} {self.resource}"


def read_exceptions(path: Path) -> list[Excuse]:
    """Read the list.

    Raises
    ------
    ExceptionsError
        When an entry lacks its reason, or holds something that is not known.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ExceptionsError(f"{path.name}: {error}") from error
    if unknown := document.keys() - {"exception"}:
        raise ExceptionsError(f"{path.name}: unknown part {sorted(unknown)[0]!r}; every entry is an [[exception]]")
    found = [_excuse(path.name, entry) for entry in document.get("exception", [])]
    for number, item in enumerate(found):
        if item in found[:number]:
            raise ExceptionsError(f"{path.name}: {item.label}: is listed twice")
    return found


def _excuse(file: str, entry: dict[str, Any]) -> Excuse:
    place = f"{file}: {entry.get('check', '(no check)')} {entry.get('resource', '(no resource)')}"
    if unknown := entry.keys() - {"check", "resource", "reason", "stacks", "until", "deployed", "says"}:
        raise ExceptionsError(f"{place}: unknown key {sorted(unknown)[0]!r}")
    for key in ("check", "resource", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ExceptionsError(f"{place}: {key} is missing")
    if len(entry["reason"].strip()) < _SHORTEST_REASON:
        raise ExceptionsError(f"{place}: {entry['reason']!r} is too short for a reason")
    until = entry.get("until")
    if until is not None and type(until) is not date:
        raise ExceptionsError(f"{place}: until: {until!r} is not a date such as 2030-01-31")
    stacks = entry.get("stacks", [])
    if not isinstance(stacks, list) or not all(isinstance(stack, str) for stack in stacks):
        raise ExceptionsError(f"{place}: stacks: {stacks!r} is not a list of names")
    deployed = entry.get("deployed", False)
    if not isinstance(deployed, bool):
        raise ExceptionsError(f"{place}: deployed: {deployed!r} is neither true nor false")
    says = entry.get("says", "*")
    if not isinstance(says, str):
        raise ExceptionsError(f"{place}: says: {says!r} is not a pattern")
    reason = " ".join(entry["reason"].split())
    return Excuse(entry["check"], entry["resource"], reason, tuple(stacks), until, deployed, says)


@dataclass(frozen=True)
class Ledger:
    """The exceptions, and which of them were used.

    Attributes
    ----------
    excuses : Sequence[Excuse]
        The list.
    today : date
        The day, against which each entry's end is held.
    used : set[Excuse]
        Those that excused something.
    """

    excuses: Sequence[Excuse]
    today: date
    used: set[Excuse]

    @classmethod
    def open(cls, excuses: Sequence[Excuse], today: date) -> "Ledger":
        """Return a ledger in which nothing has been used."""
        return cls(excuses, today, set())

    def apply(self, findings: Iterable[Finding], stack: str) -> tuple[Finding, ...]:
        """Return findings in their order, the excused ones marked. An entry that has ended excuses nothing."""
        return tuple(sorted(self._apply(finding, stack) for finding in findings))

    def _apply(self, finding: Finding, stack: str) -> Finding:
        for item in self.excuses:
            if not item.excuses(finding, stack):
                continue
            self.used.add(item)
            if item.until is None or self.today <= item.until:
                return finding.excuse(item.reason)
        return finding

    def complaints(self, stack: str, audited: Collection[str], presets: Collection[str]) -> list[Finding]:
        """Return what is wrong with the list itself, as far as a stack is concerned, after all stacks were audited.

        An entry without ``stacks`` is unused only when every preset was audited and none needed it.

        Parameters
        ----------
        audited : Collection[str]
            All stacks of this run.
        presets : Collection[str]
            The presets, which an entry without ``stacks`` is for.
        """
        found = []
        for item in self.excuses:
            scope = item.stacks or tuple(presets)
            if stack not in scope:
                continue
            if item in self.used and item.until is not None and self.today > item.until:
                message = f"ended on {item.until}: fix what it excuses, or have it reviewed again"
                found.append(Finding("exception-ended", item.label, message))
            elif item not in self.used and not item.deployed and set(scope) <= set(audited):
                message = "matches nothing any more: remove it from the list"
                found.append(Finding("exception-unused", item.label, message))
        return sorted(found)
