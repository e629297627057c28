"""The audit of real plans: real Terraform, real provider, real checkov, real IAM linter."""

import copy
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from main import WebhookStack
from modules.cdk import App
from modules.environments import build_settings
from tools import reviewed
from tools.audit import checkov, linter
from tools.audit.__main__ import main
from tools.audit.audit import audit
from tools.audit.exceptions import Ledger, read_exceptions
from tools.audit.model.plan import Plan
from tools.audit.planning import Planner
from tools.audit.rules import rules
from tools.audit.summary import summarize
from tools.local import LocalStack, synthesize
from tools.ministack import LocalAws
from tools.terraform import Workspace

ROOT = Path(__file__).resolve().parents[2]
AUDITED_PRESETS = reviewed.NAMES
# What each page must say of who may do what, lest it be empty.
SAYS = {
    **dict.fromkeys(
        (name for name in reviewed.NAMES if name != reviewed.DELIVERY),
        "function webhook-status-{0} may query table webhook-records-{0}",
    ),
    reviewed.DELIVERY: "function webhook-delivery-worker-{0} may",
}
TODAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def plans(bundles: Path) -> Iterator[dict[str, Any]]:
    """The plan of each preset, and of the delivery stack."""
    del bundles
    with Planner() as planner:
        yield {stack.name: stack.plan() for stack in planner.presets(AUDITED_PRESETS)}


@pytest.fixture(scope="module")
def mistaken(bundles: Path, local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The plan of a standard stack that was edited after synth, where no guard looks any more."""
    folder = tmp_path_factory.mktemp("mistaken")
    app = App(outdir=str(folder / "synth"))
    WebhookStack(app, "webhooks-standard", build_settings("standard", {"preset": "standard"}), bundles)
    app.synth()
    synthesized = folder / "synth" / "stacks" / "webhooks-standard"
    path = synthesized / "cdk.tf.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for name, policy in document["data"]["aws_iam_policy_document"].items():
        if name.startswith("fleet_status_permissions"):
            policy["statement"] += [
                {"sid": "Everything", "actions": ["dynamodb:*"], "resources": ["*"]},
                {"sid": "Misspelt", "actions": ["sqs:SendMesage"], "resources": ["${aws_sqs_queue.queues_main.arn}"]},
            ]
        if name.startswith("fleet_replay_permissions"):
            policy["statement"] += [
                {"sid": "Misfit", "actions": ["sqs:SendMessage"], "resources": ["${aws_s3_bucket.storage_bucket.arn}"]}
            ]
    path.write_text(json.dumps(document), encoding="utf-8")
    return Workspace.create(synthesized, folder, local_aws.environment()).plan()


@pytest.mark.parametrize("preset", AUDITED_PRESETS)
def test_a_preset_audits_clean(plans, preset, tmp_path, capsys):
    # When
    (tmp_path / f"{preset}.json").write_text(json.dumps(plans[preset]), encoding="utf-8")
    code = main(["--plan", str(tmp_path / f"{preset}.json"), "--pages", str(tmp_path / "pages")])

    # Then
    assert code == 0, capsys.readouterr().out
    text = (tmp_path / "pages" / f"{preset}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# Audit of {preset}: clean")
    assert SAYS[preset].format(preset) in text


def test_every_exception_excuses_something(plans):
    # Given every preset audited
    ledger = Ledger.open(read_exceptions(ROOT / "audit" / "exceptions.toml"), TODAY)
    for name, document in plans.items():
        audit(name, document, ledger, ROOT / "audit" / "accepted")

    # Then
    complaints = [item for name in plans for item in ledger.complaints(name, list(plans), AUDITED_PRESETS)]
    assert complaints == []


def test_nothing_is_clean_only_because_nothing_was_looked_at(plans):
    # Given no exceptions
    _, found = checkov.check(plans["standard"])

    # Then checkov does name what the list excuses
    assert ("CKV_AWS_18", "aws_s3_bucket.storage_bucket") in {(item.check, item.address) for item in found}


def test_a_stack_that_allows_too_much_fails_the_audit_and_is_named(mistaken, tmp_path, capsys):
    # When
    (tmp_path / "standard.json").write_text(json.dumps(mistaken), encoding="utf-8")
    code = main(["--plan", str(tmp_path / "standard.json"), "--pages", str(tmp_path)])

    # Then
    printed = capsys.readouterr().out
    assert code == 1
    assert "statement Everything allows the action dynamodb:*" in printed
    assert "function webhook-status-standard may do anything (`dynamodb:*`) with anything (`*`)" in printed
    findings = json.loads((tmp_path / "standard.json").read_text(encoding="utf-8"))["findings"]
    where = {finding["check"]: finding["address"] for finding in findings}
    assert where["iam-action"].startswith("aws_iam_role_policy.fleet_status_policy_")
    assert where["unaccepted-change"]


def test_the_linter_finds_actions_that_do_not_exist_or_do_not_fit(mistaken):
    _, found = linter.check(Plan.read(mistaken))

    wrong = {(item.check, item.address.rpartition("_")[0]) for item in found}
    assert wrong == {
        ("IAM_RESOURCE_STAR", "aws_iam_role_policy.fleet_status_policy"),
        ("IAM_UNKNOWN_ACTION", "aws_iam_role_policy.fleet_status_policy"),
        ("IAM_RESOURCE_MISMATCH", "aws_iam_role_policy.fleet_replay_policy"),
    }


def test_checkov_sees_the_real_plan_change(plans):
    # Given the real plan, with the archive open to the public
    document = copy.deepcopy(plans["standard"])
    for resources in (document["planned_values"]["root_module"]["resources"], document["resource_changes"]):
        for item in resources:
            if item["type"] == "aws_s3_bucket_public_access_block":
                values = item["values"] if "values" in item else item["change"]["after"]
                values["block_public_acls"] = False

    # When
    _, found = checkov.check(document)

    # Then
    assert "CKV_AWS_53" in {item.check for item in found}


def test_the_policy_sees_the_real_plan_destroy_data(plans):
    document = copy.deepcopy(plans["standard"])
    for change in document["resource_changes"]:
        if change["type"] == "aws_dynamodb_table":
            change["change"]["actions"] = ["delete", "create"]

    found = [item for rule in rules() for item in rule.findings(Plan.read(document)) if rule.id == "data-destroyed"]

    assert [item.address for item in found] == ["aws_dynamodb_table.storage_table"]


@pytest.fixture(scope="module")
def deployed(stack: LocalStack) -> dict[str, Any]:
    """A plan of a stack that is there, for which AWS has given ids and ARNs."""
    return stack.workspace.plan()


def test_a_plan_of_the_deployed_stack_says_what_the_first_one_said(deployed, local_aws: LocalAws, tmp_path):
    # Given a plan against an account that has nothing of it
    first = Workspace.create(synthesize("local", tmp_path / "synth"), tmp_path, local_aws.environment()).plan()

    # Then a reviewer who accepted that one has nothing new to accept
    assert summarize(Plan.read(deployed)) == summarize(Plan.read(first))


def test_a_plan_of_the_deployed_stack_audits_clean(deployed, tmp_path):
    ledger = Ledger.open(read_exceptions(ROOT / "audit" / "exceptions.toml"), TODAY)

    audited = audit("local", deployed, ledger, tmp_path, take=True)

    assert audited.open == ()
    assert {item for item in ledger.excuses if item.deployed} <= ledger.used
