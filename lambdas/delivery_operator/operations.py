"""What the operators' endpoints do, and how they are documented."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.errors import ConflictError, NotFoundError
from lambdas.delivery.domain.quotas import STANDARD_PLAN
from lambdas.delivery.http import attempts, events
from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.replays import ReplayRoutes
from lambdas.delivery.http.rest import Call, Rest
from lambdas.delivery.http.schemas import DeliveryResponse
from lambdas.delivery.services.key_pairs import SigningKeyPairs
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.services.requeue import Requeue
from lambdas.delivery.services.suspension import Suspension
from lambdas.delivery.services.tenant_keys import TenantKeys
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.identities import Identities, Tenant, Token
from lambdas.delivery.store.listing import Listing
from lambdas.delivery_operator import schemas
from lambdas.delivery_operator.audit import AuditedRest, TrialQuery
from lambdas.delivery_operator.calls import Place, log_call, read_cursor, tenant_of, write_cursor
from lambdas.delivery_operator.endpoints import EndpointOperations, EndpointServices
from lambdas.delivery_operator.lists import ListOperations
from lambdas.delivery_operator.portal_links import PortalLinkOperations
from lambdas.shared import times
from lambdas.shared.audit import AuditLog
from lambdas.shared.redrive import Redriven, RedriveUnderWayError

_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class OperatorServices:
    """What the operators' operations use.

    Attributes
    ----------
    identities, listing, key_pairs, tenant_keys, events, requeue, replays
        The stores and services.
    plans : Sequence[str]
        The usage plans that there are.
    suspension, endpoints
        The brakes.
    portal_url : str
        Where the portal is served; empty where it is switched off.
    redrive : Callable[..., Redriven]
        Moves what is in the dead letter queue back, see `lambdas.shared.redrive`.
    audit : AuditLog
        Has what was done.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    identities: Identities
    listing: Listing
    key_pairs: SigningKeyPairs
    tenant_keys: TenantKeys
    plans: Sequence[str]
    events: Events
    requeue: Requeue
    suspension: Suspension
    endpoints: EndpointServices
    replays: Replays
    portal_url: str
    redrive: Callable[..., Redriven]
    audit: AuditLog
    clock: Callable[[], float]


def build(services: OperatorServices) -> Rest:
    """Return the operators' endpoints."""
    rest = AuditedRest(services.audit, services.clock)
    _Tenants(services).add_to(rest)
    PortalLinkOperations(services.identities, services.portal_url, services.clock).add_to(rest)
    EndpointOperations(services.endpoints, services.clock).add_to(rest)
    ListOperations(
        identities=services.identities,
        endpoints=services.endpoints,
        events=services.events,
        listing=services.listing,
        clock=services.clock,
    ).add_to(rest)
    _Deliveries(services).add_to(rest)
    _Replays(services).add_to(rest, "/operator/tenants/{tenantId}", schemas.StartTenantReplayRequest)
    _Keys(services).add_to(rest)
    return rest


