"""The operator's event bus, for operational events."""

import json
from typing import Any

from lambdas.delivery.domain.model import Event
from lambdas.shared.errors import TellableError

SOURCE = "webhook.delivery"


class NotPublishedError(TellableError):
    """The bus refused an event. It stays due, and comes back."""


class OperatorBus:
    """Publishes operational events.

    Parameters
    ----------
    eventbridge
        A boto3 EventBridge client.
    name : str
        Name of the bus.
    """

    def __init__(self, eventbridge: Any, name: str) -> None:
        self._eventbridge = eventbridge
        self._name = name

    def publish(self, event: Event, payload: bytes | None) -> None:
        """Publish an operational event; without its payload, which its tenant can erase, only what it is and when.

        ``PutEvents`` returns 200 even when it refused an entry.
        Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html

        Raises
        ------
        NotPublishedError
            When the bus refused it.
        """
        detail = {
            "kind": event.event_type,
            "tenantId": event.tenant_id,
            "operationalEventId": event.event_id,
            "time": event.created_at,
            **(json.loads(payload)["data"] if payload is not None else {"endpointId": event.not_for}),
        }
        entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event.event_type,
            "Detail": json.dumps(detail, separators=(",", ":")),
        }
        (result,) = self._eventbridge.put_events(Entries=[entry])["Entries"]
        if result.get("ErrorCode") or not result.get("EventId"):
            raise NotPublishedError(f"bus refused the event: {result.get('ErrorCode', 'no event id')}")
