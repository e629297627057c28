"""Operators see why tenants' endpoints are as they are, and pause, disable and activate them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field

from lambdas.delivery.domain.circuit_breaker import gate
from lambdas.delivery.domain.ids import ENDPOINT, id_pattern
from lambdas.delivery.domain.model import Endpoint, EndpointState, Health, StoppedBy
from lambdas.delivery.http.rest import Call, Rest
from lambdas.delivery.http.schemas import Limit, RequestModel, ResponseModel
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.requeue import Resume
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.health import HealthStore
from lambdas.delivery.store.listing import MAX_LIMIT
from lambdas.delivery_operator.audit import TrialQuery
from lambdas.delivery_operator.calls import log_call, tenant_of
from lambdas.shared import times
from lambdas.shared.audit import MAX_REASON_CHARS

MAX_COUNTED = 1_000
"""Waiting deliveries that are counted; there may be many more."""
_LATEST = "~"
"""Behind every time."""


@dataclass(frozen=True, kw_only=True)
class EndpointServices:
    """What these operations use.

    Attributes
    ----------
    admin, endpoints, due
        The stores.
    resume : Callable[[str, str], None]
        Has what waits for an endpoint of a tenant go on.
    """

    admin: EndpointAdmin
    endpoints: Endpoints
    due: DueStore
    resume: Callable[[str, str], None]

    @classmethod
    def build(cls, dynamodb: Any, table: str, due: DueStore, queue: DeliveryQueue, clock: Callable[[], float]) -> Self:
        """Return the services over a table of endpoints."""
        return cls(
            # Operators neither create endpoints nor change signatures.
            admin=EndpointAdmin(dynamodb, table, lambda _: False),
            endpoints=Endpoints(dynamodb, table),
            due=due,
            resume=Resume(health=HealthStore(dynamodb, table), due=due, queue=queue, clock=clock),
        )


class EndpointsQuery(RequestModel):
    """Which endpoints are listed."""

    after: Annotated[str, Field(pattern=id_pattern(ENDPOINT))] | None = Field(
        default=None, description="The last id of the page before."
    )
    limit: Limit


class StopEndpointRequest(RequestModel):
    """Why an endpoint is stopped."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARS)] = Field(description="Its tenant sees it.")


class OperatorEndpointResponse(ResponseModel):
    """An endpoint, without secrets, headers, and the query of its URL."""

    endpoint_id: str
    url: str = Field(description="Without its query.")
    event_types: list[str]
    state: Literal["ACTIVE", "PAUSED", "DISABLED"]
    state_reason: str | None
    state_since: str | None = Field(description="Null where it was not recorded yet.")
    stopped_by: StoppedBy | None = Field(description="Null while it is active.")
    rate_limit: int | None
    created_at: str
    updated_at: str


class ListOperatorEndpointsResponse(ResponseModel):
    """A page of a tenant's endpoints, by id."""

    endpoints: list[OperatorEndpointResponse] = Field(max_length=MAX_LIMIT)
    next: str | None = Field(description="For `after` of the next page; null on the last.")


class OperatorEndpointDetailResponse(OperatorEndpointResponse):
    """An endpoint, how it is doing, and what waits for it."""

    tenant_suspended_since: str | None
    breaker: Literal["closed", "open", "half-open"]
    open_until: str | None = Field(description="When the open breaker lets an attempt through.")
    consecutive_failures: int
    failing_since: str | None = Field(description="The first of these failures.")
    slow_until: str | None = Field(description="Until then the endpoint asked for no more.")
    waiting: int = Field(description=f"Deliveries that are held up; {MAX_COUNTED} where it is as many or more.")
    next_look_at: str | None = Field(description="When it is looked at whether they may go on.")


