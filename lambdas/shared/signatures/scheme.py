"""What every signature scheme is, and the few checks that they share."""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest

DEFAULT_TOLERANCE_SECONDS = 300
MAX_SIGNATURE_HEADER_CHARS = 4096

# `int()` takes "1_000" and non-ASCII digits, and `float()` takes "nan": a time is ASCII digits, or it is refused.
_EPOCH_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a verified signature proves.

    Attributes
    ----------
    scheme : str
        Name of the scheme that accepted the request.
    signed_at : int | None
        The time that the provider signed, in seconds since the epoch; None where a scheme signs no time.
    key_id : str
        Which key it was, without telling the key; see `key_id`.
    headers : Mapping[str, str]
        The headers that were verified, in lower case, reduced to the signature that matched: with the body and the key
        they prove the same again.
    certificate : str | None
        PEM of the certificate that holds the key, and of those up to its root; None where the key is a secret.
    signature_id : str | None
        Set where the signature covers the body so weakly that another body can be made to fit it: what is signed well
        and the same in every redelivery. Only one body is recorded for it, the first.
    """

    scheme: str
    signed_at: int | None
    key_id: str
    headers: Mapping[str, str]
    certificate: str | None = None
    signature_id: str | None = None


class Scheme(Protocol):
    """A way of signing a webhook."""

    @property
    def name(self) -> str:
        """The scheme's name in records and documents."""

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """Prove that the holder of one of the secrets signed this request.

        Raises
        ------
        SignatureRefusedError
            When the request proves nothing.
        UnavailableError
            When the check cannot be made, as with a secret that this scheme cannot use.
        """


@runtime_checkable
class ChallengeScheme(Protocol):
    """A scheme whose provider first asks, with a GET request, for a proof that this endpoint has its key."""

    def answer_challenge(self, request: WebhookRequest, secrets: Sequence[str]) -> str:
        """Return the text of the answer.

        Raises
        ------
        MalformedWebhookError
            When the request holds no challenge.
        UnavailableError
            When there is no key to answer with.
        """


def key_id(key: str) -> str:
    """Return 16 hex digits that name a secret key and tell nothing about it."""
    return hmac.digest(key.encode(), b"webhook key id", "sha256").hex()[:16]


def signature_header(request: WebhookRequest, name: str) -> str:
    """Return a signature header of bearable length."""
    value = request.signed_header(name)
    if len(value) > MAX_SIGNATURE_HEADER_CHARS:
        raise SignatureRefusedError("signature_header_too_long")
    return value


def signing_time(text: str, request: WebhookRequest, tolerance_seconds: int) -> int:
    """Parse the time that was signed and check that it lies within the replay window, on either side."""
    if not _EPOCH_SECONDS.fullmatch(text):
        raise SignatureRefusedError("malformed_timestamp")
    signed_at = int(text)
    if abs(request.received_at - signed_at) > tolerance_seconds:
        raise SignatureRefusedError("timestamp_outside_window")
    return signed_at


def usable(secrets: Sequence[str]) -> Sequence[str]:
    """Return the secrets, all of which must be non-empty: an empty key would verify what anybody can sign."""
    if not secrets or not all(secrets):
        raise UnavailableError("secret_missing")
    try:
        "".join(secrets).encode()
    except UnicodeEncodeError as error:
        raise UnavailableError("secret_unusable") from error
    return secrets


@dataclass(frozen=True)
class Match:
    """Which secret made which of the signatures that were sent."""

    secret: str
    signature: str


def matching(secrets: Sequence[str], expected: Sequence[bytes], candidates: Iterable[str]) -> Match:
    """Return the first secret whose signature is among the candidates.

    Parameters
    ----------
    secrets, expected : Sequence
        The valid secrets, and the signature that each of them makes.
    candidates : Iterable[str]
        The signatures that were sent.

    Compares bytes, since ``hmac.compare_digest`` raises on non-ASCII text, and always compares every pair.

    Raises
    ------
    SignatureRefusedError
        When none matches.
    """
    match: Match | None = None
    given = [(candidate, candidate.encode("utf-8", "surrogatepass")) for candidate in candidates]
    for secret, signature in zip(secrets, expected, strict=True):
        for candidate, raw in given:
            if hmac.compare_digest(signature, raw) and match is None:
                match = Match(secret, candidate)
    if match is None:
        raise SignatureRefusedError("signature_mismatch")
    return match
