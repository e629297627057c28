"""Who may finish an event: the rules under which a record is new, taken over, left alone, or busy."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.records import State


class Decision(Enum):
    """What a message does with a record that exists."""

    DUPLICATE = auto()
    """Nothing: the event is done, or another message that is still in the queue will finish it."""
    TAKE_OVER = auto()
    """Claim the record and go on from there."""
    BUSY = auto()
    """Come back later: somebody is publishing the event right now."""


def decide(record: Mapping[str, Any], envelope: Envelope, owner: str, now_ms: int) -> Decision:
    """Decide what to do with a message whose event has a record.

    Parameters
    ----------
    record : Mapping[str, Any]
        The record as it was found.
    owner : str
        SQS id of the message at hand.
    now_ms : int
        Milliseconds since the epoch.
    """
    state = State(record["state"])
    if state is State.DEAD_LETTERED:
        return Decision.TAKE_OVER
    if state is State.ROUTED:
        asked_again = envelope.replay is not None and record.get("replayId") != envelope.replay.replay_id
        return Decision.TAKE_OVER if asked_again else Decision.DUPLICATE
    if now_ms > record["leaseUntil"]:
        return Decision.TAKE_OVER
    if record["owner"] == owner or envelope.replay is not None:
        return Decision.BUSY
    return Decision.DUPLICATE
