"""Handing events over to processing: the one way into the main queue, for what was received and what was fetched."""

import re
from collections.abc import Sequence
from dataclasses import replace

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import MAX_MESSAGE_BYTES, Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.queue import MainQueue
from lambdas.shared import times
from lambdas.shared.request import WebhookRequest

_CONTENT_TYPE = re.compile(r"[\x20-\x7e]{1,128}", re.ASCII)


def hand_over(
    events: Sequence[WebhookEvent],
    request: WebhookRequest,
    evidence: Evidence,
    *,
    queue: MainQueue,
    archive: Archive,
    correlation_id: str,
    signature_id: str | None = None,
    recovered: bool = False,
) -> None:
    """Store the events of a request durably.

    Parameters
    ----------
    queue : MainQueue
        Where they go.
    archive : Archive
        Where a payload goes that is too large for a message.
    signature_id, recovered
        As in `lambdas.inbound.envelope.Envelope`.

    Raises
    ------
    Exception
        The client's error, when they may not be stored, or only some of them.
    """
    content_type = request.header("content-type") or ""
    if not _CONTENT_TYPE.fullmatch(content_type):
        content_type = "application/octet-stream"
    envelopes = [
        Envelope(
            event=event,
            received_at=times.iso(request.received_at),
            correlation_id=correlation_id,
            content_type=content_type,
            scheme=evidence.scheme,
            evidence=evidence,
            signature_id=signature_id,
            body=request.body,
            recovered=recovered,
        )
        for event in events
    ]
    # The events of one webhook share its body, which is not sent once for each if that is more than a message.
    shared = len(envelopes) > 1 and len(envelopes) * len(request.body) > MAX_MESSAGE_BYTES
    messages = [] if shared else [envelope.to_message() for envelope in envelopes]
    if shared or max(map(len, messages)) > MAX_MESSAGE_BYTES:
        archived = archive.store(envelopes[0].event, request.body, content_type, evidence)
        # It is stored with the payload now, except for the certificate, which processing archives.
        rest = evidence if evidence.certificate is not None else None
        envelopes = [replace(envelope, body=None, archived=archived, evidence=rest) for envelope in envelopes]
        messages = [envelope.to_message() for envelope in envelopes]
    for envelope, message in zip(envelopes, messages, strict=True):
        queue.send(envelope, message)
