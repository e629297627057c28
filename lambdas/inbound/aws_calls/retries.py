"""Which failures are retried, and when: the standard mode of AWS's SDKs, as in botocore.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import random

from lambdas.inbound.aws_calls.errors import AwsError, AwsRefusedError, AwsUnreachableError

MAX_ATTEMPTS = 3
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
TRANSIENT_CODES = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
THROTTLING_STATUS = 429
THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)
# Longest wait after the first attempt, in seconds; it doubles with each further attempt.
BACKOFF_SECONDS = 0.05
THROTTLING_BACKOFF_SECONDS = 1.0


def is_throttling(error: AwsError) -> bool:
    """Return whether AWS asks for fewer calls."""
    return isinstance(error, AwsRefusedError) and (error.status == THROTTLING_STATUS or error.code in THROTTLING_CODES)


def is_retryable(error: AwsError) -> bool:
    """Return whether the same call may succeed a moment later."""
    if isinstance(error, AwsRefusedError):
        return error.status in TRANSIENT_STATUSES or error.code in TRANSIENT_CODES or is_throttling(error)
    return isinstance(error, AwsUnreachableError)


def backoff(error: AwsError, attempt: int) -> float:
    """Return the seconds to wait after a failed attempt, a random time up to the longest; the first attempt is 1."""
    longest = THROTTLING_BACKOFF_SECONDS if is_throttling(error) else BACKOFF_SECONDS
    return random.random() * longest * 2.0 ** (attempt - 1)  # noqa: S311 (it spreads retries and hides nothing)


class RetryQuota:
    """The number of retries that a process may make, so that it does not add to an outage.

    A retry takes from the quota, and a successful call gives back. When the quota is empty, calls are not retried.
    """

    CAPACITY = 500
    COST = 14
    THROTTLING_COST = 5

    def __init__(self) -> None:
        self._left = self.CAPACITY

    def acquire(self, error: AwsError) -> int | None:
        """Take a retry after an error from the quota; return its price, or None if the quota is too low."""
        price = self.THROTTLING_COST if is_throttling(error) else self.COST
        if price > self._left:
            return None
        self._left -= price
        return price

    def release(self, price: int | None) -> None:
        """Give back the price of the last retry of a successful call, or 1 if it had no retry."""
        self._left = min(self._left + (1 if price is None else price), self.CAPACITY)
