"""The stack, synthesized once per session; variations of it where a test needs another environment."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.synth.template import Template

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
    from main import WebhookStack
    from modules.cdk import Testing
    from modules.environments import build_settings

    def build(environment: str = "dev", values: Mapping[str, Any] | None = None) -> Template:
        settings = build_settings(environment, values or {})
        stack = WebhookStack(Testing.app(), f"webhooks-{environment}", settings, bundles)
        return Template.parse(Testing.synth(stack, True))

    return build


@pytest.fixture(scope="session")
def production(synthesize: Synthesize) -> Template:
    """Another environment of the same account."""
    return synthesize("prod")
