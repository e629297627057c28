"""Whether an archived payload is what its provider signed, and lies where it belongs.

That follows from its bytes, its evidence and the provider's keys alone.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lambdas.inbound.archive import BATCH_PREFIX, key_part
from lambdas.inbound.batch_object import NotABatchObjectError, read_index
from lambdas.inbound.erasure import ERASED_AT
from lambdas.inbound.event import read_events
from lambdas.inbound.evidence import FETCHED, Evidence, NoEvidenceError
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.paypal import PayPalScheme
from lambdas.inbound.signatures.paypal_certificates import Authorities, CertificateStore, paypal_authorities
from lambdas.reconcile.lists.registry import LISTS
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import Scheme, key_id
from lambdas.shared.signatures.standard_webhooks_ed25519 import PUBLIC_KEY_PREFIX, StandardWebhooksEd25519Scheme


class Proof(StrEnum):
    """What is known about an archived payload."""

    PROVEN = "proven"
    """The evidence's key signed exactly these bytes, and they belong to the event that they are archived under."""
    FETCHED = "fetched"
    """Nobody signed these bytes. They were fetched from the provider's API, by the evidence: from which host over TLS,
    when, and with which key. They belong to the event that they are archived under."""
    KEY_UNKNOWN = "key unknown"
    """The signing key is not among the known keys. If it was retired, give it in RETIRED."""
    NO_EVIDENCE = "no evidence"
    """Beside the payload there is nothing to verify, or it says that it was fetched where nothing is."""
    CHANGED = "changed"
    """The bytes have changed since they were archived."""
    MISPLACED = "misplaced"
    """The provider signed these bytes, but they belong to no event, or not to the one that they are archived under."""
    REFUTED = "refuted"
    """The key that the evidence names did not sign these bytes."""
    ERASED = "erased"
    """An operator erased it."""
    IN_GLACIER = "in Glacier"
    """It must be restored before it can be read."""


@dataclass(frozen=True, kw_only=True)
class ArchivedPayload:
    """A payload of the archive, wherever it lies there.

    Attributes
    ----------
    place : str
        Object key, and where several lie in an object, its event.
    provider : str
        The name under which the provider was deployed.
    event : str
        The event's id, as it stands in a key.
    sha256 : str
        Digest of the bytes that were archived.
    body : bytes
        Its bytes now.
    evidence : Evidence | None
        What lies beside it, if that can be read.
    erased : bool
        Whether it was erased, and its object says so.
    """

    place: str
    provider: str
    event: str
    sha256: str
    body: bytes
    evidence: Evidence | None
    erased: bool = False

    @classmethod
    def of_object(cls, key: str, content: bytes, metadata: Mapping[str, str]) -> "list[ArchivedPayload]":
        """Return the payloads of an object below ``raw/``.

        Raises
        ------
        NotABatchObjectError
            When its key says that it holds many, and it does not.
        """
        return (
            cls.of_a_batch(key, content, erased=ERASED_AT in metadata)
            if key.startswith(BATCH_PREFIX)
            else [cls.of_its_own(key, content, metadata)]
        )

    @classmethod
    def of_its_own(cls, key: str, body: bytes, metadata: Mapping[str, str]) -> "ArchivedPayload":
        """Return the payload of an object that holds no other; its key says what it is."""
        _, provider, event, sha256 = key.split("/")
        try:
            evidence = Evidence.from_metadata(metadata)
        except NoEvidenceError:
            evidence = None
        erased = ERASED_AT in metadata and not body
        return cls(
            place=key, provider=provider, event=event, sha256=sha256, body=body, evidence=evidence, erased=erased
        )

    @classmethod
    def of_a_batch(cls, key: str, content: bytes, *, erased: bool = False) -> "list[ArchivedPayload]":
        """Return the payloads of a batch's object.

        Parameters
        ----------
        erased : bool
            Whether it says that some of them were erased.

        Raises
        ------
        NotABatchObjectError
            When it is none, or not the one that was archived.
        """
        entries = read_index(content)
        # The index says what the payloads are, and the key what the index is, as long as nothing is erased.
        if not erased and hashlib.sha256(content).hexdigest() != key.rsplit("/", 1)[-1]:
            raise NotABatchObjectError("its digest is not the one in its key")
        return [
            cls(
                place=f"{key} at {entry.offset}, {entry.provider}:{entry.event_id}",
                provider=entry.provider,
                event=key_part(entry.event_id),
                sha256=entry.sha256,
                body=content[entry.offset : entry.offset + entry.size],
                evidence=entry.evidence,
                erased=erased and not any(content[entry.offset : entry.offset + entry.size]),
            )
            for entry in entries
        ]


