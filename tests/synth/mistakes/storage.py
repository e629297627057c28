"""Mistakes with buckets, tables and other stores."""

import json

from tests.synth.mistakes.book import Book

book = Book()
FOUR_WAYS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def bucket(edit, statements=None, without=""):
    """Add a bucket with all that it needs, but for one thing, or with other statements in its policy."""
    edit.add("aws_s3_bucket", "files", bucket="webhook-files-dev")
    parts = {
        "public_access_block": dict.fromkeys(FOUR_WAYS, True),
        "server_side_encryption_configuration": {
            "rule": {"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms"}}
        },
        "versioning": {"versioning_configuration": {"status": "Enabled"}},
        "policy": {"policy": json.dumps({"Statement": statements() if statements else [tls_only(edit)]})},
    }
    for part, values in parts.items():
        if part != without:
            edit.add(f"aws_s3_bucket_{part}", f"files_{part}", bucket=edit.ref("files", "bucket"), **values)


def tls_only(edit, **changes):
    statement = {
        "Sid": "Tls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [edit.ref("files"), f"{edit.ref('files')}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **changes,
    }
    return {name: value for name, value in statement.items() if value is not None}


@book.right
def bucket_of_a_users_own(edit):
    bucket(edit)


@book.mistake("public-bucket", "files", "no public access block")
def bucket_without_a_public_access_block(edit):
    bucket(edit, without="public_access_block")


for way in FOUR_WAYS:
    book.mistake("public-bucket", "storage/public_access", f"{way} must be true", name=f"{way} is false")(
        lambda edit, way=way: edit.at("storage/public_access").update({way: False})
    )


@book.mistake("public-bucket", "storage/public_access", "block_public_acls, block_public_policy must be true")
def public_access_block_that_leaves_two_out(edit):
    for name in ("block_public_acls", "block_public_policy"):
        del edit.at("storage/public_access")[name]


@book.mistake("public-bucket", "storage/bucket", "no public access block")
def public_access_block_of_which_none_is_made(edit):
    edit.at("storage/public_access")["count"] = 0


@book.mistake("bucket-tls", "storage/bucket", "no policy denies plain HTTP for the bucket and its objects")
def bucket_policy_of_which_none_is_made(edit):
    edit.at("storage/bucket_policy")["count"] = "0"


@book.mistake("public-bucket", "acl", "its acl is public-read")
def public_acl(edit):
    edit.add("aws_s3_bucket_acl", "acl", bucket=edit.ref("storage/bucket", "id"), acl="public-read")


@book.mistake("public-bucket", "acl", "grants access to everybody")
def acl_that_grants_to_everybody(edit):
    grant = {
        "grantee": {"type": "Group", "uri": "http://acs.amazonaws.com/groups/global/AllUsers"},
        "permission": "READ",
    }
    edit.add(
        "aws_s3_bucket_acl", "acl", bucket=edit.ref("storage/bucket", "id"), access_control_policy=[{"grant": [grant]}]
    )


@book.right
def private_acl(edit):
    edit.add("aws_s3_bucket_acl", "acl", bucket=edit.ref("storage/bucket", "id"), acl="private")


@book.mistake("bucket-tls", "storage/bucket", "no policy denies plain HTTP for the bucket and its objects")
def bucket_without_a_policy(edit):
    edit.remove("storage/bucket_policy")


