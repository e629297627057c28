"""The reasons to refuse a webhook, with their HTTP statuses; and what a log may contain of an error."""


class WebhookRefusedError(Exception):
    """A webhook is refused.

    Attributes
    ----------
    status : int
        HTTP status code of the response.
    reason : str
        A short code for logs, metrics and the response. It never contains payload or secret.
    """

    status = 500

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedWebhookError(WebhookRefusedError):
    """The signature is right, but the body is not an event of this provider."""

    status = 400


class SignatureRefusedError(WebhookRefusedError):
    """The signature is missing, malformed, wrong, or outside the replay window.

    Attributes
    ----------
    quarantined : bool | None
        Whether the webhook is kept in the quarantine; None if it is not one that would be kept there.
    """

    status = 401
    quarantined: bool | None = None


class UnknownProviderError(WebhookRefusedError):
    """No provider with this name is deployed."""

    status = 404


class PayloadTooLargeError(WebhookRefusedError):
    """The body is larger than the stack's ``max_body_bytes``."""

    status = 413


class UnavailableError(WebhookRefusedError):
    """The webhook cannot be checked, or cannot be stored: the sender must retry."""

    status = 503


class TellableError(Exception):
    """An error with a message that may be logged and recorded: it contains nothing of a payload."""


class NotRecordedError(TellableError):
    """An action was not carried out, since the audit log could not be written."""


def aws_code(error: Exception) -> str | None:
    """Return AWS's code of an error, from boto3 or `lambdas.inbound.aws_calls`; None for any other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "unknown")) if isinstance(response, dict) else None


def describe(error: Exception) -> str:
    """Return what may be logged of an error: AWS's code and operation, a `TellableError`'s message, or the type."""
    if (code := aws_code(error)) is not None:
        return f"{getattr(error, 'operation_name', 'call')}: {code}"
    return str(error) if isinstance(error, TellableError) else type(error).__name__
