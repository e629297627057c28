"""What is done to a stack at synth when every Aspect has visited everything: tagging it, and then checking it."""

from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

import jsii

from modules.cdk import Aspects, Construct, IAspect, IConstruct, TerraformStack

Act = Callable[[TerraformStack], None]


class _Acts(NamedTuple):
    changes: list[Act]
    checks: list[Act]


_ACTS: "WeakKeyDictionary[TerraformStack, _Acts]" = WeakKeyDictionary()


def change_at_last(stack: TerraformStack, act: Act) -> None:
    """Have a stack changed whenever it is synthesized, ``Testing.synth`` and no validations included.

    The change sees what is added to the stack after this call, and what Aspects add and change. It must not add
    constructs: no Aspect would visit them.
    """
    _acts(stack).changes.append(act)


def check_at_last(stack: TerraformStack, act: Act) -> None:
    """Have a stack checked whenever it is synthesized, as it is after all changes."""
    _acts(stack).checks.append(act)


def _acts(stack: TerraformStack) -> _Acts:
    """Return what is to be done with a stack.

    It shares one Aspect, since the visits, of every construct, are calls from Node.js back into Python, which take a
    good part of a synth's time.
    """
    acts = _ACTS.get(stack)
    if acts is None:
        acts = _ACTS[stack] = _Acts([], [])
        Aspects.of(stack).add(_Last(stack, acts))
    return acts


@jsii.implements(IAspect)
class _Last:
    """Gives the stack a last child, empty, whose own Aspect does the acts.

    CDKTF visits a stack before its children, and calls the Aspects that a construct inherits before its own. So when
    the last child's own Aspect is called, every other Aspect has visited everything.
    """

    def __init__(self, stack: TerraformStack, acts: _Acts) -> None:
        self._stack = stack
        self._acts = acts
        self._child: Construct | None = None

    def visit(self, node: IConstruct) -> None:
        if node is not self._stack:
            return
        if self._child is not None:
            self._stack.node.try_remove_child(self._child.node.id)
        self._child = Construct(self._stack, "visited-last")
        Aspects.of(self._child).add(_Act(self._stack, self._acts))


@jsii.implements(IAspect)
class _Act:
    def __init__(self, stack: TerraformStack, acts: _Acts) -> None:
        self._stack = stack
        self._acts = acts

    def visit(self, node: IConstruct) -> None:
        # It has no children, so that this is called once.
        del node
        for act in (*self._acts.changes, *self._acts.checks):
            act(self._stack)
