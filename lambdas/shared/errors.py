"""The ways in which a webhook is refused at the door, with the HTTP status of each; and what an error may say."""


class WebhookRefusedError(Exception):
    """A webhook that gets no 2xx.

    Attributes
    ----------
    status : int
        HTTP status code of the answer.
    reason : str
        A short code that is safe to log, to count and to show to the sender: it never holds payload or secret.
    """

    status = 500

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedWebhookError(WebhookRefusedError):
    """The signature is right, but the body cannot be read as an event of this provider."""

    status = 400


class SignatureRefusedError(WebhookRefusedError):
    """The signature is missing, malformed, wrong, or outside the replay window."""

    status = 401


class UnknownProviderError(WebhookRefusedError):
    """No provider of that name is deployed."""

    status = 404


class PayloadTooLargeError(WebhookRefusedError):
    """The body is larger than the stack's ``max_body_bytes``."""

    status = 413


class UnavailableError(WebhookRefusedError):
    """We cannot check the webhook, or cannot make it durable: the sender must try again."""

    status = 503


class TellableError(Exception):
    """An error whose message holds nothing of a payload, so that it may stand in a log or a record."""


def aws_code(error: Exception) -> str | None:
    """Return AWS's code of a refused call, made by boto3 or `lambdas.inbound.aws_calls`; None for any other."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "unknown")) if isinstance(response, dict) else None


def describe(error: Exception) -> str:
    """Return what a log or a record may say of an error: AWS's code and operation, or its type; not what it quotes."""
    if (code := aws_code(error)) is not None:
        return f"{getattr(error, 'operation_name', 'call')}: {code}"
    return str(error) if isinstance(error, TellableError) else type(error).__name__
