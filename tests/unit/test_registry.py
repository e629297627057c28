"""The registry's table is right, and brings in no provider that nobody asked for."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

from lambdas.inbound import providers
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.providers.registry import REGISTRY
from tools import ROOT


def test_every_entry_is_registered_under_its_own_name():
    assert {name: entry.name for name, entry in REGISTRY.items()} == {name: name for name in REGISTRY}


def test_every_entry_that_a_module_defines_is_registered():
    defined = {
        value.name
        for path in Path(providers.__path__[0]).glob("*.py")
        for value in vars(import_module(f"lambdas.inbound.providers.{path.stem}")).values()
        if isinstance(value, Provider)
    }

    assert defined == set(REGISTRY)


def test_a_name_that_is_none_is_not_found():
    assert "stripe" in REGISTRY
    assert "striped" not in REGISTRY
    assert REGISTRY.get("os") is None


def test_only_what_is_asked_for_is_imported():
    code = (
        "import sys; from lambdas.inbound.providers.registry import REGISTRY; REGISTRY['stripe'];"
        "print([name for name in sys.modules if name.startswith('lambdas.shared.')])"
    )
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "'lambdas.shared.signatures.stripe'" in printed
    assert "paypal" not in printed
    assert "braintree" not in printed
