"""What a guard is, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from modules.terraform_json.document import Configuration


@dataclass(frozen=True)
class Finding:
    """A mistake.

    Attributes
    ----------
    path : str
        Path of the construct to be mended.
    problem : str
        What is wrong with it, with the value and its unit; never the value of a secret.
    """

    path: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A rule that the whole of a stack must keep.

    Attributes
    ----------
    id : str
        What errors and waivers call it.
    rule : str
        The rule in one line.
    remedy : str
        What to do about a finding.
    source : str
        Where the rule comes from.
    check : Callable[[Configuration], Iterable[Finding]]
        Finds what breaks it.
    """

    id: str
    rule: str
    remedy: str
    source: str
    check: Callable[[Configuration], Iterable[Finding]] = field(repr=False)
