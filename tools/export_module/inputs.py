"""What an input is, and the checks that Terraform makes of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from modules.settings.model import Settings
from modules.settings.validation import SettingRule
from tools.export_module.hcl import expression, quoted
from tools.export_module.input_rules import RuleBetweenInputs
from tools.export_module.paths import value_at


@dataclass(frozen=True, kw_only=True)
class Computed:
    """What an input is that nobody gives: computed by the stack from settings, and by Terraform from variables.

    Attributes
    ----------
    value : Callable[[Settings], int]
        The stack's own computation.
    expression : str
        The same for Terraform; a test compares the two.
    """

    value: Callable[[Settings], int]
    expression: str


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input of the module, which is a setting of the stack.

    Attributes
    ----------
    path : str
        Path of the setting, such as ``api.throttle_rate``.
    name : str
        Name of the variable: the path with underscores, unless another is given.
    rule : SettingRule
        What it may be.
    type : str
        Terraform's name of its type.
    required : bool
        It has no default, and the caller must choose.
    only_checked : bool
        It goes into rules between inputs, and not into the stack.
    computed : Computed | None
        What it is when it is left out.
    """

    path: str
    name: str
    rule: SettingRule
    type: str
    required: bool = False
    only_checked: bool = False
    computed: Computed | None = None

    @property
    def reference(self) -> str:
        """What stands in the stack for its value: the variable, or the local value that has it computed."""
        return expression(f"{'local' if self.computed else 'var'}.{self.name}")

    @property
    def local(self) -> str | None:
        """The local value, where it is computed unless it is given."""
        return expression(f"coalesce(var.{self.name}, {self.computed.expression})") if self.computed else None

    def default_in(self, settings: Settings) -> Any:
        """Return the value in the stack of settings, computed or not."""
        value = value_at(settings, self.path)
        return self.computed.value(settings) if self.computed and value is None else value

    @property
    def description(self) -> str:
        """Meaning and range in words."""
        return f"{self.rule.doc} Allowed: {self.rule.allowed()}"

    @property
    def condition(self) -> str:
        """What must be true of the variable by itself."""
        variable = f"var.{self.name}"
        if self.rule.choices:
            return f"contains({json.dumps(self.rule.choices)}, {variable})"
        if self.rule.pattern:
            # Python's \w is any letter and digit, Terraform's (RE2) only those of ASCII.
            pattern = self.rule.pattern.replace(r"\w", r"\p{L}\p{N}_")
            return f"can(regex({quoted(f'^(?:{pattern})$')}, {variable}))"
        whole = f"floor({variable}) == {variable} && {variable} >= {self.rule.low} && {variable} <= {self.rule.high}"
        return f"{variable} == null ? true : {whole}" if self.computed else whole

    def block(self, settings: Settings, rules: Sequence[RuleBetweenInputs]) -> dict[str, Any]:
        """Return the variable's block in the module of settings, with what must hold between it and others."""
        return {
            "description": self.description,
            "type": self.type,
            "nullable": self.computed is not None,
            **({} if self.required else {"default": value_at(settings, self.path)}),
            "validation": [
                # Terraform prints the value itself.
                {
                    "condition": expression(self.condition),
                    "error_message": f"{self.name}: allowed: {self.rule.allowed()}",
                },
                *(rule.block(settings) for rule in rules if rule.of == self.name),
            ],
        }
