"""The interface of signature schemes, and the checks that they share."""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest

DEFAULT_TOLERANCE_SECONDS = 300
MAX_SIGNATURE_HEADER_CHARS = 4096

# `int()` accepts "1_000" and non-ASCII digits, and `float()` accepts "nan"; a time must be ASCII digits.
_EPOCH_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of verifying a signature.

    Attributes
    ----------
    scheme : str
        Name of the scheme that accepted the request.
    signed_at : int | None
        The signed time, seconds since the epoch; None for schemes that sign no time.
    key_id : str
        Name of the key, see `key_id`.
    headers : Mapping[str, str]
        The verified headers, in lower case, with the matching signature only. With the body and the key, they prove
        the signature again.
    certificate : str | None
        PEM of the certificate with the key, and of those up to its root; None if the key is a secret.
    signature_id : str | None
        Set if another body could be made for the same signature: a signed value that is the same in every redelivery.
        Only the first body with it is recorded.
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
        """Name of the scheme in records and documents."""

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """Verify that somebody with one of the secrets signed this request.

        Raises
        ------
        SignatureRefusedError
            When the signature is missing or wrong.
        UnavailableError
            When it cannot be checked, for example because the scheme cannot use the secret.
        """


@runtime_checkable
class ChallengeScheme(Protocol):
    """A scheme with challenges: by a GET request, the provider first checks that this endpoint has its key."""

    def answer_challenge(self, request: WebhookRequest, secrets: Sequence[str]) -> str:
        """Return the text of the response.

        Raises
        ------
        MalformedWebhookError
            When the request contains no challenge.
        UnavailableError
            When there is no key.
        """


@lru_cache(maxsize=16)
def key_id(key: str) -> str:
    """Return 16 hex digits that name a secret key and reveal nothing of it."""
    return hmac.digest(key.encode(), b"webhook key id", "sha256").hex()[:16]


def signature_header(request: WebhookRequest, name: str) -> str:
    """Return a signature header, unless it is too long."""
    value = request.signed_header(name)
    if len(value) > MAX_SIGNATURE_HEADER_CHARS:
        raise SignatureRefusedError("signature_header_too_long")
    return value


def signature_headers(request: WebhookRequest, name: str) -> Sequence[str]:
    """Return the values of a signature header that may be repeated, unless one is too long."""
    values = [value for value in request.headers.get(name.lower(), ()) if value]
    if not values:
        raise SignatureRefusedError("missing_signature_header")
    if max(map(len, values)) > MAX_SIGNATURE_HEADER_CHARS:
        raise SignatureRefusedError("signature_header_too_long")
    return values


def signing_time(text: str, request: WebhookRequest, tolerance_seconds: int) -> int:
    """Parse the signed time, and check that it is in the replay window, before or after the receipt."""
    if not _EPOCH_SECONDS.fullmatch(text):
        raise SignatureRefusedError("malformed_timestamp")
    signed_at = int(text)
    if abs(request.received_at - signed_at) > tolerance_seconds:
        raise SignatureRefusedError("timestamp_outside_window")
    return signed_at


def usable(secrets: Sequence[str]) -> Sequence[str]:
    """Return the secrets. None may be empty, because anybody can sign with an empty key."""
    if not secrets or not all(secrets):
        raise UnavailableError("secret_missing")
    try:
        "".join(secrets).encode()
    except UnicodeEncodeError as error:
        raise UnavailableError("secret_unusable") from error
    return secrets


@dataclass(frozen=True)
class Match:
    """The secret that matched, and its signature."""

    secret: str
    signature: str


def matching(secrets: Sequence[str], expected: Sequence[bytes], candidates: Iterable[str]) -> Match:
    """Return the first secret with a signature among the candidates.

    Parameters
    ----------
    secrets, expected : Sequence
        The valid secrets, and the signature of each.
    candidates : Iterable[str]
        The signatures in the request.

    It compares bytes, because ``hmac.compare_digest`` raises on non-ASCII text, and always compares every pair.

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
