"""Replays: bulk sending as a job with a record of its own, which the sweeper works through a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lambdas.delivery.domain.model import Delivery, DeliveryState

PAGE = 50
"""Entries that one page examines: a read, at most a conditional write, and a share of some batches for each."""
EXAMINED_PER_SECOND = 100
"""Entries that a replay examines in a second at most, also where it has nothing to send."""
DEFAULT_RATE, MAX_RATE = 10, 50
"""Deliveries that a replay sends in a second at most. A sweep has time for some thousands, of all replays."""
MAX_RUNNING = 5
"""Replays of a tenant that run at once."""
MAX_COUNTED = 2_000
"""Entries that a dry run examines."""
MAX_COUNTED_BYTES = 20_000_000
"""Bytes of payloads that a dry run reads for filters."""
KEPT_DAYS = 30
"""How long the record of a replay is kept after its end."""
INDEX_LAG_SECONDS = 60
"""How far a replay stays behind the present: the index of events may be behind the table, and clocks differ."""


class ReplayState(StrEnum):
    """Where a replay stands."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    """By a caller; or, with a reason, because its endpoint is disabled or deleted."""


class Subject(StrEnum):
    """What a replay sends."""

    MISSED = "MISSED"
    """An event that its endpoint never had and wants now, as it came while the endpoint was disabled, or before it."""
    DLQ = "DLQ"
    """A delivery that was given up."""
    DELIVERED = "DELIVERED"
    """A delivery that arrived."""
    STRANDED = "STRANDED"
    """A delivery that waits and is in no index of what is due. Release 0.1.0 left some."""


STATES: Mapping[Subject, Sequence[DeliveryState]] = {
    Subject.MISSED: (),
    Subject.DLQ: (DeliveryState.DLQ,),
    Subject.DELIVERED: (DeliveryState.DELIVERED,),
    Subject.STRANDED: (DeliveryState.PENDING, DeliveryState.FAILED),
}
"""The states of the deliveries that each is."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A replay.

    Attributes
    ----------
    tenant_id, replay_id : str
        Its tenant, and its id.
    endpoint_id : str | None
        Where to; None for every endpoint that has such deliveries.
    start, end : str
        Times, ISO 8601, UTC, of which the end is not part: when events were accepted; without an endpoint, when
        deliveries came to their state.
    event_types : Sequence[str]
        Patterns, one of which the event's type must match.
    include : Sequence[str]
        Each a `Subject`.
    rate : int
        Deliveries per second at most.
    state : ReplayState
        Where it stands.
    reason : str | None
        Why it ended before it was done, when no caller ended it.
    position : str | None
        Up to where it has examined: a sort key of the index by state.
    pages : int
        Pages it has done. A page is recorded only by the one who saw the page before it.
    examined : int
        Entries of the index that it has looked at.
    sent : int
        Deliveries that it created or sent again.
    refused : Mapping[str, int]
        Why others could not be sent, and how many.
    due_at : str | None
        When its next page is due, ISO 8601, UTC; None once it has ended.
    created_at, updated_at : str
        ISO 8601, UTC.
    expires_at : int | None
        Seconds since the epoch after which its record is gone; None until it has ended.
    """

    tenant_id: str
    replay_id: str
    endpoint_id: str | None = None
    start: str
    end: str
    event_types: Sequence[str] = ("*",)
    include: Sequence[str] = (Subject.MISSED,)
    rate: int = DEFAULT_RATE
    state: ReplayState = ReplayState.RUNNING
    reason: str | None = None
    position: str | None = None
    pages: int = 0
    examined: int = 0
    sent: int = 0
    refused: Mapping[str, int]
    due_at: str | None = None
    created_at: str
    updated_at: str
    expires_at: int | None = None


def subject_of(delivery: Delivery | None) -> Subject | None:
    """Return what a replay takes a delivery for, None being one that there is not; None for one that is on its way."""
    if delivery is None:
        return Subject.MISSED
    if delivery.state is DeliveryState.DLQ:
        return Subject.DLQ
    if delivery.state is DeliveryState.DELIVERED:
        return Subject.DELIVERED
    return Subject.STRANDED if delivery.due_at is None else None
