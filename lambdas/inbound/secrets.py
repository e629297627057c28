"""Signing secrets from Secrets Manager, cached in the process; several can be valid at once.

The value of a secret is either one secret as plain text, or ``{"secrets": ["<newest>", "<older>"]}`` while they rotate.
A JSON array or a JSON text is read as what it holds, since people paste them.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambdas.inbound.aws_calls.errors import AwsError
from lambdas.shared.errors import UnavailableError, aws_code

CACHE_SECONDS = 300.0
# When Secrets Manager is asked again after it failed; in between, a request does not wait for it.
RETRY_SECONDS = 5.0
# While Secrets Manager fails, a cached secret serves until it is this old. Then it may have been retired for too long.
OUTAGE_SECONDS = 600.0
# A wrong signature may mean that the secret was rotated a moment ago, so that the secret is read again. It may also be
# one of many forgeries, so that this is done at most once per provider and interval.
RECHECK_SECONDS = 30.0
# Behind the ingest queue no sender waits for the look-up, and a refused webhook is lost.
INGEST_QUEUE_RECHECK_SECONDS = 5.0
UNAVAILABLE = "secrets_unavailable"


class SecretStore:
    """Reads and caches the secrets of the deployed providers.

    Parameters
    ----------
    secrets_manager
        A `lambdas.inbound.aws_calls.services.SecretsManager`.
    arns : Mapping[str, str]
        Deployed provider name to the ARN of its secret.
    clock : Callable[[], float]
        Seconds, monotonic.
    """

    def __init__(
        self, secrets_manager: Any, arns: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = secrets_manager
        self._arns = arns
        self._clock = clock
        self._cache: dict[str, tuple[float, Sequence[str]]] = {}
        self._failed: dict[str, tuple[float, str]] = {}

    def get(
        self, provider: str, *, max_age: float = CACHE_SECONDS, recheck_seconds: float = RECHECK_SECONDS
    ) -> Sequence[str]:
        """Return the provider's valid secrets, the newest first.

        Parameters
        ----------
        max_age : float
            Age in seconds from which a cached secret is read again.
        recheck_seconds : float
            How often a secret that is missing or unusable is looked up at most.

        Raises
        ------
        UnavailableError
            When there is no secret yet, or Secrets Manager is unavailable: a webhook that cannot be checked is refused.
        """
        now = self._clock()
        cached = self._cache.get(provider)
        if cached and now - cached[0] < max_age:
            return cached[1]
        failed_at, reason = self._failed.get(provider, (-math.inf, ""))
        if now - failed_at >= (RETRY_SECONDS if reason == UNAVAILABLE else recheck_seconds):
            try:
                secrets = self._read(provider)
            except UnavailableError as error:
                reason = error.reason
                self._failed[provider] = (now, reason)
            else:
                self._cache[provider] = (now, secrets)
                return secrets
        # A fresher one that is asked for is there to tell a rotation from a forgery: the cached one cannot.
        serves = reason == UNAVAILABLE and max_age >= CACHE_SECONDS
        if cached and serves and now - cached[0] < OUTAGE_SECONDS:
            return cached[1]
        raise UnavailableError(reason)

    def _read(self, provider: str) -> Sequence[str]:
        try:
            response = self._client.get_secret_value(SecretId=self._arns[provider])
        except AwsError as error:
            missing = aws_code(error) == "ResourceNotFoundException"
            raise UnavailableError("secret_missing" if missing else UNAVAILABLE) from error
        return parse_secret(response.get("SecretString", ""))


def parse_secret(value: str) -> Sequence[str]:
    """Read the value of a Secrets Manager secret. A byte order mark and blanks around a secret do not belong to it.

    Raises
    ------
    UnavailableError
        When it contains no secret, or begins like JSON and is none: taken literally, it would refuse every webhook.
    """
    parsed: Any = _trimmed(value)
    if parsed.startswith(("{", "[", '"')):
        try:
            parsed = json.loads(parsed)
            if isinstance(parsed, dict):
                parsed = parsed["secrets"]
        except (ValueError, KeyError, RecursionError) as error:
            raise UnavailableError("secret_unusable") from error
    secrets = [parsed] if isinstance(parsed, str) else parsed
    if not isinstance(secrets, list) or not secrets:
        raise UnavailableError("secret_missing")
    if not all(isinstance(secret, str) and _trimmed(secret) for secret in secrets):
        raise UnavailableError("secret_missing")
    return tuple(_trimmed(secret) for secret in secrets)


def _trimmed(text: str) -> str:
    return text.strip().strip("\ufeff").strip()
