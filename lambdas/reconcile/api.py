"""Calls to a provider's API: over TLS, at the rate that the provider allows, tried again where that can help."""

import http.client
import json
import math
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from lambdas.shared.errors import TellableError

SECONDS = 10.0
# A page of a hundred events; an event may be some hundred KB.
MAX_BYTES = 64 * 1024 * 1024
ATTEMPTS = 4
# Longer waits are left to the next run.
MAX_WAIT_SECONDS = 20.0
_FORM = "application/x-www-form-urlencoded"


class ApiError(TellableError):
    """The provider's API refused a call, or did not answer.

    Attributes
    ----------
    status : int
        HTTP status; 0 without an answer.
    limited : bool
        Whether the call was one too many.
    """

    def __init__(self, host: str, status: int, why: str, *, limited: bool = False) -> None:
        super().__init__(f"{host}: {why}")
        self.status = status
        self.limited = limited


class ApiAnswer(NamedTuple):
    """An answer with status 2xx.

    Attributes
    ----------
    document : Any
        Its JSON; None if it is empty.
    link : str
        Its header ``Link``, or nothing.
    """

    document: Any
    link: str


def connect(host: str) -> http.client.HTTPConnection:
    """Return a connection to a host with a certificate of a public authority."""
    return http.client.HTTPSConnection(host, timeout=SECONDS, context=ssl.create_default_context())


class Api:
    """A provider's API.

    Redirects are not followed, so that the key goes to no other host.

    Attributes
    ----------
    headers : dict[str, str]
        Of each call, the key among them.

    Parameters
    ----------
    host : str
        Its host.
    per_second : float
        Calls a second at most.
    connect : Callable[[str], http.client.HTTPConnection]
        Returns a connection to a host.
    clock, sleep
        Seconds, monotonic; and waiting for some.
    """

    def __init__(
        self,
        host: str,
        per_second: float,
        *,
        connect: Callable[[str], http.client.HTTPConnection] = connect,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = host
        self.headers: dict[str, str] = {"Accept": "application/json", "User-Agent": "webhooks-reconciliation"}
        self._pause = 1 / per_second
        self._connect = connect
        self._connection: http.client.HTTPConnection | None = None
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> ApiAnswer:
        """Return the answer to a GET request.

        Raises
        ------
        ApiError
            When it is refused, or there is none.
        """
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None, {})

    def post_form(self, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> ApiAnswer:
        """Return the answer to a POST request with a form, which must change nothing; see `get`."""
        return self._send_form("POST", path, form, headers)

    def post(self, path: str, document: Any) -> ApiAnswer:
        """Return the answer to a POST request with JSON, which must change nothing; see `get`."""
        return self._send("POST", path, document)

    def _send(self, method: str, path: str, document: Any) -> ApiAnswer:
        body = None if document is None else json.dumps(document).encode()
        return self._call(method, path, body, {"Content-Type": "application/json"})

    def _send_form(self, method: str, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> ApiAnswer:
        return self._call(method, path, urlencode(form).encode(), {"Content-Type": _FORM, **headers})

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> ApiAnswer:
        for attempt in range(1, ATTEMPTS + 1):
            self._wait_for_turn()
            try:
                status, got, content = self._exchange(method, path, body, {**self.headers, **headers})
            except (OSError, http.client.HTTPException) as error:
                self._close()
                status, got, content = 0, {}, b""
                why = f"no answer, {type(error).__name__}"
            else:
                why = f"rate limit, status {status}" if _is_limited(status, got) else f"status {status}"
            if 200 <= status < 300:
                try:
                    return ApiAnswer(json.loads(content or b"null"), got.get("link", ""))
                except (ValueError, RecursionError) as error:
                    raise ApiError(self.host, status, "an answer that is not JSON") from error
            wait = _seconds_to_wait(got, attempt)
            if (0 < status < 500 and not _is_limited(status, got)) or attempt == ATTEMPTS or wait > MAX_WAIT_SECONDS:
                break
            self._next = self._clock() + wait
        raise ApiError(self.host, status, why, limited=_is_limited(status, got))

    def _wait_for_turn(self) -> None:
        if (wait := self._next - self._clock()) > 0:
            self._sleep(wait)
        self._next = max(self._next, self._clock()) + self._pause

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self._connection is None:
            self._connection = self._connect(self.host)
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        content = response.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise http.client.HTTPException("an answer too long")
        if response.will_close:
            self._close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_limited(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a call was one too many; GitHub says so with 403 also.

    Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    return status == 429 or (status == 403 and ("retry-after" in headers or _is_used_up(headers)))


def _is_used_up(headers: Mapping[str, str]) -> bool:
    return headers.get("x-ratelimit-remaining") == "0"


def _seconds_to_wait(headers: Mapping[str, str], attempt: int) -> float:
    # What is used up comes back with the next hour.
    if _is_used_up(headers) and "retry-after" not in headers:
        return math.inf
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() else 0.5 * 2**attempt
