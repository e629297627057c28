"""What stops synth where a guard finds something."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakSet

from modules.guards.waiver import GUARDS, Waiver
from modules.rules.rule import Finding
from modules.settings.checked import checked
from modules.synth.at_synth import as_it_is, check_at_synth
from modules.synth.bindings import type_by_name
from modules.synth.cdk import TerraformResource, TerraformStack
from modules.terraform_json.document import Document
from modules.terraform_json.stack import read

UNUSED_WAIVER = "unused-waiver"
_GUARDED: "WeakSet[TerraformStack]" = WeakSet()


class GuardError(Exception):
    """Guards have found mistakes; the message has each with the construct's path, the guard, and what to do.

    Attributes
    ----------
    findings : tuple[Finding, ...]
        What they found.
    """

    def __init__(self, stack: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([f"guards stop the synth of {stack}:", *map(_paragraph, self.findings)]))


def _paragraph(finding: Finding) -> str:
    guard = next((each for each in GUARDS if each.id == finding.check), None)
    lines = [f"\n{finding.address}: {finding.check}", f"  found: {finding.message}"]
    if guard:
        lines += [f"  rule:  {guard.title}", f"         {guard.source}", f"  to do: {guard.remedy}"]
    else:
        lines.append("  to do: Take the waiver out, or correct its path: it is that of the error that is to be waived.")
    return "\n".join(lines)


def guard_error(error: BaseException) -> GuardError | None:
    """Return the guards' error behind one that ``synth`` raised, or None where it has another cause.

    Guards are called from JavaScript, which hands their error on as a ``RuntimeError`` with the same message.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, GuardError):
        behind = behind.__cause__ if isinstance(behind.__cause__, GuardError) else behind.__context__
    return behind


@checked
class Guards:
    """The guards of one stack, and what is waived.

    Parameters
    ----------
    environment : str
        Environment suffix.
    waivers : Sequence[Waiver]
        What the stack itself waives.
    """

    def __init__(self, environment: str, waivers: Sequence[Waiver] = ()) -> None:
        self._environment = environment
        self._waivers = list(waivers)

    def waive(self, waiver: Waiver) -> None:
        """Waive one guard for one construct. A waiver that is not needed is itself an error at synth."""
        self._waivers.append(waiver)

    def check(self, stack: TerraformStack) -> None:
        """Check a stack as it is now.

        Raises
        ------
        GuardError
            When a guard finds something that is not waived, or a waiver waives nothing.
        """
        document = stack.to_terraform()
        arguments = arguments_of(stack, document)
        beside = [read(as_it_is(other)) for other in _beside(stack)]
        whole = read(document, environment=self._environment, arguments=arguments, beside=beside)
        findings = list(self.findings(whole))
        if findings:
            raise GuardError(stack.node.id, findings)

    def findings(self, document: Document) -> Iterator[Finding]:
        """Yield what is not waived, and then the waivers that waive nothing."""
        unused = list(self._waivers)
        for guard in GUARDS:
            for finding in guard.findings(document):
                waived = [each for each in self._waivers if (each.path, each.rule) == (finding.address, finding.check)]
                unused = [each for each in unused if each not in waived]
                if not waived:
                    yield finding
        for waiver in unused:
            yield Finding(UNUSED_WAIVER, waiver.path, f"nothing is found here by {waiver.rule}, which is waived")


def _beside(stack: TerraformStack) -> Iterator[TerraformStack]:
    """Yield the other stacks of an app that a stack is compared with.

    Those after it have not been visited by Aspects yet. A guarded one is compared when it is synthesized itself.
    """
    after = False
    for other in stack.node.root.node.find_all():
        if other is stack:
            after = True
        elif isinstance(other, TerraformStack) and not (after and other in _GUARDED):
            yield other


def arguments_of(stack: TerraformStack, document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the arguments that the provider takes for each resource type of a stack."""
    kinds = {type(node) for node in stack.node.find_all() if isinstance(node, TerraformResource)}
    return {
        type_: frozenset(name.removesuffix("_input") for name in dir(kind) if name.endswith("_input"))
        for kind in kinds
        if (type_ := _type(kind, document.get("resource", {}))) is not None
    }


def _type(kind: type[TerraformResource], present: Container[str]) -> str | None:
    """Return a class's Terraform type, which Node.js is asked for only where its name does not give one present."""
    named = type_by_name(kind)
    return named if named in present else getattr(kind, "TF_RESOURCE_TYPE", None)


@checked
def guard_everything(stack: TerraformStack, *, environment: str, waivers: Sequence[Waiver] = ()) -> Guards:
    """Check the whole of a stack whenever it is synthesized, also with ``Testing.synth`` and without validations.

    The check sees what is added to the stack, and what Aspects do, after this call as well.

    Parameters
    ----------
    environment : str
        Environment suffix, in which every name ends.
    waivers : Sequence[Waiver]
        What the stack itself waives, such as pages that are public on purpose.

    Returns
    -------
    Guards
        Takes the waivers of those who add to the stack.

    Raises
    ------
    GuardError
        At synth; `guard_error` finds it behind what CDKTF raises.
    ValueError
        When the stack is guarded already: two sets of guards would not know each other's waivers.
    """
    if stack in _GUARDED:
        raise ValueError(f"{stack.node.id} is guarded already: waive with the guards that it has")
    _GUARDED.add(stack)
    guards = Guards(environment, waivers)
    check_at_synth(stack, guards.check)
    return guards
