"""What ingestion does with a webhook, independent of how it was received."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdas.inbound.archive import Archive
from lambdas.inbound.aws_calls.errors import AwsError
from lambdas.inbound.event import WebhookEvent, read_events
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.handing_over import hand_over
from lambdas.inbound.providers.entry import AcceptedResponse, Provider
from lambdas.inbound.quarantine import Quarantine, is_repairable
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.secrets import RECHECK_SECONDS, SecretStore
from lambdas.ingestion.ingest_message import IngestMessage, write
from lambdas.shared.errors import (
    PayloadTooLargeError,
    SignatureRefusedError,
    UnavailableError,
    UnknownProviderError,
)
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import ChallengeScheme, Verdict


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A request with a right signature; its events are not read yet.

    Attributes
    ----------
    name : str
        The name under which its provider is deployed.
    provider : Provider
        Its provider.
    request : WebhookRequest
        The request.
    verdict : Verdict
        What the signature proves.
    """

    name: str
    provider: Provider
    request: WebhookRequest
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A webhook that is stored durably.

    Attributes
    ----------
    events : Sequence[WebhookEvent]
        Its events; some providers send several in one webhook.
    response : AcceptedResponse
        The response that its provider expects.
    """

    events: Sequence[WebhookEvent]
    response: AcceptedResponse


@dataclass(frozen=True, kw_only=True)
class Ingestion:
    """Accepts webhooks: each is stored durably before the sender receives 202.

    Attributes
    ----------
    providers : Mapping[str, Provider]
        Deployed name to registry entry.
    secrets : SecretStore
        The providers' signing secrets.
    queue : MainQueue
        Where accepted events go.
    archive : Archive
        Where payloads that are too large for a message go.
    max_body_bytes : int
        Largest payload accepted.
    recheck_seconds : float
        Age at which a secret is read again before a wrong signature is refused, or because it was missing.
    quarantine : Quarantine | None
        Where webhooks go that are refused for their signature; None to keep none.
    """

    providers: Mapping[str, Provider]
    secrets: SecretStore
    queue: MainQueue
    archive: Archive
    max_body_bytes: int
    recheck_seconds: float = RECHECK_SECONDS
    quarantine: Quarantine | None = None

    def accept(self, name: str, request: WebhookRequest, correlation_id: str) -> Accepted:
        """Verify a webhook and store it durably. One that is too large is not verified.

        Parameters
        ----------
        name : str
            The provider that the path or the header names.

        Raises
        ------
        WebhookRefusedError
            With the status of the response. Nothing of the webhook is stored, except in the quarantine, or when the
            queue or the archive failed after a part of it.
        """
        self._provider(name)
        self._check_size(request)
        return self.keep(self.verify_or_quarantine(name, request, correlation_id), correlation_id)

    def verify_or_quarantine(self, name: str, request: WebhookRequest, correlation_id: str) -> Verified:
        """Verify a webhook; one that another secret or option may prove is quarantined, and refused all the same.

        Raises
        ------
        WebhookRefusedError
            When it is not verified; an `UnavailableError` when it should be kept, and AWS does not answer.
        """
        try:
            return self.verify(name, request)
        except SignatureRefusedError as refusal:
            if self.quarantine is not None and is_repairable(refusal.reason, self._provider(name).options):
                message = write(IngestMessage(provider=name, correlation_id=correlation_id, request=request))
                try:
                    refusal.quarantined = self.quarantine.keep(name, request.received_at, correlation_id, message)
                except AwsError as error:
                    raise UnavailableError("not_quarantined") from error
            raise

    def verify(self, name: str, request: WebhookRequest) -> Verified:
        """Verify a webhook.

        Raises
        ------
        WebhookRefusedError
            When it is not verified: anybody can have sent it.
        """
        provider = self._provider(name)
        verdict = self._verdict(name, provider, request)
        return Verified(name=name, provider=provider, request=request, verdict=verdict)

    def read_secret_anew(self, name: str) -> None:
        """Read a provider's secret, however fresh the one in the cache is.

        Raises
        ------
        WebhookRefusedError
            When there is no such provider, or no secret.
        """
        if self._provider(name).needs_secret:
            self.secrets.get(name, max_age=0.0, recheck_seconds=0.0)

    def keep(self, verified: Verified, correlation_id: str, requalified_at: float | None = None) -> Accepted:
        """Store a verified webhook durably.

        Parameters
        ----------
        requalified_at : float | None
            When it was verified, seconds since the epoch, if it was refused when it came.

        Raises
        ------
        WebhookRefusedError
            When it is too large, not an event of its provider, or cannot be stored; see `accept` for what is stored.
        """
        provider, request, verdict = verified.provider, verified.request, verified.verdict
        self._check_size(request)
        request_id = correlation_id if verdict.signed_at is None else str(verdict.signed_at)
        events = read_events(verified.name, provider, request, request_id)
        evidence = Evidence(
            entry=provider.name,
            options=provider.configuration,
            scheme=verdict.scheme,
            key_id=verdict.key_id,
            headers=verdict.headers,
            received_at=request.received_at,
            certificate=verdict.certificate,
            requalified_at=requalified_at,
        )
        try:
            hand_over(
                events,
                request,
                evidence,
                queue=self.queue,
                archive=self.archive,
                correlation_id=correlation_id,
                signature_id=verdict.signature_id,
            )
        except AwsError as error:
            raise UnavailableError("not_durable") from error
        return Accepted(events=events, response=provider.response)

    def challenge(self, name: str, request: WebhookRequest) -> str:
        """Return the response to a provider's challenge, with which it checks that this endpoint has its key.

        Raises
        ------
        WebhookRefusedError
            With the status of the response; 404 for a provider without challenges.
        """
        provider = self._provider(name)
        if not isinstance(provider.scheme, ChallengeScheme):
            raise UnknownProviderError("no_challenge")
        return provider.scheme.answer_challenge(request, self._secrets(name, provider))

    def _provider(self, name: str) -> Provider:
        provider = self.providers.get(name)
        if provider is None:
            raise UnknownProviderError("unknown_provider")
        return provider

    def _check_size(self, request: WebhookRequest) -> None:
        if len(request.body) > self.max_body_bytes:
            raise PayloadTooLargeError("payload_too_large")

    def _verdict(self, name: str, provider: Provider, request: WebhookRequest) -> Verdict:
        try:
            return provider.scheme.verify(request, self._secrets(name, provider))
        except SignatureRefusedError as refusal:
            if refusal.reason != "signature_mismatch" or not provider.needs_secret:
                raise
            fresh = self.secrets.get(name, max_age=self.recheck_seconds, recheck_seconds=self.recheck_seconds)
            return provider.scheme.verify(request, fresh)

    def _secrets(self, name: str, provider: Provider) -> Sequence[str]:
        return self.secrets.get(name, recheck_seconds=self.recheck_seconds) if provider.needs_secret else ()
