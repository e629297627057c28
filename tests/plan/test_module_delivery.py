"""What real Terraform makes of the delivery stack's module."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.environments import build_settings
from modules.validation import SettingsError
from tools.ministack import LocalAws
from tools.module.kinds import DELIVERY
from tools.module.paths import with_values
from tools.module.terraform_module import TerraformModule
from tools.terraform import TerraformError, Workspace

SETTINGS = build_settings("module", {"inbound": False, "delivery": {}})
PATHS = {item.name: item.path for item in DELIVERY.inputs}
Root = Callable[..., Workspace]


@pytest.fixture(scope="module")
def folder(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module")
    TerraformModule(settings=SETTINGS, source="the tests", bundles=bundles, kind=DELIVERY).write(folder / "delivery")
    return folder


@pytest.fixture
def root(folder: Path, local_aws: LocalAws) -> Root:
    """Return a function that makes a root module which calls the module with arguments."""

    def make(**arguments: int | str) -> Workspace:
        given = {"environment_suffix": "live", **arguments}
        text = "".join(f"  {name} = {json.dumps(value)}\n" for name, value in given.items())
        (folder / "main.tf").write_text(
            f'provider "aws" {{\n  region = "us-east-1"\n}}\nmodule "delivery" {{\n  source = "./delivery"\n{text}}}\n',
            encoding="utf-8",
        )
        workspace = Workspace.reopen(folder, local_aws.environment())
        if not (folder / ".terraform").exists():
            workspace.run("init", "-input=false")
        return workspace

    return make


def test_terraform_finds_it_valid_and_would_only_create_what_the_stack_has(root, folder):
    workspace = root()

    verdict = json.loads(workspace.run("validate", "-json"))
    changes = workspace.plan()["resource_changes"]

    assert (verdict["valid"], verdict["diagnostics"]) == (True, [])
    managed = {each["address"] for each in changes if each["mode"] == "managed"}
    declared = json.loads((folder / "delivery" / "main.tf.json").read_text())["resource"]
    assert managed == {f"module.delivery.{type_}.{name}" for type_, named in declared.items() for name in named}
    assert {tuple(each["change"]["actions"]) for each in changes if each["mode"] == "managed"} == {("create",)}


def test_an_input_reaches_what_it_is_for(root):
    changes = root(delivery_visibility_timeout=240, delivery_worker_memory=2_048).plan()["resource_changes"]

    after = {each["address"]: each["change"]["after"] for each in changes}
    (queue,) = [each for each in after.values() if each.get("name") == "webhook-delivery-queue-live"]
    (worker,) = [each for each in after.values() if each.get("function_name") == "webhook-delivery-worker-live"]
    assert queue["visibility_timeout_seconds"] == 240
    assert worker["memory_size"] == 2_048


REFUSED = {
    "out of range": ({"delivery_attempt_timeout": 61}, "allowed: 1 to 60 s"),
    "none of the choices": ({"delivery_retry_schedule": "never"}, "one of standard-webhooks, minutes"),
    **{
        rule.of: (values, rule.refusal)
        for rule, values in zip(
            DELIVERY.rules,
            (
                {"delivery_visibility_timeout": 179},
                {"delivery_attempt_timeout": 46},
                {"delivery_retention": 3_600, "delivery_max_receive_count": 20},
                {"functions_account_concurrency": 1_000, "delivery_worker_concurrency": 901},
            ),
            strict=True,
        )
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_input_stops_terraform_as_the_setting_stops_synth(root, case):
    arguments, message = REFUSED[case]

    with pytest.raises(TerraformError) as refusal:
        root(**arguments).plan()

    assert message in " ".join(str(refusal.value).split())
    with pytest.raises(SettingsError):
        with_values(SETTINGS, {PATHS[name]: value for name, value in arguments.items()})


ALLOWED = [
    {"delivery_visibility_timeout": 180},
    {"delivery_attempt_timeout": 45},
    {"delivery_retention": 3_601, "delivery_max_receive_count": 20},
    {"functions_account_concurrency": 1_000, "delivery_worker_concurrency": 900},
]


@pytest.mark.parametrize("arguments", ALLOWED, ids=lambda arguments: next(iter(arguments)))
def test_the_nearest_value_that_is_allowed_is_allowed_by_both(root, arguments):
    assert root(**arguments).plan()["resource_changes"]
    assert with_values(SETTINGS, {PATHS[name]: value for name, value in arguments.items()})
