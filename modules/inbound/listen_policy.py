"""What ``make listen`` may do, for whoever runs it."""

from lambdas.inbound.archive import RAW_PREFIX
from lambdas.inbound.record_items import BY_RECEIVED_INDEX
from modules.constructs.naming import Names
from modules.constructs.policy import Statement, policy_document
from modules.inbound.event_routing import EventRouting
from modules.inbound.own_queue import Sids, own_queue_statements
from modules.inbound.storage_layer import StorageLayer
from modules.synth.cdk import Construct, DataAwsIamPolicyDocument

# How many can listen to an environment at once.
LISTENERS = 5


def listener_names(names: Names) -> list[str]:
    """Return the names that a listener's queue and rule may have, so that a policy can list them."""
    return [names("listen", str(number)) for number in range(1, LISTENERS + 1)]


def listen_policy(
    scope: Construct, *, storage: StorageLayer, routing: EventRouting, names: Names, region: str, account_id: str
) -> DataAwsIamPolicyDocument:
    """Return the policy of ``make listen``.

    It reads records by their time of receipt: ``dynamodb:Query`` on that index, and ``dynamodb:BatchGetItem``. It reads
    archived payloads: ``s3:GetObject``. It makes and removes a queue and a rule on the bus under one of the names of
    listeners, also those that another one has left. Such a queue is the only target that such a rule may have.
    """
    own = own_queue_statements(
        scope,
        "listen_partition",
        Sids("UseQueuesOfListeners", "UseRulesOfListeners", "SendFromThoseRulesToThoseQueues"),
        routing=routing,
        names=listener_names(names),
        region=region,
        account_id=account_id,
        queue_actions=[
            "sqs:CreateQueue",
            "sqs:GetQueueUrl",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:DeleteQueue",
        ],
    )
    return policy_document(
        scope,
        "listen_policy",
        [
            Statement(
                sid="FindRecordsByTime",
                actions=["dynamodb:Query"],
                resources=[f"{storage.table.arn}/index/{BY_RECEIVED_INDEX}"],
            ),
            Statement(sid="ReadFoundRecords", actions=["dynamodb:BatchGetItem"], resources=[storage.table.arn]),
            Statement(
                sid="ReadArchivedPayloads", actions=["s3:GetObject"], resources=[f"{storage.bucket.arn}/{RAW_PREFIX}*"]
            ),
            *own,
        ],
    )