def prove(payload: ArchivedPayload, keys: Sequence[str], certificate_of: Callable[[str], bytes | None]) -> Proof:
    """Verify a payload anew, as if it came at the time at which it came, by the entry that accepted it.

    Parameters
    ----------
    keys : Sequence[str]
        The keys of the provider under whose name the payload lies, retired ones included, so that nothing is proven
        under another's name. For PayPal, which signs with one certificate for everybody, the ids of its webhooks.
    certificate_of : Callable[[str], bytes | None]
        Returns the certificate that was archived under a key id, for providers that sign with one.
    """
    if payload.erased or hashlib.sha256(payload.body).hexdigest() != payload.sha256:
        return Proof.ERASED if payload.erased else Proof.CHANGED
    evidence = payload.evidence
    if evidence is None or (provider := _as_deployed(evidence)) is None or not _is_believable(evidence):
        return Proof.NO_EVIDENCE
    request = WebhookRequest(
        body=payload.body,
        headers={name: [value] for name, value in evidence.headers.items()},
        received_at=evidence.received_at,
    )
    if evidence.scheme == FETCHED:
        return Proof.FETCHED if payload.event in _events(payload.provider, provider, request) else Proof.MISPLACED
    scheme: Scheme = provider.scheme
    known = False
    if isinstance(scheme, PayPalScheme):
        certificate = certificate_of(evidence.key_id)
        if certificate is None or scheme.webhook_id not in keys:
            return Proof.KEY_UNKNOWN
        scheme, keys, known = with_certificate(scheme, certificate), [""], True
    elif not isinstance(scheme, StandardWebhooksEd25519Scheme):
        # Evidence says itself by which entry it is verified. A public key is no secret: taken for the key of an HMAC,
        # it would prove whatever anybody signed with it.
        keys = [key for key in keys if not key.startswith(PUBLIC_KEY_PREFIX)]
    for key in keys:
        try:
            verdict = scheme.verify(request, [key])
        except (SignatureRefusedError, UnavailableError):
            known = known or key_id(key) == evidence.key_id
            continue
        if verdict.key_id == evidence.key_id:
            return Proof.PROVEN if payload.event in _events(payload.provider, provider, request) else Proof.MISPLACED
    return Proof.REFUTED if known else Proof.KEY_UNKNOWN


def _events(name: str, provider: Provider, request: WebhookRequest) -> set[str]:
    """Return the ids of the events that a payload holds, as they stand in a key."""
    try:
        return {key_part(event.event_id) for event in read_events(name, provider, request)}
    except MalformedWebhookError:
        return set()


def _is_believable(evidence: Evidence) -> bool:
    """Return whether evidence that something was fetched names a list without signatures, and its host."""
    if evidence.scheme != FETCHED:
        return True
    kind = LISTS.get(evidence.entry)
    listed = kind is not None and not kind.signed and evidence.fetched_from in kind.hosts
    return listed and evidence.verdict == FETCHED


def _as_deployed(evidence: Evidence) -> Provider | None:
    """Return the entry that the evidence names, with its options; None if it could not have been deployed so."""
    entry = REGISTRY.get(evidence.entry)
    if entry is None:
        return None
    for name, value in evidence.options.items():
        if name not in entry.options or not re.fullmatch(entry.options[name].pattern, value, re.ASCII):
            return None
    return entry.configured(evidence.options)


def with_certificate(
    scheme: PayPalScheme, certificate: bytes, authorities: Callable[[], Authorities] = paypal_authorities
) -> PayPalScheme:
    """Return a scheme that takes an archived certificate for what lies at the address, and asks nobody."""
    return replace(scheme, certificates=CertificateStore(lambda _: certificate, authorities))
