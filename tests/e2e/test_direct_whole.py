"""``api.ingest`` ``direct`` under load, without its ingest queue, and at its end: each on its own copy of the stack."""

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from modules.constructs.naming import Names
from tests import emulator
from tests.copies import a_copy
from tests.e2e.faults import came_back, no_queue_grant
from tests.e2e.left import left_behind
from tests.e2e.load import withstand
from tests.e2e.observe import waiting
from tests.e2e.proven import make
from tests.e2e.test_direct import ENVIRONMENT, shorten_retries
from tools.local.downstream import Downstream
from tools.local.stack import BOTH_QUEUES


@pytest.fixture
def stack(bundles):
    del bundles
    with a_copy(ENVIRONMENT) as stack:
        yield stack


def test_no_event_is_lost_and_none_recorded_twice(stack, report):
    shorten_retries(stack)
    subscriber = Downstream.subscribe(stack)
    cut_short, back = batches_cut_short(stack), came_back(stack)

    # When ingestion cannot send on for a while besides
    statuses = withstand(stack, subscriber, report, queues=("inbox_url", *BOTH_QUEUES), outage=no_queue_grant(stack))

    # Then no sender heard of anything, since what failed stands behind the answer
    assert set(statuses) <= {each.response.status for each in REGISTRY.values()}
    # and what ingestion held or could not send on came back. On a busy machine a batch takes longer than the shortened
    # visibility timeout, so that the ingest queue may give up what is on record by then
    cut_short, back = batches_cut_short(stack) - cut_short, came_back(stack) - back
    report(
        f"load on {stack.environment}: ingestion was killed in the middle of {cut_short} batches, "
        f"and {back} times a webhook came back that it could not send on; "
        f"{waiting(stack, 'inbox_dead_letter_queue_url')} were given up although they are on record"
    )
    assert cut_short > 0
    assert back > 0


def batches_cut_short(stack):
    """Return how many batches of the ingest queue ingestion was killed over, by the local AWS's log."""
    begun = f"{Names(stack.environment)('ingestion')} failed processing SQS batch"
    return sum(begun in line and "Worker process died" in line for line in stack.aws.log().splitlines())


def test_a_second_plan_has_nothing_to_do(stack, report):
    explained, unexplained = emulator.split(stack.workspace.plan())

    assert unexplained == {}
    report(f"direct: second plan: {len(explained)} alarms differ because MiniStack's XML leaves attributes out")


@pytest.mark.destroys_the_stack
def test_without_the_ingest_queue_a_sender_is_asked_to_come_again_and_destroy_leaves_nothing(stack, number):
    stack.aws.client("sqs").delete_queue(QueueUrl=stack.outputs["inbox_url"])

    answer = stack.post(make(stack, "stripe", number))

    assert (answer.status_code, answer.json()["error"]) == (503, "not_durable")
    assert answer.headers["Retry-After"] == "5"

    # And what is left of a deployment is taken down all the same.
    stack.workspace.destroy()

    assert left_behind(stack.aws) == {}
