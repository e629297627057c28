"""What the tenants' API does, and how it is documented."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.errors import ConflictError, LoopError, NotFoundError, QuotaReachedError, StoreBusyError
from lambdas.delivery.domain.ids import ENDPOINT, is_id
from lambdas.delivery.domain.metrics import ApiMetric
from lambdas.delivery.domain.model import DeliveryState, Endpoint, EndpointState, SignatureStyle
from lambdas.delivery.domain.operational_events import RESERVED_PREFIX, is_reserved, quota_reached
from lambdas.delivery.domain.subscriptions import EVENT_TYPE, MAX_EVENT_TYPE_CHARS
from lambdas.delivery.http import attempts, events
from lambdas.delivery.http.bodies import body_of, read_object, require_json_type
from lambdas.delivery.http.idempotency import IDEMPOTENCY_HEADER, key_of, request_of
from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.replays import ReplayRoutes, StartReplayRequest, StartReplayResponse
from lambdas.delivery.http.rest import Call, Rest
from lambdas.delivery.http.routes import TENANT_API
from lambdas.delivery.http.schemas import DeliveryResponse, ErasePayloadResponse
from lambdas.delivery.sending.headers import HOPS_HEADER
from lambdas.delivery.services.announcing import Announcer
from lambdas.delivery.services.endpoint_admin import EndpointAdmin
from lambdas.delivery.services.event_intake import EventIntake, Submission
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.services.requeue import Requeue
from lambdas.delivery.store.cursors import Cursors
from lambdas.delivery.store.event_counts import EventCounts
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.listing import Listing, Range
from lambdas.delivery_api import schemas
from lambdas.shared import times
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger

TEST_EVENT = "webhook.test"
MAX_HOPS = 3
"""Deliveries in a row that may lead to an event. Whoever hands events on by intent takes one or two; three endpoints
that all lead back here make 40 events of one before it ends, and with a limit of 5 it would be 364."""
_HOPS = re.compile(r"[0-9]{1,3}", re.ASCII)
HOPS_PARAMETER = {
    "name": HOPS_HEADER,
    "in": "header",
    "required": False,
    "description": "How many deliveries in a row led to this event. Whoever hands a delivery on as an event passes the "
    f"header of the delivery on, so that a loop ends: above {MAX_HOPS} the event is refused.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,3}$"},
}


@dataclass(frozen=True, kw_only=True)
class TenantServices:
    """What the tenants' operations use.

    Attributes
    ----------
    endpoints, intake, events, requeue, replays, listing, cursors, counts, announcer
        The stores and services.
    check_url : Callable[[str], None]
        Raises `InvalidFieldError` for a URL that nothing may be sent to.
    resume : Callable[[str, str], None]
        Makes what waits for an endpoint of a tenant due at once.
    count : Callable[[ApiMetric], None]
        Counts something that must be heard of.
    clock : Callable[[], float]
        Seconds since the epoch.
    max_event_bytes : int
        Bytes of an event at most.
    events_per_day, max_endpoints : int
        Quotas of a tenant for which an operator named none.
    """

    endpoints: EndpointAdmin
    intake: EventIntake
    events: Events
    requeue: Requeue
    replays: Replays
    listing: Listing
    cursors: Cursors
    counts: EventCounts
    announcer: Announcer
    check_url: Callable[[str], None]
    resume: Callable[[str, str], None]
    count: Callable[[ApiMetric], None]
    clock: Callable[[], float]
    max_event_bytes: int
    events_per_day: int
    max_endpoints: int


def build(services: TenantServices) -> Rest:
    """Return the tenants' API."""
    rest = Rest(TENANT_API)
    _Events(services).add_to(rest)
    _Endpoints(services).add_to(rest)
    _Replays(services).add_to(rest, "/v1/endpoints/{endpointId}", StartReplayRequest)
    rest.add(
        "GET",
        "/v1/token",
        operate=_show_token,
        summary="Show what the token is good for",
        description="As API Gateway keeps it for up to five minutes.",
        answer=schemas.TokenResponse,
    )
    return rest


