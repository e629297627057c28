"""The order of a batch: messages of one group one after the other, and none past one that failed before it.

A message of a FIFO queue that is not deleted comes back, with all that follow it in its group, when its visibility
timeout ends; until then SQS gives out no message of the group. So a failure parks its group and no other.

What waits behind a poisoned message is received as often as that message, and would go to the dead letter queue with
it, unprocessed. Therefore a failure at the last receive blocks nothing: SQS gives that message to nobody again, and
those behind it go on at once. None of them was received more often than it, since SQS gives out a group from its first
message on; but receives that went by while they waited count, so that this one may be all that they have left.
Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from lambdas.processing.work import Message, Outcome
from lambdas.shared.errors import TellableError


class BlockedError(TellableError):
    """An earlier message of the group failed; the message comes back after it."""


def run_in_order(
    messages: Sequence[Message], run: Callable[[Sequence[Message]], Outcome], max_receive_count: int
) -> Outcome:
    """Run a batch in rounds, each with the next message of every group that is not blocked.

    Messages without a group keep no order, and are all of the first round.

    Parameters
    ----------
    messages : Sequence[Message]
        In the order in which SQS gave them.
    run : Callable
        Processes messages of which no two are of one group.
    max_receive_count : int
        Receives after which SQS dead-letters a message.
    """
    outcome = Outcome()
    blocked: set[str] = set()
    for messages_of_round in _rounds(messages):
        ready = [message for message in messages_of_round if message.group not in blocked]
        for message in messages_of_round:
            if message.group in blocked:
                outcome.failures[message.message_id] = BlockedError("an earlier message of the group failed")
        if not ready:
            continue
        ran = run(ready)
        outcome.add(ran)
        blocked |= {
            message.group
            for message in ready
            if message.group and message.message_id in ran.failures and message.receive_count < max_receive_count
        }
    return outcome


def _rounds(messages: Sequence[Message]) -> list[list[Message]]:
    rounds: list[list[Message]] = []
    places: defaultdict[str, int] = defaultdict(int)
    for message in messages:
        place = 0
        if message.group:
            place = places[message.group]
            places[message.group] += 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(message)
    return rounds