class _Tenants:
    def __init__(self, services: OperatorServices) -> None:
        self._identities = services.identities
        self._keys = services.tenant_keys
        self._plans = services.plans
        self._suspension = services.suspension
        self._clock = services.clock

    def add_to(self, rest: Rest) -> None:
        one = "/operator/tenants/{tenantId}"
        rest.add(
            "POST",
            "/operator/tenants",
            operate=self.create,
            summary="Create a tenant",
            body=schemas.CreateTenantRequest,
            status=201,
            answer=schemas.TenantResponse,
            refusals=(409, 413, 415),
        )
        rest.add(
            "GET",
            "/operator/tenants",
            operate=self.list,
            summary="List tenants",
            query=schemas.TenantsQuery,
            answer=schemas.ListTenantsResponse,
        )
        rest.add("GET", one, operate=self.show, summary="Show a tenant", answer=schemas.TenantResponse, refusals=(404,))
        rest.add(
            "PATCH",
            one,
            operate=self.change,
            summary="Change a tenant's name and quotas",
            description="Quotas take up to five minutes, for which API Gateway caches authorizations.",
            body=schemas.UpdateTenantRequest,
            answer=schemas.TenantResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "POST",
            f"{one}/suspend",
            operate=lambda call: self._set(call, self._suspension.suspend),
            query=TrialQuery,
            summary="Suspend a tenant",
            description="From the answer on, no attempt begins: its deliveries wait. Its tokens may be taken for up to "
            "five minutes, for which API Gateway caches authorizations.",
            answer=schemas.TenantResponse,
            refusals=(404,),
        )
        rest.add(
            "POST",
            f"{one}/activate",
            operate=lambda call: self._set(call, self._suspension.activate),
            query=TrialQuery,
            summary="End a tenant's suspension",
            description="What waits goes on, of each endpoint a page a minute.",
            answer=schemas.TenantResponse,
            refusals=(404,),
        )
        rest.add(
            "POST",
            f"{one}/tokens",
            operate=self.create_token,
            summary="Create a token",
            description="The answer holds it. It is not shown again, and only its digest is kept.",
            body=schemas.CreateTokenRequest,
            body_optional=True,
            status=201,
            answer=schemas.CreateTokenResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "GET",
            f"{one}/tokens",
            operate=self.tokens,
            summary="List a tenant's tokens",
            answer=schemas.ListTokensResponse,
            refusals=(404,),
        )
        rest.add(
            "DELETE",
            f"{one}/tokens/{{tokenId}}",
            operate=self.revoke,
            summary="Revoke a token",
            description="It takes up to five minutes, for which API Gateway caches authorizations.",
            answer=schemas.TokenResponse,
            refusals=(404,),
        )

    def create(self, call: Call) -> schemas.TenantResponse:
        tenant_id, plan = call.body.tenant_id, STANDARD_PLAN if self._plans else None
        if plan is not None:
            # Before the tenant, who is never without it: a call that dies here, and is made again, finds it.
            self._keys.ensure(_api_id(call), tenant_id, plan)
        tenant = self._identities.create_tenant(tenant_id, call.body.name, self._clock(), plan)
        log_call(call, "tenant created", tenant.tenant_id)
        return schemas.TenantResponse.model_validate(tenant)

    def list(self, call: Call) -> schemas.ListTenantsResponse:
        found, more = self._identities.tenants(call.query.after, call.query.limit)
        return schemas.ListTenantsResponse(
            tenants=[schemas.TenantResponse.model_validate(tenant) for tenant in found],
            next=found[-1].tenant_id if more else None,
        )

    def show(self, call: Call) -> schemas.TenantResponse:
        return schemas.TenantResponse.model_validate(self._identities.tenant(tenant_of(call)))

    def change(self, call: Call) -> schemas.TenantResponse:
        tenant_id, asked = tenant_of(call), call.body
        given = {name: getattr(asked, name) for name in asked.model_fields_set}
        if not given:
            raise bad_request("body", "at least one field expected")
        if (plan := given.get("plan")) is not None:
            if plan not in self._plans:
                raise ConflictError("no_such_plan", f"the usage plans are {', '.join(self._plans) or 'switched off'}")
            self._identities.tenant(tenant_id)
            self._keys.ensure(_api_id(call), tenant_id, plan)
        tenant = self._identities.change_tenant(tenant_id, given, self._clock())
        log_call(call, "tenant changed", tenant_id, fields=sorted(given))
        return schemas.TenantResponse.model_validate(tenant)

    def create_token(self, call: Call) -> schemas.CreateTokenResponse:
        now, days = self._clock(), call.body.expires_in_days
        expires_at = None if days is None else int(now) + days * _DAY
        access = Access(call.body.access)
        secret, token = self._identities.create_token(tenant_of(call), call.body.label, expires_at, now, access)
        log_call(call, "token created", token.tenant_id, token_id=token.token_id, access=access)
        return schemas.CreateTokenResponse(**_token_response(token).model_dump(), token=secret)

    def tokens(self, call: Call) -> schemas.ListTokensResponse:
        tenant = self._identities.tenant(tenant_of(call))
        return schemas.ListTokensResponse(
            tokens=[_token_response(token) for token in self._identities.tokens(tenant, self._clock())]
        )

    def revoke(self, call: Call) -> schemas.TokenResponse:
        token = self._identities.revoke(tenant_of(call), call.path["tokenId"], self._clock())
        log_call(call, "token revoked", token.tenant_id, token_id=token.token_id)
        return _token_response(token)

    def _set(self, call: Call, set_state: Callable[[str, float], Tenant]) -> schemas.TenantResponse:
        if call.query.dry_run:
            return self.show(call)
        tenant = set_state(tenant_of(call), self._clock())
        log_call(call, f"tenant {tenant.state.lower()}", tenant.tenant_id)
        return schemas.TenantResponse.model_validate(tenant)


