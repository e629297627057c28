"""The rules of ``audit/policy``: each a function that yields what breaks it."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import audit.policy
from tools.audit.findings import Finding
from tools.audit.model.plan import Plan, Violation

Check = Callable[[Plan], Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """A rule of the policy.

    Attributes
    ----------
    id : str
        What findings and exceptions call it; lower-case words with hyphens.
    title : str
        What must hold, in one sentence.
    why : str
        What goes wrong otherwise.
    source : str
        Where that is written: an address, or a requirement of this project.
    check : Callable
        Yields what breaks it.
    """

    id: str
    title: str
    why: str
    source: str
    check: Check

    def findings(self, plan: Plan) -> list[Finding]:
        """Return what breaks the rule."""
        return [Finding(self.id, found.address, found.message) for found in self.check(plan)]


_RULES: dict[str, Rule] = {}


def rule(id_: str, title: str, *, why: str, source: str) -> Callable[[Check], Check]:
    """Declare a function a rule of the policy.

    Raises
    ------
    ValueError
        When another rule has the id, or a part is missing.
    """

    def declare(check: Check) -> Check:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id_) or not (title and why and source):
            raise ValueError(
                f"rule {id_!r}: an id of lower-case words with hyphens, a title, a why and a source needed"
            )
        known = _RULES.get(id_)
        if known and _place(known.check) != _place(check):
            raise ValueError(f"rule {id_!r} is declared twice: {_place(known.check)} and {_place(check)}")
        _RULES[id_] = Rule(id_, title, why, source, check)
        return check

    return declare


def rules() -> list[Rule]:
    """Return every rule, from all files below ``audit/policy``."""
    for module in pkgutil.iter_modules(audit.policy.__path__):
        importlib.import_module(f"audit.policy.{module.name}")
    return [_RULES[id_] for id_ in sorted(_RULES)]


def _place(check: Check) -> str:
    return f"{check.__module__}.{check.__qualname__}"
