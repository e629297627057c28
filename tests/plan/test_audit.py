"""The audit of real plans: real Terraform, real provider, real checkov, real IAM linter."""

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from modules.inbound.stack import WebhookStack
from modules.settings.environments import build_settings
from modules.synth.cdk import App
from modules.terraform_json.plan import read
from tools import ROOT
from tools.audit import linter
from tools.audit.__main__ import main
from tools.audit.audit import audit
from tools.audit.exceptions import Ledger, read_exceptions
from tools.audit.planning import PlannedStack, Planner
from tools.audit.rules import rules
from tools.audit.summary import summarize
from tools.generate import reviewed_stacks
from tools.local.aws import LocalAws
from tools.local.terraform import Workspace

# What the page must say of who may do what, lest it be empty; of the inbound stacks, what their status may.
SAYS = {reviewed_stacks.DELIVERY: "function webhook-delivery-worker-{0} may"}
TODAY = date(2026, 1, 1)


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
    (access,) = document["resource"]["aws_s3_bucket_public_access_block"].values()
    access["block_public_acls"] = False
    path.write_text(json.dumps(document), encoding="utf-8")
    return Workspace.create(synthesized, folder, local_aws.environment()).plan()


@pytest.fixture(scope="module")
def pages(plan_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of every reviewed stack, as ``make audit`` writes them in one run."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Planner, "presets", lambda _, names: [PlannedStack(name, partial(plan_of, name)) for name in names]
        )
        # An exception that excuses nothing is a finding too, once every reviewed stack was audited.
        main(["--pages", str(folder)])
    return folder


@pytest.mark.parametrize("name", reviewed_stacks.NAMES)
def test_a_reviewed_stack_audits_clean_and_needs_every_exception(pages, name):
    facts = json.loads((pages / f"{name}.json").read_text(encoding="utf-8"))
    text = (pages / f"{name}.md").read_text(encoding="utf-8")

    assert facts["findings"] == []
    assert text.startswith(f"# Audit of {name}: clean")
    assert SAYS.get(name, "function webhook-status-{0} may query table webhook-records-{0}").format(name) in text


def test_nothing_is_clean_only_because_nothing_was_looked_at(pages):
    excused = json.loads((pages / "standard.json").read_text(encoding="utf-8"))["excused"]

    (addresses,) = [item["addresses"] for item in excused if item["check"] == "CKV_AWS_18"]
    assert addresses == ["aws_s3_bucket.storage_bucket"]


def test_a_stack_that_allows_too_much_fails_the_audit_and_is_named(mistaken, tmp_path, capsys):
    # When
    (tmp_path / "standard.json").write_text(json.dumps(mistaken), encoding="utf-8")
    code = main(["--plan", str(tmp_path / "standard.json"), "--pages", str(tmp_path)])

    # Then
    printed = capsys.readouterr().out
    assert code == 1
    assert "statement Everything allows dynamodb:*" in printed
    assert "function webhook-status-standard may do anything (`dynamodb:*`) with anything (`*`)" in printed
    findings = json.loads((tmp_path / "standard.json").read_text(encoding="utf-8"))["findings"]
    where = {finding["check"]: finding["address"] for finding in findings}
    assert where["wildcard-action"].startswith("aws_iam_role_policy.fleet_status_policy_")
    assert where["unaccepted-change"]
    # and checkov, which knows AWS in general
    assert where["CKV_AWS_53"]


def test_the_linter_finds_actions_that_do_not_exist_or_do_not_fit(mistaken):
    _, found = linter.check(read(mistaken))

    wrong = {(item.check, item.address.rpartition("_")[0]) for item in found}
    assert wrong == {
        ("IAM_RESOURCE_STAR", "aws_iam_role_policy.fleet_status_policy"),
        ("IAM_UNKNOWN_ACTION", "aws_iam_role_policy.fleet_status_policy"),
        ("IAM_RESOURCE_MISMATCH", "aws_iam_role_policy.fleet_replay_policy"),
        # Exceptions of every stack, see audit/exceptions.toml: lists without ARNs, and the linter's limit.
        ("IAM_RESOURCE_STAR", "data.aws_iam_policy_document.api_operator_policy"),
        ("IAM_UNREADABLE", "data.aws_iam_policy_document.smoke"),
        ("IAM_UNREADABLE", "data.aws_iam_policy_document.listen"),
    }


def test_the_policy_sees_the_real_plan_destroy_data(plan_of):
    document = plan_of("standard")
    for change in document["resource_changes"]:
        if change["type"] == "aws_dynamodb_table":
            change["change"]["actions"] = ["delete", "create"]

    found = [item for rule in rules() for item in rule.findings(read(document)) if rule.id == "data-destroyed"]

    assert [item.address for item in found] == ["aws_dynamodb_table.storage_table"]


def test_a_plan_of_the_deployed_stack_says_what_the_first_one_said(deployed, plan_of):
    # A reviewer who accepted the first one has nothing new to accept.
    assert summarize(read(deployed)) == summarize(read(plan_of("local")))


def test_a_plan_of_the_deployed_stack_audits_clean(deployed, tmp_path):
    ledger = Ledger.open(read_exceptions(ROOT / "audit" / "exceptions.toml"), TODAY)

    audited = audit("local", deployed, ledger, tmp_path, take=True)

    assert audited.open == ()
    assert {item for item in ledger.excuses if item.deployed} <= ledger.used
