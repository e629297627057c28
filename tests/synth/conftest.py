"""The stack, synthesized once per session; variations of it where a test needs another environment."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from modules.settings.presets import PRESETS
from tests.once import once
from tests.synth.template import Template
from tools.generate import reviewed_stacks

Synthesize = Callable[..., Template]


@pytest.fixture(scope="session")
def synthesized(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``cdktf synth`` would write, for the environment dev."""
    import main

    folder = tmp_path_factory.mktemp("synthesized")
    main.build_app("dev", folder).synth()
    return folder


@pytest.fixture(scope="session")
def stack_folder(synthesized: Path) -> Path:
    return synthesized / "stacks" / "webhooks-dev"


@pytest.fixture(scope="session")
def stack_text(stack_folder: Path) -> str:
    return (stack_folder / "cdk.tf.json").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def template(stack_text: str) -> Template:
    return Template.parse(stack_text)


@pytest.fixture(scope="session")
def synthesize(bundles: Path) -> Synthesize:
    """Return a function that synthesizes the stack of an environment with the values that ``cdktf.json`` would give."""
    from modules.inbound.stack import WebhookStack
    from modules.settings.environments import build_settings
    from modules.synth.cdk import Testing

    def build(environment: str = "dev", values: Mapping[str, Any] | None = None) -> Template:
        settings = build_settings(environment, values or {})
        stack = WebhookStack(Testing.app(), f"webhooks-{environment}", settings, bundles)
        return Template.parse(Testing.synth(stack, True))

    return build


@pytest.fixture(scope="session")
def preset_of(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Template]:
    """Return a function that gives a preset's stack as the golden synth has it, in an environment called like it."""
    from tools.generate.golden import synthesize

    return cache(
        lambda preset: Template(once(tmp_path_factory, f"synth-{preset}", partial(synthesize, preset, bundles)))
    )


@pytest.fixture(params=PRESETS)
def preset(request: pytest.FixtureRequest, preset_of: Callable[[str], Template]) -> Template:
    """Each preset in turn."""
    return preset_of(request.param)


@pytest.fixture(params=reviewed_stacks.NAMES)
def any_stack(request: pytest.FixtureRequest, preset_of: Callable[[str], Template]) -> Template:
    """Each preset in turn, and the delivery stack."""
    return preset_of(request.param)


@pytest.fixture(scope="session")
def standard(preset_of: Callable[[str], Template]) -> Template:
    return preset_of("standard")


@pytest.fixture(scope="session")
def ordered(preset_of: Callable[[str], Template]) -> Template:
    """With a subscriber, ``ledger``, of Stripe's events."""
    return preset_of("ordered")


@pytest.fixture(scope="session")
def burst(preset_of: Callable[[str], Template]) -> Template:
    return preset_of("burst")


@pytest.fixture(scope="session")
def delivery(preset_of: Callable[[str], Template]) -> Template:
    """The delivery stack with everything that it can have, in an environment called ``delivery``."""
    return preset_of(reviewed_stacks.DELIVERY)


@pytest.fixture(scope="session")
def synthesize_delivery(bundles: Path) -> Synthesize:
    """Return a function that synthesizes the delivery stack with some values, alone or beside the inbound one."""
    from modules.delivery.stack import DeliveryStack
    from modules.settings.environments import build_settings
    from modules.synth.cdk import Testing

    def build(environment: str = "dev", values: Mapping[str, Any] | None = None, **delivery: Any) -> Template:
        settings = build_settings(environment, {"delivery": delivery, **(values or {})})
        stack = DeliveryStack(Testing.app(), f"delivery-{environment}", settings, bundles)
        return Template.parse(Testing.synth(stack, True))

    return build


@pytest.fixture(scope="session")
def production(synthesize: Synthesize) -> Template:
    """Another environment of the same account."""
    return synthesize("prod")
