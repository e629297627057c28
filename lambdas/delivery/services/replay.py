"""Sends a tenant's deliveries again by a filter, a page at a time, the oldest change first.

A delivery that is sent again and comes back to the same state has a later time of change. So the end of the time range
keeps a replay from meeting what it replayed. A replay that names no end gets the time of its first call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambdas.delivery.domain.errors import DeliveryError
from lambdas.delivery.domain.model import Delivery, DeliveryState
from lambdas.delivery.store.listing import Listing, Range

MAX_REPLAYED = 100
"""Deliveries that one call sends again, at some five calls to DynamoDB and SQS each."""
MAX_COUNTED = 2_000
"""Deliveries that one dry run counts."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which deliveries.

    Attributes
    ----------
    tenant_id : str
        The tenant.
    state : DeliveryState
        Where they stand.
    start : str | None
        Changed last at this time or later, ISO 8601.
    end : str
        Changed last before this time.
    endpoint_id : str | None
        Where to.
    after : str | None
        The position that the call before ended at.
    limit : int
        How many at most.
    """

    tenant_id: str
    state: DeliveryState
    start: str | None
    end: str
    endpoint_id: str | None
    after: str | None
    limit: int


@dataclass(frozen=True, kw_only=True)
class RefusedDelivery:
    """A delivery that was not sent again, and the code of the reason."""

    event_id: str
    endpoint_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """What a replay did, or would do.

    Attributes
    ----------
    matched : int
        Deliveries that the filter found, in this call.
    sent : int
        Of these, how many were sent again.
    refused : Sequence[RefusedDelivery]
        Of these, those that were not.
    position : str | None
        Where the next call goes on; None when there is no more.
    """

    matched: int
    sent: int
    refused: Sequence[RefusedDelivery]
    position: str | None


def replay(
    listing: Listing, resend: Callable[[str, str, str, float], Delivery], wanted: Filter, now: float, *, dry: bool
) -> ReplayResult:
    """Send what a filter finds again, or only count it."""
    part = Range(end=wanted.end, after=wanted.after, limit=wanted.limit, ascending=True)
    if wanted.start is not None:
        part = Range(start=wanted.start, end=wanted.end, after=wanted.after, limit=wanted.limit, ascending=True)
    page = listing.deliveries(wanted.tenant_id, [wanted.state], part, now, wanted.endpoint_id)
    refused = []
    if not dry:
        for one in page.entries:
            try:
                resend(one.tenant_id, one.event_id, one.endpoint_id, now)
            except DeliveryError as error:
                refused.append(RefusedDelivery(event_id=one.event_id, endpoint_id=one.endpoint_id, reason=error.code))
    found = len(page.entries)
    return ReplayResult(
        matched=found, sent=0 if dry else found - len(refused), refused=tuple(refused), position=page.position
    )
