"""What a rule is, where it runs, and what it finds."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Flag, auto
from types import ModuleType
from typing import Self

from modules.terraform_json.document import Document, Resource

# The resource that breaks a rule, and what is wrong with it: the value with its unit, and never that of a secret.
Found = tuple[Resource, str]
Check = Callable[[Document], Iterator[Found]]


class Where(Flag):
    """Where a rule runs."""

    SYNTH = auto()
    PLAN = auto()
    BOTH = SYNTH | PLAN


@dataclass(frozen=True, order=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    check : str
        Id of the rule, or of a check of another tool, such as ``CKV_AWS_18`` of checkov.
    address : str
        What is to be fixed: the path of a construct, a Terraform address, or another name of it.
    message : str
        What is wrong.
    excused : str
        The reason of the exception that excuses it; empty for one that counts.
    also : tuple[str, ...]
        Other ids of the rule, under which exceptions may know it.
    """

    check: str
    address: str
    message: str
    excused: str = ""
    also: tuple[str, ...] = field(default=(), compare=False)

    def excuse(self, reason: str) -> Self:
        """Return the finding as one that an exception excuses."""
        return replace(self, excused=reason)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that the whole of a stack must keep.

    Attributes
    ----------
    id : str
        What errors, waivers and exceptions call it; lower-case words with hyphens.
    title : str
        What must hold, in one sentence.
    where : Where
        Where it runs.
    remedy : str
        What to do about a finding.
    why : str
        What goes wrong otherwise, where the remedy does not say it.
    source : str
        Where that is written: an address, or a requirement of this project.
    also : tuple[str, ...]
        Ids that it had, or that rules had that are part of it now. Exceptions may still use them.
    check : Callable
        Yields what breaks it.
    """

    id: str
    title: str
    where: Where
    remedy: str
    why: str
    source: str
    also: tuple[str, ...]
    check: Check = field(repr=False)

    def findings(self, stack: Document) -> list[Finding]:
        """Return what breaks the rule, each once."""
        found = (Finding(self.id, resource.path, problem, also=self.also) for resource, problem in self.check(stack))
        return list(dict.fromkeys(found))


def rule(
    id_: str, title: str, *, where: Where, source: str, remedy: str = "", why: str = "", also: tuple[str, ...] = ()
) -> Callable[[Check], Rule]:
    """Make a function a rule.

    Raises
    ------
    ValueError
        When a part is missing: one that stops synth needs a remedy.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id_) or not (title and source):
        raise ValueError(f"rule {id_!r}: an id of lower-case words with hyphens, a title and a source needed")
    if not (remedy if Where.SYNTH in where else remedy or why):
        raise ValueError(f"rule {id_!r}: a remedy needed, or for a plan alone a reason why")
    return lambda check: Rule(
        id=id_, title=title, where=where, remedy=remedy, why=why, source=source, also=also, check=check
    )


def collect(modules: Iterable[ModuleType]) -> tuple[Rule, ...]:
    """Return the rules of some modules, in their order.

    Raises
    ------
    ValueError
        When two have one id.
    """
    found: dict[str, Rule] = {}
    for each in (item for module in modules for item in vars(module).values() if isinstance(item, Rule)):
        if found.setdefault(each.id, each) is not each:
            raise ValueError(f"two rules have the id {each.id!r}")
    return tuple(found.values())
