"""The order of a batch: messages of one group are processed one after the other; a failed one blocks those behind it.

When a message of a FIFO queue fails, SQS delivers it again after the visibility timeout, with all messages behind it in
its group. Until then, SQS delivers no message of the group. Other groups go on.

The messages behind a failing one are received as often as that one. They would move to the dead letter queue with it,
unprocessed. So a failure at the last receive blocks nothing: SQS does not deliver that message again, and the messages
behind it are processed at once. None of them was received more often than it, because SQS delivers a group from its
first message on. But their receives while they waited count, so this attempt may be their only one.
Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from lambdas.processing.work import BatchResult, Message
from lambdas.shared.errors import TellableError


class BlockedError(TellableError):
    """An earlier message of the group failed; SQS delivers this message again after it."""


def run_in_order(
    messages: Sequence[Message], run: Callable[[Sequence[Message]], BatchResult], max_receive_count: int
) -> BatchResult:
    """Run a batch in rounds, each with the next message of every group that is not blocked.

    Messages without a group have no order, and are all in the first round.

    Parameters
    ----------
    messages : Sequence[Message]
        In the order in which SQS delivered them.
    run : Callable
        Processes messages, no two of the same group.
    max_receive_count : int
        Receives after which SQS moves a message to the dead letter queue.
    """
    outcome = BatchResult()
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