PLAIN_HTTP_LEFT_OPEN = {
    "objects left out": lambda edit: {"Resource": edit.ref("files")},
    "bucket left out": lambda edit: {"Resource": f"{edit.ref('files')}/*"},
    "of another bucket": lambda edit: {"Resource": [edit.ref("storage/bucket"), f"{edit.ref('storage/bucket')}/*"]},
    "some actions only": lambda edit: {"Action": "s3:GetObject"},
    "all actions but those of S3": lambda edit: {"Action": None, "NotAction": "s3:*"},
    "some principals only": lambda edit: {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
    "TLS denied": lambda edit: {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    "one more condition": lambda edit: {
        "Condition": {"Bool": {"aws:SecureTransport": "false"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    },
    "TLS denied by a boolean": lambda edit: {"Condition": {"Bool": {"aws:SecureTransport": True}}},
    "both with and without TLS": lambda edit: {
        "Condition": {"BoolIfExists": {"aws:SecureTransport": ["true", "false"]}}
    },
    "another condition": lambda edit: {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
}


for how, changes in PLAIN_HTTP_LEFT_OPEN.items():
    book.mistake("bucket-tls", "files", "no policy denies plain HTTP", name=f"plain HTTP left open: {how}")(
        lambda edit, change=changes: bucket(edit, lambda: [tls_only(edit, **change(edit))])
    )


@book.right
def tls_only_by_two_statements_and_a_boolean(edit):
    condition = {"Bool": {"aws:SecureTransport": False}}
    bucket(
        edit,
        lambda: [
            tls_only(edit, Resource="arn:aws:s3:::webhook-files-dev", Action="*", Condition=condition),
            tls_only(edit, Resource="arn:aws:s3:::webhook-files-dev/*", Principal={"AWS": "*"}, Condition=condition),
        ],
    )


@book.mistake("unencrypted-store", "files", "no server-side encryption configuration")
def unencrypted_bucket(edit):
    bucket(edit, without="server_side_encryption_configuration")


@book.mistake("unencrypted-store", "storage/table", "server_side_encryption is not enabled")
def table_with_encryption_turned_off(edit):
    edit.at("storage/table")["server_side_encryption"] = {"enabled": False}


@book.mistake("unencrypted-store", "storage/table", "server_side_encryption is not enabled")
def table_that_says_nothing_of_encryption(edit):
    del edit.at("storage/table")["server_side_encryption"]


@book.mistake("unencrypted-store", "queues/dead_letter", "neither sqs_managed_sse_enabled nor kms_master_key_id")
def unencrypted_queue(edit):
    edit.at("queues/dead_letter")["sqs_managed_sse_enabled"] = False


@book.mistake("unencrypted-store", "stream", "encryption_type is not KMS")
def unencrypted_stream(edit):
    edit.add("aws_kinesis_stream", "stream", name="webhook-stream-dev")


@book.mistake("unencrypted-store", "delivery", "server_side_encryption is not enabled")
def unencrypted_delivery_stream(edit):
    edit.add("aws_kinesis_firehose_delivery_stream", "delivery", name="webhook-delivery-dev")


@book.right
def encrypted_delivery_stream(edit):
    edit.add(
        "aws_kinesis_firehose_delivery_stream",
        "delivery",
        name="webhook-delivery-dev",
        server_side_encryption={"enabled": True},
    )


@book.right
def encrypted_stream(edit):
    edit.add("aws_kinesis_stream", "stream", name="webhook-stream-dev", encryption_type="KMS")


STORES = {
    "aws_db_instance": "storage_encrypted",
    "aws_docdb_cluster": "storage_encrypted",
    "aws_efs_file_system": "encrypted",
    "aws_neptune_cluster": "storage_encrypted",
    "aws_rds_cluster": "storage_encrypted",
    "aws_redshift_cluster": "encrypted",
}
for store, encrypted in STORES.items():
    book.mistake("unencrypted-store", "store", f"{encrypted} is not true", name=f"{store} unencrypted")(
        lambda edit, store=store: edit.add(store, "store")
    )
    book.right(
        lambda edit, store=store, encrypted=encrypted: edit.add(store, "store", **{encrypted: True}),
        name=f"{store} encrypted",
    )


@book.right
def queue_under_a_key_of_the_users(edit):
    edit.at("queues/main").update(sqs_managed_sse_enabled=None, kms_master_key_id="alias/webhooks")


@book.mistake("bucket-versioning", "files", "no configuration of it turns versioning on")
def bucket_without_versioning(edit):
    bucket(edit, without="versioning")


for status in ("Suspended", "Disabled", "${var.versioning}", None):
    book.mistake("bucket-versioning", "storage/versioning", f"its status is {status}", name=f"versioning {status}")(
        lambda edit, status=status: edit.at("storage/versioning").update(versioning_configuration={"status": status})
    )


@book.mistake("bucket-versioning", "storage/bucket", "no configuration of it turns versioning on")
def versioning_of_which_none_is_made(edit):
    edit.at("storage/versioning")["count"] = 0


@book.mistake("bucket-versioning", "files", "no configuration of it turns versioning on")
def bucket_that_turns_its_versioning_off_itself(edit):
    bucket(edit, without="versioning")
    edit.at("files")["versioning"] = {"enabled": False}


@book.right
def bucket_that_turns_its_versioning_on_itself(edit):
    bucket(edit, without="versioning")
    edit.at("files")["versioning"] = [{"enabled": True}]


@book.mistake("table-recovery", "storage/table", "point_in_time_recovery is not enabled")
def table_with_point_in_time_recovery_turned_off(edit):
    edit.at("storage/table")["point_in_time_recovery"] = {"enabled": False}


@book.mistake("table-recovery", "storage/table", "point_in_time_recovery is not enabled")
def table_that_says_nothing_of_point_in_time_recovery(edit):
    del edit.at("storage/table")["point_in_time_recovery"]


@book.mistake("table-recovery", "storage/table", "point_in_time_recovery is not enabled")
def table_whose_point_in_time_recovery_nobody_knows(edit):
    edit.at("storage/table")["point_in_time_recovery"] = {"enabled": "${var.recovery}"}


@book.mistake("table-recovery", "deliveries", "point_in_time_recovery is not enabled")
def table_of_a_users_own_without_point_in_time_recovery(edit):
    table(edit, "LEDGER_TABLE", point_in_time_recovery=None)


def table(edit, variable="EVENTS_TABLE", **values):
    """Add a table that a function knows, encrypted and with point-in-time recovery."""
    defaults = {
        "name": "webhook-deliveries-dev",
        "server_side_encryption": {"enabled": True},
        "point_in_time_recovery": {"enabled": True},
    }
    edit.add("aws_dynamodb_table", "deliveries", **defaults | values)
    edit.variables("status", **{variable: edit.ref("deliveries", "name")})


for known_as in ("TENANTS_TABLE", "ENDPOINTS_TABLE", "EVENTS_TABLE"):
    book.mistake(
        "table-ttl",
        "deliveries",
        f"never expire, and webhooks-dev/fleet/status/function knows it as {known_as}",
        name=f"a table without TTL known as {known_as}",
    )(lambda edit, known_as=known_as: table(edit, known_as))


@book.mistake("table-ttl", "deliveries", "expire by 'expires', which no code writes")
def table_that_expires_by_another_attribute(edit):
    table(edit, "CACHE_TABLE", ttl={"attribute_name": "expires", "enabled": True})


@book.mistake("table-ttl", "deliveries", "its items never expire")
def table_whose_ttl_is_off(edit):
    table(edit, ttl={"attribute_name": "expiresAt", "enabled": False})


@book.right
def table_that_expires_as_the_code_says(edit):
    table(edit, ttl={"attribute_name": "expiresAt", "enabled": True})


@book.right
def table_that_keeps_everything_and_is_none_of_delivery(edit):
    table(edit, "LEDGER_TABLE")
