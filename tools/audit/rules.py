"""The rules that run on a plan: those that synth has as well, and those of ``audit/policy``."""

import pkgutil
from importlib import import_module

from modules.rules.rule import Rule, Where, collect
from modules.rules.table import MODULES


def rules() -> list[Rule]:
    """Return every rule that runs on a plan. All files below ``audit/policy`` are read."""
    folder = import_module("audit.policy")
    policy = [import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)]
    found = [rule for rule in collect((*MODULES, *policy)) if Where.PLAN in rule.where]
    return sorted(found, key=lambda rule: rule.id)
