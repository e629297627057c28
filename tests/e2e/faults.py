"""Faults that a test puts into a deployed stack, and takes away again."""

import json
from contextlib import contextmanager

from lambdas.inbound.archive import BATCH_PREFIX
from modules.constructs.naming import Names
from tests.e2e.observe import log_lines, waiting
from tools.local.calls import wait_for

MISSED = 30


@contextmanager
def no_archive_grant(stack, event_ids, provider="stripe"):
    """Take the grant on some events' archive keys from processing, and give it back."""
    iam, role = stack.aws.client("iam"), Names(stack.environment)("processing")
    bucket = stack.outputs["bucket_name"]
    resources = [f"arn:aws:s3:::{bucket}/raw/{provider}/{event_id}/*" for event_id in event_ids]
    # Together with others a payload would be archived still.
    resources.append(f"arn:aws:s3:::{bucket}/{BATCH_PREFIX}*")
    statement = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="outage")


@contextmanager
def no_queue_grant(stack):
    """Take the grant to send from ingestion behind an ingest queue, and give it back once that was missed.

    It is missed often enough for a webhook to be lost, were one forgotten that could not be sent on: a duplicate would
    make up for one or two.
    """
    iam, role = stack.aws.client("iam"), Names(stack.environment)("ingestion")
    before = came_back(stack)
    statement = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=policy)
    try:
        yield
        wait_for("ingestion to miss its grant", lambda: True if came_back(stack) >= before + MISSED else None, 240)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="outage")


def came_back(stack):
    """Return how often a webhook came back to the ingest queue because it could not be sent on."""
    return sum('"not_durable"' in line for line in log_lines(stack, "ingestion"))


def send_at_once(stack, sent):
    """Put accepted webhooks into the main queue as one batch, so that processing receives them together.

    Ingestion sends one message at a time, and the poller would take each at once; so the mapping rests meanwhile.
    """
    client = stack.aws.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName=Names(stack.environment)("processing"))[
        "EventSourceMappings"
    ]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        answers = [stack.post(item) for item in sent]
        wait_for("the batch to gather", lambda: True if waiting(stack, "queue_url") >= len(sent) else None, 120)
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    return answers
