"""What the result of an HTTP request means for the delivery and for the endpoint.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Delivery success
and failure"
"""

from dataclasses import dataclass

from lambdas.delivery.domain.retry_after import wait_asked_for

GONE = 410
# The specification names 502 and 504 besides 429 and 503: the server is under load.
BUSY = frozenset({429, 502, 503, 504})
BUSY_SECONDS = 5.0
"""How long a busy endpoint is left alone when it does not say for how long."""
DELIVERED = "delivered"


@dataclass(frozen=True, kw_only=True)
class HttpResult:
    """What came of an HTTP request.

    Attributes
    ----------
    status : int | None
        HTTP status; None when no whole response came.
    problem : str | None
        Why no response came, as a code: ``timed out``, ``connection refused``, ``address refused: loopback``.
    retry_after : str | None
        The header of that name.
    """

    status: int | None
    problem: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True)
class AttemptResult:
    """What an attempt led to.

    Attributes
    ----------
    delivered : bool
        Whether the endpoint has the event.
    outcome : str
        ``delivered``, or a code of what went wrong.
    gone : bool
        Whether the endpoint wants no more events, ever.
    slow_for : float | None
        Seconds in which the endpoint gets no more attempts, of any delivery.
    retry_after : float | None
        Seconds that this delivery waits at least.
    """

    delivered: bool
    outcome: str
    gone: bool = False
    slow_for: float | None = None
    retry_after: float | None = None


def classify(response: HttpResult, now: float) -> AttemptResult:
    """Return what the result of a request means.

    Parameters
    ----------
    now : float
        Seconds since the epoch, when the response was read.
    """
    if response.status is None:
        return AttemptResult(delivered=False, outcome=response.problem or "no answer")
    if 200 <= response.status <= 299:
        return AttemptResult(delivered=True, outcome=DELIVERED)
    wait = wait_asked_for(response.retry_after, now)
    return AttemptResult(
        delivered=False,
        outcome=f"status {response.status}",
        gone=response.status == GONE,
        slow_for=(BUSY_SECONDS if wait is None else wait) if response.status in BUSY else None,
        retry_after=wait,
    )
