"""The load on a function integration."""

from tests.e2e.load import withstand
from tools.local.stack import BOTH_QUEUES


def test_no_event_is_lost_and_none_recorded_twice(stack, downstream, report):
    withstand(stack, downstream, report, queues=BOTH_QUEUES)
