"""Every action that a function is granted is one that it calls."""

from tests.e2e.permissions import exercise, used_and_unused


def test_every_granted_action_is_called(stack, report):
    # Given everything that the functions are for, a body too large for a message included
    exercise(stack, paddings=[300_000])

    used, unused = used_and_unused(stack)

    report(f"permissions: {len(used)} granted actions, each seen called: {', '.join(used)}")
    assert unused == []
