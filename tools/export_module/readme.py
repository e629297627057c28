"""What a module says about itself: the tables in its README."""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas import VERSION
from modules.settings.model import Settings
from modules.settings.reference import all_settings
from tools.export_module.inputs import Input
from tools.export_module.kinds import ModuleKind
from tools.export_module.paths import value_at
from tools.export_module.tags import TAGS, tags_block
from tools.export_module.texts import ACCOUNT, TABLES
from tools.generate.markdown import show, table


def module_readme(
    kind: ModuleKind, source: str, settings: Settings, inputs: Sequence[Input], outputs: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the README of the module."""
    rows = [
        [f"`{name}`", "yes" if block.get("sensitive") else "", block.get("description", "")]
        for name, block in outputs.items()
    ]
    offered = {item.path for item in inputs}
    fixed = [
        [f"`{path}`", _value(value_at(settings, path)), kind.fixed.get(path, "")]
        for path, _ in all_settings()
        if path not in offered and path not in kind.elsewhere
    ]
    return (kind.readme + TABLES).format(
        source=source,
        version=VERSION,
        inputs=_inputs(inputs, settings),
        rules="\n".join(f"- `{rule.of}` {rule.refusal}." for rule in kind.rules),
        fixed=table(["setting", "value", "why"], fixed),
        outputs=table(["output", "sensitive", "what it is"], sorted(rows)),
    )


def account_readme(inputs: Sequence[Input], settings: Settings) -> str:
    """Return the README of the module for what an account has once."""
    return ACCOUNT.format(inputs=_inputs(inputs, settings))


def _inputs(inputs: Sequence[Input], settings: Settings) -> str:
    rows = [
        [
            f"`{item.name}`",
            item.type,
            _default(item, settings),
            item.rule.allowed(),
            item.rule.doc,
        ]
        for item in inputs
    ]
    tags = tags_block()
    rows.append([f"`{TAGS}`", tags["type"], "none", "", tags["description"]])
    return table(["input", "type", "default", "allowed", "meaning"], rows)


def _default(item: Input, settings: Settings) -> str:
    if item.required:
        return "required"
    value = value_at(settings, item.path)
    return f"`{item.computed.expression}`" if item.computed and value is None else show(value)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        value = tuple(name if name == entry else f"{name}: {entry}" for name, entry in value.items())
    return show(tuple(value) if isinstance(value, list) else value)
