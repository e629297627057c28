"""Stores: private, encrypted, reached over TLS alone, and able to give back what was overwritten or deleted."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.delivery.store.items import EXPIRES_AT
from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document, Resource, blocks, is_true
from modules.terraform_json.statements import PolicyStatement, policies

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


def _of_bucket(stack: Document, type_: str, bucket: Resource) -> list[Resource]:
    return [each for each in stack.all(type_) if stack.find(each.get("bucket"), "aws_s3_bucket") is bucket]


@rule(
    "public-bucket",
    "Every bucket blocks public access in all four ways, and no ACL opens it.",
    where=Where.SYNTH,
    remedy="Give the bucket a public access block with all four set to true, and no public ACL.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
)
def _public_buckets(stack: Document) -> Iterator[Found]:
    for bucket in stack.all("aws_s3_bucket"):
        blocked = _of_bucket(stack, "aws_s3_bucket_public_access_block", bucket)
        if not blocked:
            yield bucket, "it has no public access block"
        for each in blocked:
            missing = [name for name in _BLOCKS if not is_true(each.get(name))]
            if missing:
                yield each, f"{', '.join(missing)} must be true"
        for acl in (bucket, *_of_bucket(stack, "aws_s3_bucket_acl", bucket)):
            if _PUBLIC_ACL.fullmatch(str(acl.get("acl"))):
                yield acl, f"its acl is {acl.get('acl')}"
            if any(_PUBLIC_GROUP.search(text) for text in _grantees(acl)):
                yield acl, "it grants access to everybody"


def _grantees(acl: Resource) -> Iterator[str]:
    for grant in (*acl.blocks("grant"), *_nested(acl.block("access_control_policy"), "grant")):
        yield str(grant.get("uri"))
        for grantee in _nested(grant, "grantee"):
            yield str(grantee.get("uri"))


def _nested(block: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return blocks(block.get(name))


@rule(
    "bucket-tls",
    "Every bucket's policy denies what does not come over TLS, for the bucket and its objects.",
    where=Where.BOTH,
    remedy="Add modules.constructs.policy.deny_plain_http to the bucket's policy, for its ARN and for <ARN>/*.",
    source="DATA-3; https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
    also=("tls-only",),
)
def _plain_http_to_buckets(stack: Document) -> Iterator[Found]:
    for bucket in stack.all("aws_s3_bucket"):
        if missing := {"the bucket", "its objects"} - set(_denied(stack, bucket, "s3:*")):
            yield bucket, f"no policy denies plain HTTP for {' and '.join(sorted(missing, reverse=True))}"


@rule(
    "queue-tls",
    "Every queue's policy denies what does not come over TLS.",
    where=Where.PLAN,
    remedy="Add modules.constructs.policy.deny_plain_http to the queue's policy, for its ARN.",
    source="DATA-3; https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html",
    also=("tls-only",),
)
def _plain_http_to_queues(stack: Document) -> Iterator[Found]:
    for queue in stack.all("aws_sqs_queue"):
        if not any(_denied(stack, queue, "sqs:*")):
            yield queue, "no policy denies plain HTTP for it"


def _denied(stack: Document, store: Resource, action: str) -> Iterator[str]:
    """Yield of what of a store plain HTTP is denied."""
    for policy in policies(stack):
        for statement in policy.statements if policy.owner is store else ():
            if _denies_plain_http(statement, action):
                for resource in statement.resources:
                    yield from _covered(stack, resource, store)


def _denies_plain_http(statement: PolicyStatement, action: str) -> bool:
    """Tell whether a statement denies everything to everybody who does not use TLS, without any other condition."""
    return (
        not statement.allows
        and not statement.all_but
        and any(name == "*" for _, name in statement.principals)
        and bool({action, "*"} & set(statement.actions))
        and [(each.test.removesuffix("IfExists"), each.values) for each in statement.conditions]
        == [("Bool", ("false",))]
        and statement.conditions[0].is_on("aws:SecureTransport")
    )


def _covered(stack: Document, resource: str, store: Resource) -> Iterator[str]:
    of_it = resource == "*" or stack.find(resource.removesuffix("*").rstrip("/"), store.type) is store
    if of_it and not resource.endswith("/*"):
        yield "the bucket"
    if of_it and resource.endswith("*"):
        yield "its objects"


@rule(
    "unencrypted-store",
    "Every bucket, table, queue, stream, database and file system says that it is encrypted. The alarm topic "
    "is no store: CloudWatch cannot publish to one under AWS's own key, and its messages hold no payload.",
    where=Where.SYNTH,
    remedy="Turn server-side encryption on where the store is made.",
    source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_protect_data_rest_encrypt.html",
)
def _unencrypted(stack: Document) -> Iterator[Found]:
    for bucket in stack.all("aws_s3_bucket"):
        said = [bucket.block("server_side_encryption_configuration")] + [
            each.values for each in _of_bucket(stack, "aws_s3_bucket_server_side_encryption_configuration", bucket)
        ]
        algorithms = [
            default.get("sse_algorithm")
            for each in said
            for rule in _nested(each, "rule")
            for default in _nested(rule, "apply_server_side_encryption_by_default")
        ]
        if not any(algorithms):
            yield bucket, "it has no server-side encryption configuration with an algorithm"
    for table in stack.all("aws_dynamodb_table"):
        if not is_true(table.block("server_side_encryption").get("enabled")):
            yield table, "server_side_encryption is not enabled"
    for queue in stack.all("aws_sqs_queue"):
        if not is_true(queue.get("sqs_managed_sse_enabled")) and not queue.get("kms_master_key_id"):
            yield queue, "neither sqs_managed_sse_enabled nor kms_master_key_id is set"
    for stream in stack.all("aws_kinesis_stream"):
        if stream.get("encryption_type") != "KMS":
            yield stream, "encryption_type is not KMS"
    for stream in stack.all("aws_kinesis_firehose_delivery_stream"):
        if not is_true(stream.block("server_side_encryption").get("enabled")):
            yield stream, "server_side_encryption is not enabled"
    for store in stack.all(*_ENCRYPTED_BY):
        if not is_true(store.get(_ENCRYPTED_BY[store.type])):
            yield store, f"{_ENCRYPTED_BY[store.type]} is not true"


@rule(
    "bucket-versioning",
    "Every bucket keeps the versions of its objects.",
    where=Where.SYNTH,
    remedy="Give the bucket aws_s3_bucket_versioning with the status Enabled: what somebody overwrites or deletes "
    "is otherwise gone.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
)
def _unversioned(stack: Document) -> Iterator[Found]:
    for bucket in stack.all("aws_s3_bucket"):
        said = _of_bucket(stack, "aws_s3_bucket_versioning", bucket)
        if not said and not is_true(bucket.block("versioning").get("enabled")):
            yield bucket, "no configuration of it turns versioning on"
        for each in said:
            status = each.block("versioning_configuration").get("status")
            if status != "Enabled":
                yield each, f"its status is {status}, not Enabled"


@rule(
    "table-recovery",
    "Every table has point-in-time recovery.",
    where=Where.SYNTH,
    remedy="Give the table point_in_time_recovery with enabled set to true.",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
)
def _without_recovery(stack: Document) -> Iterator[Found]:
    for table in stack.all("aws_dynamodb_table"):
        if not is_true(table.block("point_in_time_recovery").get("enabled")):
            yield table, "point_in_time_recovery is not enabled"


@rule(
    "table-ttl",
    f"Items expire by the attribute that the code writes, {EXPIRES_AT}, in a table that has a TTL and in one that a "
    "function knows as a table of delivery.",
    where=Where.SYNTH,
    remedy="Give the table modules.synth.cdk.DynamodbTableTtl with lambdas.delivery.store.items.EXPIRES_AT.",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html",
)
def _kept_for_ever(stack: Document) -> Iterator[Found]:
    expected = {table: "" for table in stack.all("aws_dynamodb_table") if table.block("ttl")}
    for function in stack.all("aws_lambda_function"):
        variables = function.block("environment").get("variables")
        if not isinstance(variables, Mapping):
            continue
        for name in _EXPIRING:
            if table := stack.find(variables.get(name), "aws_dynamodb_table"):
                expected[table] = f", and {function.path} knows it as {name}"
    for table, why in expected.items():
        ttl = table.block("ttl")
        if not is_true(ttl.get("enabled")):
            yield table, f"its items never expire{why}"
        elif ttl.get("attribute_name") != EXPIRES_AT:
            yield table, f"its items expire by {ttl.get('attribute_name')!r}, which no code writes{why}"
