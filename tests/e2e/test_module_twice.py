"""``examples/terraform``, as it stands there: the module twice in one root, planned, applied, used and destroyed."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lambdas import VERSION
from modules.settings.environments import build_settings
from tests.e2e.left import left_behind
from tests.e2e.observe import await_state
from tests.emulator import split
from tools import ROOT
from tools.export_module.terraform_module import TerraformModule
from tools.local.aws import LocalAws
from tools.local.deploy import apply
from tools.local.stack import LocalStack
from tools.local.terraform import Workspace, changes
from tools.senders import webhook

INSTANCES = ("test", "live")
# The example shows what people need; the tests need every output of both.
EVERY_OUTPUT = "".join(
    f'output "{name}" {{\n  value     = module.webhooks_{name}\n  sensitive = true\n}}\n' for name in INSTANCES
)


@dataclass(frozen=True)
class Example:
    """The example's root, applied to a local AWS of its own."""

    account: Workspace
    workspace: Workspace
    first_plan: dict[str, list[str]]
    instances: dict[str, LocalStack]
    aws: LocalAws


@pytest.fixture(scope="module")
def example(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    folder = tmp_path_factory.mktemp("module")
    module = TerraformModule(settings=build_settings("module", {}), source="the tests", bundles=bundles)
    module.write(folder / ".build" / "module" / "standard")
    root = folder / "examples" / "terraform"
    shutil.copytree(ROOT / "examples" / "terraform", root, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    (root / "every_output.tf").write_text(EVERY_OUTPUT)
    with LocalAws.start() as server:
        yield deploy(root, server)


def deploy(root: Path, aws: LocalAws) -> Example:
    account = Workspace.reopen(root / "account", aws.environment())
    account.run("init", "-input=false")
    apply(account, aws)
    workspace = Workspace.reopen(root, aws.environment())
    workspace.run("init", "-input=false")
    first_plan = changes(workspace.plan())
    apply(workspace, aws)
    outputs = workspace.outputs()
    stacks = {name: LocalStack.take_over(aws, workspace, name, outputs[name]) for name in INSTANCES}
    return Example(account, workspace, first_plan, stacks, aws)


def test_the_first_plan_only_creates(example):
    callers = {address.split(".")[1] for address in example.first_plan}

    assert {tuple(actions) for actions in example.first_plan.values()} == {("create",)}
    assert callers == {"webhooks_test", "webhooks_live"}


def test_a_second_plan_has_nothing_to_do(example):
    _, unexplained = split(example.workspace.plan())

    assert unexplained == {}


@pytest.mark.parametrize("name", INSTANCES)
def test_each_instance_routes_what_is_sent_to_it_and_nothing_else(example, number, name):
    # Given a webhook that is signed for one instance
    mine = example.instances[name]
    other = example.instances[INSTANCES[1 - INSTANCES.index(name)]]
    sent = webhook("stripe", number, mine.secrets["stripe"], int(time.time()))

    # When it is sent to both
    answers = mine.post(sent), other.post(sent)

    # Then its own routes it, and the other refuses it and knows nothing of it
    assert [answer.status_code for answer in answers] == [202, 401]
    assert await_state(mine, sent.transaction_id, "ROUTED")["events"][0]["provider"] == "stripe"
    assert other.status(sent.transaction_id) is None


def test_inputs_are_the_instances_own(example):
    client = example.aws.client

    levels = {
        name: client("lambda").get_function_configuration(FunctionName=f"webhook-ingestion-{name}")["Environment"][
            "Variables"
        ]["POWERTOOLS_LOG_LEVEL"]
        for name in INSTANCES
    }
    retention = {
        name: client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/webhook-ingestion-{name}")[
            "logGroups"
        ][0]["retentionInDays"]
        for name in INSTANCES
    }
    tags = {
        name: client("dynamodb").list_tags_of_resource(
            ResourceArn=client("dynamodb").describe_table(TableName=f"webhook-records-{name}")["Table"]["TableArn"]
        )["Tags"]
        for name in INSTANCES
    }

    assert levels == {"test": "DEBUG", "live": "INFO"}
    assert retention == {"test": 7, "live": 365}
    own = {"Service": "webhooks", "ManagedBy": "terraform", "Version": VERSION}
    assert {name: {tag["Key"]: tag["Value"] for tag in found} for name, found in tags.items()} == {
        "test": {"Environment": "test", **own},
        "live": {"Environment": "live", "CostCenter": "payments", **own},
    }


@pytest.mark.destroys_the_stack
def test_destroy_leaves_an_empty_account(example):
    example.workspace.destroy()
    example.account.destroy()

    assert left_behind(example.aws) == {}
