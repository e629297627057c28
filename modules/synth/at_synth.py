"""What is done to a stack whenever it is synthesized, after every Aspect: completing it, and then checking it."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import jsii

from modules.synth.cdk import IValidation, TerraformElement, TerraformStack

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

    A synth to files validates before, and replaces assets in between, which a check must come before; and validations
    should see what was changed. So the acts are done by a validation already, where there is one.
    """

    def __init__(self, stack: TerraformStack) -> None:
        super().__init__(stack, "at-synth")
        self.changes: list[Act] = []
        self.checks: list[Act] = []
        self._stack = stack
        self._busy = False
        self._validated_in: FrameType | None = None
        stack.node.add_validation(_Validation(self))

    def validate(self) -> None:
        """Do the acts, which `to_metadata` need not do again in the same call to Node.js."""
        self._act()
        self._validated_in = _call_to_node()

    def to_metadata(self) -> Any:
        validated_in, self._validated_in = self._validated_in, None
        if validated_in is None or validated_in is not _call_to_node():
            self._act()
        return {}

    def _act(self) -> None:
        # A check that makes the stack's Terraform comes back here.
        if self._busy:
            return
        self._busy = True
        try:
            for act in (*self.changes, *self.checks):
                act(self._stack)
        finally:
            self._busy = False


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, first: _First) -> None:
        self._first = first

    def validate(self) -> list[str]:
        self._first.validate()
        return []


def _call_to_node() -> FrameType | None:
    """Return jsii's frame that waits for the answer to a call, and meanwhile calls back those who call this.

    Every call has a frame of its own, of which all that it calls back are called. None where there is no such frame.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "_callback_till_result":
        frame = frame.f_back
    return frame


_FIRST: "WeakKeyDictionary[TerraformStack, _First]" = WeakKeyDictionary()


def _first(stack: TerraformStack) -> _First:
    first = _FIRST.get(stack)
    if first is None:
        first = _FIRST[stack] = _First(stack)
    return first
