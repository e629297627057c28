"""What the result of an HTTP request means for the delivery and for the endpoint.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Delivery success
and failure"
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lambdas.delivery.domain.retry_after import wait_asked_for

GONE = 410
# The specification names 502 and 504 besides 429 and 503: the server is under load.
BUSY = frozenset({429, 502, 503, 504})
BUSY_SECONDS = 5.0
"""How long a busy endpoint is left alone when it does not say for how long."""
DELIVERED = "delivered"
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx", "none")
HIDDEN = "***"
"""Stands where a secret stood."""
_MIN_SECRET_CHARS = 8


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an endpoint answered, for its tenant and the operator to read. It may hold anything; `repr` shows nothing.

    Attributes
    ----------
    headers : Sequence[tuple[str, str]]
        Names and values, as they came.
    body : bytes
        Its beginning.
    complete : bool
        Whether that is all that the endpoint sent, or meant to send.
    """

    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool

    def without(self, secrets: Iterable[str]) -> "Answer":
        """Return it without some texts, which an endpoint may have sent back.

        Parameters
        ----------
        secrets : Iterable[str]
            Those of fewer than 8 characters stay: they are in any text.
        """
        headers, body = self.headers, self.body
        for secret in secrets:
            if len(secret) >= _MIN_SECRET_CHARS:
                headers = tuple((name, value.replace(secret, HIDDEN)) for name, value in headers)
                body = body.replace(secret.encode(), HIDDEN.encode())
        return replace(self, headers=headers, body=body)


@dataclass(frozen=True, kw_only=True)
class HttpResult:
    """What came of an HTTP request.

    Attributes
    ----------
    status : int | None
        HTTP status; None when no response came.
    problem : str | None
        Why no response came, as a code: ``timed out``, ``connection refused``, ``address refused: loopback``.
    retry_after : str | None
        The header of that name.
    answer : Answer | None
        All of the response that is kept; None when no response came. Two results are equal without it.
    """

    status: int | None
    problem: str | None = None
    retry_after: str | None = None
    answer: Answer | None = field(default=None, compare=False)


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


def status_class(status: int | None) -> str:
    """Return the class of a status, one of `STATUS_CLASSES`.

    One that is invalid, or that nobody asked for, is 5xx.
    Source: https://www.rfc-editor.org/rfc/rfc9110#section-15
    """
    if status is None:
        return "none"
    return f"{status // 100}xx" if 200 <= status <= 599 else "5xx"
