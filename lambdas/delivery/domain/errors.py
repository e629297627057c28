"""Why a call of the delivery half cannot be served. `lambdas.delivery.http.problems` gives each its HTTP status."""

from lambdas.shared.errors import TellableError


class DeliveryError(Exception):
    """A call that cannot be served.

    Attributes
    ----------
    code : str
        For programs; it never changes.
    message : str
        For people.
    retry_after : int | None
        Seconds after which the call may be served.
    """

    def __init__(self, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class NotFoundError(DeliveryError):
    """Nothing has this id, or it is another tenant's: callers must not learn which."""

    def __init__(self) -> None:
        super().__init__("not_found", "there is nothing here under this id")


class ConflictError(DeliveryError):
    """The call does not fit the present state."""


class LoopError(ConflictError):
    """The call came of a delivery that came of a call, and so on, too often in a row.

    Not a 508, which is an error of the server, and would count as ours in every alarm.
    """

    def __init__(self) -> None:
        super().__init__("loop_detected", "deliveries lead back to this API: an endpoint forwards them here")


class QuotaReachedError(DeliveryError):
    """The tenant has used up a quota."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__("quota_reached", message, retry_after)


class InvalidFieldError(DeliveryError):
    """A field has a value that it must not have.

    Attributes
    ----------
    field : str
        Its name.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__("invalid_fields", problem)
        self.field = field


class StoreBusyError(TellableError):
    """DynamoDB left keys unanswered, or other writers kept getting in the way. Nothing was written; try again."""
