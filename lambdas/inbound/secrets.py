"""Signing secrets from Secrets Manager, cached in the process; several can be valid at once.

The value of a secret is either one secret as plain text, or ``{"secrets": ["<newest>", "<older>"]}`` while they rotate.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambdas.inbound.aws_calls.errors import AwsError
from lambdas.shared.errors import UnavailableError, aws_code

CACHE_SECONDS = 300.0
# A wrong signature may mean that the secret was rotated a moment ago, so that the secret is read again. It may also be
# one of many forgeries, so that this is done at most once per provider and interval.
RECHECK_SECONDS = 30.0
# Behind the ingest queue no sender waits for the look-up, and a refused webhook is lost.
INGEST_QUEUE_RECHECK_SECONDS = 5.0


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
        self._failed_at: dict[str, float] = {}

    def get(self, provider: str, *, max_age: float = CACHE_SECONDS) -> Sequence[str]:
        """Return the provider's valid secrets, the newest first.

        Parameters
        ----------
        max_age : float
            Age in seconds from which a cached secret is read again.

        Raises
        ------
        UnavailableError
            When there is no secret yet, or Secrets Manager is unavailable: a webhook that cannot be checked is refused.
        """
        now = self._clock()
        cached = self._cache.get(provider)
        if cached and now - cached[0] < max_age:
            return cached[1]
        # While Secrets Manager fails, not every forgery makes another call.
        if cached and now - self._failed_at.get(provider, -RECHECK_SECONDS) < RECHECK_SECONDS:
            raise UnavailableError("secrets_unavailable")
        try:
            response = self._client.get_secret_value(SecretId=self._arns[provider])
        except AwsError as error:
            self._failed_at[provider] = now
            if aws_code(error) == "ResourceNotFoundException":
                raise UnavailableError("secret_missing") from error
            raise UnavailableError("secrets_unavailable") from error
        secrets = parse_secret(response.get("SecretString", ""))
        self._cache[provider] = (now, secrets)
        return secrets


def parse_secret(value: str) -> Sequence[str]:
    """Read the value of a Secrets Manager secret.

    Raises
    ------
    UnavailableError
        When it contains no secret.
    """
    text = value.strip()
    if not text.startswith("{"):
        secrets = [text]
    else:
        try:
            secrets = json.loads(text)["secrets"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnavailableError("secret_unusable") from error
    if not isinstance(secrets, list) or not secrets:
        raise UnavailableError("secret_missing")
    if not all(isinstance(secret, str) and secret.strip() for secret in secrets):
        raise UnavailableError("secret_missing")
    return tuple(secrets)
