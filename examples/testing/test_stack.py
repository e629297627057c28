"""Assertions about what is deployed, and a snapshot of all of it."""

import json
import os
from pathlib import Path

import pytest
from aws_webhooks.main import WebhookStack
from aws_webhooks.modules.settings.environments import load_declared
from cdktf import Testing

HERE = Path(__file__).resolve().parent
SNAPSHOT = HERE / "snapshot.json"


@pytest.fixture(scope="module")
def synthesized() -> str:
    """The Terraform JSON of the environment prod."""
    stack = WebhookStack(Testing.app(), "webhooks-prod", load_declared(HERE / "cdktf.json", "prod"))
    return str(Testing.synth(stack, True))


# `Testing.to_have_resource_with_properties` returns whether it is so, and asserts nothing.
def test_events_wait_five_minutes_for_their_next_attempt(synthesized: str) -> None:
    queue = {"name": "webhook-queue-prod.fifo", "visibility_timeout_seconds": 300}

    assert Testing.to_have_resource_with_properties(synthesized, "aws_sqs_queue", queue)


def test_every_function_runs_on_arm64(synthesized: str) -> None:
    functions = json.loads(synthesized)["resource"]["aws_lambda_function"].values()

    assert {tuple(function["architectures"]) for function in functions} == {("arm64",)}


def test_nothing_else_than_what_was_reviewed_is_deployed(synthesized: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(synthesized, encoding="utf-8")

    assert json.loads(synthesized) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))
