"""Stores: private, encrypted, reached over TLS alone, and able to give back what was overwritten or deleted."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.delivery.store.items import EXPIRES_AT
from modules.guards.guard import Finding, Guard
from modules.terraform_json.document import Configuration, Resource, blocks, is_true
from modules.terraform_json.statements import PolicyStatement, statements_of

_BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
_PUBLIC_ACL = re.compile(r"public-read|public-read-write|authenticated-read")
_PUBLIC_GROUP = re.compile(r"acs\.amazonaws\.com/groups/global/(AllUsers|AuthenticatedUsers)")
# Variables under which functions know tables with items that expire.
_EXPIRING = ("TENANTS_TABLE", "ENDPOINTS_TABLE", "EVENTS_TABLE")
# Stores that say in one attribute whether they are encrypted.
_ENCRYPTED_BY = {
    "aws_db_instance": "storage_encrypted",
    "aws_docdb_cluster": "storage_encrypted",
    "aws_efs_file_system": "encrypted",
    "aws_neptune_cluster": "storage_encrypted",
    "aws_rds_cluster": "storage_encrypted",
    "aws_redshift_cluster": "encrypted",
}


def _of_bucket(configuration: Configuration, type_: str, bucket: Resource) -> list[Resource]:
    return [
        each for each in configuration.all(type_) if configuration.find("aws_s3_bucket", each.get("bucket")) is bucket
    ]


def _public_buckets(configuration: Configuration) -> Iterator[Finding]:
    for bucket in configuration.all("aws_s3_bucket"):
        blocked = _of_bucket(configuration, "aws_s3_bucket_public_access_block", bucket)
        if not blocked:
            yield Finding(bucket.path, "it has no public access block")
        for each in blocked:
            missing = [name for name in _BLOCKS if not is_true(each.get(name))]
            if missing:
                yield Finding(each.path, f"{', '.join(missing)} must be true")
        for acl in (bucket, *_of_bucket(configuration, "aws_s3_bucket_acl", bucket)):
            if _PUBLIC_ACL.fullmatch(str(acl.get("acl"))):
                yield Finding(acl.path, f"its acl is {acl.get('acl')}")
            if any(_PUBLIC_GROUP.search(text) for text in _grantees(acl)):
                yield Finding(acl.path, "it grants access to everybody")


def _grantees(acl: Resource) -> Iterator[str]:
    for grant in (*acl.blocks("grant"), *_nested(acl.block("access_control_policy"), "grant")):
        yield str(grant.get("uri"))
        for grantee in _nested(grant, "grantee"):
            yield str(grantee.get("uri"))


def _nested(block: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return blocks(block.get(name))


def _plain_http(configuration: Configuration) -> Iterator[Finding]:
    for bucket in configuration.all("aws_s3_bucket"):
        denied = {
            covered
            for policy in _of_bucket(configuration, "aws_s3_bucket_policy", bucket)
            for statement in statements_of(configuration, policy, "policy")
            if _denies_plain_http(statement)
            for resource in statement.resources
            for covered in _covered(configuration, resource, bucket)
        }
        missing = {"the bucket", "its objects"} - denied
        if missing:
            yield Finding(bucket.path, f"no policy denies plain HTTP for {' and '.join(sorted(missing, reverse=True))}")


def _denies_plain_http(statement: PolicyStatement) -> bool:
    """Tell whether a statement denies everything to everybody who does not use TLS, without any other condition."""
    conditions = [(test.removesuffix("IfExists"), key.lower(), values) for test, key, values in statement.conditions]
    return (
        not statement.allows
        and "*" in statement.principals
        and bool({"s3:*", "*"} & set(statement.actions))
        and conditions == [("Bool", "aws:securetransport", ("false",))]
    )


def _covered(configuration: Configuration, resource: str, bucket: Resource) -> Iterator[str]:
    of_it = resource == "*" or configuration.find("aws_s3_bucket", resource.removesuffix("*").rstrip("/")) is bucket
    if of_it and not resource.endswith("/*"):
        yield "the bucket"
    if of_it and resource.endswith("*"):
        yield "its objects"


def _unencrypted(configuration: Configuration) -> Iterator[Finding]:
    for bucket in configuration.all("aws_s3_bucket"):
        said = [bucket.block("server_side_encryption_configuration")] + [
            each.values
            for each in _of_bucket(configuration, "aws_s3_bucket_server_side_encryption_configuration", bucket)
        ]
        algorithms = [
            default.get("sse_algorithm")
            for each in said
            for rule in _nested(each, "rule")
            for default in _nested(rule, "apply_server_side_encryption_by_default")
        ]
        if not any(algorithms):
            yield Finding(bucket.path, "it has no server-side encryption configuration with an algorithm")
    for table in configuration.all("aws_dynamodb_table"):
        if not is_true(table.block("server_side_encryption").get("enabled")):
            yield Finding(table.path, "server_side_encryption is not enabled")
    for queue in configuration.all("aws_sqs_queue"):
        if not is_true(queue.get("sqs_managed_sse_enabled")) and not queue.get("kms_master_key_id"):
            yield Finding(queue.path, "neither sqs_managed_sse_enabled nor kms_master_key_id is set")
    for stream in configuration.all("aws_kinesis_stream"):
        if stream.get("encryption_type") != "KMS":
            yield Finding(stream.path, "encryption_type is not KMS")
    for stream in configuration.all("aws_kinesis_firehose_delivery_stream"):
        if not is_true(stream.block("server_side_encryption").get("enabled")):
            yield Finding(stream.path, "server_side_encryption is not enabled")
    for store in configuration.all(*_ENCRYPTED_BY):
        if not is_true(store.get(_ENCRYPTED_BY[store.type])):
            yield Finding(store.path, f"{_ENCRYPTED_BY[store.type]} is not true")


def _unversioned(configuration: Configuration) -> Iterator[Finding]:
    for bucket in configuration.all("aws_s3_bucket"):
        said = _of_bucket(configuration, "aws_s3_bucket_versioning", bucket)
        if not said and not is_true(bucket.block("versioning").get("enabled")):
            yield Finding(bucket.path, "no configuration of it turns versioning on")
        for each in said:
            status = each.block("versioning_configuration").get("status")
            if status != "Enabled":
                yield Finding(each.path, f"its status is {status}, not Enabled")


def _without_recovery(configuration: Configuration) -> Iterator[Finding]:
    for table in configuration.all("aws_dynamodb_table"):
        if not is_true(table.block("point_in_time_recovery").get("enabled")):
            yield Finding(table.path, "point_in_time_recovery is not enabled")


def _kept_for_ever(configuration: Configuration) -> Iterator[Finding]:
    expected = {table: "" for table in configuration.all("aws_dynamodb_table") if table.block("ttl")}
    for function in configuration.all("aws_lambda_function"):
        variables = function.block("environment").get("variables")
        if not isinstance(variables, Mapping):
            continue
        for name in _EXPIRING:
            if table := configuration.find("aws_dynamodb_table", variables.get(name)):
                expected[table] = f", and {function.path} knows it as {name}"
    for table, why in expected.items():
        ttl = table.block("ttl")
        if not is_true(ttl.get("enabled")):
            yield Finding(table.path, f"its items never expire{why}")
        elif ttl.get("attribute_name") != EXPIRES_AT:
            yield Finding(table.path, f"its items expire by {ttl.get('attribute_name')!r}, which no code writes{why}")


GUARDS = (
    Guard(
        id="public-bucket",
        rule="Every bucket blocks public access in all four ways, and no ACL opens it.",
        remedy="Give the bucket a public access block with all four set to true, and no public ACL.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
        check=_public_buckets,
    ),
    Guard(
        id="bucket-tls",
        rule="Every bucket's policy denies what does not come over TLS, for the bucket and its objects.",
        remedy="Add modules.constructs.policy.deny_plain_http to the bucket's policy, for its ARN and for <ARN>/*.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        check=_plain_http,
    ),
    Guard(
        id="unencrypted-store",
        rule="Every bucket, table, queue, stream, database and file system says that it is encrypted. The alarm topic "
        "is no store: CloudWatch cannot publish to one under AWS's own key, and its messages hold no payload.",
        remedy="Turn server-side encryption on where the store is made.",
        source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_protect_data_rest_encrypt.html",
        check=_unencrypted,
    ),
    Guard(
        id="bucket-versioning",
        rule="Every bucket keeps the versions of its objects.",
        remedy="Give the bucket aws_s3_bucket_versioning with the status Enabled: what somebody overwrites or deletes "
        "is otherwise gone.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
        check=_unversioned,
    ),
    Guard(
        id="table-recovery",
        rule="Every table has point-in-time recovery.",
        remedy="Give the table point_in_time_recovery with enabled set to true.",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
        check=_without_recovery,
    ),
    Guard(
        id="table-ttl",
        rule="A table whose items expire, and each that a function knows as one of delivery, does so by the "
        f"attribute that the code writes, {EXPIRES_AT}.",
        remedy="Give the table modules.synth.cdk.DynamodbTableTtl with lambdas.delivery.store.items.EXPIRES_AT.",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html",
        check=_kept_for_ever,
    ),
)
