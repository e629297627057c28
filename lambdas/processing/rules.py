"""Which message may finish an event that has a record already, which events are not routed, and which are late."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.providers.fields import LIVE
from lambdas.inbound.record_items import State, carried_out
from lambdas.shared import times

# Most webhooks come within seconds of what they are about. What comes later may have been passed by another one.
LATE_SECONDS = 10.0


class Decision(Enum):
    """What a message does with an existing record."""

    DUPLICATE = auto()
    """Nothing: the event is done, or another message in the queue will finish it."""
    TAKE_OVER = auto()
    """Claim the record and continue from its state."""
    BUSY = auto()
    """Retry later: another invocation is publishing the event."""


def decide(record: Mapping[str, Any], envelope: Envelope, owner: str, now_ms: int) -> Decision:
    """Decide what a message does with the record of its event.

    Parameters
    ----------
    record : Mapping[str, Any]
        The record as it was read.
    owner : str
        SQS id of the message.
    now_ms : int
        Milliseconds since the epoch.
    """
    state = State(record["state"])
    if state is State.CONFLICTING or (envelope.replay is not None and envelope.replay.replay_id in carried_out(record)):
        return Decision.DUPLICATE
    if state is State.DEAD_LETTERED:
        return Decision.TAKE_OVER
    if state in {State.ROUTED, State.HELD}:
        return Decision.TAKE_OVER if envelope.replay is not None else Decision.DUPLICATE
    if now_ms > record["leaseUntil"]:
        return Decision.TAKE_OVER
    if record["owner"] == owner or envelope.replay is not None:
        return Decision.BUSY
    return Decision.DUPLICATE


def is_late(envelope: Envelope, receive_count: int) -> bool:
    """Return whether a later event may have been routed before this one: it was late, failed before, or is replayed.

    Parameters
    ----------
    receive_count : int
        How often SQS delivered the message, this time included.
    """
    if (occurred := times.parse(envelope.event.occurred_at or "")) is None:
        return False
    received = times.parse(envelope.received_at) or occurred
    return received - occurred > LATE_SECONDS or receive_count > 1 or envelope.replay is not None


def is_held(envelope: Envelope, modes: Mapping[str, str]) -> bool:
    """Return whether an event is recorded and archived only.

    What is not known to be live money is none: an event that says no mode, or says it in what its provider does not
    sign, is held too.

    Parameters
    ----------
    modes : Mapping[str, str]
        Deployed name to `LIVE`, for providers of which only live events are routed.
    """
    event = envelope.event
    if envelope.any_mode or modes.get(event.provider) != LIVE:
        return False
    return event.mode != LIVE or "mode" in (event.unsigned or "").split(",")
