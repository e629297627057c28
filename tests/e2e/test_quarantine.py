"""A provider with a wrong secret, at both doors of a deployed stack: after it is corrected, every event, none twice."""

import json
import time
import uuid
from functools import cache, partial

import pytest
from botocore.exceptions import ClientError

from lambdas.inbound.archive import BATCH_PREFIX
from lambdas.inbound.batch_object import read_index
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.quarantine import QUARANTINE_PREFIX
from modules.settings.environments import load_settings
from tests.copies import a_copy
from tests.e2e.observe import await_routed, by_transaction, objects, records
from tests.e2e.strangers import all_log_lines
from tools.commands import requalify
from tools.commands.target_stack import Target
from tools.local.calls import create_operator, wait_for
from tools.local.downstream import Downstream
from tools.local.stack import BOTH_QUEUES, ENVIRONMENTS
from tools.senders import new_secret, webhook

EVENTS, AGAIN, FORGED = 20, 5, 4
SETTLE_SECONDS = 240
# The answers of both doors while the secret is wrong.
DOORS = {"local": 401, "local-direct": 202}


@pytest.fixture(params=DOORS)
def stack(request, bundles):
    del bundles
    with a_copy(request.param) as stack:
        # What cannot be kept at once comes back to the ingest queue.
        ingest_queue = ("inbox_url",) if "inbox_url" in stack.outputs else ()
        stack.shorten_retries(12, (*ingest_queue, *BOTH_QUEUES))
        yield stack


def target_of(stack, policy):
    """Return the stack as somebody with this policy and nothing else has it."""
    user = create_operator(stack.aws, f"requalifier-{uuid.uuid4()}", policy)
    return Target(
        settings=load_settings(ENVIRONMENTS, stack.environment),
        base_url=stack.base_url,
        outputs=stack.outputs,
        client=cache(partial(stack.aws.client, key=user.key, secret=user.secret)),
        verify=str(stack.aws.certificate_authority),
        signing_secrets={},
        is_local=True,
    )


def store_secret(stack, value):
    stack.aws.client("secretsmanager").put_secret_value(
        SecretId=stack.outputs["secret_arns"]["stripe"], SecretString=value
    )


def await_quarantined(stack, count):
    def look():
        found = objects(stack, QUARANTINE_PREFIX)
        return found if len(found) >= count else None

    return wait_for(f"{count} webhooks in quarantine", look, SETTLE_SECONDS)


def evidence_of_all(stack):
    """Return the evidence of every archived payload."""
    found = []
    s3, bucket = stack.aws.client("s3"), stack.outputs["bucket_name"]
    for key, content in objects(stack, "raw/").items():
        if key.startswith(BATCH_PREFIX):
            found += [entry.evidence for entry in read_index(content)]
        else:
            found.append(Evidence.from_metadata(s3.head_object(Bucket=bucket, Key=key)["Metadata"]))
    return found


def test_a_wrong_secret_loses_no_event_and_doubles_none(stack, report):
    downstream = Downstream.subscribe(stack, ["stripe"])
    # Given a secret that is not the one with which Stripe signs
    store_secret(stack, new_secret("stripe"))
    now = int(time.time())
    sent = [webhook("stripe", 100 + number, stack.secrets["stripe"], now) for number in range(EVENTS)]
    forged = [webhook("stripe", 900 + number, new_secret("stripe"), now) for number in range(FORGED)]
    answers = [stack.post(each).status_code for each in (*sent, *sent[:AGAIN], *forged)]
    assert answers == [DOORS[stack.environment]] * (EVENTS + AGAIN + FORGED)
    kept = await_quarantined(stack, EVENTS + AGAIN + FORGED)
    assert records(stack) == []

    # When somebody who may do that and nothing else tries it before the correction, nothing happens
    operator = target_of(stack, stack.outputs["requalify_policy_json"])
    assert requalify.requalify(operator, "stripe", dry_run=True) == {("unproven", "signature_mismatch"): len(kept)}
    store_secret(stack, stack.secrets["stripe"])
    found = requalify.requalify(operator, "stripe", dry_run=False)

    # Then every event is routed once, however often it was sent, and the forgeries stay where they are
    assert found == {("accepted", ""): EVENTS + AGAIN, ("unproven", "signature_mismatch"): FORGED}
    routed = by_transaction(await_routed(downstream, [each.transaction_id for each in sent]))
    assert routed == {each.transaction_id: 1 for each in sent}
    assert {record["state"]["S"] for record in records(stack)} == {"ROUTED"}
    assert len(objects(stack, QUARANTINE_PREFIX)) == FORGED
    # and what is archived says when it was received, and when it was verified
    evidence = evidence_of_all(stack)
    assert evidence
    assert all(abs(each.received_at - now) < SETTLE_SECONDS < 10**9 < each.requalified_at for each in evidence)

    # and a second run, or the provider's own second attempt, changes nothing
    assert requalify.requalify(operator, "stripe", dry_run=False) == {("unproven", "signature_mismatch"): FORGED}
    last = webhook("stripe", 500, stack.secrets["stripe"], now)
    assert [stack.post(each).status_code for each in (sent[0], last)] == [202, 202]
    assert by_transaction(await_routed(downstream, [last.transaction_id])) == {last.transaction_id: 1}
    report(f"quarantine, {stack.environment}: {len(kept)} kept, {EVENTS} events routed once, {FORGED} forgeries left")

    # and no log has a payload or a secret
    lines = all_log_lines(stack)
    assert not [line for line in lines if stack.secrets["stripe"] in line or json.dumps(sent[0].body.decode()) in line]


def test_nobody_else_reads_what_is_quarantined(stack):
    store_secret(stack, new_secret("stripe"))
    stack.post(webhook("stripe", 100, stack.secrets["stripe"], int(time.time())))
    (key,) = await_quarantined(stack, 1)
    bucket = stack.outputs["bucket_name"]
    for policy in ("operator_policy_json", "smoke_policy_json"):
        s3 = target_of(stack, stack.outputs[policy]).client("s3")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=bucket, Key=key)

    # and who requalifies reads no archive and no secret
    operator = target_of(stack, stack.outputs["requalify_policy_json"])
    with pytest.raises(ClientError, match="AccessDenied"):
        operator.client("s3").list_objects_v2(Bucket=bucket, Prefix="raw/")
    with pytest.raises(ClientError, match="AccessDenied"):
        operator.client("secretsmanager").get_secret_value(SecretId=stack.outputs["secret_arns"]["stripe"])
