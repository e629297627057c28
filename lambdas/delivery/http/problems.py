"""How the delivery APIs refuse a call: the HTTP status of each error, and the response's body.

Every response that is not 2xx has one form: ``error``, a code for programs; ``message``, a sentence for people;
``fields``, each wrong field and what is wrong with it; ``correlationId``, by which the call is found in the log. Of
what was sent, it holds names of fields at most, and what a tenant chose that is not a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.delivery.domain.errors import (
    ConflictError,
    DeliveryError,
    InvalidFieldError,
    NotFoundError,
    QuotaReachedError,
    StoreBusyError,
)
from lambdas.shared.errors import NotRecordedError

_STATUS = {NotFoundError: 404, ConflictError: 409, QuotaReachedError: 429}
MAX_FIELDS_SHOWN = 20
MAX_NAME_CHARS = 100


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """A wrong field, in dots from the outside, and what is wrong with its value."""

    field: str
    problem: str


@dataclass(kw_only=True, eq=False)
class ProblemError(Exception):
    """A call that is refused.

    Attributes
    ----------
    status : int
        HTTP status.
    code : str
        For programs; it never changes.
    message : str
        For people.
    fields : Sequence[FieldProblem]
        The wrong fields.
    headers : Mapping[str, str]
        Headers of the response.
    """

    status: int
    code: str
    message: str
    fields: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.code

    def body(self, correlation_id: str) -> dict[str, Any]:
        """Return the response's body."""
        return {
            "error": self.code,
            "message": self.message,
            "correlationId": correlation_id,
            "fields": [
                {"field": one.field[:MAX_NAME_CHARS], "problem": one.problem} for one in self.fields[:MAX_FIELDS_SHOWN]
            ],
        }


def problem_of(error: Exception) -> ProblemError:
    """Return the response to an error. No other place gives errors an HTTP status."""
    match error:
        case ProblemError():
            return error
        case InvalidFieldError():
            return bad_request(error.field, error.message)
        case DeliveryError():
            status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            return ProblemError(status=status, code=error.code, message=error.message, headers=headers)
        case StoreBusyError() | NotRecordedError() | ClientError() | BotoCoreError():
            # Nothing was promised, so that the caller may try again.
            headers = {"Retry-After": "2"}
            return ProblemError(status=503, code="unavailable", message="try again in a moment", headers=headers)
        case _:
            return ProblemError(status=500, code="internal", message="this is our fault; it is in our log")


def invalid(*fields: FieldProblem) -> ProblemError:
    """Return the response to wrong fields."""
    return ProblemError(status=400, code="invalid_fields", message="some fields are not as they must be", fields=fields)


def bad_request(name: str, problem: str) -> ProblemError:
    """Return the response to one wrong field."""
    return invalid(FieldProblem(field=name, problem=problem))


def not_json(message: str) -> ProblemError:
    """Return the response to a body that cannot be read."""
    return ProblemError(status=400, code="invalid_body", message=message)


def too_large(limit: int) -> ProblemError:
    """Return the response to a body above a limit of bytes."""
    return ProblemError(status=413, code="too_large", message=f"the body has more than {limit} bytes")