class EndpointOperations:
    """The operations.

    Parameters
    ----------
    services : EndpointServices
        What they use.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, services: EndpointServices, clock: Callable[[], float]) -> None:
        self._services = services
        self._clock = clock

    def add_to(self, rest: Rest) -> None:
        """Have an API serve them."""
        every = "/operator/tenants/{tenantId}/endpoints"
        one = f"{every}/{{endpointId}}"
        shown: dict[str, Any] = {"answer": OperatorEndpointDetailResponse}
        tried = {**shown, "query": TrialQuery}
        stopped = {**tried, "body": StopEndpointRequest, "refusals": (404, 409, 413, 415)}
        rest.add(
            "GET",
            every,
            operate=self.list,
            summary="List a tenant's endpoints",
            query=EndpointsQuery,
            answer=ListOperatorEndpointsResponse,
            refusals=(404,),
        )
        rest.add("GET", one, operate=self.show, summary="Show why an endpoint is as it is", refusals=(404,), **shown)
        rest.add(
            "POST",
            f"{one}/pause",
            operate=partial(self.stop, EndpointState.PAUSED),
            summary="Let an endpoint's deliveries wait",
            description="Its tenant sees the reason, and cannot activate it.",
            **stopped,
        )
        rest.add(
            "POST",
            f"{one}/disable",
            operate=partial(self.stop, EndpointState.DISABLED),
            summary="Disable an endpoint",
            description="What waits for it is given up. Its tenant sees the reason, and cannot activate it.",
            **stopped,
        )
        rest.add(
            "POST",
            f"{one}/activate",
            operate=self.activate,
            summary="Let an endpoint's deliveries go on",
            description="Whoever stopped it.",
            refusals=(404,),
            **tried,
        )

    def list(self, call: Call) -> ListOperatorEndpointsResponse:
        """List endpoints."""
        found = self._services.endpoints.all_of(tenant_of(call))
        left = [one for one in found if one.endpoint_id > (call.query.after or "")]
        page = left[: call.query.limit]
        return ListOperatorEndpointsResponse(
            endpoints=[OperatorEndpointResponse(**plain(endpoint)) for endpoint in page],
            next=page[-1].endpoint_id if len(left) > len(page) else None,
        )

    def show(self, call: Call) -> OperatorEndpointDetailResponse:
        """Show an endpoint."""
        tenant_id, now = tenant_of(call), self._clock()
        endpoint = self._services.admin.get(tenant_id, call.path["endpointId"])
        _, health = self._services.endpoints.read(tenant_id, endpoint.endpoint_id)
        hold = self._services.due.read_hold(tenant_id, endpoint.endpoint_id)
        return OperatorEndpointDetailResponse(
            **plain(endpoint),
            **_health(health, now),
            waiting=0 if hold is None else len(self._services.due.held(hold, _LATEST, MAX_COUNTED)),
            next_look_at=None if hold is None else hold.due_at,
        )

    def stop(self, state: EndpointState, call: Call) -> OperatorEndpointDetailResponse:
        """Pause or disable an endpoint."""
        tenant_id, reason, now = tenant_of(call), call.body.reason, self._clock()
        if call.query.dry_run:
            self._services.admin.check_stop(tenant_id, call.path["endpointId"], state)
            return self.show(call)
        stopped = self._services.admin.stop(tenant_id, call.path["endpointId"], state, reason, now)
        if state is EndpointState.DISABLED:
            # The next sweep gives up what is held up; a call that dies before this leaves it to the hold's own time.
            self._services.due.release_soon(tenant_id, stopped.endpoint_id, int(now * 1_000))
        log_call(call, f"endpoint {state.lower()}", tenant_id, endpoint_id=stopped.endpoint_id)
        return self.show(call)

    def activate(self, call: Call) -> OperatorEndpointDetailResponse:
        """Activate an endpoint."""
        tenant_id = tenant_of(call)
        if call.query.dry_run:
            return self.show(call)
        active = self._services.admin.activate(tenant_id, call.path["endpointId"], self._clock(), by_operator=True)
        self._services.resume(tenant_id, active.endpoint_id)
        log_call(call, "endpoint active", tenant_id, endpoint_id=active.endpoint_id)
        return self.show(call)


def plain(endpoint: Endpoint) -> dict[str, Any]:
    """Return what is shown of an endpoint in every answer."""
    url = urlsplit(endpoint.url)
    return {
        "endpoint_id": endpoint.endpoint_id,
        # A query is where senders put tokens.
        "url": f"{url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}{url.path}",
        "event_types": list(endpoint.event_types),
        "state": endpoint.state.value,
        "state_reason": endpoint.state_reason,
        "state_since": endpoint.state_since,
        "stopped_by": endpoint.stopped_by,
        "rate_limit": endpoint.rate_limit,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _health(health: Health, now: float) -> dict[str, Any]:
    now_ms = int(now * 1_000)
    return {
        "tenant_suspended_since": health.suspended_since,
        "breaker": gate(health, now_ms).value,
        "open_until": _ahead(health.open_until, now_ms),
        "consecutive_failures": health.consecutive_failures,
        "failing_since": None if health.failing_since is None else times.iso(health.failing_since / 1_000),
        "slow_until": _ahead(health.slow_until, now_ms),
    }


def _ahead(at_ms: int | None, now_ms: int) -> str | None:
    return times.iso(at_ms / 1_000) if at_ms is not None and at_ms > now_ms else None