def _show_token(call: Call) -> schemas.TokenResponse:
    known = call.authorized
    return schemas.TokenResponse(
        tenant_id=call.tenant_id,
        # Not in answers of the authorizer of release 0.1.0.
        tenant_name=known.get("tenantName", call.tenant_id),
        access=Access(call.access),
        label=known.get("label", ""),
        expires_at=known.get("expiresAt"),
    )


class _Events:
    def __init__(self, services: TenantServices) -> None:
        self._services = services

    def add_to(self, rest: Rest) -> None:
        rest.add(
            "POST",
            "/v1/events",
            operate=self.accept,
            summary="Hand in an event",
            description="The body is the payload itself, in the form of Standard Webhooks. Endpoints get exactly the "
            "bytes that were sent. 201 means that the event is durable, and on its way to every endpoint that "
            "subscribes to its type.",
            headers=(IDEMPOTENCY_HEADER, HOPS_PARAMETER),
            raw_body=schemas.EVENT_SCHEMA,
            status=201,
            answer=schemas.AcceptEventResponse,
            refusals=(409, 413, 415),
        )
        rest.add(
            "GET",
            "/v1/events",
            operate=self.list,
            summary="List events",
            query=schemas.EventsQuery,
            answer=schemas.ListEventsResponse,
        )
        rest.add("GET", f"/v1{events.EVENT_PATH}", operate=self.show, **events.SHOW)
        rest.add(
            "GET",
            "/v1/events/{eventId}/payload",
            operate=self.payload,
            summary="Show the payload of an event",
            answer=schemas.PayloadResponse,
            refusals=(404,),
        )
        rest.add(
            "DELETE",
            "/v1/events/{eventId}/payload",
            operate=self.erase,
            summary="Erase the payload of an event",
            description="The event stays visible. What was not delivered yet never will be.",
            answer=ErasePayloadResponse,
            refusals=(404,),
        )
        rest.add(
            "GET",
            "/v1/deliveries",
            operate=self.deliveries,
            summary="List deliveries",
            query=schemas.DeliveriesQuery,
            answer=schemas.ListDeliveriesResponse,
        )
        rest.add("GET", f"/v1{attempts.ATTEMPTS_PATH}", operate=self.list_attempts, **attempts.LIST)
        rest.add("GET", f"/v1{attempts.ATTEMPT_PATH}", operate=self.show_attempt, **attempts.SHOW)
        rest.add(
            "POST",
            "/v1/events/{eventId}/deliveries/{endpointId}/resend",
            operate=self.resend,
            summary="Send an event to an endpoint again",
            description="Also one that it never had, whatever it subscribes to. A new series of attempts begins.",
            status=202,
            answer=DeliveryResponse,
            refusals=(404, 409),
        )

    def accept(self, call: Call) -> schemas.AcceptEventResponse:
        tenant_id = call.tenant_id
        hops = _hops(call, MAX_HOPS, self._services)
        key = key_of(call)
        payload = body_of(call.event, self._services.max_event_bytes)
        require_json_type(call.event)
        event_type = read_object(payload).get("type")
        if not isinstance(event_type, str):
            raise bad_request("type", "a text expected")
        if len(event_type) > MAX_EVENT_TYPE_CHARS or not EVENT_TYPE.fullmatch(event_type):
            raise bad_request("type", "names between full stops expected, such as invoice.paid, 128 characters at most")
        if is_reserved(event_type):
            raise bad_request("type", f"types that begin with {RESERVED_PREFIX} are the service's own")
        _take_event(call, self._services)
        event = self._services.intake.accept(
            Submission(
                tenant_id=tenant_id,
                event_type=event_type,
                payload=payload,
                correlation_id=call.correlation_id,
                key=key,
                hops=hops,
            )
        )
        return schemas.AcceptEventResponse.of(event)

    def list(self, call: Call) -> schemas.ListEventsResponse:
        tenant_id, query = call.tenant_id, call.query
        asked = json.dumps(["events", query.from_, query.to])
        page = self._services.listing.events(tenant_id, self._range(tenant_id, asked, query), self._services.clock())
        return schemas.ListEventsResponse(
            events=[events.EventResponse.of(event) for event in page.entries],
            next=self._next(tenant_id, asked, page.position),
        )

    def deliveries(self, call: Call) -> schemas.ListDeliveriesResponse:
        tenant_id, query = call.tenant_id, call.query
        asked = json.dumps(["deliveries", query.from_, query.to, query.state, query.endpoint_id])
        page = self._services.listing.deliveries(
            tenant_id,
            [DeliveryState(query.state)] if query.state else list(DeliveryState),
            self._range(tenant_id, asked, query),
            self._services.clock(),
            query.endpoint_id,
        )
        return schemas.ListDeliveriesResponse(
            deliveries=[DeliveryResponse.model_validate(delivery) for delivery in page.entries],
            next=self._next(tenant_id, asked, page.position),
        )

    def list_attempts(self, call: Call) -> attempts.ListAttemptsResponse:
        tenant_id, query = call.tenant_id, call.query
        asked = json.dumps(["attempts", query.from_, query.to, query.status, query.endpoint_id])
        after = self._position(tenant_id, asked, query)
        page = attempts.list_attempts(self._services.listing, tenant_id, query, after, self._services.clock())
        return attempts.list_response(page, self._next(tenant_id, asked, page.position))

    def show_attempt(self, call: Call) -> attempts.AttemptDetailResponse:
        return attempts.show_attempt(self._services.events.answers, call.tenant_id, call, self._services.clock())

    def show(self, call: Call) -> events.EventDetailResponse:
        return events.show_event(self._services.listing, call.tenant_id, call, self._services.clock())

    def payload(self, call: Call) -> schemas.PayloadResponse:
        event, payload = self._services.events.read(call.tenant_id, events.event_id_of(call))
        if event is None or payload is None or event.expires_at <= self._services.clock():
            raise NotFoundError
        return schemas.PayloadResponse(event_id=event.event_id, payload=payload.decode())

    def erase(self, call: Call) -> ErasePayloadResponse:
        event_id = events.event_id_of(call)
        erased_at = self._services.events.erase_payload(call.tenant_id, event_id, self._services.clock())
        if erased_at is None:
            raise NotFoundError
        return ErasePayloadResponse(event_id=event_id, erased_at=erased_at)

    def resend(self, call: Call) -> DeliveryResponse:
        _hops(call, 0, self._services)
        endpoint_id = call.path["endpointId"]
        if not is_id(ENDPOINT, endpoint_id):
            raise NotFoundError
        delivery = self._services.requeue.resend(
            call.tenant_id, events.event_id_of(call), endpoint_id, self._services.clock()
        )
        return DeliveryResponse.model_validate(delivery)

    def _range(self, tenant_id: str, asked: str, query: Any) -> Range:
        return attempts.read_range(query, self._position(tenant_id, asked, query))

    def _position(self, tenant_id: str, asked: str, query: Any) -> str | None:
        return self._services.cursors.read(tenant_id, asked, query.cursor) if query.cursor else None

    def _next(self, tenant_id: str, asked: str, position: str | None) -> str | None:
        return self._services.cursors.write(tenant_id, asked, position) if position else None


