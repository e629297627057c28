"""What stops synth where a guard finds something."""

from collections.abc import Iterator, Sequence
from weakref import WeakSet

from modules.guards.guard import Finding
from modules.guards.table import GUARDS
from modules.guards.waiver import Waiver
from modules.synth.at_synth import check_at_synth
from modules.synth.cdk import TerraformStack
from modules.terraform_json.document import Configuration

UNUSED_WAIVER = "unused-waiver"
_GUARDED: "WeakSet[TerraformStack]" = WeakSet()


class GuardError(Exception):
    """Guards have found mistakes; the message has each with the construct's path, the guard, and what to do.

    Attributes
    ----------
    findings : tuple[tuple[str, Finding], ...]
        Id of the guard and what it found.
    """

    def __init__(self, stack: str, findings: Sequence[tuple[str, Finding]]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([f"guards stop the synth of {stack}:", *map(_paragraph, self.findings)]))


def _paragraph(found: tuple[str, Finding]) -> str:
    id_, finding = found
    guard = next((each for each in GUARDS if each.id == id_), None)
    lines = [f"\n{finding.path}: {id_}", f"  found: {finding.problem}"]
    if guard:
        lines += [f"  rule:  {guard.rule}", f"         {guard.source}", f"  to do: {guard.remedy}"]
    else:
        lines.append("  to do: Take the waiver out, or mend its path, which is that of the error that it is to waive.")
    return "\n".join(lines)


def guard_error(error: BaseException) -> GuardError | None:
    """Return the guards' error behind one that ``synth`` raised, or None where it has another cause.

    Guards are called from JavaScript, which hands their error on as a ``RuntimeError`` with the same message.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, GuardError):
        behind = behind.__cause__ if isinstance(behind.__cause__, GuardError) else behind.__context__
    return behind


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
        findings = list(self.findings(Configuration.of(stack, self._environment)))
        if findings:
            raise GuardError(stack.node.id, findings)

    def findings(self, configuration: Configuration) -> Iterator[tuple[str, Finding]]:
        """Yield what is not waived, with the guard's id, and then the waivers that waive nothing."""
        unused = list(self._waivers)
        for guard in GUARDS:
            for finding in guard.check(configuration):
                waived = [each for each in self._waivers if (each.path, each.rule) == (finding.path, guard.id)]
                unused = [each for each in unused if each not in waived]
                if not waived:
                    yield guard.id, finding
        for waiver in unused:
            yield UNUSED_WAIVER, Finding(waiver.path, f"nothing is found here by {waiver.rule}, which is waived")


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
