"""A guard that is waived for one construct, with the reason."""

from dataclasses import dataclass
from typing import Self

from modules.rules.rule import Where
from modules.rules.table import RULES
from modules.settings.formats import TEXT
from modules.settings.validation import Validated, setting
from modules.synth.cdk import IConstruct

GUARDS = tuple(rule for rule in RULES if Where.SYNTH in rule.where)


@dataclass(frozen=True)
class Waiver(Validated):
    """Says that a guard's finding at one construct is meant.

    Raises
    ------
    ValueError
        When there is no such guard, or no reason.
    """

    path: str = setting(
        doc="Path of the construct, as the error has it. It begins with the stack's id; `at` takes it from the "
        "construct.",
        rule=TEXT,
    )
    rule: str = setting(doc="Id of the guard.")
    reason: str = setting(doc="Why it is meant, for whoever reviews it.")

    def __post_init__(self) -> None:
        """Check rule and reason."""
        super().__post_init__()
        known = [guard.id for guard in GUARDS]
        if self.rule not in known:
            raise ValueError(f"waiver of {self.path}: {self.rule!r} is no guard; guards: {', '.join(known)}")
        if not self.reason.strip():
            raise ValueError(f"waiver of {self.rule} at {self.path}: it needs a reason")

    @classmethod
    def at(cls, construct: IConstruct, rule: str, reason: str) -> Self:
        """Waive a guard for a construct, in whatever environment its stack is."""
        return cls(construct.node.path, rule, reason)
