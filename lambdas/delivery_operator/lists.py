"""Lists across tenants: their endpoints, events and deliveries.

No index has the items of all tenants, so that a tenant's events and deliveries cost no write for the sake of lists. A
list goes from tenant to tenant, in the order of their ids, and asks each for its own. A page ends when it is full, or
when it has cost enough; it then has a next one, and may be empty.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from lambdas.delivery.domain.model import DeliveryState, Endpoint, EndpointState, Event
from lambdas.delivery.domain.retention import gone
from lambdas.delivery.domain.subscriptions import MAX_EVENT_TYPE_CHARS
from lambdas.delivery.http.attempts import read_range
from lambdas.delivery.http.events import EventResponse
from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.rest import Call, Rest
from lambdas.delivery.http.schemas import (
    CursorText,
    DeliveryResponse,
    EndpointId,
    EventId,
    Limit,
    RequestModel,
    ResponseModel,
    State,
    TenantId,
    Time,
)
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.items import STATE_SHARDS
from lambdas.delivery.store.listing import Budget, Listing, ListPage
from lambdas.delivery_operator.calls import Place, read_cursor, write_cursor
from lambdas.delivery_operator.endpoints import EndpointServices, OperatorEndpointResponse, plain

Entry = TypeVar("Entry")

MAX_QUERIES = 400
MAX_EXAMINED = 2_000
"""Entries that a page reads, of all tenants together. Those that are asked for at that moment come on top."""
# As many as a boto3 client has connections.
_SIDE_BY_SIDE = 10
_NEXT = Field(description="Cursor of the next page; null on the last. A page may be short of its limit, or empty.")
_ONE_TENANT = Field(default=None, description="Null for all tenants, in the order of their ids.")


class _ListQuery(RequestModel):
    tenant_id: TenantId | None = _ONE_TENANT
    limit: Limit
    cursor: CursorText | None = None


class _TimeQuery(_ListQuery):
    type: Annotated[str, Field(min_length=1, max_length=MAX_EVENT_TYPE_CHARS)] | None = Field(
        default=None, description="Type of the event."
    )
    from_: Time | None = Field(default=None, alias="from", description="At this time or later.")
    to: Time | None = Field(default=None, description="Before this time.")


class OperatorEventsQuery(_TimeQuery):
    """Which events are listed."""

    event_id: EventId | None = Field(default=None, description="It is looked up; the range of time has no effect.")


class OperatorDeliveriesQuery(_TimeQuery):
    """Which deliveries are listed."""

    state: State | None = None
    endpoint_id: EndpointId | None = None


class OperatorEndpointsQuery(_ListQuery):
    """Which endpoints are listed."""

    state: Literal["ACTIVE", "PAUSED", "DISABLED"] | None = None


class OperatorEventResponse(EventResponse):
    """An event of a tenant."""

    tenant_id: str


class OperatorDeliveryResponse(DeliveryResponse):
    """One event of a tenant on its way to one endpoint."""

    tenant_id: str


class TenantEndpointResponse(OperatorEndpointResponse):
    """An endpoint of a tenant, without secrets, headers, and the query of its URL."""

    tenant_id: str


class ListOperatorEventsResponse(ResponseModel):
    """A page of events: tenant by tenant, the newest first."""

    events: list[OperatorEventResponse]
    next: str | None = _NEXT


class ListOperatorDeliveriesResponse(ResponseModel):
    """A page of deliveries: tenant by tenant, the latest change of state first."""

    deliveries: list[OperatorDeliveryResponse]
    next: str | None = _NEXT


class ListTenantEndpointsResponse(ResponseModel):
    """A page of endpoints, by tenant and id."""

    endpoints: list[TenantEndpointResponse]
    next: str | None = _NEXT


@dataclass(frozen=True, kw_only=True)
class _Page(Generic[Entry]):
    entries: Sequence[Entry]
    cursor: str | None


@dataclass(frozen=True, kw_only=True)
class ListOperations:
    """The operations.

    Attributes
    ----------
    identities, endpoints, events, listing
        The stores.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    identities: Identities
    endpoints: EndpointServices
    events: Events
    listing: Listing
    clock: Callable[[], float]

    def add_to(self, rest: Rest) -> None:
        """Have an API serve them."""
        declared: list[tuple[str, Callable[[Call], Any], str, Any, Any]] = [
            ("endpoints", self.list_endpoints, "by id", OperatorEndpointsQuery, ListTenantEndpointsResponse),
            ("events", self.list_events, "the newest first", OperatorEventsQuery, ListOperatorEventsResponse),
            (
                "deliveries",
                self.list_deliveries,
                "the latest change of state first",
                OperatorDeliveriesQuery,
                ListOperatorDeliveriesResponse,
            ),
        ]
        for name, operate, order, query, answer in declared:
            rest.add(
                "GET",
                f"/operator/{name}",
                operate=operate,
                summary=f"List {name} of all tenants, or of one",
                description=f"Tenant by tenant, {order}.",
                query=query,
                answer=answer,
                refusals=(404,),
            )

    def list_endpoints(self, call: Call) -> ListTenantEndpointsResponse:
        """List endpoints."""
        state = None if call.query.state is None else EndpointState(call.query.state)

        def fetch(tenant_id: str, after: str | None, limit: int, _: Budget) -> ListPage[Endpoint]:
            found = [
                one
                for one in self.endpoints.endpoints.all_of(tenant_id)
                if one.endpoint_id > (after or "") and state in (None, one.state)
            ]
            more = len(found) > limit
            return ListPage(entries=found[:limit], position=found[limit - 1].endpoint_id if more else None)

        page = self._page(call.query, fetch, 1)
        shown = [TenantEndpointResponse(tenant_id=one.tenant_id, **plain(one)) for one in page.entries]
        return ListTenantEndpointsResponse(endpoints=shown, next=page.cursor)

    def list_events(self, call: Call) -> ListOperatorEventsResponse:
        """List events."""
        query, now = call.query, self.clock()
        read_range(query, None)

        def fetch(tenant_id: str, after: str | None, limit: int, budget: Budget) -> ListPage[Event]:
            if query.event_id is None:
                part = read_range(query, after, limit)
                return self.listing.events(tenant_id, part, now, query.type, budget=budget)
            event = self.events.read_event(tenant_id, query.event_id)
            found = event is not None and not gone(now, event.expires_at) and query.type in (None, event.event_type)
            return ListPage(entries=[event] if event is not None and found else [], position=None)

        page = self._page(query, fetch, STATE_SHARDS if query.event_id is None else 1)
        shown = [
            OperatorEventResponse(tenant_id=one.tenant_id, **EventResponse.of(one).model_dump()) for one in page.entries
        ]
        return ListOperatorEventsResponse(events=shown, next=page.cursor)

    def list_deliveries(self, call: Call) -> ListOperatorDeliveriesResponse:
        """List deliveries."""
        query, now = call.query, self.clock()
        read_range(query, None)
        states = [DeliveryState(query.state)] if query.state else list(DeliveryState)
        page = self._page(
            query,
            lambda tenant_id, after, limit, budget: self.listing.deliveries(
                tenant_id,
                states,
                read_range(query, after, limit),
                now,
                query.endpoint_id,
                event_type=query.type,
                budget=budget,
            ),
            STATE_SHARDS * len(states),
        )
        shown = [OperatorDeliveryResponse.model_validate(one) for one in page.entries]
        return ListOperatorDeliveriesResponse(deliveries=shown, next=page.cursor)

    def _page(
        self, query: Any, fetch: Callable[[str, str | None, int, Budget], ListPage[Entry]], queries: int
    ) -> _Page[Entry]:
        """Return a page.

        Parameters
        ----------
        fetch : Callable[[str, str | None, int, Budget], ListPage[Entry]]
            Reads a page of a tenant, behind a position, of so many entries at most, and within a budget.
        queries : int
            How many reads that takes, at least.

        Raises
        ------
        NotFoundError
            When there is no such tenant.
        """
        place = read_cursor(query.cursor) if query.cursor else Place()
        if query.tenant_id and place.tenant_id not in (None, query.tenant_id):
            raise bad_request("cursor", "is none that this list returned for this tenant")
        tenants, more = [query.tenant_id], False
        if query.tenant_id is not None:
            # One that is misspelt must not look like one that has none.
            self.identities.tenant(query.tenant_id)
        else:
            found, more = self.identities.tenants(place.tenant_id, MAX_QUERIES // queries)
            tenants = [*([place.tenant_id] if place.position else []), *(one.tenant_id for one in found)]
        entries: list[Entry] = []
        reached = place
        budget = Budget(queries=MAX_QUERIES, entries=MAX_EXAMINED)

        def begin(tenant_id: str, after: str | None) -> ListPage[Entry] | None:
            # The first tenant is always read, so that each page comes farther.
            may = tenant_id == tenants[0] or not budget.is_spent
            return fetch(tenant_id, after, query.limit, budget) if may else None

        with ThreadPoolExecutor(_SIDE_BY_SIDE) as executor:
            for first in range(0, len(tenants), _SIDE_BY_SIDE):
                some = tenants[first : first + _SIDE_BY_SIDE]
                after = [place.position if one == place.tenant_id else None for one in some]
                pages = list(executor.map(begin, some, after))
                for tenant_id, begun, page in zip(some, after, pages, strict=True):
                    left = query.limit - len(entries)
                    if left == 0 or page is None:
                        return _Page(entries=entries, cursor=write_cursor(reached))
                    # So that the position is behind what is shown.
                    part = fetch(tenant_id, begun, left, budget) if len(page.entries) > left else page
                    entries += part.entries
                    reached = Place(tenant_id=tenant_id, position=part.position)
                    if part.position:
                        return _Page(entries=entries, cursor=write_cursor(reached))
        return _Page(entries=entries, cursor=write_cursor(Place(tenant_id=tenants[-1])) if more else None)
