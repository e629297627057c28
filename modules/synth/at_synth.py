"""What is done to a stack whenever it is synthesized, after every Aspect: completing it, and then checking it."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import jsii

from modules.synth.cdk import Aspects, IAspect, IConstruct, IValidation, TerraformElement, TerraformStack

Act = Callable[[TerraformStack], None]


def change_at_synth(stack: TerraformStack, act: Act) -> None:
    """Have a stack changed whenever its Terraform is made, ``Testing.synth``, HCL and no validations included.

    The change sees what is added to the stack after this call, and what Aspects add and change. It must not add
    constructs: no Aspect would visit them.
    """
    _hook(stack).changes.append(act)


def check_at_synth(stack: TerraformStack, act: Act) -> None:
    """Have a stack checked whenever its Terraform is made, after all changes. The check may make it once more."""
    _hook(stack).checks.append(act)


def as_it_is(stack: TerraformStack) -> Any:
    """Return a stack's Terraform as it is now, neither changed nor checked for that."""
    return _HOOKS[stack].look() if stack in _HOOKS else stack.to_terraform()


@jsii.implements(IAspect, IValidation)
class _Hook(TerraformElement):
    """An empty element of a stack, which runs the stack's changes and checks after all Aspects.

    CDKTF synthesizes in this order: Aspects visit, validations run, assets are written, and the Terraform is made. To
    make it, CDKTF asks every element for its metadata first, and only then any of them for its Terraform.

    The hook runs as a validation, so that other validations see the changes, and a mistake stops the synth before an
    asset is replaced. ``Testing.synth`` and `to_terraform` need not validate: where nothing was validated in the same
    synth, the hook runs when it is asked for metadata. A synth begins when the hook is visited, by itself as an Aspect.
    """

    def __init__(self, stack: TerraformStack) -> None:
        super().__init__(stack, "at-synth")
        self.changes: list[Act] = []
        self.checks: list[Act] = []
        self._stack = stack
        self._busy = False
        self._validated = False
        Aspects.of(self).add(self)
        stack.node.add_validation(self)

    def visit(self, node: IConstruct) -> None:
        del node
        self._validated = False

    def validate(self) -> list[str]:
        self._run()
        self._validated = True
        return []

    def to_metadata(self) -> Any:
        if not self._validated:
            self._run()
        self._validated = False
        return {}

    def look(self) -> Any:
        before = self._busy, self._validated
        self._busy = True
        try:
            return self._stack.to_terraform()
        finally:
            self._busy, self._validated = before

    def _run(self) -> None:
        # A check that makes the stack's Terraform comes back here.
        if self._busy:
            return
        self._busy = True
        try:
            for act in (*self.changes, *self.checks):
                act(self._stack)
        finally:
            self._busy = False


_HOOKS: "WeakKeyDictionary[TerraformStack, _Hook]" = WeakKeyDictionary()


def _hook(stack: TerraformStack) -> _Hook:
    if stack not in _HOOKS:
        _HOOKS[stack] = _Hook(stack)
    return _HOOKS[stack]
