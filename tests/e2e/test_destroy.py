"""``terraform destroy`` leaves nothing behind."""

import pytest

from tests.e2e.left import left_behind
from tools.downstream import QUEUE_NAME


@pytest.mark.destroys_the_stack
def test_destroy_leaves_an_empty_account(stack, downstream):
    # Given what the tests made themselves taken away
    downstream.unsubscribe()

    # When
    stack.workspace.destroy()

    # Then
    assert left_behind(stack.aws) == {}
    assert QUEUE_NAME not in str(stack.aws.client("sqs").list_queues().get("QueueUrls", []))
