"""Signing secrets from Secrets Manager, several valid at once, cached in the process.

A secret's value is either one secret as plain text, or ``{"secrets": ["<newest>", "<older>"]}`` while they rotate.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambdas.inbound.aws_calls.errors import AwsError
from lambdas.shared.errors import UnavailableError, aws_code

CACHE_SECONDS = 300.0
# A wrong signature may mean a secret that was rotated a moment ago. It may also be a flood of forgeries, so that at
# most one look-up per provider and interval is spent on finding out.
RECHECK_SECONDS = 30.0
# Behind an inbox nobody waits for the look-up, and what is refused is gone for good.
INBOX_RECHECK_SECONDS = 5.0


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
            Seconds; an older cache entry is read again.

        Raises
        ------
        UnavailableError
            When there is no secret yet, or Secrets Manager does not answer: what cannot be checked is not accepted.
        """
        now = self._clock()
        cached = self._cache.get(provider)
        if cached and now - cached[0] < max_age:
            return cached[1]
        # While Secrets Manager fails, an old entry is not asked for again with every forgery that comes.
        if cached and now - self._failed_at.get(provider, -RECHECK_SECONDS) < RECHECK_SECONDS:
            raise UnavailableError("secrets_unavailable")
        try:
            answer = self._client.get_secret_value(SecretId=self._arns[provider])
        except AwsError as error:
            self._failed_at[provider] = now
            if aws_code(error) == "ResourceNotFoundException":
                raise UnavailableError("secret_missing") from error
            raise UnavailableError("secrets_unavailable") from error
        secrets = parse_secret(answer.get("SecretString", ""))
        self._cache[provider] = (now, secrets)
        return secrets


def parse_secret(value: str) -> Sequence[str]:
    """Read the value of a Secrets Manager secret.

    Raises
    ------
    UnavailableError
        When it holds no secret.
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
