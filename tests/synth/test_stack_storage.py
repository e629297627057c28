"""The table of records, the archive of payloads, and the signing secrets."""

import json
import re

import pytest

from tests.synth.labels import PROVIDERS, of


def test_the_keys_are_those_of_the_requirements(template):
    table = template.one("aws_dynamodb_table", "webhook-records-dev")

    assert (table["hash_key"], table["range_key"]) == ("transactionId", "timestamp")


def test_the_indexes_are_those_that_replays_and_lists_read(template):
    table = template.one("aws_dynamodb_table", "webhook-records-dev")

    indexes = {i["name"]: (i["hash_key"], i.get("range_key")) for i in table["global_secondary_index"]}

    assert indexes == {
        "byEvent": ("eventKey", None),
        "byTransaction": ("transaction", "receivedAt"),
        "byReceived": ("receivedBucket", "receivedAt"),
        "byDeadLetter": ("deadLetterShard", "deadLetteredAt"),
        "byConflict": ("conflictShard", "conflictAt"),
    }


def test_exactly_the_keys_are_declared_as_attributes(template):
    # DynamoDB refuses a table that declares an attribute of no key.
    table = template.one("aws_dynamodb_table", "webhook-records-dev")
    keys = {table["hash_key"], table["range_key"]}
    for index in table["global_secondary_index"]:
        keys |= {index["hash_key"], index.get("range_key", index["hash_key"])}

    assert {(a["name"], a["type"]) for a in table["attribute"]} == {(key, "S") for key in keys}


def test_the_table_is_on_demand_encrypted_and_can_be_restored(template):
    table = template.one("aws_dynamodb_table", "webhook-records-dev")

    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert table["point_in_time_recovery"] == {"enabled": True}
    assert table["server_side_encryption"] == {"enabled": True}


def part(template, type_):
    (part,) = template.pointing_at(type_, "bucket", template.one("aws_s3_bucket"))
    return part


def rules(template):
    return part(template, "aws_s3_bucket_lifecycle_configuration")["rule"]


def test_the_bucket_is_versioned(template):
    versioning = part(template, "aws_s3_bucket_versioning")

    assert versioning["versioning_configuration"] == {"status": "Enabled"}


def test_the_bucket_is_encrypted(template):
    encryption = part(template, "aws_s3_bucket_server_side_encryption_configuration")

    assert encryption["rule"] == [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]


def test_nothing_in_the_bucket_can_be_made_public(template):
    block = part(template, "aws_s3_bucket_public_access_block")

    assert {name: value for name, value in block.values.items() if name != "bucket"} == {
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    }


@pytest.mark.parametrize(
    ("values", "days", "size"),
    [({}, 30, 1), ({"storage": {"glacier_after": 90, "glacier_minimum_size": 131_072}}, 90, 131_072)],
)
def test_payloads_move_to_glacier(synthesize, values, days, size):
    (rule,) = [rule for rule in rules(synthesize(values=values)) if "transition" in rule]

    assert rule["status"] == "Enabled"
    assert rule["transition"] == [{"days": days, "storage_class": "GLACIER"}]
    # Dead letters are not among them: they may be the only copy, and a replay reads them at once.
    assert rule["filter"] == [{"and": [{"prefix": "raw/", "object_size_greater_than": size}]}]


@pytest.mark.parametrize(("values", "days"), [({}, 30), ({"storage": {"noncurrent_versions": 3}}, 3)])
def test_what_was_overwritten_or_deleted_is_kept_for_a_time_and_not_for_ever(synthesize, values, days):
    expirations = [
        (rule["status"], rule["noncurrent_version_expiration"])
        for rule in rules(synthesize(values=values))
        if "noncurrent_version_expiration" in rule
    ]

    assert expirations == [("Enabled", [{"noncurrent_days": days}])]


def test_noncurrent_versions_expire_whatever_their_size(synthesize):
    # The size from which an object is worth moving says nothing about how long old versions are kept.
    template = synthesize(values={"storage": {"glacier_minimum_size": 131_072}})

    limited = [
        rule for rule in rules(template) if "noncurrent_version_expiration" in rule and "size" in str(rule["filter"])
    ]

    assert limited == []


def test_no_rule_is_one_that_s3_refuses(template):
    # "AbortIncompleteMultipartUpload cannot be specified with Object Size": an upload in flight has none yet.
    # https://github.com/aws-cloudformation/cfn-lint/issues/3554
    refused = [
        rule["id"]
        for rule in rules(template)
        if "abort_incomplete_multipart_upload" in rule and "object_size" in json.dumps(rule.get("filter"))
    ]

    assert refused == []


def test_nothing_in_the_bucket_expires_but_old_versions(template):
    expiring = [rule["id"] for rule in rules(template) if "expiration" in rule]

    assert expiring == []


def test_the_lifecycle_waits_for_versioning_and_the_policy_for_privacy(template):
    lifecycle = part(template, "aws_s3_bucket_lifecycle_configuration")
    policy = part(template, "aws_s3_bucket_policy")

    assert lifecycle["depends_on"] == [part(template, "aws_s3_bucket_versioning").address]
    assert policy["depends_on"] == [part(template, "aws_s3_bucket_public_access_block").address]


def test_each_provider_has_a_secret_and_its_value_never_passes_through_terraform(template):
    secrets = set(template.by_name("aws_secretsmanager_secret"))
    holding_values = {
        resource.type
        for resource in (*template.resources(), *template.data())
        if re.search(r"secret_version|random_password|ssm_parameter|secretsmanager_random", resource.type)
    }

    assert secrets == {of("secret", provider) for provider in PROVIDERS}
    assert holding_values == set()


def test_nothing_in_the_stack_looks_like_a_secret(stack_text):
    # Keys of AWS, Stripe and GitHub, and private keys.
    looks_secret = r"AKIA[0-9A-Z]{12}|whsec_\w|sk_(live|test)_|gh[ps]_\w{20}|-----BEGIN|secret_string"

    assert re.findall(looks_secret, stack_text) == []
