"""Attempts as tenants and operators see them: lists of an endpoint's, and one with what the endpoint answered."""

import base64
import codecs
import re
from typing import Any, Literal, Self

from pydantic import Field

from lambdas.delivery.domain.attempt_result import STATUS_CLASSES, Answer
from lambdas.delivery.domain.errors import NotFoundError
from lambdas.delivery.domain.ids import ENDPOINT, EVENT, is_id
from lambdas.delivery.domain.model import Attempt
from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.rest import Call
from lambdas.delivery.http.schemas import CursorText, EndpointId, Limit, RequestModel, ResponseModel, Time
from lambdas.delivery.store.answers import Answers
from lambdas.delivery.store.listing import Listing, ListPage, Range

ATTEMPTS_PATH = "/attempts"
ATTEMPT_PATH = "/events/{eventId}/attempts/{endpointId}/{number}"
NUMBER_PATTERN = "^[1-9][0-9]{0,5}$"
_NUMBER = re.compile(NUMBER_PATTERN, re.ASCII)


class AttemptsQuery(RequestModel):
    """Which attempts are listed."""

    endpoint_id: EndpointId
    status: Literal["2xx", "3xx", "4xx", "5xx", "none"] | None = Field(
        default=None, description="Class of the HTTP status; `none` where no response came."
    )
    from_: Time | None = Field(default=None, alias="from", description="Began at this time or later.")
    to: Time | None = Field(default=None, description="Began before this time.")
    limit: Limit
    cursor: CursorText | None = None


class AttemptResponse(ResponseModel):
    """A request to an endpoint."""

    event_id: str
    endpoint_id: str
    number: int
    at: str
    duration_ms: int
    status: int | None = Field(description="HTTP status; null where no response came.")
    outcome: str


class ListAttemptsResponse(ResponseModel):
    """A page of attempts, the newest first."""

    attempts: list[AttemptResponse]
    next: str | None = Field(description="Cursor of the next page; null on the last. A page may be short of its limit.")


class HeaderResponse(ResponseModel):
    """A header of an endpoint's response."""

    name: str
    value: str


class AnswerResponse(ResponseModel):
    """What an endpoint answered."""

    headers: list[HeaderResponse] = Field(
        description="`***` stands for cookies, and for values of the endpoint's own headers of 8 characters or more."
    )
    body: str
    encoding: Literal["utf-8", "base64"] = Field(description="Of `body`: base64 where the bytes are not UTF-8.")
    complete: bool = Field(description="Whether that is all that the endpoint sent: headers, and 16 KB of the body.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Return the response for an answer."""
        try:
            # A character may have been cut in two.
            body = codecs.getincrementaldecoder("utf-8")().decode(answer.body, final=answer.complete)
        except UnicodeDecodeError:
            body = None
        return cls(
            headers=[HeaderResponse(name=name, value=value) for name, value in answer.headers],
            body=base64.b64encode(answer.body).decode("ascii") if body is None else body,
            encoding="base64" if body is None else "utf-8",
            complete=answer.complete,
        )


class AttemptDetailResponse(AttemptResponse):
    """A request to an endpoint, and what the endpoint answered."""

    answer: AnswerResponse | None = Field(
        description="Null where no response came, and once the payload of the event was erased, which it may repeat."
    )


LIST: dict[str, Any] = {
    "summary": "List attempts at an endpoint",
    "description": "The newest first.",
    "query": AttemptsQuery,
    "answer": ListAttemptsResponse,
}
"""What is declared of the list, besides its path and what serves it."""
SHOW: dict[str, Any] = {
    "summary": "Show an attempt and what the endpoint answered",
    "description": "Its headers, and up to 16 KB of its body.",
    "answer": AttemptDetailResponse,
    "refusals": (404,),
}
"""The same of one attempt."""


def list_attempts(
    listing: Listing, tenant_id: str, query: AttemptsQuery, after: str | None, now: float
) -> ListPage[Attempt]:
    """Return a page of attempts.

    Parameters
    ----------
    after : str | None
        The position that the page before ended at.

    Raises
    ------
    lambdas.delivery.http.problems.ProblemError
        When the range ends before it starts.
    """
    return listing.attempts(
        tenant_id,
        query.endpoint_id,
        [query.status] if query.status else STATUS_CLASSES,
        read_range(query, after),
        now,
    )


def list_response(page: ListPage[Attempt], cursor: str | None) -> ListAttemptsResponse:
    """Return the response for a page, with the cursor of the next one."""
    return ListAttemptsResponse(
        attempts=[AttemptResponse.model_validate(attempt) for attempt in page.entries], next=cursor
    )


def show_attempt(answers: Answers, tenant_id: str, call: Call, now: float) -> AttemptDetailResponse:
    """Return the response for the attempt that a path names.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    event_id, endpoint_id, number = (call.path[name] for name in ("eventId", "endpointId", "number"))
    if not (is_id(EVENT, event_id) and is_id(ENDPOINT, endpoint_id) and _NUMBER.fullmatch(number)):
        raise NotFoundError
    found = answers.find(tenant_id, event_id, endpoint_id, int(number), now)
    if found is None:
        raise NotFoundError
    attempt, answer = found
    return AttemptDetailResponse(
        **AttemptResponse.model_validate(attempt).model_dump(),
        answer=None if answer is None else AnswerResponse.of(answer),
    )


def read_range(query: Any, after: str | None, limit: int | None = None) -> Range:
    """Return the part of a list that a query asks for, or of that no more than a limit.

    Raises
    ------
    lambdas.delivery.http.problems.ProblemError
        When it ends before it starts.
    """
    if query.from_ and query.to and query.from_ >= query.to:
        raise bad_request("from", "must be before to")
    bounds = {"start": query.from_, "end": query.to}
    return Range(
        **{name: value for name, value in bounds.items() if value is not None}, after=after, limit=limit or query.limit
    )
