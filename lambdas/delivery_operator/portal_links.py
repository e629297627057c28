"""Operators make links to a tenant's portal, and revoke them."""

from collections.abc import Callable

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.http.rest import Call, Rest
from lambdas.delivery.store.identities import Identities
from lambdas.delivery_operator import schemas
from lambdas.delivery_operator.calls import log_call, tenant_of
from lambdas.shared import times


class PortalLinkOperations:
    """The operations.

    Parameters
    ----------
    identities : Identities
        Has the links' tokens.
    url : str
        Where the portal is served; empty where it is switched off.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, identities: Identities, url: str, clock: Callable[[], float]) -> None:
        self._identities = identities
        self._url = url
        self._clock = clock

    def add_to(self, rest: Rest) -> None:
        """Serve the operations."""
        path = "/operator/tenants/{tenantId}/portal-links"
        rest.add(
            "POST",
            path,
            operate=self.create,
            summary="Make a link to a tenant's portal",
            description="Whoever opens it acts for the tenant until it expires. It is not shown again, and only the "
            "digest of its token is kept.",
            body=schemas.CreatePortalLinkRequest,
            body_optional=True,
            status=201,
            answer=schemas.PortalLinkResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "DELETE",
            path,
            operate=self.revoke,
            summary="Revoke all portal links of a tenant",
            description="It takes up to five minutes, for which API Gateway caches authorizations.",
            answer=schemas.RevokePortalLinksResponse,
            refusals=(404,),
        )

    def create(self, call: Call) -> schemas.PortalLinkResponse:
        """Make a link."""
        tenant_id, asked, now = tenant_of(call), call.body, self._clock()
        if not self._url:
            raise ConflictError("portal_off", "there is no portal: the setting delivery.portal is false")
        expires_at = int(now) + asked.expires_in_minutes * 60
        secret, token = self._identities.create_portal_token(
            tenant_id, asked.label, expires_at, now, Access(asked.access)
        )
        log_call(call, "portal link made", tenant_id, token_id=token.token_id, access=asked.access)
        return schemas.PortalLinkResponse(
            url=f"{self._url}#token={secret}",
            token_id=token.token_id,
            access=asked.access,
            expires_at=times.iso(expires_at),
        )

    def revoke(self, call: Call) -> schemas.RevokePortalLinksResponse:
        """Revoke all links."""
        tenant_id, now = tenant_of(call), self._clock()
        self._identities.revoke_portal_links(tenant_id, now)
        log_call(call, "portal links revoked", tenant_id)
        return schemas.RevokePortalLinksResponse(tenant_id=tenant_id, revoked_at=times.iso(now))
