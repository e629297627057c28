"""The delivery stack on a local AWS, beside the inbound one or alone, and those who use it: operators and tenants."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import requests

from tools.local.aws import LocalAws
from tools.local.calls import REQUEST_TIMEOUT_SECONDS, DeployedStack, create_operator, wait_for
from tools.local.terraform import Workspace

OPERATOR = "delivery-operator"
POLICIES = ("operator_policy_json", "token_policy_json", "portal_policy_json")
SENT_TYPES = ["invoice.*", "payment.*", "payment_intent.*", "charge.*"]


@dataclass(frozen=True)
class TenantClient:
    """A tenant with a token.

    Attributes
    ----------
    tenant_id, token : str
        Its id, and what it calls the API with.
    stack : LocalDelivery
        Where it is one.
    """

    tenant_id: str
    token: str
    stack: "LocalDelivery"

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Call a route of the tenants' API with the tenant's token.

        Parameters
        ----------
        body : Any
            Bytes to be sent as they are, or what is sent as JSON.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return requests.request(
            method,
            self.stack.base_url + path,
            data=data,
            headers={
                "Authorization": f"Bearer {self.token}",
                **({"Content-Type": "application/json"} if data is not None else {}),
                **(headers or {}),
            },
            verify=str(self.stack.aws.certificate_authority),
            timeout=REQUEST_TIMEOUT_SECONDS,
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call a route and return its answer, which must be 2xx."""
        answer = self.call(method, path, body)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text:.300}")
        return answer.json() if answer.content else None

    def add_endpoint(self, url: str, **values: Any) -> dict[str, Any]:
        """Register an endpoint for all types that are sent here, and return it, its secret included."""
        # Not for operational events, which would come in between.
        asked = {"url": url, "eventTypes": SENT_TYPES, **values}
        made: dict[str, Any] = self.ask("POST", "/v1/endpoints", asked)
        return made

    def send(self, event_type: str, data: Any = None, timestamp: str = "2026-01-01T00:00:00Z") -> str:
        """Hand in an event and return its id."""
        event = {"type": event_type, "timestamp": timestamp, "data": data or {}}
        return str(self.ask("POST", "/v1/events", event)["eventId"])

    def event(self, event_id: str) -> dict[str, Any]:
        """Return an event with its deliveries and every attempt."""
        found: dict[str, Any] = self.ask("GET", f"/v1/events/{event_id}")
        return found

    def wait_for_deliveries(self, event_id: str, count: int, timeout: float, *, states: set[str]) -> dict[str, Any]:
        """Return an event once so many of its deliveries are in one of some states."""

        def look() -> dict[str, Any] | None:
            found = self.event(event_id)
            settled = [each for each in found["deliveries"] if each["state"] in states]
            return found if len(settled) >= count else None

        return wait_for(f"{count} deliveries of {event_id} to be {' or '.join(sorted(states))}", look, timeout)


@dataclass(kw_only=True)
class LocalDelivery(DeployedStack):
    """A deployed delivery stack on a local AWS."""

    @classmethod
    def take_over(cls, aws: LocalAws, workspace: Workspace, environment: str) -> Self:
        """Create an operator of a stack that was just applied."""
        outputs = workspace.outputs()
        policies = [outputs[name] for name in POLICIES if name in outputs]
        operator = create_operator(aws, f"{OPERATOR}-{environment}", *policies)
        return cls(environment=environment, aws=aws, workspace=workspace, outputs=outputs, operator=operator)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Call a route as anybody may."""
        return requests.get(
            self.base_url + path,
            headers=dict(headers or {}),
            verify=str(self.aws.certificate_authority),
            timeout=REQUEST_TIMEOUT_SECONDS,
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Send bytes to a route as anybody may."""
        return requests.post(
            self.base_url + path,
            data=body,
            headers=dict(headers),
            verify=str(self.aws.certificate_authority),
            timeout=REQUEST_TIMEOUT_SECONDS,
        )

    def make_tenant(self, tenant_id: str) -> TenantClient:
        """Create a tenant, unless it is there, and a token for it."""
        made = self.call("POST", "/operator/tenants", {"tenantId": tenant_id, "name": tenant_id.title()})
        if made.status_code not in (201, 409):
            raise RuntimeError(f"tenant {tenant_id}: {made.status_code} {made.text:.300}")
        issued = self.call("POST", f"/operator/tenants/{tenant_id}/tokens", {"label": "local"})
        if not issued.ok:
            raise RuntimeError(f"token of {tenant_id}: {issued.status_code} {issued.text:.300}")
        return TenantClient(tenant_id, issued.json()["token"], self)

    def portal_link(self, tenant_id: str, **asked: Any) -> str:
        """Make a link to a tenant's portal, as it is reached on this machine."""
        made = self.call("POST", f"/operator/tenants/{tenant_id}/portal-links", asked)
        if not made.ok:
            raise RuntimeError(f"portal link of {tenant_id}: {made.status_code} {made.text:.300}")
        return f"{self.base_url}/portal#{made.json()['url'].partition('#')[2]}"
