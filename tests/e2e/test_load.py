"""The load on the function at the door."""

from tests.e2e.load import withstand
from tools.local.stack import BOTH_QUEUES


def test_no_event_is_lost_and_none_recorded_twice(stack, downstream, report):
    withstand(stack, downstream, report, queues=BOTH_QUEUES)
