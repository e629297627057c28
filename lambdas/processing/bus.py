"""Publishing to the event bus."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.record_items import described
from lambdas.shared.errors import TellableError

SOURCE_PREFIX = "webhooks."
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
MAX_ENTRIES = 10


class NotPublishedError(TellableError):
    """The bus refused an entry."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """An event to publish.

    Attributes
    ----------
    envelope : Envelope
        The event.
    archived : ArchivedBody
        Where its payload lies.
    sequence : str | None
        Its sequence number in its group of a FIFO queue.
    out_of_order : bool
        Whether a later event of its transaction is known to be routed already.
    """

    envelope: Envelope
    archived: ArchivedBody
    sequence: str | None = None
    out_of_order: bool = False


class Bus:
    """The custom event bus.

    A published event has the data of the record and the place of the payload, never the payload itself: a subscriber
    needs permission to read the archive, and the log of a rule's target cannot leak a payment.

    Parameters
    ----------
    events
        A boto3 EventBridge client.
    name : str
        Name of the bus.
    bucket : str
        Name of the archive bucket.
    """

    def __init__(self, events: Any, name: str, bucket: str) -> None:
        self._events = events
        self._name = name
        self._bucket = bucket

    def publish(self, publications: Sequence[Publication]) -> list[str | NotPublishedError]:
        """Publish at most ten events in one call.

        ``PutEvents`` returns 200 even when it refused entries, so each entry is checked.

        Returns
        -------
        list[str | NotPublishedError]
            For each event, in order, its EventBridge id, or the reason why it was refused.
        """
        response = self._events.put_events(Entries=[self._entry(item) for item in publications])
        return [
            result["EventId"]
            if result.get("EventId") and not result.get("ErrorCode")
            else NotPublishedError(f"bus refused the event: {result.get('ErrorCode', 'no event id')}")
            for result in response["Entries"]
        ]

    def _entry(self, publication: Publication) -> dict[str, Any]:
        envelope, archived = publication.envelope, publication.archived
        event = envelope.event
        detail: dict[str, Any] = {
            "provider": event.provider,
            "eventId": event.event_id,
            "eventType": event.event_type,
            "transactionId": event.transaction_id,
            **described(event),
            "receivedAt": envelope.received_at,
            "correlationId": envelope.correlation_id,
            "contentType": envelope.content_type,
            "archive": {
                "bucket": self._bucket,
                "key": archived.key,
                "offset": archived.offset,
                "size": archived.size,
                "sha256": archived.sha256,
            },
        }
        if event.same_bytes_as is not None:
            detail["sameBytesAs"] = event.same_bytes_as
        if envelope.recovered:
            detail["recovered"] = True
        if publication.out_of_order:
            detail["outOfOrder"] = True
        if publication.sequence is not None:
            detail["sequence"] = publication.sequence
        if envelope.replay is not None:
            detail["replay"] = {
                "replayId": envelope.replay.replay_id,
                "requestedAt": envelope.replay.requested_at,
            }
        return {
            "EventBusName": self._name,
            "Source": SOURCE_PREFIX + event.provider,
            "DetailType": event.event_type,
            "Detail": json.dumps(detail),
        }
