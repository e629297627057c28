"""What every signature scheme is, and the few checks that they share."""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

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
    secret_index : int
        Which of the valid secrets matched, counted from 0, the newest: during a rotation it tells whether the
        old one is still in use.
    """

    scheme: str
    signed_at: int | None
    secret_index: int


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


def matching_secret(expected: Sequence[bytes], candidates: Iterable[str]) -> int:
    """Return the index of the first expected signature that is among the candidates.

    Compares bytes, since ``hmac.compare_digest`` raises on non-ASCII text, and always compares every pair.

    Raises
    ------
    SignatureRefusedError
        When none matches.
    """
    match: int | None = None
    given = [candidate.encode("utf-8", "surrogatepass") for candidate in candidates]
    for index, signature in enumerate(expected):
        for candidate in given:
            if hmac.compare_digest(signature, candidate) and match is None:
                match = index
    if match is None:
        raise SignatureRefusedError("signature_mismatch")
    return match
