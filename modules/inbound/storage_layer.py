"""The table of records and the archive of payloads."""

from itertools import chain
from typing import Annotated

from lambdas.inbound.archive import BATCH_PREFIX, CERTIFICATE_PREFIX, DEAD_LETTER_PREFIX, RAW_PREFIX, REPORT_PREFIX
from lambdas.inbound.quarantine import ALLOWANCE_PARTITION, QUARANTINE_PREFIX
from lambdas.inbound.record_items import (
    AUDIT,
    BY_EVENT_INDEX,
    BY_RECEIVED_INDEX,
    BY_TRANSACTION_INDEX,
    INDEXES,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.reconcile.places import PROGRESS_PARTITION
from lambdas.statement.places import STATEMENT_PREFIX
from modules.constructs.naming import Names, archive_bucket_name
from modules.constructs.pinning import pin
from modules.constructs.policy import Condition, Statement, deny_plain_http, policy_document
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.formats import ACCOUNT_ID, QUARANTINE_DAYS
from modules.settings.sections import StorageSettings
from modules.synth.cdk import (
    Construct,
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTableGlobalSecondaryIndex,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableServerSideEncryption,
    S3Bucket,
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleFilterAnd,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
    S3BucketLifecycleConfigurationRuleTransition,
    S3BucketPolicy,
    S3BucketPublicAccessBlock,
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA,
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)


@checked
class StorageLayer(Construct):
    """Table and bucket, encrypted; the bucket versioned, private, TLS only.

    Parameters
    ----------
    settings : StorageSettings
        Lifecycle of the archive.
    names : Names
        Naming of the environment.
    account_id : str
        The account, part of the bucket's name.
    quarantine_days : int | None
        How long the bucket keeps what is quarantined; None without a quarantine.

    Attributes
    ----------
    table : DynamodbTable
        The records.
    bucket : S3Bucket
        The archive.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: StorageSettings,
        names: Names,
        account_id: Annotated[str, ACCOUNT_ID],
        quarantine_days: Annotated[int | None, QUARANTINE_DAYS] = None,
    ) -> None:
        super().__init__(scope, id_)
        self.table = pin(self._build_table(names), f"{id_}_table")
        self.bucket = pin(self._build_bucket(names, account_id), f"{id_}_bucket")
        # Read once: each look at a construct is a call to Node.js.
        self._table_arn, self._bucket_arn = self.table.arn, self.bucket.arn
        self._protect_bucket(settings, quarantine_days)

    def _build_table(self, names: Names) -> DynamodbTable:
        keys = dict.fromkeys([PARTITION_KEY, SORT_KEY, *chain(*INDEXES.values())])
        return DynamodbTable(
            self,
            "table",
            name=names("records"),
            billing_mode="PAY_PER_REQUEST",
            hash_key=PARTITION_KEY,
            range_key=SORT_KEY,
            attribute=[DynamodbTableAttribute(name=key, type="S") for key in keys],
            global_secondary_index=[
                DynamodbTableGlobalSecondaryIndex(
                    name=name,
                    hash_key=partition,
                    range_key=sort[0] if sort else None,
                    projection_type="KEYS_ONLY",
                )
                for name, (partition, *sort) in INDEXES.items()
            ],
            point_in_time_recovery=DynamodbTablePointInTimeRecovery(enabled=True),
            server_side_encryption=DynamodbTableServerSideEncryption(enabled=True),
        )

    def _build_bucket(self, names: Names, account_id: str) -> S3Bucket:
        name = archive_bucket_name(account_id, names.environment, names.prefix)
        return S3Bucket(self, "bucket", bucket=name, force_destroy=True)

    def _protect_bucket(self, settings: StorageSettings, quarantine_days: int | None) -> None:
        bucket_id = self.bucket.id
        versioning = S3BucketVersioningA(
            self,
            "versioning",
            bucket=bucket_id,
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        S3BucketServerSideEncryptionConfigurationA(
            self,
            "encryption",
            bucket=bucket_id,
            rule=[
                S3BucketServerSideEncryptionConfigurationRuleA(
                    apply_server_side_encryption_by_default=(
                        S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA(
                            sse_algorithm="AES256"
                        )
                    )
                )
            ],
        )
        private = S3BucketPublicAccessBlock(
            self,
            "public_access",
            bucket=bucket_id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        document = policy_document(
            self, "bucket_policy_document", [deny_plain_http(["s3:*"], [self._bucket_arn, f"{self._bucket_arn}/*"])]
        )
        S3BucketPolicy(self, "bucket_policy", bucket=bucket_id, policy=document.json, depends_on=[private])
        S3BucketLifecycleConfiguration(
            self,
            "lifecycle",
            bucket=bucket_id,
            rule=[*self._lifecycle_rules(settings), *self._quarantine_rules(quarantine_days)],
            # A rule for old versions wants a bucket that is versioned already.
            # https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/s3_bucket_lifecycle_configuration
            depends_on=[versioning],
        )

    def _lifecycle_rules(self, settings: StorageSettings) -> list[S3BucketLifecycleConfigurationRule]:
        return [
            S3BucketLifecycleConfigurationRule(
                id="payloads-to-glacier",
                status="Enabled",
                # Without a size of its own in the filter, S3 leaves objects under 128 KB where they are.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
                # Dead letters stay: what waits for a replay must be readable at once.
                filter=[
                    S3BucketLifecycleConfigurationRuleFilter(
                        and_=[
                            S3BucketLifecycleConfigurationRuleFilterAnd(
                                prefix=RAW_PREFIX, object_size_greater_than=settings.glacier_minimum_size
                            )
                        ]
                    )
                ],
                transition=[
                    S3BucketLifecycleConfigurationRuleTransition(days=settings.glacier_after, storage_class="GLACIER")
                ],
            ),
            # A rule of its own: S3 takes no upload to abort beside a size, and old versions go whatever their size.
            S3BucketLifecycleConfigurationRule(
                id="old-versions-and-broken-uploads",
                status="Enabled",
                filter=[S3BucketLifecycleConfigurationRuleFilter(prefix="")],
                noncurrent_version_expiration=[
                    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(
                        noncurrent_days=settings.noncurrent_versions
                    )
                ],
                abort_incomplete_multipart_upload=[
                    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(days_after_initiation=7)
                ],
            ),
        ]

    def _quarantine_rules(self, days: int | None) -> list[S3BucketLifecycleConfigurationRule]:
        if days is None:
            return []
        return [
            S3BucketLifecycleConfigurationRule(
                id="quarantine",
                status="Enabled",
                filter=[S3BucketLifecycleConfigurationRuleFilter(prefix=QUARANTINE_PREFIX)],
                # It also removes what deleting leaves behind when its versions are gone; of two rules for old versions,
                # the shorter time counts.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
                expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=days)],
                noncurrent_version_expiration=[
                    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(noncurrent_days=1)
                ],
            )
        ]

    def grant_archive_payloads(self, function: WebhookFunction) -> None:
        """Allow ``s3:PutObject`` below ``raw/``."""
        function.allow("ArchivePayloads", ["s3:PutObject"], [f"{self._bucket_arn}/{RAW_PREFIX}*"])

    def grant_archive_certificates(self, function: WebhookFunction) -> None:
        """Allow ``s3:PutObject`` below ``evidence/certificates/``."""
        function.allow("ArchiveCertificates", ["s3:PutObject"], [f"{self._bucket_arn}/{CERTIFICATE_PREFIX}*"])

    def grant_keep_dead_letters(self, function: WebhookFunction) -> None:
        """Allow ``s3:PutObject`` below ``dead-letter/``."""
        function.allow("KeepDeadLetters", ["s3:PutObject"], [f"{self._bucket_arn}/{DEAD_LETTER_PREFIX}*"])

    def grant_read_dead_letters(self, function: WebhookFunction) -> None:
        """Allow ``s3:GetObject`` below ``dead-letter/``."""
        function.allow("ReadDeadLetters", ["s3:GetObject"], [f"{self._bucket_arn}/{DEAD_LETTER_PREFIX}*"])

    def grant_read_payloads(self, function: WebhookFunction) -> None:
        """Allow ``s3:GetObject`` below ``raw/``."""
        function.allow("ReadPayloads", ["s3:GetObject"], [f"{self._bucket_arn}/{RAW_PREFIX}*"])

    def grant_quarantine(self, function: WebhookFunction) -> None:
        """Allow ``s3:PutObject`` below ``quarantine/``, and ``dynamodb:UpdateItem`` on the items that count it."""
        function.allow("Quarantine", ["s3:PutObject"], [f"{self._bucket_arn}/{QUARANTINE_PREFIX}*"])
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        of_the_allowance = Condition(
            test="ForAllValues:StringLike", variable="dynamodb:LeadingKeys", values=[f"{ALLOWANCE_PARTITION}*"]
        )
        function.allow("CountQuarantined", ["dynamodb:UpdateItem"], [self._table_arn], [of_the_allowance])

    def grant_reconcile(self, function: WebhookFunction) -> None:
        """Allow what comparing with the records, keeping the progress and reporting take.

        That is ``dynamodb:BatchGetItem`` on the table, ``dynamodb:PartiQLSelect`` on the index of the records of
        version 0.1.0, ``dynamodb:Query`` on the index by time, ``dynamodb:GetItem`` and ``dynamodb:PutItem`` on the
        items of the progress, and ``s3:PutObject`` below ``reconciliation/``.
        """
        function.allow("CompareRecords", ["dynamodb:BatchGetItem"], [self._table_arn])
        function.allow("FindRecordsBesideNone", ["dynamodb:Query"], [self._index_arn(BY_RECEIVED_INDEX)])
        self._grant_find_of_first_release(function)
        of_the_progress = Condition(
            test="ForAllValues:StringLike", variable="dynamodb:LeadingKeys", values=[f"{PROGRESS_PARTITION}*"]
        )
        actions = ["dynamodb:GetItem", "dynamodb:PutItem"]
        function.allow("KeepProgress", actions, [self._table_arn], [of_the_progress])
        function.allow("Report", ["s3:PutObject"], [f"{self._bucket_arn}/{REPORT_PREFIX}*"])

    def grant_state(self, function: WebhookFunction) -> None:
        """Allow what counting records, and writing and chaining statements take.

        That is ``dynamodb:Query`` on the index by time, ``dynamodb:BatchGetItem``, and ``s3:ListBucket``,
        ``s3:GetObject`` and ``s3:PutObject`` below ``statements/``.
        """
        self._grant_query(function, self._index_arn(BY_RECEIVED_INDEX))
        for statement in self.read_statements():
            function.allow(statement.sid, statement.actions, statement.resources, statement.conditions)
        function.allow("WriteStatements", ["s3:PutObject"], [f"{self._bucket_arn}/{STATEMENT_PREFIX}*"])

    def grant_read_reports(self, function: WebhookFunction) -> None:
        """Allow ``s3:ListBucket`` and ``s3:GetObject`` below ``reconciliation/``."""
        function.allow("ListReports", ["s3:ListBucket"], [self._bucket_arn], [Condition.listing(REPORT_PREFIX)])
        function.allow("ReadReports", ["s3:GetObject"], [f"{self._bucket_arn}/{REPORT_PREFIX}*"])

    def grant_count_quarantined(self, function: WebhookFunction) -> None:
        """Allow ``s3:ListBucket`` below ``quarantine/``, which shows names and nothing that was sent."""
        function.allow("CountQuarantine", ["s3:ListBucket"], [self._bucket_arn], [Condition.listing(QUARANTINE_PREFIX)])

    def read_statements(self) -> list[Statement]:
        """Return what reading statements takes: ``s3:ListBucket`` and ``s3:GetObject`` below ``statements/``."""
        objects = [f"{self._bucket_arn}/{STATEMENT_PREFIX}*"]
        return [
            Statement(
                sid="ListStatements",
                actions=["s3:ListBucket"],
                resources=[self._bucket_arn],
                conditions=[Condition.listing(STATEMENT_PREFIX)],
            ),
            Statement(sid="ReadStatements", actions=["s3:GetObject"], resources=objects),
        ]

    def grant_write_records(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:PutItem`` and ``dynamodb:UpdateItem`` on the table, and the same for many in one call.

        That is ``dynamodb:PartiQLInsert`` and ``dynamodb:PartiQLUpdate``: statements are what ``BatchExecuteStatement``
        is allowed by. Also ``dynamodb:PartiQLSelect`` on the index of the records of version 0.1.0.
        """
        single, batched = ["PutItem", "UpdateItem"], ["PartiQLInsert", "PartiQLUpdate"]
        actions = [f"dynamodb:{name}" for name in single + batched]
        function.allow("WriteRecords", actions, [self._table_arn])
        self._grant_find_of_first_release(function)

    def grant_mark_records(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:UpdateItem`` and ``dynamodb:GetItem`` on the table.

        Also ``dynamodb:PartiQLSelect`` on the index of the records of version 0.1.0.
        """
        function.allow("MarkRecords", ["dynamodb:UpdateItem", "dynamodb:GetItem"], [self._table_arn])
        self._grant_find_of_first_release(function)

    def grant_query_records(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:Query`` on the table and the index by transaction, and ``dynamodb:BatchGetItem``."""
        self._grant_query(function, self._table_arn, self._index_arn(BY_TRANSACTION_INDEX))

    def grant_find_records(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:Query`` on the table and the indexes by event and time, and ``dynamodb:BatchGetItem``."""
        indexes = (self._index_arn(name) for name in (BY_EVENT_INDEX, BY_RECEIVED_INDEX))
        self._grant_query(function, self._table_arn, *indexes)

    def grant_list_records(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:Query`` on the table and all its indexes, and ``dynamodb:BatchGetItem``."""
        self._grant_query(function, self._table_arn, *map(self._index_arn, INDEXES))

    def grant_audit(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:PutItem`` on the operators' audit log, and on no record."""
        log = Condition(test="ForAllValues:StringEquals", variable="dynamodb:LeadingKeys", values=[AUDIT])
        function.allow("RecordActions", ["dynamodb:PutItem"], [self._table_arn], [log])

    def grant_erase(self, function: WebhookFunction) -> None:
        """Allow ``s3:PutObject`` and ``s3:DeleteObjectVersion`` below ``raw/`` and ``dead-letter/``.

        Also ``s3:ListBucketVersions`` of the same, ``s3:GetObject`` below ``raw/_batch/``, and
        ``dynamodb:UpdateItem`` on the table, but not on the audit log.
        """
        places = (RAW_PREFIX, DEAD_LETTER_PREFIX)
        objects = [f"{self._bucket_arn}/{prefix}*" for prefix in places]
        function.allow("ErasePayloads", ["s3:PutObject", "s3:DeleteObjectVersion"], objects)
        below = Condition.listing(*places)
        function.allow("FindVersions", ["s3:ListBucketVersions"], [self._bucket_arn], [below])
        function.allow("ReadBatches", ["s3:GetObject"], [f"{self._bucket_arn}/{BATCH_PREFIX}*"])
        records = Condition(test="ForAllValues:StringNotEquals", variable="dynamodb:LeadingKeys", values=[AUDIT])
        function.allow("MarkErased", ["dynamodb:UpdateItem"], [self._table_arn], [records])

    def grant_find_later_records(self, function: WebhookFunction) -> None:
        """Allow ``dynamodb:Query`` on the index by transaction, and ``dynamodb:BatchGetItem``."""
        self._grant_query(function, self._index_arn(BY_TRANSACTION_INDEX))

    def _grant_query(self, function: WebhookFunction, *places: str) -> None:
        function.allow("FindRecords", ["dynamodb:Query"], places)
        function.allow("ReadFoundRecords", ["dynamodb:BatchGetItem"], [self._table_arn])

    def _grant_find_of_first_release(self, function: WebhookFunction) -> None:
        function.allow("FindRecordsOfFirstRelease", ["dynamodb:PartiQLSelect"], [self._index_arn(BY_EVENT_INDEX)])

    def _index_arn(self, name: str) -> str:
        return f"{self._table_arn}/index/{name}"
