"""A guard that is waived for one construct, with the reason."""

from dataclasses import dataclass
from typing import Self

from modules.rules.rule import Where
from modules.rules.table import RULES
from modules.synth.cdk import IConstruct

GUARDS = tuple(rule for rule in RULES if Where.SYNTH in rule.where)


@dataclass(frozen=True)
class Waiver:
    """Says that a guard's finding at one construct is meant.

    Attributes
    ----------
    path : str
        Path of the construct, as the error has it. It begins with the stack's id; `at` takes it from the construct.
    rule : str
        Id of the guard.
    reason : str
        Why it is meant, for whoever reviews it.

    Raises
    ------
    ValueError
        When there is no such guard, or no reason.
    """

    path: str
    rule: str
    reason: str

    def __post_init__(self) -> None:
        """Check rule and reason."""
        known = [guard.id for guard in GUARDS]
        if self.rule not in known:
            raise ValueError(f"waiver of {self.path}: {self.rule!r} is no guard; guards: {', '.join(known)}")
        if not self.reason.strip():
            raise ValueError(f"waiver of {self.rule} at {self.path}: it needs a reason")

    @classmethod
    def at(cls, construct: IConstruct, rule: str, reason: str) -> Self:
        """Waive a guard for a construct, in whatever environment its stack is."""
        return cls(construct.node.path, rule, reason)