class _Endpoints:
    def __init__(self, services: TenantServices) -> None:
        self._services = services

    def add_to(self, rest: Rest) -> None:
        one = "/v1/endpoints/{endpointId}"
        rest.add(
            "POST",
            "/v1/endpoints",
            operate=self.create,
            summary="Create an endpoint",
            description="The answer holds the secret that verifies signatures. It is not shown again, except to the "
            "same request with the same `Idempotency-Key`.",
            headers=(IDEMPOTENCY_HEADER,),
            body=schemas.CreateEndpointRequest,
            status=201,
            answer=schemas.EndpointWithSecretResponse,
            refusals=(409, 413, 415),
        )
        rest.add(
            "GET", "/v1/endpoints", operate=self.list, summary="List endpoints", answer=schemas.ListEndpointsResponse
        )
        rest.add(
            "GET", one, operate=self.show, summary="Show an endpoint", answer=schemas.EndpointResponse, refusals=(404,)
        )
        rest.add(
            "PATCH",
            one,
            operate=self.change,
            summary="Change an endpoint",
            body=schemas.UpdateEndpointRequest,
            answer=schemas.EndpointResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "DELETE",
            one,
            operate=self.delete,
            summary="Delete an endpoint",
            description="What waits for it is given up.",
            status=204,
            answer=None,
            refusals=(404,),
        )
        rest.add(
            "POST",
            f"{one}/pause",
            operate=self.pause,
            summary="Let deliveries wait",
            description="They spend no attempts until the endpoint is activated.",
            answer=schemas.EndpointResponse,
            refusals=(404, 409),
        )
        rest.add(
            "POST",
            f"{one}/activate",
            operate=self.activate,
            summary="Let deliveries go on",
            description="After a pause, or after the service disabled the endpoint. What an operator stopped, an "
            "operator activates.",
            answer=schemas.EndpointResponse,
            refusals=(404, 409),
        )
        rest.add(
            "POST",
            f"{one}/rotate-secret",
            operate=self.rotate,
            summary="Rotate the secret",
            description="Requests are signed with both until the overlap ends. The new secret is not shown again, "
            "except to the same request with the same `Idempotency-Key`.",
            headers=(IDEMPOTENCY_HEADER,),
            body=schemas.RotateSecretRequest,
            body_optional=True,
            answer=schemas.EndpointWithSecretResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "POST",
            f"{one}/test",
            operate=self.test,
            summary="Send a test event",
            description=f"Of type `{TEST_EVENT}`, to this endpoint alone, whatever it subscribes to.",
            status=201,
            answer=schemas.AcceptEventResponse,
            refusals=(404, 409),
        )

    def create(self, call: Call) -> schemas.EndpointWithSecretResponse:
        self._services.check_url(call.body.url)
        values = _chosen(call.body)
        secret = values.pop("secret")
        endpoint = self._services.endpoints.create(
            call.tenant_id,
            values,
            self._services.clock(),
            most=call.quota("maxEndpoints", self._services.max_endpoints),
            secret=secret,
            request=request_of(call),
        )
        return self._with_secret(endpoint, brought=secret)

    def list(self, call: Call) -> schemas.ListEndpointsResponse:
        now = self._services.clock()
        found = self._services.endpoints.all(call.tenant_id)
        return schemas.ListEndpointsResponse(
            endpoints=[schemas.EndpointResponse.of(endpoint, now) for endpoint in found]
        )

    def show(self, call: Call) -> schemas.EndpointResponse:
        return self._response(self._services.endpoints.get(call.tenant_id, call.path["endpointId"]))

    def change(self, call: Call) -> schemas.EndpointResponse:
        endpoints = self._services.endpoints
        given = {name: value for name, value in _chosen(call.body).items() if name in call.body.model_fields_set}
        present = endpoints.get(call.tenant_id, call.path["endpointId"])
        if not given:
            raise bad_request("body", "at least one field expected")
        if "url" in given:
            self._services.check_url(given["url"])
        for one, other in (("schedule", "retry_waits"), ("retry_waits", "schedule")):
            if given.get(one) is not None:
                given[other] = None
        return self._response(endpoints.change(call.tenant_id, present.endpoint_id, given, self._services.clock()))

    def delete(self, call: Call) -> None:
        self._services.endpoints.delete(call.tenant_id, call.path["endpointId"])

    def pause(self, call: Call) -> schemas.EndpointResponse:
        return self._response(
            self._services.endpoints.pause(call.tenant_id, call.path["endpointId"], self._services.clock())
        )

    def activate(self, call: Call) -> schemas.EndpointResponse:
        now = self._services.clock()
        endpoint = self._services.endpoints.activate(call.tenant_id, call.path["endpointId"], now)
        self._services.resume(call.tenant_id, endpoint.endpoint_id)
        return self._response(endpoint)

    def rotate(self, call: Call) -> schemas.EndpointWithSecretResponse:
        endpoint = self._services.endpoints.rotate_secret(
            call.tenant_id,
            call.path["endpointId"],
            call.body.overlap_hours * 3_600,
            self._services.clock(),
            secret=call.body.secret,
            request=request_of(call),
        )
        return self._with_secret(endpoint, brought=call.body.secret)

    def test(self, call: Call) -> schemas.AcceptEventResponse:
        _hops(call, 0, self._services)
        endpoint = self._services.endpoints.get(call.tenant_id, call.path["endpointId"])
        if endpoint.state != EndpointState.ACTIVE:
            raise ConflictError("endpoint_not_active", f"the endpoint is {endpoint.state}; activate it first")
        payload = {
            "type": TEST_EVENT,
            "timestamp": times.iso(self._services.clock()),
            "data": {"endpointId": endpoint.endpoint_id, "message": "This event was sent to test the endpoint."},
        }
        _take_event(call, self._services)
        event = self._services.intake.accept(
            Submission(
                tenant_id=call.tenant_id,
                event_type=TEST_EVENT,
                payload=json.dumps(payload, separators=(",", ":")).encode(),
                correlation_id=call.correlation_id,
                only=endpoint.endpoint_id,
            )
        )
        return schemas.AcceptEventResponse.of(event)

    def _response(self, endpoint: Endpoint) -> schemas.EndpointResponse:
        return schemas.EndpointResponse.of(endpoint, self._services.clock())

    def _with_secret(self, endpoint: Endpoint, brought: str | None) -> schemas.EndpointWithSecretResponse:
        shown = endpoint.secrets[0].value if brought is None else None
        return schemas.EndpointWithSecretResponse.of(endpoint, self._services.clock(), secret=shown)


