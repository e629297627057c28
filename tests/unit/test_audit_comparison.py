"""What changed against the accepted plan, and what is small enough to accept."""

import json

import pytest

from tests.unit.audit_stack import Stack, allow, good, read
from tools.audit.comparison import compare, findings
from tools.audit.summary import accept, dump, read_accepted, summarize


def summary(stack: Stack) -> dict:
    return json.loads(dump(summarize(read(stack))))


def test_the_same_plan_has_no_changes():
    comparison = compare(summary(good()), summary(good()))

    assert comparison.count == 0
    assert findings(comparison) == []


def test_a_stack_that_was_never_accepted_is_a_finding():
    assert [item.check for item in findings(compare(None, summary(good())))] == ["unaccepted-change"]


def test_a_statement_that_was_added_is_told_in_words():
    # Given
    changed = good()
    changed["data.aws_iam_policy_document.processing"]["statement"].append(
        allow("Send", ["sqs:SendMessage"], ["${aws_sqs_queue.main.arn}"])
    )

    # When
    comparison = compare(summary(good()), summary(changed))

    # Then
    sentence = (
        "function webhook-processing-dev may send messages to queue webhook-queue-dev.fifo (sqs:SendMessage) — sid Send"
    )
    assert comparison.lists["statements"] == ([sentence], [])
    assert [item.message for item in findings(comparison)] == [f"new statement: {sentence}"]


def test_a_statement_that_allows_more_is_both_new_and_gone():
    changed = good()
    changed["data.aws_iam_policy_document.ingestion"]["statement"][-1]["actions"].append("s3:GetObject")

    added, removed = compare(summary(good()), summary(changed)).lists["statements"]

    assert ["s3:GetObject" in text for text in added] == [True]
    assert ["s3:GetObject" in text for text in removed] == [False]


def test_a_statement_that_is_gone_is_told():
    changed = good()
    del changed["data.aws_iam_policy_document.ingestion"]["statement"][-1]

    (gone,) = findings(compare(summary(good()), summary(changed)))

    assert gone.message.startswith("statement is gone: function webhook-ingestion-dev may write objects")


def test_a_guard_that_is_gone_changes_the_entry_point():
    changed = good()
    changed["aws_api_gateway_method.webhook"]["api_key_required"] = False

    added, removed = compare(summary(good()), summary(changed)).lists["entry_points"]

    assert "API key" in removed[0]
    assert "API key" not in added[0]


def test_a_changed_attribute_is_told_with_both_values():
    changed = good()
    changed["aws_sqs_queue.main"]["visibility_timeout_seconds"] = 600

    found = findings(compare(summary(good()), summary(changed)))

    assert [(item.address, item.message) for item in found] == [
        ("aws_sqs_queue.main", "visibility_timeout_seconds: 300 → 600")
    ]


def test_of_a_block_only_what_changed_is_told():
    changed = good()
    changed["aws_lambda_function.processing"]["environment"] = [
        {"variables": {"TABLE_NAME": "${aws_dynamodb_table.records.name}", "MORE": "1"}}
    ]

    found = findings(compare(summary(good()), summary(changed)))

    assert [item.message for item in found] == ['environment.0.variables.MORE: not set → "1"']


def test_a_resource_that_is_new_is_named():
    changed = good()
    changed["aws_sqs_queue.another"] = {"name": "webhook-another-dev"}

    found = findings(compare(summary(good()), summary(changed)))

    assert ("aws_sqs_queue.another", "new resource") in {(item.address, item.message) for item in found}


def test_data_that_would_go_is_a_finding_of_its_own():
    before = good() | {"aws_dynamodb_table.more": {"name": "webhook-more-dev"}}

    found = findings(compare(summary(before), summary(good())))

    assert ("data-destroyed", "aws_dynamodb_table.more") in {(item.check, item.address) for item in found}


@pytest.mark.parametrize(
    ("address", "attribute", "value"),
    [
        ("aws_dynamodb_table.records", "name", "webhook-records-2-dev"),
        ("aws_dynamodb_table.records", "hash_key", "id"),
        ("aws_sqs_queue.target", "fifo_queue", True),
        ("aws_s3_bucket.archive", "bucket", "webhook-archive-dev"),
    ],
)
def test_a_change_that_replaces_data_is_a_finding_of_its_own(address, attribute, value):
    changed = good()
    changed[address][attribute] = value

    found = findings(compare(summary(good()), summary(changed)))

    assert ("data-destroyed", address) in {(item.check, item.address) for item in found}


def test_other_versions_of_a_bundle_and_other_accounts_are_no_changes():
    # Given
    changed = good()
    changed["aws_lambda_function.ingestion"] |= {"filename": "assets/2.zip", "source_code_hash": "2"}
    original = good()
    original["aws_lambda_function.ingestion"] |= {"filename": "assets/1.zip", "source_code_hash": "1"}

    # Then
    assert compare(summary(original), summary(changed)).count == 0
    assert "123456789012" not in dump(summary(good()))


def test_another_provider_version_is_a_change():
    changed = summary(good()) | {"providers": {"registry.terraform.io/hashicorp/aws": "6.0.0"}}

    comparison = compare(summary(good()), changed)

    assert comparison.lists["providers"] == (
        ["registry.terraform.io/hashicorp/aws 6.0.0"],
        ["registry.terraform.io/hashicorp/aws 5.100.0"],
    )


def test_tags_are_compared_once_for_the_stack():
    changed = good()
    changed["aws_s3_bucket.archive"]["tags"] = {"Environment": "dev", "Service": "other", "ManagedBy": "cdktf"}

    added, removed = compare(summary(good()), summary(changed)).lists["tags"]

    assert ['"other"' in text for text in added] == [True]
    assert removed == []


def test_what_is_accepted_is_what_is_read(tmp_path):
    accept(tmp_path, "dev", summarize(read(good())))

    assert compare(read_accepted(tmp_path, "dev"), summary(good())).count == 0
    assert read_accepted(tmp_path, "prod") is None


def test_an_accepted_plan_with_a_merge_conflict_in_it_is_named(tmp_path):
    (tmp_path / "dev.json").write_text("<<<<<<< HEAD\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"dev\.json is not JSON"):
        read_accepted(tmp_path, "dev")


def test_an_accepted_plan_has_an_attribute_on_each_line():
    lines = dump(summarize(read(good()))).splitlines()

    assert '   "visibility_timeout_seconds": 300' in lines
