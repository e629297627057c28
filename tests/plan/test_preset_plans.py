"""Every preset: synthesized, found valid and planned by real Terraform with the real provider."""

import json
import time

import pytest

from main import WebhookStack
from modules.cdk import App
from modules.environments import build_settings
from modules.presets import PRESETS
from tools.terraform import Workspace, changes


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_valid_and_its_first_plan_only_creates(preset, local_aws, bundles, tmp_path, report):
    # Given
    started = time.monotonic()
    app = App(outdir=str(tmp_path / "synth"))
    WebhookStack(app, f"webhooks-{preset}", build_settings(preset, {"preset": preset}), bundles)
    app.synth()
    synthesized = time.monotonic()

    # When
    workspace = Workspace.create(
        tmp_path / "synth" / "stacks" / f"webhooks-{preset}", tmp_path, local_aws.environment()
    )
    verdict = json.loads(workspace.run("validate", "-json"))
    validated = time.monotonic()
    plan = workspace.plan()
    planned = time.monotonic()

    # Then
    assert verdict["valid"] is True
    assert {tuple(actions) for actions in changes(plan).values()} == {("create",)}
    lines = len(workspace.run("show", "plan.bin").splitlines())
    report(
        f"{preset}: {len(changes(plan))} resources, {lines:,} lines of plan; synth {synthesized - started:.1f} s, "
        f"init and validate {validated - synthesized:.1f} s, plan {planned - validated:.1f} s"
    )