class _Replays(ReplayRoutes):
    """To one endpoint of the tenant."""

    def __init__(self, services: TenantServices) -> None:
        super().__init__(services.replays, services.clock)
        self._services = services

    def tenant_of(self, call: Call) -> str:
        return call.tenant_id

    def note(self, call: Call, what: str, tenant_id: str, details: Mapping[str, object]) -> None:
        """Say nothing: the log names what operators did."""

    def start(self, call: Call) -> StartReplayResponse:
        _hops(call, 0, self._services)
        return super().start(call)


def _chosen(body: Any) -> dict[str, Any]:
    """Return a body's fields as an endpoint keeps them."""
    return {
        **body.model_dump(),
        "filters": schemas.filters_as_text(body.filters),
        "style": SignatureStyle(body.style),
    }


def _hops(call: Call, most: int, services: TenantServices) -> int:
    """Return how many deliveries in a row led to a call.

    Raises
    ------
    LoopError
        When there are too many.
    lambdas.delivery.http.problems.ProblemError
        When the header is no number.
    """
    text = call.header(HOPS_HEADER)
    if text is None:
        return 0
    if not _HOPS.fullmatch(text):
        raise bad_request(HOPS_HEADER, "whole number expected, as the delivery has it")
    if (hops := int(text)) > most:
        logger.warning("loop ended", tenant=call.tenant_id, hops=hops)
        services.count(ApiMetric.LOOPS_ENDED)
        raise LoopError
    return hops


def _take_event(call: Call, services: TenantServices) -> None:
    """Count an event against the tenant's quota.

    Raises
    ------
    QuotaReachedError
        When the quota is used up.
    """
    most = call.quota("eventsPerDay", services.events_per_day)
    try:
        services.counts.take(call.tenant_id, most, services.clock())
    except QuotaReachedError:
        logger.warning("quota reached", tenant=call.tenant_id, quota="eventsPerDay", most=most)
        services.count(ApiMetric.QUOTAS_REACHED)
        try:
            services.announcer.announce(quota_reached(call.tenant_id, most, services.clock()), services.clock())
        except (ClientError, BotoCoreError, StoreBusyError) as error:
            # The next request that is refused tries again.
            logger.error("quota could not be announced", tenant=call.tenant_id, reason=describe(error))
        raise
