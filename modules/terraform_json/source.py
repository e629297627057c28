"""What a stack's source says, from the plan's ``configuration``: values with references for "known after apply".

A reference is written ``${address.attribute}``, with the address from the root of the plan. One to an attribute that
the source itself sets, such as a queue's name, is replaced by that value; what remains is what only AWS knows. So the
same source reads the same before the first apply and after it, in any account.

Source of the form: https://developer.hashicorp.com/terraform/internals/json-format#configuration-representation
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_INTERPOLATION = re.compile(r"(?<!\$)\$\{([^{}]*)\}")
_RESOURCE = re.compile(r"((?:data\.)?[a-z][a-z0-9]*_\w+\.[\w-]+)(\[[^\]]+\])?\.(.+)")
_VARIABLE = re.compile(r"var\.([\w-]+)")
_OUTPUT = re.compile(r"module\.([\w-]+)(?:\[[^\]]+\])?\.([\w-]+)")
# Deeper than any stack refers; a stack whose references went round would not have been planned.
_DEPTH = 20


class UnreadableError(Exception):
    """An expression calls a function, or refers to a local value: only Terraform can say what it is."""


@dataclass(frozen=True)
class Module:
    """The source of one module.

    Attributes
    ----------
    path : str
        Its address with a dot behind, such as ``module.webhooks.``; empty for the root.
    source : Mapping
        Its part of the plan's configuration.
    parent : Module | None
        The module that calls it.
    arguments : Mapping
        Expressions of its variables, in the parent's words.
    """

    path: str
    source: Mapping[str, Any] = field(repr=False)
    parent: "Module | None" = None
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def expressions(self, address: str) -> Mapping[str, Any]:
        """Return the expressions of a resource of this module by its address within it."""
        for resource in self.source.get("resources", []):
            if resource["address"] == address:
                found: Mapping[str, Any] = resource.get("expressions", {})
                return found
        return {}

    def child(self, name: str) -> "Module | None":
        """Return a module that this one calls."""
        call = self.source.get("module_calls", {}).get(name)
        if call is None:
            return None
        return Module(f"{self.path}module.{name}.", call.get("module", {}), self, call.get("expressions", {}))

    def descendant(self, address: str) -> "Module":
        """Return the module of an address such as ``module.a["x"].module.b``; this one for an empty address."""
        module: Module = self
        for name in re.findall(r"module\.([\w-]+)", address):
            found = module.child(name)
            if found is None:
                return Module(address, {})
            module = found
        return module

    def value(self, expression: Any, depth: int = _DEPTH) -> Any:
        """Return what an expression says, with references where only AWS or Terraform knows.

        Raises
        ------
        UnreadableError
            When it cannot be read from the source.
        """
        if isinstance(expression, list):
            return [self.block(item, depth) for item in expression]
        if "constant_value" in expression:
            return self._read(expression["constant_value"], depth)
        if "references" in expression:
            return self._referred(expression["references"], depth)
        if any(isinstance(item, (dict, list)) for item in expression.values()):
            return self.block(expression, depth)
        raise UnreadableError

    def block(self, expressions: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, Any]:
        """Return the values of a block of expressions, without those that cannot be read."""
        values = {}
        for name, expression in expressions.items():
            try:
                values[name] = self.value(expression, depth)
            except UnreadableError:
                continue
        return values

    def _read(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, depth)
        if isinstance(value, list):
            return [self._read(item, depth) for item in value]
        if isinstance(value, dict):
            return {name: self._read(item, depth) for name, item in value.items()}
        return value

    def _text(self, text: str, depth: int) -> Any:
        whole = _INTERPOLATION.fullmatch(text)
        if whole:
            return self._resolve(whole[1], depth)
        if "${" in _INTERPOLATION.sub("", text).replace("$${", ""):
            raise UnreadableError
        return _INTERPOLATION.sub(lambda found: str(self._resolve(found[1], depth)), text)

    def _referred(self, references: list[str], depth: int) -> Any:
        """Return what an expression of Terraform's own language refers to: the plan tells no more of it."""
        precise = [item for item in references if not any(other.startswith(f"{item}.") for other in references)]
        if len(precise) != 1:
            raise UnreadableError
        return self._resolve(precise[0], depth)

    def _resolve(self, reference: str, depth: int) -> Any:
        if depth == 0:
            raise UnreadableError
        if found := _RESOURCE.fullmatch(reference):
            address, attribute = found[1], found[3]
            expression = self.expressions(address).get(attribute)
            if expression is not None:
                return self.value(expression, depth - 1)
            return f"${{{self.path}{address}{found[2] or ''}.{attribute}}}"
        if found := _VARIABLE.fullmatch(reference):
            return self._argument(found[1], depth)
        if found := _OUTPUT.fullmatch(reference):
            child = self.child(found[1])
            output = child.source.get("outputs", {}).get(found[2]) if child else None
            if child and output:
                return child.value(output.get("expression", {}), depth - 1)
        raise UnreadableError

    def _argument(self, name: str, depth: int) -> Any:
        if name in self.arguments and self.parent:
            return self.parent.value(self.arguments[name], depth - 1)
        declared = self.source.get("variables", {}).get(name, {})
        if "default" in declared and self.parent:
            return declared["default"]
        raise UnreadableError
