"""Suspending a tenant: its tokens are refused, and its deliveries wait and spend no attempts."""

from dataclasses import dataclass

from lambdas.delivery.domain.errors import NotFoundError
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.services.release import resume_deliveries
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.identities import Identities, Tenant, TenantState
from lambdas.delivery.store.tables import transact_write


@dataclass(frozen=True, kw_only=True)
class Suspension:
    """Suspends tenants, and activates them again; either may be called any number of times.

    Attributes
    ----------
    identities, endpoints, due, queue
        What it reads and writes.
    """

    identities: Identities
    endpoints: Endpoints
    due: DueStore
    queue: DeliveryQueue

    def suspend(self, tenant_id: str, now: float) -> Tenant:
        """Suspend a tenant. No attempt begins that was not claimed when this returns.

        Raises
        ------
        NotFoundError
            When no tenant has this id.
        """
        return self._set(tenant_id, TenantState.SUSPENDED, now)

    def activate(self, tenant_id: str, now: float) -> Tenant:
        """End a suspension; what waited for that goes on, of each endpoint a page a minute.

        What a process that dies on the way has not released goes on within the hour after which holds are looked at.

        Raises
        ------
        NotFoundError
            When no tenant has this id.
        """
        tenant = self._set(tenant_id, TenantState.ACTIVE, now)
        for endpoint in self.endpoints.all_of(tenant_id):
            resume_deliveries(self.due, self.queue, tenant_id, endpoint.endpoint_id, now_ms=int(now * 1_000))
        return tenant

    def _set(self, tenant_id: str, state: TenantState, now: float) -> Tenant:
        # Both or neither: of two operators at once, and of a process that dies, no tenant is left half suspended.
        since = now if state is TenantState.SUSPENDED else None
        writes = [self.identities.state_write(tenant_id, state, now), self.endpoints.suspension_write(tenant_id, since)]
        if transact_write(self.identities.dynamodb, writes):
            raise NotFoundError
        return self.identities.tenant(tenant_id)
