"""The stacks that can be written as modules, and what is particular to each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from modules.delivery.stack import DeliveryStack
from modules.inbound.stack import WebhookStack
from modules.settings.delivery import DeliverySettings
from modules.settings.model import Settings
from modules.synth.cdk import Construct, TerraformStack
from tools.export_module import of_delivery, offered, texts
from tools.export_module.input_rules import RULES_BETWEEN_INPUTS, RULES_OF_DIRECT, RuleBetweenInputs
from tools.export_module.inputs import Input


@dataclass(frozen=True, kw_only=True)
class ModuleKind:
    """A stack, as a module.

    Attributes
    ----------
    name : str
        What its folder is called, unless another is given; empty where that is the preset's or environment's name.
    stack : Callable
        Makes the stack.
    inputs : Sequence[Input]
        What a caller may choose.
    rules : Sequence[RuleBetweenInputs]
        What must hold between these.
    fixed : Mapping[str, str]
        What a caller cannot choose any more, and why.
    elsewhere : Sequence[str]
        Settings that this module knows nothing of: they are the caller's, or another stack's.
    readme : str
        What it says about itself before its tables, see `tools.export_module.readme`.
    """

    name: str
    stack: Callable[[Construct, str, Settings, Path], TerraformStack]
    inputs: Sequence[Input]
    rules: Sequence[RuleBetweenInputs]
    fixed: Mapping[str, str]
    elsewhere: Sequence[str]
    readme: str

    def settings_of(self, settings: Settings) -> Settings:
        """Return an environment's settings as this stack needs them."""
        if self is DELIVERY and settings.delivery is None:
            return replace(settings, inbound=False, delivery=DeliverySettings())
        return settings

    def shaped_by(self, settings: Settings) -> "ModuleKind":
        """Return this kind with the inputs and the rules that are those of an environment's stack."""
        if self is not INBOUND or settings.api.ingest != "direct":
            return self
        return replace(self, inputs=offered.offered_of(settings), rules=(*self.rules, *RULES_OF_DIRECT))


INBOUND = ModuleKind(
    name="",
    stack=WebhookStack,
    inputs=offered.OFFERED,
    rules=RULES_BETWEEN_INPUTS,
    fixed=offered.FIXED,
    elsewhere=(*offered.OF_THE_CALLER, *offered.OF_ANOTHER_STACK),
    readme=texts.INBOUND,
)
DELIVERY = ModuleKind(
    name="delivery",
    stack=DeliveryStack,
    inputs=of_delivery.OFFERED,
    rules=of_delivery.RULES,
    fixed=of_delivery.FIXED,
    elsewhere=(*offered.OF_THE_CALLER, *of_delivery.OF_ANOTHER_STACK),
    readme=texts.DELIVERY,
)
KINDS: Mapping[str, ModuleKind] = MappingProxyType({"inbound": INBOUND, "delivery": DELIVERY})
