"""Every example does what its README says: its commands are run in a copy of the checkout, against a local AWS."""

import json
import re
import shutil
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest

from modules.constructs.bundling import BUNDLES
from modules.constructs.webhook_function import MANAGE_NETWORK_INTERFACES
from tests.e2e.calls import CALLED_BY_LAMBDA, granted
from tests.e2e.left import left_behind
from tests.e2e.observe import await_state
from tests.e2e.remote import environment_of
from tests.e2e.strangers import are_kept_out
from tools import ROOT
from tools.local.aws import LocalAws
from tools.local.stack import LocalStack
from tools.local.terraform import Workspace
from tools.senders import webhook

README = {path.parent.name: path for path in sorted((ROOT / "examples").glob("*/README.md"))}
COPIED = ("Makefile", "Pipfile.lock", "LICENSE", "pyproject.toml", "main.py", "modules", "lambdas", "tools", "audit")
LINKED = (".venv", ".tools", "node_modules")
# What 'make test' has done already, and what would reach a registry.
PROLOGUE = """
set -euo pipefail
make() { command make -o setup -o bundle -o audit-setup "$@"; }
"""


def commands(text):
    """Return the lines of a page's console blocks."""
    return "".join(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def checkout(bundles, tmp_path_factory):
    """A copy of the checkout, in which an example may leave what it likes."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in (*COPIED, "examples"):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "node_modules", ".venv", ".terraform*", "cdktf.out")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".build").mkdir()
    (folder / ".build" / "bundles").symlink_to(BUNDLES)
    return folder


def follow(checkout, aws, name):
    """Run the commands of an example's README; return its folder, and what was printed."""
    environment = environment_of(aws)
    # Packages come from what is installed here, and the command line tools too.
    environment |= {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{ROOT / 'node_modules' / '.bin'}:{environment['PATH']}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
    }
    folder = checkout / "examples" / name
    process = subprocess.run(
        ("bash", "-c", PROLOGUE + commands(README[name].read_text(encoding="utf-8"))),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return folder, re.sub(r"\x1b\[[0-9;]*m", "", process.stdout)


def document(folder, stack):
    return json.loads((folder / "cdktf.out" / "stacks" / stack / "cdk.tf.json").read_text(encoding="utf-8"))


@pytest.fixture
def empty():
    """A local AWS in which nobody else looks."""
    with LocalAws.start() as server:
        yield server


def test_an_app_of_ones_own_is_deployed_and_destroyed(checkout, empty):
    folder, _ = follow(checkout, empty, "own-app")

    (outputs,) = json.loads((folder / "outputs.json").read_text(encoding="utf-8")).values()
    assert outputs["table_name"] == "webhook-records-dev"
    assert left_behind(empty) == {}


def test_a_function_of_a_subclass_answers_on_its_own_route_and_may_do_what_it_is_granted_alone(checkout, empty, number):
    # Given
    folder, _ = follow(checkout, empty, "subclass")
    workspace = Workspace.reopen(folder / "cdktf.out" / "stacks" / "webhooks-dev", environment_of(empty))
    stack = LocalStack.take_over(empty, workspace, "dev")
    sent = webhook("generic", number, stack.secrets["generic"], int(time.time()))
    path = f"/orders/{sent.transaction_id}"

    # When
    before = stack.call("GET", path)
    assert stack.post(sent).status_code == 202
    await_state(stack, sent.transaction_id, "ROUTED")
    after = stack.call("GET", path)

    # Then its role lets it read the records, and the policy of operators lets them and nobody else call it
    assert (before.status_code, before.json()["states"]) == (200, [])
    assert (after.status_code, after.json()["states"]) == (200, ["ROUTED"])
    are_kept_out(stack, "GET", path)
    # and its role, and the policy of DynamoDB's endpoint, which the local AWS does not keep, let it do that alone
    reads = ["dynamodb:Query", "dynamodb:BatchGetItem"]
    assert granted(empty, "webhook-orders-dev") - CALLED_BY_LAMBDA == {*reads, *MANAGE_NETWORK_INTERFACES}
    state = json.loads((folder / "terraform.webhooks-dev.tfstate").read_text(encoding="utf-8"))
    (document,) = [
        instance["attributes"]["json"]
        for resource in state["resources"]
        for instance in resource["instances"]
        if resource["name"].startswith("network_dynamodb_policy")
    ]
    statements = json.loads(document)["Statement"]
    mine = [each["Action"] for each in statements if "role/webhook-orders-dev" in json.dumps(each["Condition"])]
    assert mine == reads


def test_a_layer_stands_alone_in_another_stack(checkout, local_aws):
    folder, _ = follow(checkout, local_aws, "one-layer")

    resources = document(folder, "ledger")["resource"]
    assert [each["name"] for each in resources["aws_dynamodb_table"].values()] == ["ledger-records-prod"]
    assert "aws_lambda_function" not in resources


def test_a_stack_is_tested_with_pytest_and_a_snapshot(checkout, local_aws):
    folder, printed = follow(checkout, local_aws, "testing")

    assert printed.count("3 passed") == 2
    assert "aws_sqs_queue" in (folder / "snapshot.json").read_text(encoding="utf-8")


def test_the_module_is_tested_with_made_up_values_and_planned(checkout, local_aws):
    _, printed = follow(checkout, local_aws, "terraform")

    assert "2 passed, 0 failed" in printed
    assert "0 to change, 0 to destroy" in printed


def test_the_module_is_planned_for_each_environment(checkout, local_aws):
    _, printed = follow(checkout, local_aws, "terraform-environments")

    assert 'module.webhooks["prod"].aws_dynamodb_table.storage_table will be created' in printed


def test_a_plan_is_accepted_and_audited(checkout, local_aws):
    folder, printed = follow(checkout, local_aws, "audit-pipeline")

    assert (folder / "accepted" / "prod.json").is_file()
    assert "clean" in printed


def test_every_example_is_run():
    followed = re.findall(r'follow\(checkout, \w+, "([\w-]+)"\)', Path(__file__).read_text(encoding="utf-8"))

    assert sorted(followed) == list(README)
    assert list(README) == sorted(path.name for path in (ROOT / "examples").iterdir())
