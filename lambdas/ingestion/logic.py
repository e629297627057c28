"""What ingestion does with a webhook, without API Gateway and without AWS clients of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import times
from lambdas.shared.archive import Archive
from lambdas.shared.envelope import MAX_MESSAGE_BYTES, Envelope
from lambdas.shared.errors import (
    PayloadTooLargeError,
    SignatureRefusedError,
    UnavailableError,
    UnknownProviderError,
)
from lambdas.shared.event import WebhookEvent, read_event
from lambdas.shared.providers.entry import Provider
from lambdas.shared.queue import MainQueue
from lambdas.shared.request import WebhookRequest
from lambdas.shared.secrets import RECHECK_SECONDS, SecretStore
from lambdas.shared.signatures.scheme import Verdict

_CONTENT_TYPE = re.compile(r"[\x20-\x7e]{1,128}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Ingestion:
    """The door: what it lets in is durable before the sender hears 202.

    Attributes
    ----------
    providers : Mapping[str, Provider]
        Deployed name to registry entry.
    secrets : SecretStore
        The providers' signing secrets.
    queue : MainQueue
        Where accepted events go.
    archive : Archive
        Where payloads go that are too large for a message.
    max_body_bytes : int
        Largest payload accepted.
    """

    providers: Mapping[str, Provider]
    secrets: SecretStore
    queue: MainQueue
    archive: Archive
    max_body_bytes: int

    def accept(self, name: str, request: WebhookRequest, correlation_id: str) -> WebhookEvent:
        """Verify a webhook and make it durable.

        Parameters
        ----------
        name : str
            The provider that the sender says it is.

        Raises
        ------
        WebhookRefusedError
            With the status of the answer. Nothing of the webhook was stored then, unless its payload was too large
            for a message and the queue failed after the archive had taken it.
        """
        provider = self.providers.get(name)
        if provider is None:
            raise UnknownProviderError("unknown_provider")
        if len(request.body) > self.max_body_bytes:
            raise PayloadTooLargeError("payload_too_large")
        verdict = self._verify(name, provider, request)
        event = read_event(name, provider, request)
        self._make_durable(event, verdict, request, correlation_id)
        return event

    def _verify(self, name: str, provider: Provider, request: WebhookRequest) -> Verdict:
        try:
            return provider.scheme.verify(request, self.secrets.get(name))
        except SignatureRefusedError as refusal:
            if refusal.reason != "signature_mismatch":
                raise
            fresh = self.secrets.get(name, max_age=RECHECK_SECONDS)
            return provider.scheme.verify(request, fresh)

    def _make_durable(
        self, event: WebhookEvent, verdict: Verdict, request: WebhookRequest, correlation_id: str
    ) -> None:
        content_type = request.header("content-type") or ""
        if not _CONTENT_TYPE.fullmatch(content_type):
            content_type = "application/octet-stream"

        def envelope(**payload: object) -> str:
            return Envelope(
                event=event,
                received_at=times.iso(request.received_at),
                correlation_id=correlation_id,
                content_type=content_type,
                scheme=verdict.scheme,
                **payload,  # type: ignore[arg-type]
            ).to_message()

        try:
            message = envelope(body=request.body)
            if len(message) > MAX_MESSAGE_BYTES:
                message = envelope(archived=self.archive.store(event, request.body, content_type))
            self.queue.send(message, event.provider)
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError("not_durable") from error
