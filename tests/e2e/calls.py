"""What functions are granted, and what they called, from the local AWS's record of all calls."""

import hashlib
import json

from tools.local.aws import ACCOUNT_ID, REGION, LocalAws

# Called on the function's behalf by Lambda itself, with the function's role: by its log and trace writers, and by the
# poller of its queue. MiniStack does these inside, without a call that could be recorded.
CALLED_BY_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}
# MiniStack does not move messages. `lambdas.shared.redrive` is tested with a stand-in for these two calls.
NOT_IN_MINISTACK = {"sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks"}
RECORDED_AS = {
    # Actions that IAM names otherwise than the call that needs them.
    "dynamodb:PartiQLInsert": "BatchExecuteStatement",
    "dynamodb:PartiQLUpdate": "BatchExecuteStatement",
    "dynamodb:PartiQLSelect": "ExecuteStatement",
    "s3:DeleteObjectVersion": "DeleteObject",
    "s3:ListBucketVersions": "ListObjects",
    "s3:ListBucket": "ListObjects",
}
# IAM knows no action of a transaction: each of its parts needs its own.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
IN_TRANSACTIONS = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}


def callable_here(aws: LocalAws, name: str) -> set[str]:
    """Return the granted actions of a function that it calls itself, and that there are on the local AWS."""
    return granted(aws, name) - CALLED_BY_LAMBDA - NOT_IN_MINISTACK


def granted(aws: LocalAws, name: str) -> set[str]:
    """Return the actions in the policy of a function and its role, which have one name, as IAM has them."""
    document = aws.client("iam").get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    statements = document["Statement"] if isinstance(document, dict) else json.loads(document)["Statement"]
    actions: set[str] = set()
    for statement in statements:
        action = statement["Action"]
        actions |= {action} if isinstance(action, str) else set(action)
    return actions


def was_called(aws: LocalAws, name: str, action: str) -> bool:
    """Tell whether a function called an action, or a transaction in which it may stand.

    MiniStack gives each function one access key, made of the ARNs of the function and its role.
    """
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}:arn:aws:iam::{ACCOUNT_ID}:role/{name}"
    key = "ASIA" + hashlib.sha256(arn.encode()).hexdigest()[:16].upper()
    event = RECORDED_AS.get(action, action.partition(":")[2])
    events = [event]
    if event in IN_TRANSACTIONS:
        events.append("TransactWriteItems")
    elif event == "SendMessage":
        events.append("SendMessageBatch")
    return any(_recorded(aws, key, each) for each in events)


def _recorded(aws: LocalAws, key: str, event: str) -> bool:
    attributes = {"AccessKeyId": key, "EventName": event}
    found = aws.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": name, "AttributeValue": value} for name, value in attributes.items()]
    )
    return bool(found["Events"])