class _Deliveries:
    def __init__(self, services: OperatorServices) -> None:
        self._services = services

    def add_to(self, rest: Rest) -> None:
        rest.add(
            "POST",
            "/operator/requeue",
            operate=self.requeue,
            summary="Send an event to an endpoint again",
            description="A dry run answers with the delivery as it would be.",
            query=TrialQuery,
            body=schemas.RequeueRequest,
            status=202,
            answer=DeliveryResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "POST",
            "/operator/redrive",
            operate=self.redrive,
            summary="Send back what is in the pipeline's dead letter queue",
            description="SQS moves the messages, and goes on by itself. What is out of date does nothing. A dry run "
            "says how many are left.",
            query=TrialQuery,
            status=202,
            answer=schemas.RedriveResponse,
            refusals=(409,),
        )
        rest.add(
            "DELETE",
            "/operator/tenants/{tenantId}/events/{eventId}/payload",
            operate=self.erase,
            summary="Erase the payload of an event",
            query=TrialQuery,
            answer=schemas.OperatorErasePayloadResponse,
            refusals=(404,),
        )
        one = "/operator/tenants/{tenantId}"
        rest.add("GET", f"{one}{events.EVENT_PATH}", operate=self.show_event, **events.SHOW)
        rest.add("GET", f"{one}{attempts.ATTEMPTS_PATH}", operate=self.list_attempts, **attempts.LIST, refusals=(404,))
        rest.add("GET", f"{one}{attempts.ATTEMPT_PATH}", operate=self.show_attempt, **attempts.SHOW)

    def show_event(self, call: Call) -> events.EventDetailResponse:
        return events.show_event(self._services.listing, tenant_of(call), call, self._services.clock())

    def list_attempts(self, call: Call) -> attempts.ListAttemptsResponse:
        tenant_id, query, now = tenant_of(call), call.query, self._services.clock()
        after = None if query.cursor is None else read_cursor(query.cursor).position
        page = attempts.list_attempts(self._services.listing, tenant_id, query, after, now)
        cursor = write_cursor(Place(tenant_id=tenant_id, position=page.position)) if page.position else None
        return attempts.list_response(page, cursor)

    def show_attempt(self, call: Call) -> attempts.AttemptDetailResponse:
        tenant_id = tenant_of(call)
        shown = attempts.show_attempt(self._services.events.answers, tenant_id, call, self._services.clock())
        log_call(call, "answer shown", tenant_id, event_id=shown.event_id, endpoint_id=shown.endpoint_id)
        return shown

    def requeue(self, call: Call) -> DeliveryResponse:
        asked = call.body
        delivery = self._services.requeue.resend(
            asked.tenant_id, asked.event_id, asked.endpoint_id, self._services.clock(), dry_run=call.query.dry_run
        )
        if not call.query.dry_run:
            log_call(call, "requeued", asked.tenant_id, event_id=asked.event_id, endpoint_id=asked.endpoint_id)
        return DeliveryResponse.model_validate(delivery)

    def redrive(self, call: Call) -> schemas.RedriveResponse:
        try:
            return schemas.RedriveResponse.model_validate(self._services.redrive(dry_run=call.query.dry_run))
        except RedriveUnderWayError:
            raise ConflictError("redrive_under_way", "the messages are being moved already") from None

    def erase(self, call: Call) -> schemas.OperatorErasePayloadResponse:
        tenant_id, event_id = tenant_of(call), events.event_id_of(call)
        if call.query.dry_run:
            shown = self.show_event(call)
            return schemas.OperatorErasePayloadResponse(event_id=event_id, erased_at=shown.erased_at)
        erased_at = self._services.events.erase_payload(tenant_id, event_id, self._services.clock())
        if erased_at is None:
            raise NotFoundError
        log_call(call, "payload erased", tenant_id, event_id=event_id)
        return schemas.OperatorErasePayloadResponse(event_id=event_id, erased_at=erased_at)


