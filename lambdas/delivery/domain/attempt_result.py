"""What an endpoint's answer, or the lack of one, means for the delivery and for the endpoint.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Delivery success
and failure"
"""

from dataclasses import dataclass

from lambdas.delivery.domain.retry_after import wait_asked_for

GONE = 410
# The specification names 502 and 504: the server is under load. 429 (RFC 6585) and 503 (RFC 9110) say so themselves.
BUSY = frozenset({429, 502, 503, 504})
BUSY_SECONDS = 5.0
"""How long a busy endpoint is left alone when it does not say for how long."""
DELIVERED = "delivered"


@dataclass(frozen=True, kw_only=True)
class HttpResult:
    """What came back.

    Attributes
    ----------
    status : int | None
        HTTP status; None where there was no whole answer.
    problem : str | None
        Why there was none, as a code: ``timed out``, ``connection refused``, ``address refused: loopback``.
    retry_after : str | None
        The header of that name.
    """

    status: int | None
    problem: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True)
class AttemptResult:
    """What it means.

    Attributes
    ----------
    delivered : bool
        Whether the endpoint has the event.
    outcome : str
        ``delivered``, or a code of what went wrong.
    gone : bool
        Whether the endpoint wants no more events, ever.
    slow_for : float | None
        Seconds in which the endpoint gets no more attempts, of whatever delivery.
    retry_after : float | None
        Seconds that this delivery waits at least.
    """

    delivered: bool
    outcome: str
    gone: bool = False
    slow_for: float | None = None
    retry_after: float | None = None


def classify(answer: HttpResult, now: float) -> AttemptResult:
    """Return what an answer means.

    Parameters
    ----------
    now : float
        Seconds since the epoch, when the answer was read.
    """
    if answer.status is None:
        return AttemptResult(delivered=False, outcome=answer.problem or "no answer")
    if 200 <= answer.status <= 299:
        return AttemptResult(delivered=True, outcome=DELIVERED)
    asked = wait_asked_for(answer.retry_after, now)
    return AttemptResult(
        delivered=False,
        outcome=f"status {answer.status}",
        gone=answer.status == GONE,
        slow_for=(BUSY_SECONDS if asked is None else asked) if answer.status in BUSY else None,
        retry_after=asked,
    )
