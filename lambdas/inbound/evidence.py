"""The evidence of an archived payload: that its provider signed it, or that it was fetched from its provider.

It is stored in the metadata of the payload's object, so that neither can exist without the other.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

# S3 takes 2 KB of metadata, names included.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
MAX_METADATA_BYTES = 1_900
METADATA_NAME = "evidence"
FETCHED = "fetched"
"""The verdict on what was fetched from its provider, and in place of a scheme if nobody signed it."""


class NoEvidenceError(ValueError):
    """The metadata contains no evidence that this version can read."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A verdict and what it was based on; never a key.

    Attributes
    ----------
    entry : str
        Registry entry of the provider.
    options : Mapping[str, str]
        Options of the provider at that time; options can change later.
    scheme : str
        Signature scheme that accepted the request.
    key_id : str
        Name of the key, see `lambdas.shared.signatures.scheme.key_id`, or the certificate.
    headers : Mapping[str, str]
        The verified headers, in lower case; of what was fetched, those that the API showed.
    received_at : float
        When the request was received, seconds since the epoch; the replay window is measured from it.
    verdict : str
        ``accepted``, or `FETCHED`: nothing else is archived.
    certificate : str | None
        PEM of the certificate that `key_id` names. It is archived once under that name, not with each payload.
    requalified_at : float | None
        When a request that had been refused and quarantined was verified anew, seconds since the epoch; None for one
        that was verified when it was received.
    fetched_from : str | None
        The host of the provider's API from which it was fetched over TLS, with the API key that `key_id` names and at
        `received_at`. None for what was received. A scheme other than `FETCHED` has the key that signed it.
    """

    entry: str
    options: Mapping[str, str] = field(default_factory=dict)
    scheme: str
    key_id: str
    headers: Mapping[str, str]
    received_at: float
    verdict: str = "accepted"
    certificate: str | None = None
    requalified_at: float | None = None
    fetched_from: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the JSON form."""
        document: dict[str, Any] = {
            "entry": self.entry,
            "options": dict(self.options),
            "scheme": self.scheme,
            "keyId": self.key_id,
            "headers": dict(self.headers),
            "receivedAt": self.received_at,
            "verdict": self.verdict,
        }
        if self.certificate is not None:
            document["certificate"] = self.certificate
        if self.requalified_at is not None:
            document["requalifiedAt"] = self.requalified_at
        if self.fetched_from is not None:
            document["fetchedFrom"] = self.fetched_from
        return document

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Read the JSON form.

        Raises
        ------
        NoEvidenceError
            When it has another form.
        """
        try:
            requalified_at = document.get("requalifiedAt")
            evidence = cls(
                entry=document["entry"],
                options=dict(document["options"]),
                scheme=document["scheme"],
                key_id=document["keyId"],
                headers=dict(document["headers"]),
                received_at=float(document["receivedAt"]),
                verdict=document["verdict"],
                certificate=document.get("certificate"),
                requalified_at=None if requalified_at is None else float(requalified_at),
                fetched_from=document.get("fetchedFrom"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NoEvidenceError(f"not evidence: {type(error).__name__}") from error
        texts = [evidence.entry, evidence.scheme, evidence.key_id, evidence.verdict]
        texts += [text for text in (evidence.certificate, evidence.fetched_from) if text is not None]
        if not all(
            isinstance(text, str)
            for text in [
                *texts,
                *evidence.headers,
                *evidence.headers.values(),
                *evidence.options,
                *evidence.options.values(),
            ]
        ):
            raise NoEvidenceError("not evidence: a member is not a text")
        return evidence

    def to_metadata(self) -> dict[str, str]:
        """Return the metadata of an object; headers that do not fit are marked as left out."""
        document = replace(self, certificate=None).to_document()
        text = _encode(document)
        if len(text) > MAX_METADATA_BYTES:
            text = _encode({**document, "headers": {}, "headersTooLong": True})
        return {METADATA_NAME: text}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Read the metadata of an object.

        Raises
        ------
        NoEvidenceError
            When it contains none.
        """
        try:
            document = json.loads(base64.urlsafe_b64decode(metadata[METADATA_NAME]))
        except (KeyError, ValueError, binascii.Error) as error:
            raise NoEvidenceError("no evidence") from error
        if isinstance(document, dict) and document.get("headersTooLong"):
            raise NoEvidenceError("the headers did not fit")
        return cls.from_document(document)


def _encode(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).decode("ascii")
