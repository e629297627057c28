"""What can go wrong in a call to AWS."""

from typing import Any


class AwsError(Exception):
    """A call that did not succeed; whether it had its effect is not known.

    Attributes
    ----------
    operation_name : str
        AWS's name of the operation.
    """

    def __init__(self, operation_name: str, message: str) -> None:
        super().__init__(f"{operation_name}: {message}")
        self.operation_name = operation_name


class AwsUnreachableError(AwsError):
    """No response, or none that can be read: no connection, a time-out, a response cut short."""


class AwsRefusedError(AwsError):
    """AWS answered with an error.

    Attributes
    ----------
    status : int
        HTTP status.
    response : dict[str, Any]
        ``{"Error": {"Code": ...}}``, where botocore's errors have it too. AWS's message is left out: it can quote what
        was sent.
    """

    def __init__(self, operation_name: str, status: int, code: str) -> None:
        super().__init__(operation_name, code)
        self.status = status
        self.response: dict[str, Any] = {"Error": {"Code": code}}

    @property
    def code(self) -> str:
        """AWS's code of the error."""
        return str(self.response["Error"]["Code"])
