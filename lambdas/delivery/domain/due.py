"""When the table has a look at what is not done, whoever else knows of it.

What has work left is in the due index: a delivery until its end, an event until its deliveries have ended, an endpoint
while deliveries are held up for it, a replay while it runs. The sweeper walks the index every minute. A message in the
queue is a hint that is there sooner; the index then has the time by which the message must have done its work, and
finds it lost after that.

* A wait of up to `HORIZON_SECONDS` goes by a message with that delay.
* A longer one goes by the index alone, until the sweeper sends the message shortly before.
* A delivery that is held up for its endpoint is in a partition of the endpoint, see `lambdas.delivery.domain.holds`.

Every message that an invocation sends begins a longer chain. AWS Lambda stops a chain after about 16 invocations, so
that one of `MAX_HOPS` sends none, and what follows is left to the index.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from dataclasses import replace

from lambdas.delivery.domain.lifecycle import due_ms
from lambdas.delivery.domain.model import Delivery, Event
from lambdas.shared import times

LONGEST_LOOK_SECONDS = 86_400
GRACE_SECONDS = 600
"""By when a message must have done its work: three visibility timeouts, and a backlog that is no fault."""
CHECK_SECONDS = 3_600
"""When to look whether all deliveries of an event have ended; then whenever it is twice as old."""
HORIZON_SECONDS = 150
"""How far ahead a sweep looks: until the next one but one, in case the next one is late or fails.

EventBridge runs a rule some time within its minute. What waits for longer than this is seen by two sweeps all the same.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
"""
MAX_HOPS = 4
"""Invocations in a chain, from the API's message, or the sweeper's, on."""
MAX_LINEAGE = 12
"""The same, counted by the message of each batch that is the farthest in its chain: AWS does not say how it counts."""


def scheduled(delivery: Delivery, now: float, hops: int) -> tuple[Delivery, float | None]:
    """Return a delivery with its place in the index, and the seconds after which its message comes.

    Parameters
    ----------
    hops : int
        Invocations in the chain so far, this one included; 0 outside of one.

    Returns
    -------
    tuple[Delivery, float | None]
        None when there is no message: the wait is long, the chain is, or the delivery has ended.
    """
    if delivery.state.final:
        return replace(delivery, due_at=None, held=False), None
    due = due_ms(delivery) / 1_000
    wait = max(due - now, 0.0)
    if wait <= HORIZON_SECONDS and hops < MAX_HOPS:
        return replace(delivery, due_at=next_look(due, now), held=False), wait
    return replace(delivery, due_at=times.iso(due), held=False), None


def to_fan_out(event: Event, now: float, hops: int) -> Event:
    """Return an event that is to be fanned out, with its place in the index.

    Parameters
    ----------
    hops : int
        As of `scheduled`.
    """
    at = times.iso(now)
    return replace(event, next_attempt_at=at, due_at=next_look(now, now) if hops < MAX_HOPS else at)


def next_look(due: float, now: float) -> str:
    """Return when the index finds something, ISO 8601, UTC, whose message has just been sent.

    The longer it is overdue, the longer that takes: in a backlog, one that was found twice is found half as often.

    Parameters
    ----------
    due : float
        Seconds since the epoch at which it is, or was, due.
    """
    return times.iso(max(due, now) + min(max(GRACE_SECONDS, now - due), LONGEST_LOOK_SECONDS))
