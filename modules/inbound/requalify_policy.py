"""What ``make requalify`` may do, for whoever runs it."""

from lambdas.inbound.quarantine import QUARANTINE_PREFIX
from modules.constructs.policy import Condition, Statement, policy_document
from modules.constructs.webhook_function import WebhookFunction
from modules.inbound.storage_layer import StorageLayer
from modules.synth.cdk import Construct, DataAwsIamPolicyDocument


def requalify_policy(
    scope: Construct, *, storage: StorageLayer, ingestion: WebhookFunction
) -> DataAwsIamPolicyDocument:
    """Return the policy: nothing else may read what is quarantined.

    It lists, reads and removes what is below ``quarantine/``: ``s3:ListBucket``, ``s3:GetObject``, ``s3:DeleteObject``.
    It has ingestion verify it, which alone may read secrets: ``lambda:InvokeFunction``.
    """
    bucket = storage.bucket.arn
    return policy_document(
        scope,
        "requalify_policy",
        [
            Statement(
                sid="ListQuarantine",
                actions=["s3:ListBucket"],
                resources=[bucket],
                conditions=[Condition.listing(QUARANTINE_PREFIX)],
            ),
            Statement(
                sid="ReadAndRemoveQuarantined",
                actions=["s3:GetObject", "s3:DeleteObject"],
                resources=[f"{bucket}/{QUARANTINE_PREFIX}*"],
            ),
            Statement(sid="VerifyQuarantined", actions=["lambda:InvokeFunction"], resources=[ingestion.function.arn]),
        ],
    )
