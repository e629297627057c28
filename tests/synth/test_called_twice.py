"""Whatever a stack calls of its layers may be called again: it changes nothing, or is refused in our words."""

import json
import re
from functools import wraps
from inspect import isfunction

import pytest

from modules.settings.environments import build_settings
from modules.synth import cdk
from modules.synth.cdk import Construct
from tools.generate import reviewed_stacks
from tools.generate.golden import differences, golden

VALUES = {
    "burst": {
        "preset": "burst",
        "api": {"provider_rates": {"generic": 100}},
        "routing": {"subscribers": {"ledger": "generic"}},
        "monitoring": {"expect_every": {"generic": "2h"}},
        "quarantine": {"enabled": True},
    },
    "direct": reviewed_stacks.values_of("direct"),
    "delivery": reviewed_stacks.values_of("delivery"),
}


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


@pytest.fixture
def calls(monkeypatch):
    """Record each call of a public method of this project's constructs."""
    import modules.delivery.stack
    import modules.inbound.stack  # noqa: F401

    made = []

    def recorded(method):
        @wraps(method)
        def call(self, *args, **kwargs):
            made.append((method.__qualname__, lambda: method(self, *args, **kwargs)))
            return method(self, *args, **kwargs)

        return call

    for kind in {each for each in subclasses(Construct) if each.__module__.startswith("modules.")}:
        for name, method in vars(kind).items():
            if isfunction(method) and not name.startswith("_"):
                monkeypatch.setattr(kind, name, recorded(method))
    return made


@pytest.mark.parametrize("name", VALUES)
def test_a_call_again_changes_nothing_or_is_refused_in_our_words(bundles, calls, name):
    stack = reviewed_stacks.build(cdk.Testing.app(), build_settings("dev", VALUES[name]), bundles)
    before = golden(json.loads(cdk.Testing.synth(stack)))

    refused = {}
    for method, again in list(calls):
        try:
            again()
        except ValueError as error:
            refused.setdefault(method, str(error))

    assert differences(before, golden(json.loads(cdk.Testing.synth(stack)))) == []
    granted = {method for method, _ in calls if ".grant_" in method or method.endswith((".deploy", ".throttle"))}
    assert granted
    assert not granted & set(refused)
    assert all(re.match(r"[\w.]+: |[A-Z]+ /", message) for message in refused.values()), refused
