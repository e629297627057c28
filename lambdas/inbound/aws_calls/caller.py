"""One call to AWS: signed, sent, and tried again where that may help."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.inbound.aws_calls.connection import Host, HttpResponse
from lambdas.inbound.aws_calls.credentials import NoCredentialsError, RoleCredentials
from lambdas.inbound.aws_calls.errors import AwsError, AwsRefusedError, AwsUnreachableError
from lambdas.inbound.aws_calls.retries import MAX_ATTEMPTS, RetryQuota, backoff, is_retryable
from lambdas.inbound.aws_calls.signing import Scope, signed_headers

_XML_CODE = re.compile(rb"<Code>([A-Za-z0-9_.]{1,128})</Code>")
_CODE = re.compile(r"[A-Za-z0-9_.]{1,128}", re.ASCII)


class Caller:
    """Makes the calls of one service.

    Parameters
    ----------
    endpoint : str
        Where the service is.
    scope : Scope
        What its requests are signed for.
    credentials : RoleCredentials
        Whose calls they are.
    sleep : Callable[[float], None]
        Waits for some seconds.
    """

    def __init__(
        self,
        endpoint: str,
        scope: Scope,
        credentials: RoleCredentials,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._host = Host(endpoint)
        self._scope = scope
        self._credentials = credentials
        self._sleep = sleep
        self._quota = RetryQuota()

    def call(self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Make a call; its response has a status of 2xx.

        Parameters
        ----------
        operation : str
            AWS's name of it, for errors.
        path : str
            Percent-encoded.

        Raises
        ------
        AwsRefusedError
            When AWS says no.
        AwsUnreachableError
            When it does not response.
        AwsError
            When there are no credentials to call with.
        """
        price: int | None = None
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._attempt(operation, method, path, headers, body)
            except AwsError as error:
                if attempt == MAX_ATTEMPTS or not is_retryable(error):
                    raise
                price = self._quota.acquire(error)
                if price is None:
                    raise
                self._sleep(backoff(error, attempt))
            else:
                self._quota.release(price)
                return response
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        path = self._host.path + path
        try:
            signed = signed_headers(
                method,
                path,
                {"host": self._host.name, **headers},
                body,
                credentials=self._credentials.get(),
                scope=self._scope,
                at=time.time(),
            )
            response = self._host.exchange(method, path, signed, body)
        except TimeoutError as error:
            raise AwsUnreachableError(operation, "timed out") from error
        except NoCredentialsError as error:
            raise AwsError(operation, str(error)) from error
        except OSError as error:
            raise AwsUnreachableError(operation, type(error).__name__) from error
        if not 200 <= response.status < 300:
            raise AwsRefusedError(operation, response.status, error_code(response))
        return response


def error_code(response: HttpResponse) -> str:
    """Return AWS's code of an error, in whichever of its protocols it came; else the HTTP status.

    Source: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization,
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    # SQS says so by which code its errors were known before it had this protocol, and still are in botocore.
    code = response.headers.get("x-amzn-query-error", "").partition(";")[0]
    if not code and (match := _XML_CODE.search(response.body[:65_536])):
        code = match[1].decode("ascii")
    if not code:
        code = response.headers.get("x-amzn-errortype", "") or _json_code(response.body)
        code = code.partition(":")[0].rpartition("#")[2]
    return code if _CODE.fullmatch(code) else str(response.status)


def _json_code(body: bytes) -> str:
    try:
        fields: Any = json.loads(body)
        code = fields.get("__type") or fields.get("code") or ""
    except (ValueError, AttributeError, RecursionError):
        return ""
    return code if isinstance(code, str) else ""