class _Replays(ReplayRoutes):
    """To one endpoint of a tenant, or to all."""

    def __init__(self, services: OperatorServices) -> None:
        super().__init__(services.replays, services.clock)
        self._identities = services.identities

    def tenant_of(self, call: Call) -> str:
        # A name with a mistake in it must not look like a tenant that has nothing to replay.
        return self._identities.tenant(tenant_of(call)).tenant_id

    def note(self, call: Call, what: str, tenant_id: str, details: Mapping[str, object]) -> None:
        log_call(call, what, tenant_id, **details)


class _Keys:
    def __init__(self, services: OperatorServices) -> None:
        self._key_pairs = services.key_pairs
        self._clock = services.clock

    def add_to(self, rest: Rest) -> None:
        rest.add(
            "POST",
            "/operator/signing-keys",
            operate=self.create,
            summary="Make a signing key",
            description="For `v1a` signatures. Its public half is published before it signs.",
            body=schemas.CreateSigningKeyRequest,
            body_optional=True,
            status=201,
            answer=schemas.SigningKeyResponse,
            refusals=(409, 413, 415),
        )
        rest.add(
            "GET",
            "/operator/signing-keys",
            operate=self.list,
            summary="List signing keys",
            answer=schemas.ListSigningKeysResponse,
        )
        rest.add(
            "DELETE",
            "/operator/signing-keys/{keyId}",
            operate=self.retire,
            summary="Retire a signing key at once",
            description="Where it leaked. It stays published, with the time, for 30 days.",
            answer=schemas.SigningKeyResponse,
            refusals=(404, 409),
        )

    def create(self, call: Call) -> schemas.SigningKeyResponse:
        hours = call.body.retire_others_after_hours
        pair = self._key_pairs.create(None if hours is None else hours * 3_600, self._clock())
        log_call(call, "signing key made", None, key_id=pair.key_id)
        return schemas.SigningKeyResponse.model_validate(pair)

    def list(self, call: Call) -> schemas.ListSigningKeysResponse:
        del call
        return schemas.ListSigningKeysResponse(
            keys=[schemas.SigningKeyResponse.model_validate(pair) for pair in self._key_pairs.all()]
        )

    def retire(self, call: Call) -> schemas.SigningKeyResponse:
        pair = self._key_pairs.retire(call.path["keyId"], self._clock())
        log_call(call, "signing key retired", None, key_id=pair.key_id)
        return schemas.SigningKeyResponse.model_validate(pair)


def _api_id(call: Call) -> str:
    return str(call.event["requestContext"]["apiId"])


def _token_response(token: Token) -> schemas.TokenResponse:
    return schemas.TokenResponse(
        token_id=token.token_id,
        tenant_id=token.tenant_id,
        label=token.label,
        access=token.access,
        created_at=token.created_at,
        expires_at=None if token.expires_at is None else times.iso(token.expires_at),
        revoked_at=token.revoked_at,
    )
