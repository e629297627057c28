"""What ``make smoke`` may do, for whoever runs it."""

from collections.abc import Sequence

from lambdas.inbound.archive import RAW_PREFIX
from modules.constructs.naming import Names
from modules.constructs.policy import Statement, policy_document
from modules.inbound.event_routing import EventRouting
from modules.inbound.own_queue import Sids, own_queue_statements
from modules.inbound.storage_layer import StorageLayer
from modules.synth.cdk import Construct, DataAwsIamPolicyDocument


def smoke_policy(
    scope: Construct,
    *,
    operators: DataAwsIamPolicyDocument,
    secret_arns: Sequence[str],
    storage: StorageLayer,
    routing: EventRouting,
    names: Names,
    region: str,
    account_id: str,
) -> DataAwsIamPolicyDocument:
    """Return the operators' policy with what ``make smoke`` needs besides.

    It signs as providers do, so that it reads the signing secrets: ``secretsmanager:GetSecretValue``. It reads archived
    payloads: ``s3:GetObject``. It makes and removes one rule on the bus, and one queue, which is the only target that
    the rule may have. It lists alarms and log groups, for which AWS takes no narrower resource: see
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """
    own = own_queue_statements(
        scope,
        "smoke_partition",
        Sids("UseQueueOfItsOwn", "UseRuleOfItsOwn", "SendFromThatRuleToThatQueue"),
        routing=routing,
        names=[names("smoke")],
        region=region,
        account_id=account_id,
        queue_actions=["sqs:CreateQueue", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteQueue"],
    )
    reading = ["secretsmanager:GetSecretValue"]
    document = policy_document(
        scope,
        "smoke_policy",
        [
            *([Statement(sid="ReadSigningSecrets", actions=reading, resources=secret_arns)] if secret_arns else []),
            Statement(
                sid="ReadArchivedPayloads", actions=["s3:GetObject"], resources=[f"{storage.bucket.arn}/{RAW_PREFIX}*"]
            ),
            *own,
            Statement(
                sid="ListAlarmsAndLogGroupsWhichHaveNoArn",
                actions=["cloudwatch:DescribeAlarms", "logs:DescribeLogGroups"],
                resources=["*"],
            ),
        ],
    )
    document.source_policy_documents = [operators.json]
    return document
