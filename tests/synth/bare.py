"""A stack with nothing in it but a provider, and functions that are only names: what a layer needs to stand alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from modules.constructs.policy import Condition
from modules.constructs.webhook_function import WebhookFunction
from modules.synth import cdk
from tests.synth.template import Template

ACCOUNT = "123456789012"


def bare_stack(app: cdk.App | None = None, id_: str = "stack") -> cdk.TerraformStack:
    """Return an empty stack; the provider is the stack's, because a layer brings none."""
    stack = cdk.TerraformStack(app or cdk.Testing.app(), id_)
    cdk.AwsProvider(stack, "aws", region="us-east-1")
    return stack


def synthesize(stack: cdk.TerraformStack) -> Template:
    return Template.parse(cdk.Testing.synth(stack, True))


@dataclass
class StubFunction:
    """Stands for a `WebhookFunction`, and keeps what it is allowed."""

    __class__ = WebhookFunction  # type: ignore[assignment]

    name: str = "f"
    allowed: list[tuple[str, list[str], list[str]]] = field(default_factory=list)

    @property
    def function(self) -> Any:
        return SimpleNamespace(function_name=self.name, arn=f"{self.name}-arn", invoke_arn=f"{self.name}-invoke-arn")

    @property
    def node(self) -> Any:
        return SimpleNamespace(id=self.name)

    def allow(self, sid: str, actions: list[str], resources: list[str], conditions: Sequence[Condition] = ()) -> None:
        del conditions
        self.allowed.append((sid, list(actions), list(resources)))
