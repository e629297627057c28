"""What is done to a stack whenever it is synthesized, after every Aspect: completing it, and then checking it."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from modules.cdk import TerraformElement, TerraformStack

Act = Callable[[TerraformStack], None]


def change_at_synth(stack: TerraformStack, act: Act) -> None:
    """Have a stack changed whenever its Terraform is made, ``Testing.synth``, HCL and no validations included.

    The change sees what is added to the stack after this call, and what Aspects add and change. It must not add
    constructs: no Aspect would visit them.
    """
    _first(stack).changes.append(act)


def check_at_synth(stack: TerraformStack, act: Act) -> None:
    """Have a stack checked whenever its Terraform is made, as it is after all changes. It may make it once more."""
    _first(stack).checks.append(act)


class _First(TerraformElement):
    """An empty element of a stack, which does the acts.

    To make a stack's Terraform, CDKTF asks every element for its metadata first, and only then any of them for its
    Terraform. It does so when all Aspects have visited. An Aspect of our own would be called back from Node.js for
    each construct, which took a good part of a synth's time.
    """

    def __init__(self, stack: TerraformStack) -> None:
        super().__init__(stack, "at-synth")
        self.changes: list[Act] = []
        self.checks: list[Act] = []
        self._stack = stack
        self._busy = False

    def to_metadata(self) -> Any:
        if not self._busy:
            self._busy = True
            try:
                for act in (*self.changes, *self.checks):
                    act(self._stack)
            finally:
                self._busy = False
        return {}


_FIRST: "WeakKeyDictionary[TerraformStack, _First]" = WeakKeyDictionary()


def _first(stack: TerraformStack) -> _First:
    first = _FIRST.get(stack)
    if first is None:
        first = _FIRST[stack] = _First(stack)
    return first
